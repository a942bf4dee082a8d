"""The containers of source text while they are being read, one class for each.

A frame is told what comes next inside it. What cannot stand there raises ``Problem``,
and the parser adds the place. A frame inside the key of a map is *frozen*: what it
makes can be a key.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any, ClassVar, Final

from ._containers import BitBinary, FrozenList, ImproperList, TermMap
from ._identity import identity
from ._literals import Problem, alias
from ._types import Atom

MAX_BITS: Final = 8 * 16 * 1024 * 1024
_NOTHING: Final = object()


class Frame(ABC):
    """A container that is not complete."""

    closes: ClassVar[str]

    def __init__(self, frozen: bool = False) -> None:
        self.frozen = frozen
        self.items: list[Any] = []

    @property
    def freezes(self) -> bool:
        """Whether the next value in it has to be able to be a key."""
        return self.frozen

    def add(self, value: Any) -> None:
        self.items.append(value)

    def text(self, value: str | bytes) -> None:
        """Take text: a list of characters in Erlang, a binary in Elixir."""
        if isinstance(value, bytes):
            self.add(value)
        else:
            characters = list(map(ord, value))
            self.add(FrozenList(characters) if self.freezes else characters)

    def comma(self) -> None:  # noqa: B027 - most have nothing to do
        """Take note that another item follows."""

    def key(self, name: object) -> None:
        raise Problem("a keyword stands in [..] or %{..}")

    def arrow(self) -> None:
        raise Problem("=> stands between a key and its value in a map")

    def bar(self) -> None:
        raise Problem("| stands before the tail of a list")

    def segment(self, value: int | str) -> None:
        raise Problem("sizes and types stand in <<..>>")

    @abstractmethod
    def finish(self) -> Any:
        """Make the value, when everything in it was read."""


class Root(Frame):
    """The text as a whole: one value."""

    closes = ""

    def comma(self) -> None:
        raise Problem("one term is enough; several go in a list or tuple")

    def finish(self) -> Any:
        return self.items[0]


class Tuple(Frame):
    """``{a, b}``."""

    closes = "}"

    def finish(self) -> tuple[Any, ...]:
        return tuple(self.items)


class List(Frame):
    """``[a, b | tail]``, in Elixir with ``name: value`` for ``{:name, value}``."""

    closes = "]"

    def __init__(self, frozen: bool) -> None:
        super().__init__(frozen)
        self.tail: Any = []
        self._keyword: Any = _NOTHING
        self._keywords = self._tailed = False

    def key(self, name: object) -> None:
        if self._keyword is not _NOTHING or self._tailed:
            raise Problem("expected a value")
        self._keyword, self._keywords = name, True

    def add(self, value: Any) -> None:
        if self._tailed:
            self.tail = value
        elif self._keyword is not _NOTHING:
            self.items.append((self._keyword, value))
            self._keyword = _NOTHING
        elif self._keywords:
            raise Problem("keywords come last in a list")
        else:
            self.items.append(value)

    def comma(self) -> None:
        if self._tailed:
            raise Problem("the tail ends the list")

    def bar(self) -> None:
        if self._tailed:
            raise Problem("a list has one tail")
        self._tailed = True

    def finish(self) -> Any:
        items, tail = self.items, self.tail
        if isinstance(tail, ImproperList):
            items, tail = [*items, *tail.items], tail.tail
        if not isinstance(tail, (list, FrozenList)):
            return ImproperList(tuple(items) if self.frozen else items, tail)
        items = [*items, *tail] if tail else items
        return FrozenList(items) if self.frozen else items


class Map(Frame):
    """``#{key => value}``, ``%{key => value}``, ``%{name: value}``."""

    closes = "}"

    def __init__(self, frozen: bool, struct: str) -> None:
        super().__init__(frozen)
        self._key: Any = _NOTHING
        self._arrow = False
        self._known: set[bytes] = set()
        if struct:
            self.key(Atom("__struct__"))
            self.add(alias(struct))

    @property
    def freezes(self) -> bool:
        return self.frozen or self._key is _NOTHING

    def key(self, name: object) -> None:
        if self._key is not _NOTHING:
            raise Problem("expected a value")
        self._set_key(name)
        self._arrow = True

    def _set_key(self, key: Any) -> None:
        mark = identity(key)
        if mark in self._known:
            raise Problem("this key is there already")
        self._known.add(mark)
        self._key = key

    def arrow(self) -> None:
        if self._key is _NOTHING or self._arrow:
            raise Problem("expected , or }")
        self._arrow = True

    def add(self, value: Any) -> None:
        if self._key is _NOTHING:
            self._set_key(value)
        else:
            self.items.append((self._key, value))
            self._key, self._arrow = _NOTHING, False

    def comma(self) -> None:
        if self._key is not _NOTHING:
            raise Problem("expected =>")

    def finish(self) -> Any:
        self.comma()
        plain: dict[Any, Any] = {}
        # As the decoder does: deep keys may have one hash, a binary that of an atom.
        with suppress(RecursionError, BytesWarning):
            plain = dict(self.items)
        if not self.frozen and len(plain) == len(self.items):
            return plain
        result = TermMap(self.items)
        if self.frozen:
            # Hashing it now, inside out, keeps hashing what is around it flat.
            hash(result)
        return result


