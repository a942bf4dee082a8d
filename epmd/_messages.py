"""EPMD requests and replies, both directions, without I/O.

A request is ``u16 length`` and a body of 1..3057 bytes whose first byte says what it
is. A reply has no length: EPMD closes after it, except after ALIVE2, where the open
connection is the registration.

Rules kept here:

- A message is checked when it is built, so that no illegal one can be sent:
  `EpmdValueError`. What a peer sends is checked by the parser: `EpmdProtocolError`.
- A name is 1..255 characters and at most 1020 bytes of UTF-8 without NUL; the extra
  data is at most 1020 bytes. An ALIVE2 request that breaks only these two gets
  an answer (result 1) from EPMD, so it parses to a `RejectedAlive`.
- OTP's EPMD registers a name of 255 characters but does not find it again; ours does.
- Control characters in a name are refused as well, where OTP's EPMD takes them: they
  would let a node forge lines in the answer to NAMES.
- As OTP's EPMD does, bytes behind the last field of a request are ignored, and one NUL
  at the end of a looked-up name is.
- A reader never half-consumes: a whole message leaves the buffer, or nothing does.
"""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass
from typing import TypeAlias

from ._errors import EpmdProtocolError, EpmdValueError

MAX_REQUEST = 3057
MAX_NAME_CHARS = 255
MAX_NAME_BYTES = 1020
MAX_EXTRA = 1020

NORMAL = 77
"""The node type of a BEAM, and of us. A hidden BEAM registers with it, too."""
HIDDEN = 72
"""The node type of a C node. It informs only; the handshake decides visibility."""

ALIVE2_REQ = 120
PORT2_REQ = 122
NAMES_REQ = 110
DUMP_REQ = 100
KILL_REQ = 107
STOP_REQ = 115
ALIVE2_X_RESP = 118
ALIVE2_RESP = 121
PORT2_RESP = 119

JUNK_CREATION = 99
"""What EPMD puts where the creation would be when it refuses a name."""

_U16 = struct.Struct(">H")
_ALIVE_HEAD = struct.Struct(">HBBHHH")
_WIDE = struct.Struct(">BBI")
_NARROW = struct.Struct(">BBH")
_PORT_HEAD = struct.Struct(">BBHBBHHH")


def check_name(name: str) -> bytes:
    """Give the UTF-8 of *name*, which is the part of a node name before ``@``.

    Raises:
        EpmdValueError: EPMD could not register that name.
    """
    try:
        data = name.encode()
    except UnicodeEncodeError as exc:
        raise EpmdValueError("name", name, "is not valid Unicode") from exc
    if not 1 <= len(name) <= MAX_NAME_CHARS or len(data) > MAX_NAME_BYTES:
        raise EpmdValueError("name", name, f"must have 1..{MAX_NAME_CHARS} characters")
    if any(unicodedata.category(char) == "Cc" for char in name):
        raise EpmdValueError("name", name, "has a control character")
    return data


def check_u16(field: str, value: int, low: int = 0) -> None:
    """Refuse what does not fit, before ``struct`` refuses it in its own words."""
    if not low <= value <= 0xFFFF:
        raise EpmdValueError(field, value, f"must be {low}..65535")


def _check_versions(node_type: int, protocol: int, high: int, low: int) -> None:
    for field, value in ("node_type", node_type), ("protocol", protocol):
        if not 0 <= value <= 0xFF:
            raise EpmdValueError(field, value, "must be 0..255")
    check_u16("high", high)
    check_u16("low", low)


