r"""The two texts of EPMD, the answers to NAMES and DUMP, both directions, without I/O.

Both begin with the port of EPMD in four bytes. The lines of NAMES end in a newline;
those of DUMP in a newline and a NUL, which OTP's documentation does not say:

    name NAME at port PORT\n
    active name     <NAME> at port PORT, fd = FD\n\0
    old/unused name <NAME>, port = PORT, fd = FD \n\0

A name could hold a newline if some other EPMD let it, so lines are matched from the
start and not split.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._errors import EpmdProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

_U32 = struct.Struct(">I")
_NAMES_LINE = re.compile(rb"name (.+?) at port ([0-9]{1,5})\n", re.DOTALL)
_DUMP_LINE = re.compile(
    rb"(?:active name     <(.+?)> at port ([0-9]{1,5}), fd = (-?[0-9]{1,9})\n\0?"
    rb"|old/unused name <(.+?)>, port = ([0-9]{1,5}), fd = (-?[0-9]{1,9}) \n\0?)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class NodeEntry:
    """One line of the answer to NAMES: a live node."""

    name: str
    port: int


@dataclass(frozen=True, slots=True)
class DumpEntry:
    """One line of the answer to DUMP."""

    name: str
    port: int
    fd: int
    """The number of the connection inside EPMD."""
    active: bool
    """Whether the node is alive; a dead one is remembered for its creation."""


def encode_names(epmd_port: int, entries: Iterable[NodeEntry]) -> bytes:
    """Answer NAMES."""
    lines = (f"name {node.name} at port {node.port}\n" for node in entries)
    return _U32.pack(epmd_port) + "".join(lines).encode()


def encode_dump(epmd_port: int, entries: Iterable[DumpEntry]) -> bytes:
    """Answer DUMP."""
    return _U32.pack(epmd_port) + "".join(map(_dump_line, entries)).encode()


def _dump_line(node: DumpEntry) -> str:
    if node.active:
        return f"active name     <{node.name}> at port {node.port}, fd = {node.fd}\n\0"
    return f"old/unused name <{node.name}>, port = {node.port}, fd = {node.fd} \n\0"


def parse_names(data: bytes) -> list[NodeEntry]:
    """Parse the whole answer to NAMES.

    Raises:
        EpmdProtocolError: It is malformed, or empty.
    """
    return [
        NodeEntry(_text(line[1]), _port(line[2]))
        for line in _lines(_NAMES_LINE, data, "NAMES")
    ]


def parse_dump(data: bytes) -> list[DumpEntry]:
    """Parse the whole answer to DUMP.

    Raises:
        EpmdProtocolError: It is malformed, or empty.
    """
    entries: list[DumpEntry] = []
    for line in _lines(_DUMP_LINE, data, "DUMP"):
        active = line[1] is not None
        name, port, fd = line.group(1, 2, 3) if active else line.group(4, 5, 6)
        entries.append(DumpEntry(_text(name), _port(port), int(fd), active))
    return entries


def _lines(
    pattern: re.Pattern[bytes], data: bytes, request: str
) -> list[re.Match[bytes]]:
    if len(data) < _U32.size:
        raise EpmdProtocolError(f"expected an answer to {request}", data)
    position = _U32.size
    found: list[re.Match[bytes]] = []
    while position < len(data):
        line = pattern.match(data, position)
        if line is None:
            raise EpmdProtocolError(
                f"a bad line in the answer to {request}", data[position:]
            )
        found.append(line)
        position = line.end()
    return found


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as exc:
        raise EpmdProtocolError("a name that is not UTF-8", name) from exc


def _port(digits: bytes) -> int:
    port = int(digits)
    if port > 0xFFFF:
        raise EpmdProtocolError(f"a port number of {port}", digits)
    return port