class Binary(Frame):
    """``<<1, 2:4, "text"/utf8>>``: text, and integers of 8 or other counts of bits."""

    closes = ">>"

    def __init__(self, frozen: bool) -> None:
        super().__init__(frozen)
        self._bits = 0
        # The part read last, whose size or type may follow.
        self._part: int | str | bytes | None = None

    def add(self, value: Any) -> None:
        if type(value) is not int:
            raise Problem("a binary is made of integers and text")
        self._part = value

    def text(self, value: str | bytes) -> None:
        self._part = value

    def segment(self, value: int | str) -> None:
        part = self._part
        if part is None:
            raise Problem("one size or type is enough")
        if isinstance(part, int):
            if value != "integer":
                self._integer(part, value)
        elif value == "utf8":
            self._data(part.encode() if isinstance(part, str) else part)
        elif isinstance(part, bytes) and value in ("binary", "bytes"):
            self._data(part)
        else:
            raise Problem(f"unknown type {value}: text may be utf8 here")

    def comma(self) -> None:
        part, self._part = self._part, None
        if isinstance(part, int):
            self._integer(part, 8)
        elif isinstance(part, bytes):
            self._data(part)
        elif part is not None:
            self._data(_latin_1(part))

    def _integer(self, number: int, size: int | str) -> None:
        if not isinstance(size, int):
            raise Problem(f"unknown type {size}: an integer has a size in bits here")
        self._count(size)
        self.items.append((number & ((1 << size) - 1), size))
        self._part = None

    def _data(self, data: bytes) -> None:
        self._count(8 * len(data))
        self.items.append((data, None))
        self._part = None

    def _count(self, bits: int) -> None:
        self._bits += bits
        if self._bits > MAX_BITS:
            raise Problem(f"a binary of more than {MAX_BITS // 8} bytes")

    def finish(self) -> bytes | BitBinary:
        self.comma()
        data, number, bits = bytearray(), 0, 0
        for part, size in self.items:
            if size is None:
                size = 8 * len(part)
                if not bits:
                    data += part
                    continue
                part = int.from_bytes(part, "big")
            number, bits = number << size | part, bits + size
            whole, bits = divmod(bits, 8)
            data += (number >> bits).to_bytes(whole, "big")
            number &= (1 << bits) - 1
        if not bits:
            return bytes(data)
        return BitBinary(bytes(data) + bytes([number << 8 - bits]), bits)


def _latin_1(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise Problem('text beyond Latin-1 needs a type: "text"/utf8') from None


def opened(word: str, frozen: bool) -> Frame:
    """Start the container that this word opens."""
    if word == "[":
        return List(frozen)
    if word == "{":
        return Tuple(frozen)
    if word == "<<":
        return Binary(frozen)
    return Map(frozen, word[1:-1])
