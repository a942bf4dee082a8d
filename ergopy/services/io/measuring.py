"""Terms as pieces that know how long they are on one line; the first half of ``~p``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from etf import Atom, BitBinary, ImproperList

from .words import atom, known, length, numbers, printable, quoted, shown

LEAF, NUMBERS, LIST, TUPLE, TAGGED, MAP, PAIR = range(7)
LEFT: Final = {LIST: "[", TUPLE: "{", TAGGED: "{", MAP: "#{"}
RIGHT: Final = {LIST: "]", TUPLE: "}", TAGGED: "}", MAP: "}"}
_PER_LEVEL: Final = 4

MAX_PIECES: Final = 50_000
"""Parts of a term that is laid out; one with more of them is on one line."""


class TooMuch(Exception):
    """A term is nested deeper, or has more parts, than is worth the while."""


class Piece:
    """A term, and how long it is on one line."""

    __slots__ = ("cut", "kind", "length", "parts", "tail", "text")

    def __init__(self, kind: int, text: str = "", length: int = 0) -> None:
        self.kind = kind
        self.text = text
        self.length = length or len(text)
        self.parts: list[Piece] = []
        self.tail: Piece | None = None
        self.cut = False
        """Whether more would follow; dots stand for that."""

    def measure(self) -> Piece:
        """Add up the lengths of the parts."""
        parts = self.parts
        size = len(LEFT[self.kind]) + 1 + sum([part.length for part in parts])
        size += max(0, len(parts) - 1)
        more = 3 if self.cut else self.tail.length if self.tail is not None else -1
        if more >= 0:
            size += more + bool(parts)
        self.length = size
        return self


class Reader:
    """Makes pieces of terms."""

    def __init__(self, unicode: bool, strings: bool) -> None:
        self.unicode = unicode
        self.strings = strings
        self.pieces = 0

    def read(self, term: Any, depth: int, room: int) -> Piece:
        self.pieces += 1
        if not room or self.pieces > MAX_PIECES:
            raise TooMuch
        term = known(term)
        if isinstance(term, Atom):
            return Piece(LEAF, atom(term, unicode=self.unicode))
        if isinstance(term, str):
            return Piece(LEAF, term)
        if isinstance(term, bytes | BitBinary):
            return self._binary(term, depth)
        if isinstance(term, Mapping):
            return self._map(term, depth, room - 1)
        if isinstance(term, tuple):
            if not term:
                return Piece(LEAF, "{}")
            if depth == 1:
                return Piece(LEAF, "{...}")
            tagged = len(term) > 1 and isinstance(known(term[0]), Atom)
            return self._parts(TAGGED if tagged else TUPLE, term, depth, room - 1)
        if isinstance(term, ImproperList):
            return self._parts(LIST, term.items, depth, room - 1, term)
        if not term:
            return Piece(LEAF, "[]")
        if self.strings and depth != 1 and printable(term):
            string = "".join(map(chr, term))
            return Piece(LEAF, quoted(string, '"', unicode=self.unicode))
        return self._parts(LIST, term, depth, room - 1)

    def _parts(
        self,
        kind: int,
        items: Any,
        depth: int,
        room: int,
        improper: ImproperList | None = None,
    ) -> Piece:
        piece = Piece(kind)
        for item in items:
            if depth == 1:
                piece.cut = True
                return piece.measure()
            depth -= 1
            piece.parts.append(self.read(item, depth, room))
        if improper is not None:
            if depth == 1:
                piece.cut = True
            else:
                piece.tail = self.read(improper.tail, depth - 1, room)
        return piece.measure()

    def _map(self, pairs: Mapping[Any, Any], depth: int, room: int) -> Piece:
        if not pairs:
            return Piece(LEAF, "#{}")
        if depth == 1:
            return Piece(LEAF, "#{...}")
        piece, inner = Piece(MAP), depth - 1
        for key, value in pairs.items():
            if depth == 1:
                piece.cut = True
                break
            depth -= 1
            pair = Piece(PAIR)
            pair.parts = [self.read(key, inner, room), self.read(value, inner, room)]
            pair.length = pair.parts[0].length + 4 + pair.parts[1].length
            piece.parts.append(pair)
        return piece.measure()

    def _binary(self, data: bytes | BitBinary, depth: int) -> Piece:
        if not length(data):
            return Piece(LEAF, "<<>>")
        if depth == 1:
            return Piece(LEAF, "<<...>>")
        if self.strings and isinstance(data, bytes):
            string = self._string(data, depth - 1)
            if string is not None:
                return Piece(LEAF, f"<<{string}>>")
        text = numbers(data, depth)
        return Piece(NUMBERS, text, len(text) + 4)

    def _string(self, data: bytes, depth: int) -> str | None:
        """Return a binary as a string, cut if it is longer than the depth allows."""
        most = min(_PER_LEVEL * depth, len(data)) if depth >= 0 else len(data)
        if not most:
            return None
        start = _decoded(data, most) if self.unicode else None
        coding = "" if start is None else "/utf8"
        if start is None:
            start = data[:most].decode("latin-1")
            whole = most == len(data)
        else:
            whole = len(start.encode()) == len(data)
        good = shown(start)
        if good < len(start):
            if depth <= 0 or good < depth:
                return None
            start, whole = start[:good], False
        elif not whole and depth <= 0:
            return None
        if start.isascii():
            coding = ""
        return quoted(start, '"', unicode=True) + coding + ("" if whole else "...")


def _decoded(data: bytes, most: int) -> str | None:
    """Return the first *most* characters, if they are UTF-8."""
    start = data[: 4 * most]
    try:
        return start.decode()[:most]
    except UnicodeDecodeError as error:
        text = start[: error.start].decode()
    return text[:most] if len(text) >= most else None


def flat(piece: Piece, out: list[str]) -> list[str]:
    """Write a piece on one line."""
    kind = piece.kind
    if kind == LEAF:
        out.append(piece.text)
    elif kind == NUMBERS:
        out.append(f"<<{piece.text}>>")
    elif kind == PAIR:
        flat(piece.parts[0], out).append(" => ")
        flat(piece.parts[1], out)
    else:
        out.append(LEFT[kind])
        comma = ""
        for part in piece.parts:
            out.append(comma)
            flat(part, out)
            comma = ","
        bar = "|" if comma and kind == LIST else comma
        if piece.cut:
            out.append(bar + "...")
        elif piece.tail is not None:
            out.append(bar)
            flat(piece.tail, out)
        out.append(RIGHT[kind])
    return out
