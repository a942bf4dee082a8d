"""Chardata: binaries and code points in nested lists, as one text."""

from __future__ import annotations

from typing import Any

import etf
from etf import Atom


def text(characters: Any, encoding: str = "utf-8") -> str | None:
    """Flatten chardata; None if it is not.

    Bytes that are no text of *encoding* become replacement characters. Nesting costs no
    recursion.
    """
    if isinstance(characters, int):
        return None
    parts: list[str] = []
    stack = [characters]
    try:
        while stack:
            match stack.pop():
                case bytes() as data:
                    parts.append(data.decode(encoding, "replace"))
                case etf.Charlist() as codes:
                    parts.append(str(codes))
                case str() as binary if not isinstance(binary, Atom):
                    # A node may have its binaries decoded.
                    parts.append(binary.encode().decode(encoding, "replace"))
                case bool():
                    return None
                case int() as point:
                    parts.append(chr(point))
                case list() as items if items and _are_points(items):
                    parts.append("".join(map(chr, items)))
                case list() | etf.FrozenList() as items:
                    stack.extend(reversed(items))
                case etf.ImproperList(items=items, tail=tail):
                    if isinstance(tail, int):
                        return None
                    stack.append(tail)
                    stack.extend(reversed(items))
                case _:
                    return None
    except (ValueError, OverflowError):
        return None
    flat = "".join(parts)
    return None if _has_surrogates(flat) else flat


def strict(characters: Any, encoding: str) -> str | None:
    """Flatten what ``~s`` takes, of ``latin-1`` or ``utf-8``; None if it is not that.

    A binary that is no UTF-8 counts as Latin-1, as in OTP.
    """
    if encoding == "latin-1":
        flat = text(characters, encoding)
        return None if flat is None or any(c > "\xff" for c in flat) else flat
    if isinstance(characters, bytes | bytearray):
        try:
            return bytes(characters).decode()
        except UnicodeDecodeError:
            return bytes(characters).decode("latin-1")
    return text(characters)


def codes(characters: str) -> list[int]:
    """Return the text as a BEAM's string."""
    return list(map(ord, characters))


def _are_points(items: list[Any]) -> bool:
    return all(item.__class__ is int for item in items)


def _has_surrogates(flat: str) -> bool:
    if flat.isascii():
        return False
    try:
        flat.encode()
    except UnicodeEncodeError:
        return True
    return False
