"""What printing and reading source text share: names, words and escapes.

The two languages agree on little here. What is written without quotes is kept to what
every supported release of a language reads back as the same atom.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias
from unicodedata import name as unicode_name
from unicodedata import normalize

Syntax: TypeAlias = Literal["erlang", "elixir"]
ERLANG: Final = "erlang"
ELIXIR: Final = "elixir"

# Integers longer than this many decimal digits are written in base 16, and read in a
# power of two only: Python refuses longer ones, for the quadratic cost of converting.
MAX_DECIMAL_DIGITS: Final = 4_000


def _words(text: str) -> list[str]:
    return text.split()


ERLANG_WORDS: Final = frozenset(
    _words(
        "after and andalso band begin bnot bor bsl bsr bxor case catch cond div else "
        "end fun if let maybe not of or orelse receive rem try when xor"
    )
)

_LATIN_LOWER = "a-zß-öø-ÿ"
_LATIN_WORD = "A-Za-z0-9_@À-ÖØ-öø-ÿ"
ERLANG_ATOM: Final = rf"[{_LATIN_LOWER}][{_LATIN_WORD}]*"
_erlang_atom = re.compile(ERLANG_ATOM)

# Longest first, so that the list can be matched one after the other.
ELIXIR_OPERATORS: Final = tuple(
    sorted(
        _words(
            "! && || + - * / ++ -- <> .. ..// = == != === !== =~ < > <= >= |> <<< >>> "
            "<<~ ~>> <~ ~> <~> &&& ||| & ^ @ | -> . % %{} {} <<>> \\\\ +++ --- ** ..."
        ),
        key=len,
        reverse=True,
    )
)
_elixir_operators = frozenset(ELIXIR_OPERATORS)
# Which of them may stand as a name after the dot of ``&Mod.name/2``.
ELIXIR_FUNCTION_OPERATORS: Final = _elixir_operators - {
    *_words(".. ..// -> . % %{} {} <<>> ...")
}

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
    if not bare.isidentifier() or normalize("NFKC", name) != name:
        return False
    # A name that mixes scripts is not taken as it is.
    letters = filter(str.isalpha, bare)
    return len({unicode_name(char, "").partition(" ")[0] for char in letters}) < 2


def elixir_function(name: str) -> bool:
    """Tell if Elixir reads this after the dot of ``&Mod.name/2``."""
    if name in ELIXIR_FUNCTION_OPERATORS:
        return True
    return elixir_identifier(name) and not name[0].isupper()


def elixir_alias(name: str) -> str | None:
    """Give the alias that stands for this atom: ``Foo.Bar``, or ``None``."""
    if not _elixir_alias.fullmatch(name):
        return None
    return name.removeprefix("Elixir.")


def quoted(text: str, quote: str, syntax: Syntax) -> str:
    """Write text between quotes, with nothing left in it that a terminal obeys.

    Whatever Unicode does not call printable is escaped, which includes marks that
    change the direction of text.
    """
    text = text.replace("\\", "\\\\").replace(quote, "\\" + quote)
    if syntax == ELIXIR:
        text = text.replace("#{", r"\#{")
    if not text.isprintable():
        escape = _erlang_escape if syntax == ERLANG else _elixir_escape
        text = "".join([c if c.isprintable() else escape(c) for c in text])
    return f"{quote}{text}{quote}"


def _erlang_escape(char: str) -> str:
    letter = ERLANG_ESCAPES.get(char)
    return f"\\{letter}" if letter else f"\\x{{{ord(char):X}}}"


def _elixir_escape(char: str) -> str:
    letter = ELIXIR_ESCAPES.get(char)
    return f"\\{letter}" if letter else f"\\u{{{ord(char):X}}}"
