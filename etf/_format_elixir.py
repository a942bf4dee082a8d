"""Terms as Elixir source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ._order import kind_of
from ._syntax import (
    ELIXIR,
    elixir_alias,
    elixir_function,
    elixir_plain,
    quoted,
)
from ._types import Atom, Export, Fun
from ._writer import Step, Writer, Written, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_QUOTE: Final = '"'
_printable = re.compile(
    r"[\x07-\x0d\x1b\x20-\x7f\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*"
)
_CHARLIST_CODES: Final = frozenset((*range(0x07, 0x0E), 0x1B, *range(0x20, 0x7F)))
_KEYWORD_KINDS: Final = frozenset((Atom, bool, type(None)))


class ElixirWriter(Writer):
    """Prints as ``inspect`` does."""

    comma = ", "
    bar = " | "
    base_16 = "0x"
    bit_size = "::size({})"
    prefixes = ("#PID", "#Reference")

    def write_atom(self, item: Atom) -> str:
        if item in ("nil", "true", "false"):
            return str(item)
        alias = elixir_alias(item)
        if alias is not None:
            return alias
        return ":" + (str(item) if elixir_plain(item) else _quoted(item))

    def write_float(self, item: float) -> str:
        # Elixir shows every digit of a float that is a whole number of up to 16.
        if 1 <= abs(item) < 1e16 and float(item).is_integer():
            return f"{int(item)}.0"
        return super().write_float(item)

    def write_binary(self, data: bytes, cut: bool) -> str:
        text = self.decoded(data, cut)
        if text is None or not _printable.fullmatch(text):
            return self.write_numbers(data)
        return _quoted(text)

    def write_list(self, item: Any) -> Written:
        start = self.start(item)
        if start and all(_is_charlist_code(code) for code in start):
            return "~c" + _quoted("".join(map(chr, start)))
        if start and all(_is_pair(pair) for pair in start):
            return self._keywords("[", item, "]")
        return self.enclosed("[", item, "]")

    def write_map(self, item: Mapping[Any, Any]) -> Iterator[Step]:
        start = self.start(item)
        if start and all(_is_keyword(key) for key in start):
            return self._keywords("%{", item.items(), "}")
        return self._arrows(item)

    def _arrows(self, item: Mapping[Any, Any]) -> Iterator[Step]:
        text = "%{"
        for key, value in item.items():
            yield text, key
            yield " => ", value
            text = ", "
        yield ("}",) if text == ", " else ("%{}",)

    def _keywords(self, left: str, pairs: Any, right: str) -> Iterator[Step]:
        text = left
        for key, value in pairs:
            yield f"{text}{self._keyword(key)}: ", value
            text = ", "
        yield (right,)

    def _keyword(self, key: Atom | bool | None) -> str:
        name = key if isinstance(key, str) else self.write_constant(key)
        return name if elixir_plain(name) else _quoted(name)

    def write_fun(self, item: Fun) -> str:
        module = visible(self.write_atom(item.module))
        return f"#Function<{item.index}.{item.old_uniq}/{item.arity} in {module}>"

    def write_export(self, item: Export) -> str:
        name: str = item.function
        if not elixir_function(name):
            name = _quoted(name)
        module = elixir_alias(item.module)
        if module is None:
            module = item.module if elixir_plain(item.module) else _quoted(item.module)
            module = f":{module}"
        return f"&{module}.{name}/{item.arity}"


def _quoted(text: str) -> str:
    return quoted(text, _QUOTE, ELIXIR)


def _is_charlist_code(code: object) -> bool:
    if not isinstance(code, int) or isinstance(code, bool):
        return False
    return code in _CHARLIST_CODES


def _is_pair(item: object) -> bool:
    if kind_of(item) is not tuple:
        return False
    assert isinstance(item, tuple)
    return len(item) == 2 and _is_keyword(item[0])


def _is_keyword(key: object) -> bool:
    if kind_of(key) not in _KEYWORD_KINDS:
        return False
    return not (isinstance(key, str) and key.startswith("Elixir."))
