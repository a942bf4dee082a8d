"""TLS between two sockets in memory, with the windows and pieces of a bad network."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import CertificateError, TlsError, TlsFileError
from ergopy.dist.network import receive_some, send_all
from ergopy.dist.tls import names
from ergopy.dist.tls.sockets import TlsSocket
from ergopy.testing import pipe
from tests.certificates import KINDS, Desk, certificates

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

__all__ = ["certificates"]

A, B = "a@10.0.0.1", "b@shop.example"
Sockets = tuple[TlsSocket, TlsSocket]


def plain_pair(
    window: int = pipe.WINDOW, chunk: int | None = None
) -> tuple[pipe.MemorySocket, pipe.MemorySocket]:
    ways = (pipe.Way(window, chunk) for _ in "ab")
    return pipe.connect(*zip((A, B), ways, strict=True))


def tls_pair(
    mine: ergopy.Tls, theirs: ergopy.Tls, **options: Any
) -> tuple[TlsSocket, TlsSocket]:
    """The node that dials, A, and the one that is dialled, B; neither has started."""
    one, two = plain_pair(**options)
    dialler = TlsSocket(
        one,
        mine.client_context,
        peer=B,
        host=B.partition("@")[2],
        check_names=mine.check_names,
    )
    dialled = TlsSocket(
        two, theirs.server_context, peer="10.0.0.1", check_names=theirs.check_names
    )
    return dialler, dialled


async def both(*functions: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Run functions side by side; their results, or what they raised."""
    results: list[Any] = [None] * len(functions)

    async def run(place: int, function: Callable[[], Awaitable[Any]]) -> None:
        try:
            results[place] = await function()
        except (OSError, ergopy.ErgopyError) as error:
            results[place] = error

    async with trio.open_nursery() as nursery:
        for place, function in enumerate(functions):
            nursery.start_soon(run, place, function)
    return results


async def started(sockets: Sockets) -> Sockets:
    for result in await both(*(sock.start for sock in sockets)):
        assert result is None, result
    return sockets