def _packet(kind: int, rest: bytes = b"") -> bytes:
    return _U16.pack(1 + len(rest)) + bytes((kind,)) + rest


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What a node told EPMD about itself, and PORT2 tells about the node."""

    name: str
    """The part of the node name before ``@``."""
    port: int
    """Where the node listens for distribution connections."""
    node_type: int = NORMAL
    """77 normal, 72 hidden."""
    protocol: int = 0
    """0 is TCP."""
    high: int = 6
    """The newest handshake version that the node speaks."""
    low: int = 5
    """The oldest one."""
    extra: bytes = b""
    """Free data; a BEAM sends none."""

    def __post_init__(self) -> None:
        check_name(self.name)
        check_u16("port", self.port)
        _check_versions(self.node_type, self.protocol, self.high, self.low)
        if len(self.extra) > MAX_EXTRA:
            raise EpmdValueError("extra", self.extra, f"is over {MAX_EXTRA} bytes")


# ALIVE2_REQ:
#   120 | port:16 | type:8 | protocol:8 | high:16 | low:16
#       | nlen:16 | name | elen:16 | extra
@dataclass(frozen=True, slots=True)
class AliveRequest:
    """Register *node* for as long as this connection is open."""

    node: NodeInfo

    def encode(self) -> bytes:
        node = self.node
        name = node.name.encode()
        head = _ALIVE_HEAD.pack(
            node.port, node.node_type, node.protocol, node.high, node.low, len(name)
        )
        return _packet(
            ALIVE2_REQ, head + name + _U16.pack(len(node.extra)) + node.extra
        )


@dataclass(frozen=True, slots=True)
class RejectedAlive:
    """A well-formed ALIVE2 with a name or extra data that cannot be registered."""

    high: int
    """Decides the form of the refusal, see `AliveReply`."""
    problem: str


@dataclass(frozen=True, slots=True)
class PortRequest:
    """Ask where the node *name* listens."""

    name: str

    def encode(self) -> bytes:
        return _packet(PORT2_REQ, check_name(self.name))


@dataclass(frozen=True, slots=True)
class NamesRequest:
    """Ask for all names and ports."""

    def encode(self) -> bytes:
        return _packet(NAMES_REQ)


@dataclass(frozen=True, slots=True)
class DumpRequest:
    """Ask for everything EPMD knows, with the names that are no longer in use."""

    def encode(self) -> bytes:
        return _packet(DUMP_REQ)


@dataclass(frozen=True, slots=True)
class KillRequest:
    """Ask EPMD to end."""

    def encode(self) -> bytes:
        return _packet(KILL_REQ)


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Ask EPMD to drop the registration of *name*."""

    name: str

    def encode(self) -> bytes:
        return _packet(STOP_REQ, check_name(self.name))


Request: TypeAlias = (
    AliveRequest
    | RejectedAlive
    | PortRequest
    | NamesRequest
    | DumpRequest
    | KillRequest
    | StopRequest
)


def read_request(buffer: bytearray) -> Request | None:
    """Take one request off *buffer*; ``None`` while it is incomplete.

    There is one request per connection: bytes behind it are an error, as in OTP.

    Raises:
        EpmdProtocolError: Close the connection without an answer.
    """
    if len(buffer) < 2:
        return None
    (size,) = _U16.unpack_from(buffer)
    if not 1 <= size <= MAX_REQUEST:
        raise EpmdProtocolError(f"a request of {size} bytes", bytes(buffer))
    if len(buffer) < 2 + size:
        return None
    if len(buffer) > 2 + size:
        raise EpmdProtocolError("bytes behind a request", bytes(buffer))
    request = parse_request(bytes(buffer[2:]))
    buffer.clear()
    return request


def parse_request(body: bytes) -> Request:
    """Parse one request without its length prefix.

    Raises:
        EpmdProtocolError: It is malformed, or of a kind that nobody knows.
    """
    rest = body[1:]
    match body[:1]:
        case b"x":
            return _parse_alive(rest)
        case b"z":
            return PortRequest(_parse_name(rest))
        case b"s":
            return StopRequest(_parse_name(rest))
        case b"n":
            return NamesRequest()
        case b"d":
            return DumpRequest()
        case b"k":
            return KillRequest()
    raise EpmdProtocolError("unknown request", body)


def _parse_name(data: bytes) -> str:
    return _decode_name(data[:-1] if data.endswith(b"\0") else data)


def _decode_name(data: bytes) -> str:
    try:
        name = data.decode()
        check_name(name)
    except ValueError as exc:
        raise EpmdProtocolError(f"a name that cannot be: {exc}", data) from exc
    return name


