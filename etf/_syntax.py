"""What printing and reading source text share: names, words and escapes.

The two languages agree on little here. What is written without quotes is kept to what
every supported release of a language reads back as the same atom.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize

# Integers longer than this many decimal digits are written in base 16, and read in a
# power of two only: Python refuses to convert longer ones, for their quadratic cost.
MAX_DECIMAL_DIGITS: Final = 4_000

ERLANG_WORDS: Final = frozenset(
    "after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end "
    "fun if let maybe not of or orelse receive rem try when xor".split()
)

_LATIN_LOWER = "a-zß-öø-ÿ"
_LATIN_WORD = "A-Za-z0-9_@À-ÖØ-öø-ÿ"
ERLANG_ATOM: Final = rf"[{_LATIN_LOWER}][{_LATIN_WORD}]*"
_erlang_atom = re.compile(ERLANG_ATOM)

# Longest first, so that the list can be matched one after the other.
ELIXIR_OPERATORS: Final = tuple(
    sorted(
        "! && || + - * / ++ -- <> .. ..// = == != === !== =~ < > <= >= |> <<< >>> <<~ "
        "~>> <~ ~> <~> &&& ||| & ^ @ | -> . % %{} {} <<>> \\\\ +++ --- ** ...".split(),
        key=len,
        reverse=True,
    )
)
_elixir_operators = frozenset(ELIXIR_OPERATORS)
# Which of them may stand as a name after the dot of ``&Mod.name/2``.
ELIXIR_FUNCTION_OPERATORS: Final = _elixir_operators - set(
    ".. ..// -> . % %{} {} <<>> ...".split()
)

ELIXIR_NAME: Final = r"[^\W\d][\w@]*[?!]?"
ELIXIR_ALIAS: Final = r"[A-Z][A-Za-z0-9_]*(?:\.[A-Z][A-Za-z0-9_]*)*"
_elixir_name = re.compile(ELIXIR_NAME)
_elixir_alias = re.compile(rf"Elixir(?:\.(?!Elixir\b){ELIXIR_ALIAS})?")

# The characters with an escape of one letter, which all releases know.
ERLANG_ESCAPES: Final = {
    "\b": "b",
    "\t": "t",
    "\n": "n",
    "\v": "v",
    "\f": "f",
    "\r": "r",
    "\x1b": "e",
    "\x7f": "d",
}
ELIXIR_ESCAPES: Final = {"\0": "0", "\a": "a", **ERLANG_ESCAPES}


def erlang_plain(name: str) -> bool:
    """Tell if Erlang reads this as an atom without quotes."""
    return bool(_erlang_atom.fullmatch(name)) and name not in ERLANG_WORDS


def elixir_plain(name: str) -> bool:
    """Tell if Elixir reads ``:`` and this as an atom."""
    return elixir_identifier(name) or name in _elixir_operators


def elixir_identifier(name: str) -> bool:
    """Tell if this is a name in Elixir, as of a function."""
    if not _elixir_name.fullmatch(name):
        return False
    if name.isascii():
        return True
    bare = name.rstrip("?!").replace("@", "_")
    return bare.isidentifier() and normalize("NFKC", name) == name


def elixir_alias(name: str) -> str | None:
    """Give the alias that stands for this atom: ``Foo.Bar``, or ``None``."""
    if not _elixir_alias.fullmatch(name):
        return None
    return name.removeprefix("Elixir.")


def quoted(text: str, quote: str, syntax: str) -> str:
    """Write text between quotes, with nothing left in it that a terminal obeys.

    Whatever Unicode does not call printable is escaped, which includes marks that
    change the direction of text.
    """
    if text.isprintable() and not _special.search(text):
        return f"{quote}{text}{quote}"
    escape = _escape_erlang if syntax == "erlang" else _escape_elixir
    inner = "".join([escape(char, quote) for char in text])
    if syntax == "elixir":
        inner = inner.replace("#{", r"\#{")
    return f"{quote}{inner}{quote}"


_special = re.compile(r"""["'\\{]""")


def _escape_erlang(char: str, quote: str) -> str:
    if char in ERLANG_ESCAPES:
        return "\\" + ERLANG_ESCAPES[char]
    if char in ("\\", quote):
        return "\\" + char
    if char.isprintable():
        return char
    return f"\\x{{{ord(char):X}}}"


def _escape_elixir(char: str, quote: str) -> str:
    if char in ELIXIR_ESCAPES:
        return "\\" + ELIXIR_ESCAPES[char]
    if char in ("\\", quote):
        return "\\" + char
    if char.isprintable():
        return char
    return f"\\u{{{ord(char):X}}}"
