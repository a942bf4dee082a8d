"""What a device of ours does for a request: which text, how much input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from etf import Atom

from ...errors.text import parts
from ...process.atoms import ERROR
from . import protocol
from .chars import text
from .formatting import MAX_TEXT, render
from .pretty import pretty
from .protocol import LATIN_1, UNICODE, Geometry, GetOptions
from .reading import MAX_INPUT, Reader, characters, line, until
from .words import atom, quoted
from .writing import write

MAX_NESTING = 8
"""Lists of requests inside each other."""

MAX_REQUESTS = 1000
"""Requests in one list."""

MAX_PARTS = 500_000
"""Parts of the terms that one request, or list of requests, has formatted."""

REQUEST = (ERROR, Atom("request"))
NOT_SUPPORTED = (ERROR, Atom("enotsup"))
TERMINATED = (ERROR, Atom("terminated"))
SYSTEM_LIMIT = (ERROR, Atom("system_limit"))
_PUT_CHARS = Atom("put_chars")
_ENCODINGS = {"unicode": UNICODE, "utf8": UNICODE, "latin1": LATIN_1}


@dataclass(frozen=True, slots=True)
class Put:
    """Put out this text."""

    text: str


@dataclass(frozen=True, slots=True)
class Read:
    """Take input, until *reader* has enough of it."""

    prompt: str
    reader: Reader
    encoding: str


@dataclass(frozen=True, slots=True)
class Password:
    """Take a line that is not shown."""

    encoding: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Give this reply, and do nothing."""

    reply: Any


@dataclass(frozen=True, slots=True)
class SetOptions:
    """Set the device."""

    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Several:
    """Do all of these, up to the first that fails."""

    wishes: tuple[Wish, ...]


Wish = Put | Read | Password | Answer | GetOptions | SetOptions | Geometry | Several


class _Room:
    """What is left of the limits for one request, with all that are inside of it."""

    def __init__(self) -> None:
        self.parts = MAX_PARTS
        self.text = MAX_TEXT

    def has_for(self, *terms: Any) -> bool:
        """Tell whether these may be formatted."""
        self.parts -= parts(terms, max(0, self.parts))
        return self.parts >= 0

    def put(self, written: str) -> Wish:
        """Put out a text, if it is not too long."""
        self.text -= len(written)
        return Put(written) if self.text >= 0 else Answer(SYSTEM_LIMIT)


def wish(request: Any) -> Wish:
    """Return what *request* asks for. Nothing that it may be raises."""
    return _wish(request, MAX_NESTING, _Room())


def _wish(request: Any, nesting: int, room: _Room) -> Wish:
    match protocol.parse(request):
        case protocol.Put(encoding, characters):
            return _put_text(characters, encoding, room)
        case protocol.PutCall(_, (module, function, arguments)):
            return _put_call(module, function, arguments, room)
        case protocol.Read("password", encoding):
            return Password(encoding)
        case protocol.Read() as wanted:
            return _read(wanted, room)
        case protocol.SetOptions(options):
            return _set_options(options)
        case GetOptions() | Geometry() as wanted:
            return wanted
        case protocol.Several(requests) if nesting and len(requests) <= MAX_REQUESTS:
            return _several(requests, nesting - 1, room)
    return Answer(REQUEST)


def _several(requests: list[Any], nesting: int, room: _Room) -> Several:
    wishes: list[Wish] = []
    for one in requests:
        wishes.append(_wish(one, nesting, room))
        if _fails(wishes[-1]):
            # Those behind it are not done.
            break
    return Several(tuple(wishes))


def _fails(wanted: Wish) -> bool:
    if isinstance(wanted, Several):
        return bool(wanted.wishes) and _fails(wanted.wishes[-1])
    return isinstance(wanted, Answer)


def reads(wanted: Wish) -> bool:
    """Tell whether input is needed for it."""
    if isinstance(wanted, Several):
        return any(reads(one) for one in wanted.wishes)
    return isinstance(wanted, Read | Password)


