"""Terms as Erlang source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ._syntax import ERLANG, erlang_plain, quoted
from ._writer import Step, Writer, Written, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ._types import Atom, Export, Fun

_QUOTE: Final = '"'
_UNICODE: Final = r"\x08-\x0d\x1b\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff"
_printable = re.compile(rf"[{_UNICODE}]*")
_printable_latin_1 = re.compile(r"[\x08-\x0d\x1b\x20-\x7e\xa0-\xff]*")
_LATIN_1_CODES: Final = frozenset(
    code for code in range(256) if _printable_latin_1.fullmatch(chr(code))
)


class ErlangWriter(Writer):
    """Prints as ``~0tp`` does."""

    comma = ","
    bar = "|"
    base_16 = "16#"
    bit_size = ":{}"
    prefixes = ("", "#Ref")

    def write_atom(self, item: Atom) -> str:
        return str(item) if erlang_plain(item) else quoted(item, "'", ERLANG)

    def write_binary(self, data: bytes, cut: bool) -> str:
        if not data:
            return "<<>>"
        text, kind = self.decoded(data, cut), ""
        if text is None:
            text, shown = data.decode("latin-1"), _printable_latin_1
        else:
            kind, shown = "" if text.isascii() else "/utf8", _printable
        if not shown.fullmatch(text):
            return self.write_numbers(data)
        return f"<<{quoted(text, _QUOTE, ERLANG)}{kind}>>"

    def write_list(self, item: Any) -> Written:
        start = self.start(item)
        if start and all(_is_latin_1(code) for code in start):
            return quoted("".join(map(chr, start)), _QUOTE, ERLANG)
        return self.enclosed("[", item, "]")

    def write_map(self, item: Mapping[Any, Any]) -> Iterator[Step]:
        text = "#{"
        for key, value in item.items():
            yield text, key
            yield " => ", value
            text = ","
        yield ("}",) if text == "," else ("#{}",)

    def write_fun(self, item: Fun) -> str:
        return f"#Fun<{visible(item.module)}.{item.index}.{item.old_uniq}>"

    def write_export(self, item: Export) -> str:
        module, function = self.write_atom(item.module), self.write_atom(item.function)
        return f"fun {module}:{function}/{item.arity}"


def _is_latin_1(code: object) -> bool:
    if not isinstance(code, int) or isinstance(code, bool):
        return False
    return code in _LATIN_1_CODES
