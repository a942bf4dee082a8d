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

Which slot an atom gets is the sender's choice. Here it is a hash of its name: an atom
has one place where it may be, and of two atoms with the same place the later one evicts
the other. In one message the second one goes plain, as does the 256th. What was never
sent must not be in the table: a message whose encoding fails puts back what it changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from ergopy.errors import RemoteProtocolError
from etf._leaf_writers import with_atoms, write_atom
from etf._types import atom_table, new_atom

if TYPE_CHECKING:
    from etf import Atom

SLOTS: Final = 2048
MAX_REFERENCES: Final = 255
"""In one message."""

_NEW: Final = 8
_SEGMENT: Final = 7
_LONG_ATOMS: Final = 1
_REFERENCE: Final = 82

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


@final
class SentAtoms:
    """The slots that we have filled on one link, and the header of the next message.

    Args:
        none: What the value ``None`` is, ``nil`` or ``undefined``.
    """

    def __init__(self, none: str) -> None:
        self.leaves = with_atoms(none, self._write)
        """How to write terms so that their atoms become references."""
        self.atoms: list[Atom] = []
        """Those of the current message, in the order of their references."""
        self._slots: list[Atom | None] = [None] * SLOTS
        self._refs: dict[int, int] = {}
        self._new: set[int] = set()
        self._changes: list[tuple[int, Atom | None]] = []

    def begin(self) -> None:
        """Begin a message; it may be one of several that are made together."""
        self.atoms.clear()
        self._refs.clear()
        self._new.clear()

    def commit(self) -> None:
        """What was made since the last time will be sent."""
        self._changes.clear()

    def undo(self) -> None:
        """It will not be sent."""
        while self._changes:
            slot, before = self._changes.pop()
            self._slots[slot] = before

    def header(self) -> bytes:
        """Return the header of the current message, from its ``N`` on."""
        count = len(self._refs)
        if count == 0:
            return b"\0"
        names = [
            str.encode(atom) if slot in self._new else None
            for atom, slot in zip(self.atoms, self._refs, strict=True)
        ]
        long_atoms = any(name is not None and len(name) > 255 for name in names)
        width = 2 if long_atoms else 1
        flags = bytearray(flag_bytes(count))
        flags[count >> 1] = long_atoms << 4 * (count & 1)
        entries = bytearray()
        for k, (slot, name) in enumerate(zip(self._refs, names, strict=True)):
            half = slot >> 8 | (_NEW if name is not None else 0)
            flags[k >> 1] |= half << 4 * (k & 1)
            entries.append(slot & 255)
            if name is not None:
                entries += len(name).to_bytes(width, "big") + name
        return bytes((count,)) + flags + entries

    def _write(self, buffer: bytearray, atom: Atom) -> None:
        slot = hash(atom) & SLOTS - 1
        k = self._refs.get(slot)
        if k is None and len(self._refs) < MAX_REFERENCES and len(atom) <= 255:
            k = self._refer(slot, atom)
        # An equal name can be another object, once the table of atoms is full.
        if k is not None and self._slots[slot] is atom:
            buffer += bytes((_REFERENCE, k))
        else:
            write_atom(buffer, atom)

    def _refer(self, slot: int, atom: Atom) -> int:
        if self._slots[slot] is not atom:
            self._changes.append((slot, self._slots[slot]))
            self._slots[slot] = atom
            self._new.add(slot)
        self._refs[slot] = k = len(self._refs)
        self.atoms.append(atom)
        return k


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
