"""``~p`` and ``~P``: a term on as many lines as it needs, as OTP breaks them.

A term is first measured, into pieces that know how long they are on one line; then it
is laid out. What is indented too far is laid out again, with less indentation.
"""

from __future__ import annotations

from typing import Any, Final

import etf

from .measuring import (
    LEAF,
    LEFT,
    LIST,
    MAP,
    NUMBERS,
    RIGHT,
    TAGGED,
    Piece,
    Reader,
    TooMuch,
    flat,
)

MAX_NESTING: Final = 100
"""Levels that are laid out; a term with more of them is written on one line."""

MAX_LENGTH: Final = 100_000
"""Characters that are laid out; a longer term is written on one line."""

MAX_COLUMN: Final = 10_000
"""How far from the left a term may begin."""

MAX_LAID_OUT: Final = 2**21
"""Characters that it may become by that; a longer one is written on one line."""


class _Text(list[str]):
    """What was written, of which there is an end."""

    room = MAX_LAID_OUT

    def append(self, text: str) -> None:
        self.room -= len(text)
        if self.room < 0:
            raise TooMuch
        super().append(text)


class _TooFar(Exception):
    """There is no room left at the right."""


def pretty(
    term: Any,
    *,
    column: int = 1,
    width: int = 80,
    depth: int = -1,
    unicode: bool = True,
    strings: bool = True,
) -> str:
    """Write a term as ``io_lib_pretty:print/2`` does.

    Args:
        column: Where it begins; the first one is 1.
        width: The length of a line; 0 is no end.
        depth: How deep to go; a negative one has no end.
        unicode: Show characters that are not in Latin-1.
        strings: Show lists and binaries as text, where they are some.
    """
    if depth == 0:
        return "..."
    try:
        whole = Reader(unicode, strings).read(term, depth, MAX_NESTING)
    except TooMuch:
        return etf.format(term)
    if whole.kind == LEAF:
        return whole.text
    column = min(max(1, column), MAX_COLUMN)
    room = width - column
    if width == 0 or whole.length < room or whole.length > MAX_LENGTH:
        return "".join(flat(whole, []))
    for step in (-1, 4, 1):
        try:
            return _Layout(width, whole.length, step).run(whole, column)
        except _TooFar:
            continue
        except TooMuch:
            break
    return "".join(flat(whole, []))