async def receive_exactly(sock: TlsSocket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = await receive_some(sock)
        assert more, "it ended"
        data += more
    return bytes(data)


async def refusal(sock: TlsSocket) -> Any:
    """Start, and say the first word: what a dialler is told, whenever it is told."""
    try:
        await sock.start()
        await send_all(sock, b"\0\0\0\1N")
        return await receive_some(sock)
    finally:
        sock.close()


@pytest.fixture(params=["1.2", "1.3"])
def version(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def sockets(certificates: Desk, version: str) -> Sockets:
    rules = {"versions": (version,)}
    pair = tls_pair(certificates.good(A, **rules), certificates.good(B, **rules))
    return await started(pair)


async def test_both_ends_agree_on_the_version_that_both_have(
    sockets: Sockets, version: str
) -> None:
    for sock in sockets:
        assert sock.tls.version() == f"TLSv{version}"


async def test_what_one_end_sends_the_other_receives(sockets: Sockets) -> None:
    for one, two in (sockets, sockets[::-1]):
        await send_all(one, b"hello")
        assert await receive_exactly(two, 5) == b"hello"


async def test_a_read_gives_all_that_has_arrived(sockets: Sockets) -> None:
    one, two = sockets
    for _ in range(20):
        await send_all(one, b"x" * 1000)
    buffer = memoryview(bytearray(100_000))
    assert two.recv_into(buffer) == 20_000
    with pytest.raises(BlockingIOError):
        two.recv_into(buffer)


async def test_what_does_not_fit_into_a_buffer_is_there_without_waiting(
    sockets: Sockets,
) -> None:
    one, two = sockets
    await send_all(one, bytes(range(100)))
    buffer = memoryview(bytearray(7))
    got = bytearray()
    while len(got) < 100:
        with trio.fail_after(5):
            await two.wait_readable()
        got += buffer[: two.recv_into(buffer)]
    assert bytes(got) == bytes(range(100))


@pytest.mark.parametrize("chunk", [1, 3, 1000])
async def test_records_that_come_in_pieces_are_put_together(
    certificates: Desk, version: str, chunk: int
) -> None:
    rules = {"versions": (version,)}
    pair = tls_pair(
        certificates.good(A, **rules), certificates.good(B, **rules), chunk=chunk
    )
    one, two = await started(pair)
    data = os.urandom(3000)
    _, got = await both(
        partial(send_all, one, data), partial(receive_exactly, two, 3000)
    )
    assert got == data


@pytest.mark.parametrize("window", [50, 5000, 100_000])
async def test_a_full_network_takes_every_byte_once(
    certificates: Desk, version: str, window: int
) -> None:
    rules = {"versions": (version,)}
    pair = tls_pair(
        certificates.good(A, **rules), certificates.good(B, **rules), window=window
    )
    one, two = await started(pair)
    data = os.urandom(window * 20)
    sent = partial(send_all, one, data)
    _, got = await both(sent, partial(receive_exactly, two, len(data)))
    assert got == data


async def test_both_ends_may_write_more_than_the_network_holds(
    sockets: Sockets,
) -> None:
    data = os.urandom(2_000_000)
    one, two = sockets
    results = await both(
        partial(send_all, one, data),
        partial(send_all, two, data),
        partial(receive_exactly, one, len(data)),
        partial(receive_exactly, two, len(data)),
    )
    assert results[2:] == [data, data]


async def test_bytes_that_are_stuck_in_the_network_are_not_acknowledged(
    sockets: Sockets,
) -> None:
    one, two = sockets
    data = os.urandom(200_000)
    taken = one.send(data)
    assert 0 < taken < len(data)
    with pytest.raises(BlockingIOError):
        one.send(data[taken:])
    got = bytearray()
    while len(got) < len(data):
        got += await receive_some(two)
        with contextlib.suppress(BlockingIOError):
            if taken < len(data):
                taken += one.send(data[taken:])
    assert bytes(got) == data


async def test_one_byte_that_is_stuck_is_sent_once(certificates: Desk) -> None:
    one, two = await started(
        tls_pair(certificates.good(A), certificates.good(B), window=10)
    )
    with pytest.raises(BlockingIOError):
        one.send(b"x")
    await both(partial(send_all, one, b"x"), partial(receive_exactly, two, 1))
    await both(partial(send_all, one, b"y"), partial(receive_exactly, two, 1))
    with pytest.raises(BlockingIOError):
        two.recv_into(memoryview(bytearray(10)))


async def test_a_goodbye_is_the_end(sockets: Sockets) -> None:
    one, two = sockets
    await send_all(one, b"last words")
    one.close()
    assert await receive_some(two) == b"last words"
    await two.wait_readable()
    assert await receive_some(two) == b""
    assert await receive_some(two) == b""
    one.close()


async def test_a_goodbye_is_the_end_even_if_the_connection_stays_open(
    sockets: Sockets,
) -> None:
    one, two = sockets
    one._say_goodbye(one.tls)
    assert await receive_some(two) == b""
    with trio.fail_after(5):
        await two.wait_readable()
    assert await receive_some(two) == b""


async def test_an_end_without_goodbye_is_the_end(sockets: Sockets) -> None:
    one, two = sockets
    await send_all(one, b"last words")
    one._tcp.close()
    assert await receive_some(two) == b"last words"
    assert await receive_some(two) == b""


async def test_bytes_that_were_changed_are_a_named_error(sockets: Sockets) -> None:
    one, two = sockets
    one._tcp.send(b"\x17\x03\x03\0\x20" + bytes(32))
    with pytest.raises(TlsError) as caught:
        await receive_some(two)
    assert caught.value.reason == "broken"


async def test_what_precedes_broken_bytes_is_received(sockets: Sockets) -> None:
    one, two = sockets
    await send_all(one, b"last words")
    one._tcp.send(b"\x17\x03\x03\0\x20" + bytes(32))
    assert await receive_some(two) == b"last words"
    await two.wait_readable()
    with pytest.raises(TlsError):
        await receive_some(two)


async def test_close_wakes_whoever_waits(sockets: Sockets) -> None:
    one, _ = sockets
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def wait() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await one.wait_readable()

        await trio.testing.wait_all_tasks_blocked()
        one.close()


async def test_nothing_is_left_of_a_start_that_is_cancelled(
    certificates: Desk, autojump_clock: trio.testing.MockClock
) -> None:
    one, _ = tls_pair(certificates.good(A), certificates.good(B))
    with trio.move_on_after(7) as scope:
        await one.start()
    assert scope.cancelled_caught
    one.close()


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_dialler_names_what_is_wrong_with_a_certificate(
    certificates: Desk, version: str, kind: str
) -> None:
    rules = {"versions": (version,)}
    one, two = tls_pair(
        certificates.good(A, **rules), certificates.bad(B, kind, **rules)
    )
    mine, theirs = await both(partial(refusal, one), partial(refusal, two))
    assert isinstance(mine, CertificateError)
    assert (mine.peer, mine.reason, mine.ours) == (B, kind, False)
    if kind == "wrong_name":
        assert "elsewhere.example" in mine.problem
    else:
        assert isinstance(theirs, CertificateError)
        assert theirs.ours


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"wrong_name"}))
async def test_the_dialled_node_names_what_is_wrong_and_the_dialler_is_told(
    certificates: Desk, version: str, kind: str
) -> None:
    rules = {"versions": (version,)}
    one, two = tls_pair(
        certificates.bad(A, kind, **rules), certificates.good(B, **rules)
    )
    theirs, mine = await both(partial(refusal, one), partial(refusal, two))
    assert isinstance(mine, CertificateError)
    assert (mine.reason, mine.ours) == (kind, False)
    assert isinstance(theirs, CertificateError)
    assert theirs.ours
    told = {"self_signed": "unknown_authority", "not_yet_valid": "bad"}
    assert theirs.reason == told.get(kind, kind)


