"""Who is refused over TLS, and what both ends are told about it."""

from __future__ import annotations

import contextlib
import os
import random
import ssl
from functools import partial

import pytest
import trio

import ergopy
from ergopy import CertificateError, TlsError
from ergopy.dist.tls import names
from ergopy.dist.tls.sockets import TlsSocket
from tests.certificates import KINDS, Desk, certificates
from tests.dist.tls_pairs import (
    A,
    B,
    Sockets,
    both,
    plain_pair,
    refusal,
    sockets,
    started,
    tls_pair,
    version,
)

__all__ = ["certificates", "sockets", "version"]


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
    with pytest.raises(TlsError) as caught, trio.fail_after(60):
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
