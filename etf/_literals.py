"""The value of one literal of Erlang or Elixir source.

Every function takes the literal as it stands in the text, quotes and signs included,
and gives its value or raises ``Problem``. The shape was checked by the lexer's rule.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Final

from ._syntax import ELIXIR_ESCAPES, ERLANG_ESCAPES, ERLANG_WORDS
from ._types import Atom, Export

_CONSTANTS: Final[dict[str, bool | None]] = {"true": True, "false": False, "nil": None}


class Problem(Exception):
    """What is wrong with a literal, and how far inside it."""

    def __init__(self, problem: str, shift: int = 0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.shift = shift


def atom(name: str) -> Atom:
    try:
        return Atom(name)
    except ValueError as exc:
        raise Problem(str(exc)) from None


def atom_value(name: str) -> Atom | bool | None:
    """Give the value that stands for an atom: ``True`` for ``true``."""
    return _CONSTANTS[name] if name in _CONSTANTS else atom(name)


def integer(text: str) -> int:
    return _int(text.replace("_", ""), 10)


def erlang_based(text: str) -> int:
    base_text, _, digits = text.replace("_", "").partition("#")
    base = abs(int(base_text))
    if not 2 <= base <= 36:
        raise Problem(f"a base is 2 to 36, not {base}")
    return _int(digits, base) * (-1 if text.startswith("-") else 1)


def elixir_based(text: str) -> int:
    return _int(text.replace("_", ""), 0)


def _int(digits: str, base: int) -> int:
    try:
        return int(digits, base)
    except ValueError as exc:
        if "limit" in str(exc):
            raise Problem("too many digits; write it in base 16") from None
        raise Problem(f"not a number in base {base}") from None


def floating(text: str) -> float:
    number = float(text.replace("_", ""))
    if not isfinite(number):
        raise Problem("too large for a float")
    return number


_ERLANG_CODE = r"x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|[0-7]{1,3}|\^."
_ELIXIR_CODE = (
    r"u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{1,2}|#\{"
)
ERLANG_ESCAPE: Final = rf"\\(?:{_ERLANG_CODE}|.)"
ELIXIR_ESCAPE: Final = rf"\\(?:{_ELIXIR_CODE}|.)"
_erlang_escape = re.compile(ERLANG_ESCAPE, re.DOTALL)
_elixir_escape = re.compile(rf"{ELIXIR_ESCAPE}|#\{{", re.DOTALL)
_ERLANG_LETTERS: Final = {
    "s": " ",
    **{letter: char for char, letter in ERLANG_ESCAPES.items()},
}
_ELIXIR_LETTERS: Final = {
    "s": " ",
    **{letter: char for char, letter in ELIXIR_ESCAPES.items()},
}


def erlang_text(text: str) -> str:
    """Read ``"text"`` as characters."""
    return _erlang_escape.sub(
        lambda found: _erlang_char(found[0], found.start() + 1), text[1:-1]
    )


def erlang_char(text: str) -> int:
    """Read ``$c``."""
    return ord(_erlang_char(text[1:], 0) if text[1] == "\\" else text[1])


def _erlang_char(escape: str, shift: int) -> str:
    code = escape[1:]
    if code in _ERLANG_LETTERS:
        return _ERLANG_LETTERS[code]
    if code[0] == "x" and len(code) > 1:
        return _character(code[1:].strip("{}"), shift)
    if code[0] in "01234567":
        return chr(int(code, 8))
    if code[0] == "^" and len(code) > 1:
        return chr(ord(code[1]) & 31)
    return code


def _character(digits: str, shift: int) -> str:
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise Problem("not a character", shift)
    return chr(code)


def elixir_text(text: str) -> bytes:
    """Read ``"text"`` as UTF-8, in which ``\\x`` may have put any byte."""
    return _elixir_bytes(text, 1)


def elixir_charlist(text: str) -> list[int]:
    """Read ``~c"text"`` and ``'text'`` as code points."""
    return list(map(ord, _elixir_str(text, 3 if text[0] == "~" else 1)))


def elixir_char(text: str) -> int:
    """Read ``?c``."""
    if text[1] != "\\":
        return ord(text[1])
    char = _elixir_char(text[1:], 0)
    return char[0] if isinstance(char, bytes) else ord(char)


def _elixir_str(text: str, start: int) -> str:
    try:
        return _elixir_bytes(text, start).decode()
    except UnicodeDecodeError:
        raise Problem("not UTF-8 after its escapes") from None


def _elixir_bytes(text: str, start: int) -> bytes:
    parts, position = [], start
    for found in _elixir_escape.finditer(text, start, len(text) - 1):
        if found[0] == "#{":
            raise Problem("text is taken as it is: write \\#{ for #{", found.start())
        char = _elixir_char(found[0], found.start())
        parts.append(text[position : found.start()].encode())
        parts.append(char if isinstance(char, bytes) else char.encode())
        position = found.end()
    parts.append(text[position:-1].encode())
    return b"".join(parts)


def _elixir_char(escape: str, shift: int) -> str | bytes:
    code = escape[1:]
    if code in _ELIXIR_LETTERS:
        return _ELIXIR_LETTERS[code]
    if code == "\n":
        return ""
    if code[0] not in "ux":
        return code
    if len(code) == 1:
        raise Problem(f"hexadecimal digits belong after \\{code}", shift)
    if code[0] == "x" and code[1] != "{":
        return bytes([int(code[1:], 16)])
    return _character(code[1:].strip("{}"), shift)


def elixir_word(text: str) -> bool | None:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    raise Problem(f"{text} is a variable in Elixir: as an atom write :{text}")


def elixir_atom(text: str) -> Atom | bool | None:
    """Read what follows the colon of ``:name`` or ``:"name"``."""
    return atom_value(elixir_name(text[1:]))


def elixir_key(text: str) -> Atom | bool | None:
    """Read ``name:`` or ``"name":``."""
    return atom_value(elixir_name(text[:-1]))


def alias(text: str) -> Atom:
    if text == "Elixir" or text.startswith("Elixir."):
        return atom(text)
    return atom("Elixir." + text)


def variable(text: str) -> None:
    raise Problem(f"{text} is a variable: only values can be written here")


def opaque(text: str) -> None:
    raise Problem(
        "pids, references, ports and funs have no source form: "
        "their text leaves out what tells two of them apart"
    )


def function(module: str, name: str, arity: str) -> Export:
    """Make the value of ``fun m:f/1`` or ``&Mod.fun/1`` of its parts."""
    if int(arity) > 255:
        raise Problem(f"a function has at most 255 arguments, not {arity}")
    return Export(atom(module), atom(name), int(arity))


def erlang_name(text: str) -> str:
    """Read a name that is an atom: ``name`` or ``'name'``."""
    if text[0] == "'":
        return erlang_text(text)
    if text in ERLANG_WORDS:
        raise Problem(f"{text} is a reserved word: as an atom write '{text}'")
    return text


def erlang_word(text: str) -> Atom | bool | None:
    return atom_value(erlang_name(text))


def elixir_name(text: str) -> str:
    """Read a name: ``name`` or ``"name"``."""
    return _elixir_str(text, 1) if text[0] in "\"'" else text


def elixir_module(text: str) -> str:
    """Read the name of a module: ``:name``, ``:"name"`` or ``Name``."""
    return elixir_name(text[1:]) if text[0] == ":" else alias(text)