async def test_a_dialler_without_a_certificate_is_refused_by_name(
    certificates: Desk, version: str
) -> None:
    rules = {"versions": (version,)}
    one, two = tls_pair(certificates.good(A), certificates.good(B, **rules))
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
    one._context = lambda: bare
    one._check_names = False
    theirs, mine = await both(partial(refusal, one), partial(refusal, two))
    assert isinstance(mine, CertificateError)
    assert (mine.reason, mine.ours) == ("missing", False)
    assert isinstance(theirs, TlsError)
    assert theirs.reason == ("missing" if version == "1.3" else "alert")


async def test_a_certificate_may_be_left_out_where_none_is_required(
    certificates: Desk, version: str
) -> None:
    lenient = certificates.good(
        B, require_client_certificate=False, versions=(version,)
    )
    one, two = tls_pair(certificates.good(A), lenient)
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
    one._context = lambda: bare
    one._check_names = False
    await started((one, two))
    two.check_name("anybody@anywhere")
    one, two = tls_pair(certificates.bad(A, "expired", versions=(version,)), lenient)
    _, mine = await both(partial(refusal, one), partial(refusal, two))
    assert isinstance(mine, CertificateError)


async def test_nobody_is_verified_where_that_is_not_asked_for(
    certificates: Desk,
) -> None:
    one, two = tls_pair(
        certificates.bad(A, "self_signed", verify_peer=False),
        certificates.bad(B, "wrong_name", verify_peer=False),
    )
    await started((one, two))
    two.check_name("anybody@anywhere")


async def test_names_need_not_fit_where_that_is_not_asked_for(
    certificates: Desk,
) -> None:
    one, two = tls_pair(
        certificates.good(A, check_names=False), certificates.bad(B, "wrong_name")
    )
    await started((one, two))


async def test_a_node_that_dials_has_to_have_the_host_of_its_certificate(
    sockets: Sockets,
) -> None:
    _, two = sockets
    two.check_name(A)
    two.check_name("other@10.0.0.1")
    two.check_name("10.0.0.1")
    with pytest.raises(CertificateError) as caught:
        two.check_name("a@10.0.0.2")
    error = caught.value
    assert (error.peer, error.reason, error.ours) == ("a@10.0.0.2", "wrong_name", False)
    assert "good for 10.0.0.1, not 10.0.0.2" in error.problem or "10.0.0.1" in str(
        error
    )


