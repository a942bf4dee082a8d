"""The requests of the I/O protocol, read into records (protocol 6.8).

Whoever serves a device begins here, and carries them out in its own way. The forms of
before R13, without an encoding, mean ``latin1``.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from etf import Atom

LATIN_1, UNICODE = Atom("latin1"), Atom("unicode")

Call = tuple[Any, Any, Any]
"""Module, function and arguments. A peer may send anything as these."""


class Put(NamedTuple):
    """Characters to put out."""

    encoding: Atom
    characters: Any


class PutCall(NamedTuple):
    """What a call gives is to be put out."""

    encoding: Atom
    call: Call


class Read(NamedTuple):
    """Input that is wanted."""

    what: Literal["line", "chars", "until", "password"]
    encoding: Atom
    prompt: Any = ""
    size: int = 0
    """How many characters, for ``chars``."""
    call: Call | None = None
    """What knows when there is enough, for ``until``."""


class GetOptions(NamedTuple):
    """``getopts``."""


class SetOptions(NamedTuple):
    """``setopts``."""

    options: list[Any]


class Geometry(NamedTuple):
    """``get_geometry``."""

    what: Literal["columns", "rows"]


class Several(NamedTuple):
    """Requests that are carried out in turn, until one fails."""

    requests: list[Any]


Request = Put | PutCall | Read | GetOptions | SetOptions | Geometry | Several


def parse(request: Any) -> Request | None:
    """Return what is asked for; None if nobody knows such a request."""
    if isinstance(request, list):
        # The patterns below would take it for a tuple.
        return None
    match request:
        case Atom("getopts"):
            return GetOptions()
        case Atom("get_password"):
            return Read("password", LATIN_1)
        case (Atom("setopts"), list(options)):
            return SetOptions(options)
        case (Atom("get_geometry"), Atom("columns")):
            return Geometry("columns")
        case (Atom("get_geometry"), Atom("rows")):
            return Geometry("rows")
        case (Atom("requests"), list(requests)):
            return Several(requests)
        case (Atom("get_password"), Atom("unicode" | "latin1") as encoding):
            return Read("password", encoding)
        case (Atom("put_chars"), *rest):
            return _put(*_encoded(rest, (2, 4)))
        case (Atom("get_line" | "get_chars" | "get_until") as verb, *rest):
            return _read(verb, *_encoded(rest, (_ELEMENTS[verb],)))
    return None


_ELEMENTS = {"get_line": 2, "get_chars": 3, "get_until": 5}
"""How many elements follow the verb, if the first of them is the encoding."""


def _encoded(rest: list[Any], lengths: tuple[int, ...]) -> tuple[Atom, list[Any]]:
    """Split off the encoding, if so many elements mean that there is one.

    What is none leaves nothing, and that is no request.
    """
    if len(rest) not in lengths:
        return LATIN_1, rest
    match rest:
        case [Atom("unicode" | "latin1") as encoding, *others]:
            return encoding, others
    return LATIN_1, []


def _put(encoding: Atom, rest: list[Any]) -> Request | None:
    match rest:
        case [characters]:
            return Put(encoding, characters)
        case [module, function, arguments]:
            return PutCall(encoding, (module, function, arguments))
    return None


def _read(verb: Atom, encoding: Atom, rest: list[Any]) -> Request | None:
    match verb, rest:
        case Atom("get_line"), [prompt]:
            return Read("line", encoding, prompt)
        case Atom("get_chars"), [prompt, int(count)] if count >= 0 and not isinstance(
            count, bool
        ):
            return Read("chars", encoding, prompt, count)
        case Atom("get_until"), [prompt, module, function, arguments]:
            return Read("until", encoding, prompt, 0, (module, function, arguments))
    return None


def codec(encoding: Atom) -> str:
    """Return Python's name of an encoding."""
    return "utf-8" if encoding == UNICODE else "latin-1"
