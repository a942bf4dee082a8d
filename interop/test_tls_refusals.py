"""Who is refused over TLS, by a BEAM and by us, and who gets in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Atom, CertificateError, TlsError
from tests.certificates import KINDS, Desk

from .servers import until
from .tls_nodes import certificates, options, start_tls

if TYPE_CHECKING:
    from collections.abc import Callable

    from .beam import Beam

    StartTls = Callable[..., Beam]

__all__ = ["certificates", "options", "start_tls"]

AT_ONCE = 5
"""Seconds; who waits in vain for the other side gives up after seven."""


@pytest.fixture(scope="module")
def any_beam(start_tls: StartTls) -> Beam:
    """One BEAM for what does not depend on versions."""
    return start_tls()


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_beam_with_a_bad_certificate_is_refused_by_the_dialler(
    start_tls: StartTls, options: dict[str, Any], kind: str
) -> None:
    beam = start_tls(bad=kind)
    async with ergopy.Node(**options) as node:
        with pytest.raises(CertificateError) as caught:
            await node.connect(beam.name)
        assert (caught.value.reason, caught.value.ours) == (kind, False)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_beam_with_a_bad_certificate_is_refused_when_it_dials(
    start_tls: StartTls,
    options: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    beam = start_tls(bad=kind)
    async with ergopy.Node(**options) as node:
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pang"
        assert node.nodes() == []
        error = await refusal(caplog)
    assert isinstance(error, CertificateError)
    assert (error.reason, error.ours) == (kind, False)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_beam_refuses_our_bad_certificate(
    any_beam: Beam,
    node_options: dict[str, Any],
    certificates: Desk,
    kind: str,
    version: str,
) -> None:
    name = node_options["name"]
    tls = certificates.bad(name, kind, versions=[version])
    async with ergopy.Node(**node_options, tls=tls) as node:
        if kind == "wrong_name":
            # Without an allow list OTP does not compare the names of who dials.
            await node.connect(any_beam.name)
            return
        with pytest.raises(CertificateError) as caught:
            await node.connect(any_beam.name)
        assert caught.value.ours
        told = {"not_yet_valid": "expired", "self_signed": "bad"}
        assert caught.value.reason == told.get(kind, kind)


async def test_a_beam_without_a_certificate_is_refused(
    start_tls: StartTls, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    beam = start_tls(without="certfile")
    async with ergopy.Node(**options) as node:
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pang"
        assert (await refusal(caplog)).reason == "missing"
        with pytest.raises(TlsError) as caught:
            await node.connect(beam.name)
        assert caught.value.reason in ("cipher", "alert", "closed")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_a_beam_without_a_certificate_gets_in_where_none_is_required(
    start_tls: StartTls, node_options: dict[str, Any], certificates: Desk, version: str
) -> None:
    beam = start_tls(without="certfile", versions=[version])
    tls = certificates.good(node_options["name"], require_client_certificate=False)
    async with ergopy.Node(**node_options, tls=tls) as node:
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pong"


async def test_an_allow_list_of_a_beam_minds_the_hosts_of_our_certificate(
    start_tls: StartTls, node_options: dict[str, Any], certificates: Desk
) -> None:
    beam, name = start_tls(), node_options["name"]
    assert await beam.run("net_kernel:allow([N])", N=Atom(name)) == "ok"
    async with ergopy.Node(**node_options, tls=certificates.good(name)) as node:
        assert await node.ping(beam.name)
    tls = certificates.bad(name, "wrong_name")
    async with ergopy.Node(**node_options, tls=tls) as node:
        with pytest.raises(ergopy.HandshakeError):
            await node.connect(beam.name)


async def test_a_beam_that_dials_under_a_name_of_another_host_is_refused(
    start_tls: StartTls, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    beam = start_tls(bad="wrong_name")
    allowing = options | {"allow": [beam.name]}
    async with ergopy.Node(**allowing) as node:
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pang"
        assert (await refusal(caplog)).reason == "wrong_name"
    tls = ergopy.Tls.from_folder(
        options["tls"]._server.certificate.parent, check_names=False
    )
    async with ergopy.Node(**options | {"tls": tls}) as node:
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pong"


async def test_a_beam_without_tls_is_refused_at_once_when_it_dials(
    new_beam: Any, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    beam = new_beam()
    async with ergopy.Node(**options) as node:
        with trio.fail_after(AT_ONCE):
            assert await beam.run("net_adm:ping(N)", N=node.name) == "pang"
        assert (await refusal(caplog)).reason == "plain"


async def test_a_beam_without_tls_is_silent_when_it_is_dialled(
    new_beam: Any, options: dict[str, Any]
) -> None:
    beam = new_beam()
    async with ergopy.Node(**options, setup_time=1) as node:
        with pytest.raises(ergopy.HandshakeTimeout):
            await node.connect(beam.name)


async def test_a_node_without_tls_finds_out_at_once_that_a_beam_has_it(
    any_beam: Beam, node_options: dict[str, Any]
) -> None:
    async with ergopy.Node(**node_options) as node:
        with (
            pytest.raises(ergopy.NotDistribution, match="TLS"),
            trio.fail_after(AT_ONCE),
        ):
            await node.connect(any_beam.name)


async def test_a_node_without_tls_refuses_a_beam_that_has_it(
    any_beam: Beam, node_options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with ergopy.Node(**node_options) as node:
        with trio.fail_after(AT_ONCE):
            assert await any_beam.run("net_adm:ping(N)", N=node.name) == "pang"
        refused = await refusal(caplog)
        assert isinstance(refused, ergopy.NotDistribution)
        assert "TLS" in refused.problem


async def refusal(caplog: pytest.LogCaptureFixture) -> Any:
    """The error that was logged, once, about who dialled; it may come a bit later."""

    def refused() -> list[Any]:
        records = [r for r in caplog.records if "refused a connection" in r.message]
        return [r.args[1] for r in records if isinstance(r.args, tuple)]

    await until(refused)
    (error,) = refused()
    return error