async def test_no_common_version_is_told_to_both(certificates: Desk) -> None:
    for mine, theirs in (("1.2", "1.3"), ("1.3", "1.2")):
        one, two = tls_pair(
            certificates.good(A, versions=[mine]), certificates.good(B, versions=theirs)
        )
        for error in await both(partial(refusal, one), partial(refusal, two)):
            assert isinstance(error, TlsError)
            assert error.reason == "version"


async def test_no_common_cipher_is_told_to_both(certificates: Desk) -> None:
    one, two = tls_pair(
        certificates.good(A, versions=["1.2"], ciphers="ECDHE-ECDSA-AES128-GCM-SHA256"),
        certificates.good(B, versions=["1.2"], ciphers="ECDHE-ECDSA-AES256-GCM-SHA384"),
    )
    theirs, mine = await both(partial(refusal, one), partial(refusal, two))
    assert (mine.reason, theirs.reason) == ("cipher", "alert")


@pytest.mark.parametrize(
    "words", [b"\0\x15N\0\0", b"GET / HTTP/1.1\r\n", b"\0", b"\x80\x2e\x01"]
)
async def test_a_peer_that_does_not_speak_tls_is_found_out_at_once(
    certificates: Desk, words: bytes
) -> None:
    one, two = plain_pair()
    dialled = TlsSocket(two, certificates.good(B).server_context, peer="10.0.0.1")
    one.send(words)
    with pytest.raises(TlsError) as caught, trio.fail_after(5):
        await dialled.start()
    assert caught.value.reason == "plain"
    answer = bytearray(20)
    assert one.recv_into(memoryview(answer)) == 7
    assert answer[:2] == b"\x15\x03"


async def test_a_node_that_answers_without_tls_is_found_out_at_once(
    certificates: Desk,
) -> None:
    one, two = plain_pair()
    dialler = TlsSocket(one, certificates.good(A).client_context, peer=B, host="b")
    two.send(b"\0\3sok")
    with pytest.raises(TlsError) as caught:
        await dialler.start()
    assert caught.value.reason == "plain"


async def test_a_peer_that_closes_during_the_handshake_gives_no_reason(
    certificates: Desk,
) -> None:
    for end in ("close", "break"):
        one, two = plain_pair()
        dialler = TlsSocket(one, certificates.good(A).client_context, peer=B, host="b")
        if end == "close":
            two.close()
        else:
            one._in.break_off()
        with pytest.raises(TlsError) as caught:
            await dialler.start()
        assert caught.value.reason == "closed"


@pytest.mark.parametrize(
    ("certificate", "host", "good"),
    [
        ((("DNS", "shop"),), "shop", True),
        ((("DNS", "Shop.Example"),), "shop.example", True),
        ((("DNS", "shop"),), "shop.example", False),
        ((("DNS", "*.example"),), "shop.example", True),
        ((("DNS", "*.example"),), "a.shop.example", False),
        ((("DNS", "*.example"),), "example", False),
        ((("DNS", "*"),), "shop", False),
        ((("DNS", "sh*.example"),), "shop.example", False),
        ((("IP Address", "10.0.0.5"),), "10.0.0.5", True),
        ((("DNS", "10.0.0.5"),), "10.0.0.5", True),
        ((("IP Address", "10.0.0.5"),), "10.0.0.6", False),
        ((("DNS", "*.0.0.5"),), "10.0.0.5", False),
        ((("IP Address", "0:0:0:0:0:0:0:1"),), "::1", True),
        ((("DNS", "a"), ("DNS", "b")), "b", True),
        ((("URI", "shop"),), "shop", False),
        ((), "shop", False),
    ],
)
def test_a_certificate_is_good_for_its_names(
    certificate: tuple[tuple[str, str], ...], host: str, good: bool
) -> None:
    assert names.good_for({"subjectAltName": certificate}, host) is good


