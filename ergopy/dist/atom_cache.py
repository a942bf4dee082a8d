"""The atom cache: atoms that a link has carried before travel as one byte.

Each direction of a link has 2048 slots, in 8 segments of 256, and forgets them when
the link ends. A distribution header names the atoms that the terms behind it use::

    N:8                                  references, 0 to 255
    flags                                N // 2 + 1 bytes, only if N > 0
    N times:  index:8                    within the segment
              len:8 or len:16, name      only if the entry is new

Flags are half bytes, the low half of a byte first. Half byte *k* belongs to reference
*k*: bit 3 says that the entry is new, bits 0 to 2 are the segment. The one after the
last has LongAtoms in bit 0: then every ``len`` of this header takes two bytes. A new
entry overwrites its slot; in the terms, tag 82 and *k* stand for reference *k* of
their own header.

We read such headers and send ``N = 0``: a table for sending needs :data:`SLOTS` and
:func:`flag_bytes` from here, and nothing of :class:`ReceivedAtoms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from ergopy.errors import RemoteProtocolError
from etf._types import atom_table, new_atom

if TYPE_CHECKING:
    from etf import Atom

SLOTS: Final = 2048

_NEW: Final = 8
_SEGMENT: Final = 7
_LONG_ATOMS: Final = 1

NO_ATOMS: Final[tuple[Atom, ...]] = ()


def flag_bytes(count: int) -> int:
    """Return how many bytes of flags *count* references have."""
    return count // 2 + 1 if count else 0


@final
class ReceivedAtoms:
    """The slots that one peer has filled on one link."""

    def __init__(self, max_atoms: int) -> None:
        self._max_atoms = max_atoms
        self._slots: list[Atom | None] = [None] * SLOTS

    def read(self, packet: bytes, at: int) -> tuple[tuple[Atom, ...], int]:
        """Read a header from its ``N`` on; return its atoms and where it ends.

        Raises:
            RemoteProtocolError: It is cut short, refers to an empty slot, or has
                something that is no atom.
        """
        if at >= len(packet):
            raise _cut_short()
        count = packet[at]
        if count == 0:
            return NO_ATOMS, at + 1
        first = at + 1
        at = first + flag_bytes(count)
        if at > len(packet):
            raise _cut_short()
        halves = packet[first:at]
        long_atoms = _half(halves, count) & _LONG_ATOMS
        atoms = []
        for k in range(count):
            flags = _half(halves, k)
            if at >= len(packet):
                raise _cut_short()
            slot = (flags & _SEGMENT) << 8 | packet[at]
            at += 1
            if flags & _NEW:
                name, at = _name(packet, at, 2 if long_atoms else 1)
                self._slots[slot] = self._atom(name)
            atom = self._slots[slot]
            if atom is None:
                raise RemoteProtocolError(f"atom cache slot {slot} was never filled")
            atoms.append(atom)
        return tuple(atoms), at

    def _atom(self, name: bytes) -> Atom:
        try:
            text = name.decode()
            known = atom_table.get(text)
            return new_atom(text, self._max_atoms) if known is None else known
        except ValueError as exc:
            raise RemoteProtocolError(f"bad atom in a cache header: {exc}") from exc


def _half(flags: bytes, k: int) -> int:
    byte = flags[k >> 1]
    return byte >> 4 if k & 1 else byte & 15


def _name(packet: bytes, at: int, width: int) -> tuple[bytes, int]:
    start = at + width
    end = start + int.from_bytes(packet[at:start], "big")
    if max(start, end) > len(packet):
        raise _cut_short()
    return packet[start:end], end


def _cut_short() -> RemoteProtocolError:
    return RemoteProtocolError("the distribution header is cut short")