class _Layout:
    """Breaks lines.

    *most* is how many characters may stand on a line besides the indentation, *step*
    how far what follows a tag is indented; not positive: as far as the tag is long.
    *closing* counts the brackets that will stand behind a piece, *used* the characters
    that are on the line.
    """

    def __init__(self, width: int, most: int, step: int) -> None:
        self.width = width
        self.most = most
        self.step = step
        self.out = _Text()

    def run(self, piece: Piece, column: int) -> str:
        self.put(piece, column, 0, 0)
        return "".join(self.out)

    def fits(self, size: int, column: int, closing: int, used: int) -> bool:
        room = self.width - column - closing
        return size < room and size + used + closing <= self.most

    def put(self, piece: Piece, column: int, closing: int, used: int) -> None:
        kind = piece.kind
        if kind == LEAF or self.fits(piece.length, column, closing, used):
            flat(piece, self.out)
        elif kind == NUMBERS:
            self._numbers(piece.text, column + 2, closing, used)
        else:
            left = LEFT[kind]
            self.out.append(left)
            if kind == TAGGED:
                self._tagged(piece, column, closing, used + 1)
            elif kind == MAP:
                self._pairs(piece, column + 2, closing, used + 1)
            else:
                self._items(piece, 0, column + 1, closing, used + 1)
            self.out.append(RIGHT[kind])

    def _tagged(self, piece: Piece, column: int, closing: int, used: int) -> None:
        tag = piece.parts[0]
        step, indent = self.step, tag.length + 2
        self.out.append(tag.text)
        behind = column + indent
        if 0 < step < indent:
            below = column + step
            self._check(self.most + below <= self.width or below <= self.width // 2)
            self._more(piece, 1, below, behind, closing, used + tag.length)
        else:
            self._check(self.most + behind < self.width or behind < self.width // 2)
            self.out.append(",")
            self._items(piece, 1, behind, closing, used + tag.length + 1)

    def _check(self, enough: bool) -> None:
        if not enough and self.step != 1:
            raise _TooFar

    def _items(
        self, piece: Piece, index: int, column: int, closing: int, used: int
    ) -> None:
        parts = piece.parts
        if index == len(parts):
            self.out.append("...")
            return
        after = self._closing(piece, index, closing)
        size = self._item(parts[index], column, after, used)
        self._more(piece, index + 1, column, column + size, closing, used + size)

    def _closing(self, piece: Piece, index: int, closing: int) -> int:
        return 0 if index + 1 < len(piece.parts) else closing + 1

    def _item(self, item: Piece, column: int, closing: int, used: int) -> int:
        """Put one; return how far it goes: to the end of the line if it has parts."""
        if item.kind == LEAF and self.fits(item.length, column, closing, used):
            self.out.append(item.text)
            return item.length
        self.put(item, column, closing, used)
        return self.width

    def _more(
        self, piece: Piece, index: int, column: int, at: int, closing: int, used: int
    ) -> None:
        """Put the parts from *index* on, behind what ends *at*, or below *column*."""
        parts, bar = piece.parts, "|" if piece.kind == LIST else ","
        new_line = "\n" + " " * (column - 1)
        for place in range(index, len(parts)):
            item = parts[place]
            after = self._closing(piece, place, closing)
            if item.kind == LEAF and self._follows(item.length + 1, at, after, used):
                self.out.append("," + item.text)
                at += item.length + 1
                used += item.length + 1
            else:
                self.out.append("," + new_line)
                used = self._item(item, column, after, 0)
                at = column + used
        tail = piece.tail
        if piece.cut:
            self.out.append(bar + "...")
        elif tail is not None:
            self.out.append(bar)
            if tail.kind != LEAF or not self.fits(
                tail.length + 1, at, closing + 1, used
            ):
                self.out.append(new_line)
                self.put(tail, column, closing + 1, 0)
            else:
                self.out.append(tail.text)

    def _follows(self, size: int, at: int, closing: int, used: int) -> bool:
        """Tell whether it goes on the line, with a comma or the brackets behind."""
        return self.fits(size, at, closing or 1, used)

    def _pairs(self, piece: Piece, column: int, closing: int, used: int) -> None:
        new_line = "\n" + " " * (column - 1)
        at = column
        for place, pair in enumerate(piece.parts):
            after = self._closing(piece, place, closing)
            key, value = pair.parts
            simple = key.kind == value.kind == LEAF
            size = pair.length + 1
            if place and simple and self._follows(size, at, after, used):
                self.out.append(f",{key.text} => {value.text}")
                at += size
                used += size
                continue
            if place:
                self.out.append("," + new_line)
                used = 0
            used = self._pair(pair, simple, column, after, used)
            at = column + used
        if piece.cut:
            self.out.append(",...")

    def _pair(
        self, pair: Piece, simple: bool, column: int, closing: int, used: int
    ) -> int:
        if self.fits(pair.length, column, closing, used):
            flat(pair, self.out)
            return pair.length if simple else self.width
        key, value = pair.parts
        indent = self.step if self.step > 0 else 4
        self.put(key, column, closing, used)
        self.out.append(" =>\n" + " " * (column + indent - 1))
        self.put(value, column + indent, closing, 0)
        return self.width

    def _numbers(self, text: str, column: int, closing: int, used: int) -> None:
        most = min(self.width - column, self.most - 4 - used) - closing
        room = most = max(8, most)
        *items, last = text.split(",")
        out = self.out
        out.append("<<")
        for item in [*(f"{item}," for item in items), last]:
            room -= len(item)
            if room < 0:
                out.append("\n" + " " * (column - 1))
                room = most - len(item)
            out.append(item)
        out.append(">>")
