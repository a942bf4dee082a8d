"""What an I/O request asks for, read into a record (protocol 6.8).

The forms from before R13, without an encoding, mean ``latin1``.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from etf import Atom

Encoding = Literal["unicode", "latin1"]
Call = tuple[Atom, Atom, list[Any]]


class Put(NamedTuple):
    """Characters to put out, or a call that gives them."""

    encoding: Encoding
    characters: Any
    call: Call | None = None

    @property
    def codec(self) -> str:
        """What its binaries are in."""
        return "utf-8" if self.encoding == "unicode" else "latin-1"


class Read(NamedTuple):
    """Input that is wanted."""

    what: Literal["line", "chars", "until", "password"]
    encoding: Encoding
    prompt: Any = ""
    size: int = 0
    """How many characters, for ``chars``."""
    call: Call | None = None


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


Request = Put | Read | GetOptions | SetOptions | Geometry | Several


def parse(request: Any) -> Request | None:
    """Return what is asked for; None if nobody knows such a request."""
    match request:
        case Atom("getopts"):
            return GetOptions()
        case Atom("get_password"):
            return Read("password", "latin1")
        case list():
            # The patterns below would take it for a tuple.
            return None
        case (Atom("setopts"), list(options)):
            return SetOptions(options)
        case (Atom("get_geometry"), Atom("columns")):
            return Geometry("columns")
        case (Atom("get_geometry"), Atom("rows")):
            return Geometry("rows")
        case (Atom("requests"), list(requests)):
            return Several(requests)
        case (Atom() as verb, *rest) if verb in _WITH_ENCODING:
            return _transfer(verb, rest)
        case (Atom("get_password"), Atom("unicode" | "latin1")):
            return Read("password", _encoding(request[1]))
    return None


def _transfer(verb: Atom, rest: list[Any]) -> Request | None:
    encoding: Encoding = "latin1"
    named = len(rest) in _WITH_ENCODING[str(verb)]
    if named:
        match rest:
            case [Atom("unicode" | "latin1") as first, *rest]:
                encoding = _encoding(first)
            case _:
                return None
    match str(verb), rest:
        case "put_chars", [characters]:
            return Put(encoding, characters)
        case "put_chars", [Atom() as module, Atom() as function, list(arguments)]:
            return Put(encoding, None, (module, function, arguments))
        case "get_line", [prompt]:
            return Read("line", encoding, prompt)
        case "get_chars", [prompt, int(count)] if count > 0 and count is not True:
            return Read("chars", encoding, prompt, count)
        case "get_until", [prompt, Atom() as module, Atom() as name, list(arguments)]:
            return Read("until", encoding, prompt, 0, (module, name, arguments))
    return None


_WITH_ENCODING = {
    "put_chars": (2, 4),
    "get_line": (2,),
    "get_chars": (3,),
    "get_until": (5,),
}
"""How many elements follow the verb when the first of them is the encoding."""


def _encoding(atom: Atom) -> Encoding:
    return "unicode" if atom == "unicode" else "latin1"
