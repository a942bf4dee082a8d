"""Nodes over TLS: who gets in, who does not, and what either is told."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import CertificateError, TlsError, TlsFileError
from tests.certificates import KINDS, Desk, certificates
from tests.nodes import Echo, unique_name

if TYPE_CHECKING:
    from tests.nodes import MakeNode

__all__ = ["certificates"]


@pytest.fixture
def make_tls(make_node: MakeNode, certificates: Desk) -> Any:
    """Bring up a node with a good certificate, or with a bad one of some kind."""

    async def make(bad: str = "", name: str = "", **rules: Any) -> ergopy.Node:
        name = name or unique_name()
        tls = certificates.bad(name, bad, **rules) if bad else None
        return await make_node(name, tls=tls or certificates.good(name, **rules))

    return make


async def refusal(caplog: pytest.LogCaptureFixture) -> Any:
    """The error that was logged, once, about who dialled; it may come a bit later."""
    with trio.fail_after(60):
        while not (refused := _refused(caplog)):  # noqa: ASYNC110 - a log has no event
            await trio.sleep(0.005)
    assert len(refused) == 1
    return refused[0]


def _refused(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [
        record.args[1]
        for record in caplog.records
        if record.name == "ergopy.dist" and record.levelno == logging.WARNING
    ]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_nodes_call_each_other(make_tls: Any, version: str) -> None:
    one, two = await make_tls(), await make_tls(versions=[version])
    await two.start(Echo, name="echo")
    assert await one.call(("echo", two.name), b"hello") == b"hello"
    assert await two.ping(one.name)
    assert one.nodes() == [two.name]


async def test_large_messages_go_both_ways_at_once(make_tls: Any) -> None:
    one, two = await make_tls(), await make_tls()
    data = bytes(range(256)) * 20_000
    for node in (one, two):
        await node.start(Echo, name="echo")

    async def ask(node: ergopy.Node, other: ergopy.Node) -> None:
        assert await node.call(("echo", other.name), data, timeout=60) == data

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask, one, two)
            nursery.start_soon(ask, two, one)


async def test_a_wrong_cookie_is_still_wrong(
    make_tls: Any, make_node: MakeNode, certificates: Desk
) -> None:
    one, name = await make_tls(), unique_name()
    other = await make_node(name, tls=certificates.good(name), cookie="other")
    with pytest.raises(ergopy.CookieMismatch):
        await other.connect(one.name)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_node_with_a_bad_certificate_does_not_get_in(
    make_tls: Any, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    one, bad, good = await make_tls(), await make_tls(kind), await make_tls()
    await good.connect(one.name)
    with pytest.raises(ergopy.HandshakeError) as caught:
        await bad.connect(one.name)
    if kind == "wrong_name":
        assert isinstance(caught.value, ergopy.NotAllowed)
    else:
        assert isinstance(caught.value, CertificateError)
        assert caught.value.ours
    refused = await refusal(caplog)
    assert isinstance(refused, CertificateError)
    assert (refused.reason, refused.ours) == (kind, False)
    assert one.nodes() == [good.name]


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_nobody_connects_to_a_node_with_a_bad_certificate(
    make_tls: Any, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    one, bad = await make_tls(), await make_tls(kind)
    with pytest.raises(CertificateError) as caught:
        await one.connect(bad.name)
    assert (caught.value.peer, caught.value.reason) == (bad.name, kind)
    assert not caught.value.ours
    if kind != "wrong_name":
        assert (await refusal(caplog)).ours


async def test_a_plain_node_that_dials_is_told_that_tls_is_spoken_here(
    make_tls: Any, make_node: MakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    one, plain = await make_tls(), await make_node()
    with pytest.raises(ergopy.NotDistribution, match="TLS"):
        await plain.connect(one.name)
    refused = await refusal(caplog)
    assert isinstance(refused, TlsError)
    assert refused.reason == "plain"


async def test_a_plain_node_that_is_dialled_is_found_out_at_once(
    make_tls: Any, make_node: MakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    one, plain = await make_tls(), await make_node()
    with pytest.raises(TlsError) as caught:
        await one.connect(plain.name)
    assert caught.value.reason == "closed"
    refused = await refusal(caplog)
    assert isinstance(refused, ergopy.NotDistribution)
    assert "TLS" in refused.problem


async def test_silent_strangers_keep_nobody_out(make_tls: Any) -> None:
    one, two = await make_tls(), await make_tls()
    streams = [await trio.open_tcp_stream("127.0.0.1", one.port) for _ in range(110)]
    await streams[0].send_all(b"\x16\x03\x01\2\0")
    with trio.fail_after(5):
        await two.connect(one.name)
    for stream in streams:
        await stream.aclose()


@pytest.mark.parametrize("words", [b"", b"\x16\x03\x01\2\0\1"])
async def test_a_stranger_who_does_not_go_on_is_dropped_in_time(
    make_node: MakeNode,
    certificates: Desk,
    caplog: pytest.LogCaptureFixture,
    words: bytes,
) -> None:
    name = unique_name()
    one = await make_node(name, tls=certificates.good(name), setup_time=0.05)
    async with await trio.open_tcp_stream("127.0.0.1", one.port) as stream:
        if words:
            await stream.send_all(words)
        with trio.fail_after(5):
            assert await stream.receive_some() == b""
    assert isinstance(await refusal(caplog), ergopy.HandshakeTimeout)


async def test_a_node_that_does_not_answer_is_given_up_in_time(
    make_node: MakeNode, certificates: Desk
) -> None:
    name = unique_name()
    async with trio.open_nursery() as nursery:

        async def say_nothing(stream: trio.SocketStream) -> None:
            await trio.sleep_forever()

        (listener,) = await nursery.start(
            partial(trio.serve_tcp, say_nothing, 0, host="127.0.0.1")
        )
        port = listener.socket.getsockname()[1]
        one = await make_node(
            name,
            tls=certificates.good(name),
            setup_time=0.05,
            routes={"mute@127.0.0.1": ("127.0.0.1", port)},
        )
        with pytest.raises(ergopy.HandshakeTimeout), trio.fail_after(5):
            await one.connect("mute@127.0.0.1")
        nursery.cancel_scope.cancel()


async def test_changed_files_are_used_by_the_next_connection_and_no_other_is_lost(
    make_tls: Any, certificates: Desk
) -> None:
    one, two = await make_tls(), await make_tls()
    await two.start(Echo, name="echo")
    await one.connect(two.name)
    certificates.bad(two.name, "unknown_authority")
    assert await one.call(("echo", two.name), 1) == 1
    assert one.disconnect(two.name)
    with pytest.raises(CertificateError):
        await one.connect(two.name)
    certificates.files(two.name)
    assert await one.call(("echo", two.name), 2) == 2


async def test_files_are_read_again_on_request(
    make_tls: Any, make_node: MakeNode, certificates: Desk
) -> None:
    one = await make_tls()
    one.reload_tls()
    (certificates.folder / one.name / "key.pem").unlink()
    with pytest.raises(TlsFileError):
        one.reload_tls()
    plain = await make_node()
    with pytest.raises(ergopy.ErgopyError, match="no tls="):
        plain.reload_tls()


def test_tls_and_another_network_exclude_each_other(certificates: Desk) -> None:
    from ergopy.dist.network import TcpNetwork

    node = partial(ergopy.Node, "a@b", cookie="x", network=TcpNetwork())
    with pytest.raises(ValueError, match="network="):
        node(tls=certificates.good("a@b"))