def _parse_alive(data: bytes) -> AliveRequest | RejectedAlive:
    if len(data) < _ALIVE_HEAD.size:
        raise EpmdProtocolError("ALIVE2 is cut short", data)
    port, node_type, protocol, high, low, size = _ALIVE_HEAD.unpack_from(data)
    name, extra = _name_and_extra(data, _ALIVE_HEAD.size, size)
    if not name or b"\0" in name:
        raise EpmdProtocolError("ALIVE2 with an empty name or a NUL in it", data)
    try:
        return AliveRequest(
            NodeInfo(name.decode(), port, node_type, protocol, high, low, extra)
        )
    except ValueError as exc:
        return RejectedAlive(high, str(exc))


def _name_and_extra(data: bytes, start: int, size: int) -> tuple[bytes, bytes]:
    end = start + size
    if len(data) < end + 2:
        raise EpmdProtocolError("the name is longer than the message", data)
    (extra_size,) = _U16.unpack_from(data, end)
    extra = data[end + 2 : end + 2 + extra_size]
    if len(extra) < extra_size:
        raise EpmdProtocolError("the extra data is longer than the message", data)
    return data[start:end], extra


# ALIVE2_X_RESP, to nodes with high >= 6:   118 | result:8 | creation:32
# ALIVE2_RESP, to older ones:               121 | result:8 | creation:16
@dataclass(frozen=True, slots=True)
class AliveReply:
    """The answer to ALIVE2: result 0 and a creation, or a refusal."""

    result: int
    creation: int
    wide: bool = True
    """Whether it is the form with 32 bits of creation (118) or with 16 (121)."""

    def encode(self) -> bytes:
        if self.wide:
            return _WIDE.pack(ALIVE2_X_RESP, self.result, self.creation)
        return _NARROW.pack(ALIVE2_RESP, self.result, self.creation)


def read_alive_reply(buffer: bytearray) -> AliveReply | None:
    """Take the answer to ALIVE2 off *buffer*; ``None`` while it is incomplete.

    Both forms are accepted whatever was asked for. Bytes behind it stay.

    Raises:
        EpmdProtocolError: That is something else.
    """
    if not buffer:
        return None
    if buffer[0] not in (ALIVE2_X_RESP, ALIVE2_RESP):
        raise EpmdProtocolError("expected an answer to ALIVE2", bytes(buffer))
    layout = _WIDE if buffer[0] == ALIVE2_X_RESP else _NARROW
    if len(buffer) < layout.size:
        return None
    _, result, creation = layout.unpack_from(buffer)
    wide = layout is _WIDE
    del buffer[: layout.size]
    return AliveReply(result, creation, wide)


# PORT2_RESP when found:
#   119 | 0 | port:16 | type:8 | protocol:8 | high:16 | low:16
#       | nlen:16 | name | elen:16 | extra
# A refusal is just 119 and a non-zero byte.
def encode_port_reply(node: NodeInfo | None) -> bytes:
    """Answer PORT2; ``None`` says that nobody has that name."""
    if node is None:
        return bytes((PORT2_RESP, 1))
    name = node.name.encode()
    head = _PORT_HEAD.pack(
        PORT2_RESP,
        0,
        node.port,
        node.node_type,
        node.protocol,
        node.high,
        node.low,
        len(name),
    )
    return head + name + _U16.pack(len(node.extra)) + node.extra


def parse_port_reply(data: bytes) -> NodeInfo | None:
    """Parse the whole answer to PORT2; ``None``: nobody has that name.

    Raises:
        EpmdProtocolError: It is malformed, or empty.
    """
    if len(data) < 2 or data[0] != PORT2_RESP:
        raise EpmdProtocolError("expected an answer to PORT2", data)
    if data[1] != 0:
        return None
    if len(data) < _PORT_HEAD.size:
        raise EpmdProtocolError("the answer to PORT2 is cut short", data)
    _, _, port, node_type, protocol, high, low, size = _PORT_HEAD.unpack_from(data)
    name, extra = _name_and_extra(data, _PORT_HEAD.size, size)
    try:
        return NodeInfo(name.decode(), port, node_type, protocol, high, low, extra)
    except ValueError as exc:
        raise EpmdProtocolError(f"an answer that cannot be: {exc}", data) from exc