def test_the_common_name_is_no_host() -> None:
    subject = ((("commonName", "shop"),),)
    assert not names.good_for({"subject": subject}, "shop")


def test_files_that_do_not_work_are_named(certificates: Desk) -> None:
    own, other = certificates.files(A), certificates.files(B)
    cert, key, ca = own / "cert.pem", own / "key.pem", own / "ca.pem"
    broken = own / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
    cases: list[tuple[tuple[Path, ...], Path, str]] = [
        ((own / "no", key, ca), own / "no", "no such file"),
        ((cert, own / "no", ca), own / "no", "ergopy certs"),
        ((cert, key, own / "no"), own / "no", "no such file"),
        ((key, key, ca), key, "no certificate in it"),
        ((cert, cert, ca), cert, "no private key in it"),
        ((cert, key, key), key, "no certificate in it"),
        ((cert, other / "key.pem", ca), other / "key.pem", f"not the key of {cert}"),
        ((broken, key, ca), broken, "broken"),
        ((cert, key, broken), broken, "broken"),
        ((own, key, ca), own, "cannot be read"),
    ]
    for arguments, path, words in cases:
        with pytest.raises(TlsFileError) as caught:
            ergopy.Tls(*arguments)
        assert caught.value.path == path
        assert words in caught.value.problem
    with pytest.raises(TlsFileError, match="certs node"):
        ergopy.Tls.from_folder(own / "nowhere")


def test_options_that_cannot_be_are_refused(certificates: Desk) -> None:
    own = certificates.files(A)
    with pytest.raises(ValueError, match="authorities="):
        ergopy.Tls(own / "cert.pem", own / "key.pem")
    with pytest.raises(ValueError, match="versions="):
        ergopy.Tls.from_folder(own, versions=("1.1",))
    with pytest.raises(ValueError, match="versions="):
        ergopy.Tls.from_folder(own, versions=())
    with pytest.raises(ValueError, match="ciphers="):
        ergopy.Tls.from_folder(own, ciphers="NONSENSE")
    with pytest.raises(ValueError, match="client_key="):
        ergopy.Tls.from_folder(own, client_key=own / "key.pem")


def test_a_key_with_a_password_is_opened_and_the_password_kept_secret(
    certificates: Desk,
) -> None:
    from cryptography.hazmat.primitives import serialization

    own = certificates.files(A)
    key = serialization.load_pem_private_key((own / "key.pem").read_bytes(), None)
    (own / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sesame"),
        )
    )
    tls = ergopy.Tls.from_folder(own, key_password="sesame")
    assert "sesame" not in repr(tls) + repr(vars(tls))
    for wrong in (None, "simsim"):
        with pytest.raises(TlsFileError, match="key_password=") as caught:
            ergopy.Tls.from_folder(own, key_password=wrong)
        assert caught.value.path == own / "key.pem"


async def test_another_certificate_may_be_shown_when_dialling(
    certificates: Desk,
) -> None:
    own, other = certificates.files(B), certificates.files(A)
    tls = ergopy.Tls(
        own / "cert.pem",
        own / "key.pem",
        own / "ca.pem",
        client_certificate=other / "cert.pem",
        client_key=other / "key.pem",
    )
    _, two = await started(tls_pair(tls, tls))
    two.check_name(A)
    with pytest.raises(CertificateError):
        two.check_name(B)


async def test_one_file_may_hold_certificate_and_key(certificates: Desk) -> None:
    own = certificates.files(A)
    one = own / "one.pem"
    one.write_bytes((own / "cert.pem").read_bytes() + (own / "key.pem").read_bytes())
    await started(
        tls_pair(ergopy.Tls(one, authorities=[own / "ca.pem"]), certificates.good(B))
    )


