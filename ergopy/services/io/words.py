"""What is written of a term in one piece: atoms, strings, and what has no parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import etf
from etf import Atom, BitBinary, Charlist, EncodeError, FrozenList, ImproperList
from etf._order import kind_of, replaced
from etf._syntax import erlang_plain

_LETTERS: Final = {
    "\n": "n",
    "\r": "r",
    "\t": "t",
    "\v": "v",
    "\b": "b",
    "\f": "f",
    "\x1b": "e",
    "\x7f": "d",
}
_printable_latin_1 = re.compile(r"[\x08-\x0d\x1b\x20-\x7e\xa0-\xff]*")
_PRINTABLE: Final = frozenset(
    code for code in range(256) if _printable_latin_1.fullmatch(chr(code))
)


def known(term: Any) -> Any:
    """Return *term* in one of the forms that are looked at here.

    These are Atom, bytes, list, ImproperList, tuple, Mapping and BitBinary; a text is
    for whatever has no parts, as it is written.
    """
    kind = kind_of(term)
    if kind is None:
        try:
            term = replaced(term)
        except EncodeError:
            return etf.format(term)
        kind = kind_of(term)
    if kind in (bool, type(None)):
        return Atom("nil" if term is None else str(term).lower())
    if kind is Charlist:
        return list(map(ord, term))
    if kind is str:
        return term.encode("utf-8", "surrogatepass")
    if kind in (bytearray, memoryview):
        return bytes(term)
    if kind is FrozenList:
        return list(term)
    if kind in _FORMS or isinstance(term, Mapping):
        return term
    return etf.format(term)


_FORMS = frozenset({Atom, bytes, list, ImproperList, tuple, BitBinary})


def atom(name: str, *, unicode: bool) -> str:
    """Write an atom, in quotes where it needs them."""
    return str(name) if erlang_plain(name) else quoted(name, "'", unicode=unicode)


def quoted(text: str, quote: str, *, unicode: bool) -> str:
    """Write text between quotes, as OTP escapes it."""
    if not (text.isascii() and text.isprintable() and quote not in text) or (
        "\\" in text
    ):
        text = "".join([_character(char, quote, unicode) for char in text])
    return f"{quote}{text}{quote}"


def _character(char: str, quote: str, unicode: bool) -> str:
    if char == quote or char == "\\":
        return "\\" + char
    if " " <= char <= "~" or "\xa0" <= char <= "\xff":
        return char
    if char > "\xff":
        return char if unicode else f"\\x{{{ord(char):X}}}"
    letter = _LETTERS.get(char)
    return f"\\{letter}" if letter else f"\\{ord(char):03o}"


def printable(items: Iterable[Any]) -> bool:
    """Tell whether OTP takes a list for a string: characters of Latin-1 to show."""
    for code in items:
        if code.__class__ is not int or code not in _PRINTABLE:
            return False
    return True


def shown(text: str) -> int:
    """Return how many characters at the start OTP would show in a string."""
    found = _printable_latin_1.match(text)
    return found.end() if found is not None else 0


def bits(term: BitBinary) -> str:
    """Write what is between the brackets of a bit string."""
    last = f"{term.data[-1] >> 8 - term.bits}:{term.bits}"
    return ",".join([*map(str, term.data[:-1]), last])


def numbers(data: bytes | BitBinary, depth: int) -> str:
    """Write what is between the brackets of a binary, to some depth."""
    whole = data if isinstance(data, bytes) else data.data
    if 0 < depth <= len(whole):
        return ",".join([*map(str, whole[: depth - 1]), "..."])
    return ",".join(map(str, data)) if isinstance(data, bytes) else bits(data)


def length(data: bytes | BitBinary) -> int:
    """Return the number of bytes, the last one whole or not."""
    return len(data) if isinstance(data, bytes) else len(data.data)
