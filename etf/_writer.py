"""What printing Erlang and printing Elixir text have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, ClassVar, Final, TypeAlias

from ._containers import BitBinary, Charlist, FrozenList, ImproperList, TermMap
from ._syntax import MAX_DECIMAL_DIGITS
from ._types import Atom, Export, Fun, LocalTerm, Pid, Port, Reference

# A container is printed in steps: some text and then, if there is one, a term.
Step: TypeAlias = tuple[str] | tuple[str, Any]
Written: TypeAlias = str | Iterator[Step]

_DECIMAL_BITS: Final = int(MAX_DECIMAL_DIGITS * 3.32)
_utf8_decoder = getincrementaldecoder("utf-8")


class Writer(ABC):
    """Prints one value, and leaves the terms inside it to the caller.

    *limit* is how many characters will be shown: no more of a text, binary or list is
    looked at than may become visible.
    """

    comma: ClassVar[str]
    bar: ClassVar[str]
    base_16: ClassVar[str]
    bit_size: ClassVar[str]
    prefixes: ClassVar[tuple[str, str]]

    def __init__(self, limit: int | None) -> None:
        self.most = None if limit is None else limit + 1
        self.forms: dict[type | None, Callable[[Any], Written]] = {
            bool: self.write_constant,
            type(None): self.write_constant,
            Atom: self.write_atom,
            Charlist: self.write_charlist,
            str: self.write_text,
            int: self.write_integer,
            float: self.write_float,
            bytes: self.write_bytes,
            bytearray: self.write_bytes,
            memoryview: self.write_memory,
            list: self.write_list,
            FrozenList: self.write_list,
            tuple: self.write_tuple,
            dict: self.write_map,
            TermMap: self.write_map,
            Mapping: self.write_map,
            BitBinary: self.write_bits,
            ImproperList: self.write_improper,
            Pid: self.write_pid,
            Reference: self.write_reference,
            Port: self.write_port,
            Fun: self.write_fun,
            Export: self.write_export,
            LocalTerm: self.write_local,
        }

    @abstractmethod
    def write_atom(self, item: Atom) -> str: ...

    @abstractmethod
    def write_binary(self, data: bytes, cut: bool) -> str:
        """Print a binary, of which *data* is only the start if *cut*."""

    @abstractmethod
    def write_list(self, item: Any) -> Written: ...

    @abstractmethod
    def write_map(self, item: Mapping[Any, Any]) -> Written: ...

    @abstractmethod
    def write_fun(self, item: Fun) -> str: ...

    @abstractmethod
    def write_export(self, item: Export) -> str: ...

    def write_constant(self, item: object) -> str:
        return "nil" if item is None else str(item).lower()

    def write_integer(self, item: int) -> str:
        item = int(item)
        if -10_000 < item < 10_000 or item.bit_length() < _DECIMAL_BITS:
            return str(item)
        return f"{'-' * (item < 0)}{self.base_16}{abs(item):X}"

    def write_float(self, item: float) -> str:
        return float_text(item)

    def write_charlist(self, item: Charlist) -> Written:
        return self.write_list([ord(char) for char in item[: self.most]])

    def write_text(self, item: str) -> str:
        data = item[: self.most].encode("utf-8", "surrogatepass")
        return self.write_binary(data, self.most is not None and len(item) > self.most)

    def write_bytes(self, item: bytes | bytearray) -> str:
        # A character has up to four bytes.
        most = None if self.most is None else 4 * self.most
        return self.write_binary(
            bytes(item[:most]), most is not None and len(item) > most
        )

    def write_memory(self, item: memoryview) -> str:
        return self.write_bytes(item.tobytes())

    def write_bits(self, item: BitBinary) -> str:
        if self.most is not None and len(item.data) > self.most:
            return self.write_numbers(item.data[: self.most])
        last = f"{item.data[-1] >> 8 - item.bits}{self.bit_size.format(item.bits)}"
        return f"<<{self.comma.join([*map(str, item.data[:-1]), last])}>>"

    def write_numbers(self, data: bytes) -> str:
        return f"<<{self.comma.join(map(str, data))}>>"

    def write_tuple(self, item: tuple[Any, ...]) -> Iterator[Step]:
        return self.enclosed("{", item, "}")

    def write_improper(self, item: ImproperList) -> Iterator[Step]:
        yield from self.enclosed("[", item.items, self.bar)
        yield "", item.tail
        yield ("]",)

    def enclosed(self, left: str, items: Iterable[Any], right: str) -> Iterator[Step]:
        text = left
        for item in items:
            yield text, item
            text = self.comma
        yield (right,) if text is not left else (left + right,)

    def write_pid(self, item: Pid) -> str:
        return f"{self.prefixes[0]}<{visible(item.node)}.{item.id}.{item.serial}>"

    def write_reference(self, item: Reference) -> str:
        words = "".join([f".{word}" for word in reversed(item.words)])
        return f"{self.prefixes[1]}<{visible(item.node)}{words}>"

    def write_port(self, item: Port) -> str:
        return f"#Port<{visible(item.node)}.{item.id}>"

    def write_local(self, item: LocalTerm) -> str:
        return f"#Local<{len(item.data)} bytes>"

    def decoded(self, data: bytes, cut: bool) -> str | None:
        """Give the text that is in UTF-8 here, or ``None``."""
        try:
            return _utf8_decoder().decode(data, final=not cut)
        except UnicodeDecodeError:
            return None

    def start(self, items: Iterable[Any]) -> list[Any]:
        """Give as many of the items as may become visible."""
        return list(islice(items, self.most))


def float_text(number: float) -> str:
    """Print a float with the fewest digits that read back as it, as OTP 25 and later.

    The shorter of ``1.0e22`` and ``0.001``; from 2^53 on, where decimal digits would
    pretend to be exact, always the former.
    """
    if number != number or number in (float("inf"), float("-inf")):
        return f"#Python<{number}>"
    sign, digits, exponent = Decimal(repr(float(number))).normalize().as_tuple()
    text = "".join(map(str, digits))
    assert isinstance(exponent, int)
    point = len(text) + exponent if number else 1
    scientific = f"{text[0]}.{text[1:] or '0'}e{point - 1}"
    if point <= 0:
        decimal = "0." + "0" * -point + text
    else:
        decimal = f"{text[:point]:0<{point}}.{text[point:] or '0'}"
    wide = abs(number) >= 1 << 53 or len(scientific) < len(decimal)
    return "-" * sign + (scientific if wide else decimal)


def visible(name: str) -> str:
    """Show a name outside quotes: whatever is not printable as ``\\x{..}``."""
    if name.isprintable():
        return name
    return "".join(
        [char if char.isprintable() else f"\\x{{{ord(char):X}}}" for char in name]
    )