def test_a_key_that_others_can_read_is_warned_of(
    certificates: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    own = certificates.files(A)
    (own / "key.pem").chmod(0o644)
    ergopy.Tls.from_folder(own)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "key.pem" in record.getMessage()


async def name_shown(tls: ergopy.Tls, certificates: Desk) -> tuple[str, ...]:
    """What a peer sees when the owner of *tls* dials."""
    _, two = await started(tls_pair(tls, certificates.good(B)))
    certificate = two.tls.getpeercert()
    assert certificate is not None
    return names.hosts(certificate)


async def test_changed_files_are_used_for_the_next_connection(
    certificates: Desk,
) -> None:
    tls = certificates.good(A)
    assert "new.example" not in await name_shown(tls, certificates)
    certificates.files(A, hosts=["new.example"])
    assert "new.example" in await name_shown(tls, certificates)


async def test_a_connection_that_is_up_stays_when_files_change(
    certificates: Desk,
) -> None:
    mine, theirs = certificates.good(A), certificates.good(B)
    one, two = await started(tls_pair(mine, theirs))
    certificates.files(A)
    mine.reload()
    (certificates.folder / B / "cert.pem").write_text("none")
    await send_all(one, b"still here")
    assert await receive_exactly(two, 10) == b"still here"


async def test_files_that_do_not_work_leave_the_old_ones_and_are_logged_once(
    certificates: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    tls = certificates.good(A)
    (certificates.folder / A / "cert.pem").write_text("none")
    for _ in range(3):
        assert await name_shown(tls, certificates) == ("10.0.0.1", "10.0.0.1")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "cert.pem: there is no certificate in it" in record.getMessage()
    with pytest.raises(TlsFileError):
        tls.reload()
    (certificates.folder / A / "cert.pem").unlink()
    await name_shown(tls, certificates)
    assert "no such file" in caplog.records[-1].getMessage()
    certificates.files(A, hosts=["new.example"])
    assert "new.example" in await name_shown(tls, certificates)


async def test_a_changed_authority_counts_for_the_next_connection(
    certificates: Desk,
) -> None:
    tls = certificates.good(A)
    strangers = Desk(certificates.folder / "strangers")
    one, two = tls_pair(tls, strangers.good(B))
    mine, _ = await both(partial(refusal, one), partial(refusal, two))
    assert mine.reason == "unknown_authority"
    ca = certificates.folder / A / "ca.pem"
    new = (strangers.folder / B / "ca.pem").read_bytes()
    ca.write_bytes(ca.read_bytes() + new)
    their_ca = strangers.folder / B / "ca.pem"
    their_ca.write_bytes(ca.read_bytes())
    one, two = tls_pair(tls, ergopy.Tls.from_folder(strangers.folder / B))
    await started((one, two))


@pytest.fixture(scope="module")
def hello() -> bytes:
    """What a dialler says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    session = context.wrap_bio(incoming, outgoing, server_hostname="shop.example")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


async def outcome_of(words: bytes, tls: ergopy.Tls) -> None:
    """Let a stranger say *words* and leave: there has to be a named error."""
    one, two = plain_pair()
    dialled = TlsSocket(two, tls.server_context, peer="10.0.0.1")
    with contextlib.suppress(BlockingIOError):
        one.send(words)
    one.close()
    with pytest.raises(TlsError):
        await dialled.start()
    dialled.close()


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_a_stranger_says_is_a_named_error(
    certificates: Desk, hello: bytes, seed: int
) -> None:
    tls, chance = certificates.good(B), random.Random(seed)
    for _ in range(150):
        words = bytearray(chance.choice([hello, b"\x16\x03\x01" + os.urandom(300)]))
        for _ in range(chance.randrange(4)):
            words[chance.randrange(len(words))] = chance.randrange(256)
        del words[chance.randrange(1, len(words) + 1) :]
        await outcome_of(bytes(words), tls)


async def test_a_hello_that_comes_byte_by_byte_is_understood(
    certificates: Desk,
) -> None:
    one, two = tls_pair(certificates.good(A), certificates.good(B), chunk=1)
    await started((one, two))


async def test_a_peer_that_reads_nothing_cannot_make_us_wait_to_close(
    sockets: Sockets,
) -> None:
    one, _ = sockets
    with contextlib.suppress(BlockingIOError):
        while one.send(bytes(100_000)):
            pass
    one.close()
    with pytest.raises(OSError, match="descriptor"):
        one.send(b"x")