def _read(wanted: protocol.Read, room: _Room) -> Wish:
    if not room.has_for(wanted.prompt) or wanted.size > MAX_INPUT:
        return Answer(SYSTEM_LIMIT)
    reader: Reader = line
    if wanted.what == "chars":
        reader = characters(wanted.size)
    elif wanted.call is not None:
        known = until(*wanted.call)
        if known is None:
            return Answer((ERROR, wanted.call[1]))
        reader = known
    return Read(prompt_text(wanted.prompt, wanted.encoding), reader, wanted.encoding)


def prompt_text(prompt: Any, encoding: str = UNICODE) -> str:
    """Return a prompt as it is shown; ``io_lib:format_prompt/2``."""
    directive = "~ts" if encoding == UNICODE else "~s"
    match prompt:
        case (Atom("format"), form, list(arguments)):
            shown = render(form, arguments, limit=MAX_INPUT)
        case list() | bytes() | str() | None | bool():
            shown = render(Atom(directive), [prompt], limit=MAX_INPUT)
        case _:
            shown = render(Atom(directive[:-1] + "p"), [prompt], limit=MAX_INPUT)
    return "???" if shown is None else shown


def _put_text(chars: Any, encoding: Atom, room: _Room) -> Wish:
    written = text(chars, protocol.codec(encoding))
    if written is None:
        return Answer((ERROR, (_PUT_CHARS, encoding, chars)))
    return room.put(written)


def _put_call(module: Any, function: Any, arguments: Any, room: _Room) -> Wish:
    """Put out what a function of ``io_lib`` returns, which nobody but us computes."""
    if not room.has_for(arguments):
        return Answer(SYSTEM_LIMIT)
    written = None
    if isinstance(module, Atom) and module == "io_lib" and isinstance(arguments, list):
        try:
            written = _called(function, arguments)
        except (ValueError, OverflowError):
            written = None
    if written is None:
        return Answer((ERROR, function))
    return room.put(written)


def _called(function: Any, arguments: list[Any]) -> str | None:
    match function, arguments:
        case Atom("format" | "fwrite"), [form, list(values)] | [
            form,
            list(values),
            list(),
        ]:
            return render(form, values)
        case Atom("write"), [term] | [term, list()]:
            return write(term)
        case Atom("write"), [term, int(depth)]:
            return write(term, depth, unicode=False)
        case Atom("print"), [term]:
            return pretty(term)
        case Atom("print"), [term, int(column), int(width), int(depth)]:
            return pretty(term, column=column, width=width, depth=depth, unicode=False)
        case Atom("nl"), []:
            return "\n"
        case Atom("write_atom"), [Atom() as name]:
            return atom(name, unicode=True)
        case Atom("write_string"), [list() as string]:
            characters_ = text(string)
            return characters_ and quoted(characters_, '"', unicode=True)
    return None


def _set_options(options: list[Any]) -> Wish:
    chosen: dict[str, Any] = {}
    for option in reversed(options):
        match option:
            case Atom("binary" | "list"):
                chosen["binary"] = option == "binary"
            case Atom("echo"):
                chosen["echo"] = True
            case Atom("unicode" | "utf8" | "latin1"):
                chosen["encoding"] = _ENCODINGS[option]
            case (Atom("encoding"), Atom("unicode" | "utf8" | "latin1") as encoding):
                chosen["encoding"] = _ENCODINGS[encoding]
            case (Atom("binary" | "echo") as name, bool(on)):
                chosen[str(name)] = on
            case (Atom("list"), bool(on)):
                chosen["binary"] = not on
            case (Atom("expand_fun" | "line_history" | "log"), _):
                # It is for who edits lines, and nobody here does.
                pass
            case _:
                return Answer(NOT_SUPPORTED)
    return SetOptions(chosen)
