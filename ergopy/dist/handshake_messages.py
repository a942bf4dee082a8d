"""The bodies of the handshake messages: to bytes, and from the bytes of a peer.

Version 6 of the handshake, as OTP 23 and later speak it. Without their length
prefix, the messages are, from A, who dialled, and B::

    A -> B   'N' | flags:64 | creation:32 | nlen:16 | name
    B -> A   's' | text                        ok, nok, alive, ...
             's' | "named:" | nlen:16 | name | creation:32
    A -> B   's' | "true" or "false"           only after "alive"
    B -> A   'N' | flags:64 | challenge:32 | creation:32 | nlen:16 | name
    A -> B   'r' | challenge:32 | digest:128
    B -> A   'a' | digest:128

The digest is the MD5 of the cookie and the *other* side's challenge in decimal.
More bytes behind an ``N`` message or a ``named:`` are for later versions and are
ignored. The messages of OTP 22 and older (``n``, ``c``) are not spoken.

Names travel as Latin-1 here and as UTF-8 elsewhere, so only ASCII is allowed.
Every reader raises :class:`Malformed` for anything else than its message.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import NamedTuple

MAX_MESSAGE = 2048
"""The largest message accepted, in bytes; flags and a name fit in 300."""

_SEND_NAME = struct.Struct(">cQIH")
_CHALLENGE = struct.Struct(">cQIIH")
_REPLY = struct.Struct(">cI16s")
_ACK = struct.Struct(">c16s")

_NAMED = b"named:"
_MAX_NAME = 255


class Malformed(ValueError):
    """A handshake message that is not what it should be; the text says why."""


class SendName(NamedTuple):
    """What A tells about itself; *name* is only a host if it asks for a name."""

    flags: int
    creation: int
    name: str


class Challenge(NamedTuple):
    """What B tells about itself, with the number that A has to prove itself on."""

    flags: int
    challenge: int
    creation: int
    name: str


class Status(NamedTuple):
    """B's answer to a name; *name* and *creation* come with ``named:`` only."""

    text: str
    name: str = ""
    creation: int = 0


def secret(cookie: str | bytes) -> bytes:
    """Return the bytes of a cookie, which is an atom in Latin-1."""
    if isinstance(cookie, bytes):
        return cookie
    try:
        return cookie.encode("latin-1")
    except UnicodeEncodeError:
        # The usual text of that error quotes the whole cookie.
        raise ValueError("a cookie can only have Latin-1 characters") from None


def digest(cookie: bytes, challenge: int) -> bytes:
    """Return what proves that one knows *cookie*, asked with *challenge*."""
    proof = cookie + b"%d" % challenge
    return hashlib.md5(proof, usedforsecurity=False).digest()


def proves(given: bytes, cookie: bytes, challenge: int) -> bool:
    """Tell whether *given* is the right digest, in constant time."""
    return hmac.compare_digest(given, digest(cookie, challenge))


def frame(body: bytes, prefix: int) -> bytes:
    """Put the length in front: two bytes, or four over TLS."""
    return len(body).to_bytes(prefix, "big") + body


def pack_name(message: SendName) -> bytes:
    """Make send_name."""
    name = message.name.encode("ascii")
    return _SEND_NAME.pack(b"N", message.flags, message.creation, len(name)) + name


def pack_challenge(message: Challenge) -> bytes:
    """Make a challenge."""
    flags, challenge, creation, text = message
    name = text.encode("ascii")
    return _CHALLENGE.pack(b"N", flags, challenge, creation, len(name)) + name


def pack_status(message: Status) -> bytes:
    """Make a status, or an answer to ``alive``."""
    if message.text != "named:":
        return b"s" + message.text.encode("ascii")
    name = message.name.encode("ascii")
    fields = struct.pack(f">H{len(name)}sI", len(name), name, message.creation)
    return b"s" + _NAMED + fields


def pack_reply(challenge: int, proof: bytes) -> bytes:
    """Make a reply: our own challenge, and the proof for theirs."""
    return _REPLY.pack(b"r", challenge, proof)


def pack_ack(proof: bytes) -> bytes:
    """Make the acknowledgement: the proof for the challenge in the reply."""
    return _ACK.pack(b"a", proof)


def read_name(body: bytes) -> SendName:
    """Read send_name."""
    if body[:1] == b"n":
        raise Malformed("it speaks the handshake of OTP 24 and older only")
    if body[:1] != b"N" or len(body) < _SEND_NAME.size:
        raise Malformed("this is no send_name message")
    _, flags, creation, size = _SEND_NAME.unpack_from(body)
    return SendName(flags, creation, _name(body, _SEND_NAME.size, size))


def read_challenge(body: bytes) -> Challenge:
    """Read a challenge."""
    if body[:1] == b"n":
        raise Malformed("it speaks the handshake of OTP 22 and older only")
    if body[:1] != b"N" or len(body) < _CHALLENGE.size:
        raise Malformed("this is no challenge message")
    _, flags, challenge, creation, size = _CHALLENGE.unpack_from(body)
    return Challenge(flags, challenge, creation, _name(body, _CHALLENGE.size, size))


def read_status(body: bytes) -> Status:
    """Read a status, or an answer to ``alive``."""
    if body[:1] != b"s":
        raise Malformed("this is no status message")
    if not body.startswith(_NAMED, 1):
        return Status(body[1:].decode("latin-1"))
    at = 1 + len(_NAMED)
    name = _name(body, at + 2, int.from_bytes(body[at : at + 2], "big"))
    at += 2 + len(name)
    if len(body) < at + 4:
        raise Malformed("its status names us, but has no creation")
    return Status("named:", name, int.from_bytes(body[at : at + 4], "big"))


def read_reply(body: bytes) -> tuple[int, bytes]:
    """Read a reply: (their challenge, their proof)."""
    if body[:1] != b"r" or len(body) != _REPLY.size:
        raise Malformed("this is no challenge reply")
    _, challenge, proof = _REPLY.unpack(body)
    return challenge, proof


def read_ack(body: bytes) -> bytes:
    """Read an acknowledgement: their proof."""
    if body[:1] != b"a" or len(body) != _ACK.size:
        raise Malformed("this is no challenge acknowledgement")
    return body[1:]


def check_name(name: str, *, dynamic: bool = False) -> None:
    """Refuse what is no ``local@host``; or no host, of a node that wants a name."""
    if not name.isascii() or not name.isprintable() or " " in name:
        raise Malformed(f"the name {name!r} is not printable ASCII")
    if len(name) > _MAX_NAME:
        raise Malformed(f"a name of {len(name)} characters is too long")
    local, at, host = name.partition("@")
    if dynamic and (at or not local):
        raise Malformed(f"{name!r} is no host, but it asks for a node name")
    if not dynamic and (not local or not host or "@" in host):
        raise Malformed(f"{name!r} is no node name: that is like name@host")


def _name(body: bytes, at: int, size: int) -> str:
    raw = body[at : at + size]
    if len(raw) < size:
        raise Malformed(f"its name should have {size} bytes, and has {len(raw)}")
    return raw.decode("latin-1")
