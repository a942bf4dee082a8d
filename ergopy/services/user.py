"""``user``: the output device that processes over there get when we start them.

A function that we call by erpc, and every process that we spawn on a BEAM, has our
group leader, so what it prints comes here (protocol 6.8). It is written to standard
output; input is at its end. ``standard_error`` does the same with standard error.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import etf
from etf import Atom, Pid, Reference

from ..process.atoms import ERROR, OK
from .io_lib import render, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..process.process import Process

    Write = Callable[[str], object]

MAX_NESTING = 8
"""Lists of requests inside each other."""

_IO_REPLY = Atom("io_reply")
_EOF = Atom("eof")
_PUT_CHARS = Atom("put_chars")
_REQUEST = (ERROR, Atom("request"))
_NOT_SUPPORTED = (ERROR, Atom("enotsup"))
_TERMINATED = (ERROR, Atom("terminated"))
_OPTIONS = [(Atom("binary"), False), (Atom("encoding"), Atom("unicode"))]


async def user(process: Process) -> None:
    """Write to standard output, and be the group leader of what the node starts.

    After a restart what runs already has one that is gone; what it prints is lost,
    except from applications, whose masters ask for the new one.
    """
    process.runtime.root.group_leader = process.pid
    await run(process, partial(write_to, "stdout"))


async def standard_error(process: Process) -> None:
    """Write to standard error."""
    await run(process, partial(write_to, "stderr"))


async def run(process: Process, write: Write) -> None:
    """Serve I/O requests, one after the other; drop everything else."""
    while True:
        match await process.receive():
            case ("io_request", (Pid() | Reference()) as sender, reply_as, request):
                reply = answer(request, write)
                await process.send(sender, (_IO_REPLY, reply_as, reply))


def answer(request: Any, write: Write, nesting: int = MAX_NESTING) -> Any:
    """Carry out one request; return the reply. *write* takes the text to be put out."""
    match request:
        case ("put_chars", "unicode" | "latin1", module, function, list(arguments)):
            return _put_call(module, function, arguments, write)
        case ("put_chars", module, function, list(arguments)):
            return _put_call(module, function, arguments, write)
        case ("put_chars", "unicode" | "latin1" as encoding, characters):
            codec = "utf-8" if encoding == "unicode" else "latin-1"
            refusal = (ERROR, (_PUT_CHARS, encoding, characters))
            return _put(text(characters, codec), refusal, write)
        case ("put_chars", characters):
            refusal = (ERROR, (_PUT_CHARS, Atom("latin1"), characters))
            return _put(text(characters, "latin-1"), refusal, write)
        case ("get_line" | "get_chars" | "get_until" | "get_password", *_):
            return _EOF
        case "getopts":
            return _OPTIONS
        case ("setopts", _) | ("get_geometry", _):
            return _NOT_SUPPORTED
        case ("requests", list(requests)) if nesting:
            return _answer_all(requests, write, nesting - 1)
        case _:
            return _REQUEST


def _answer_all(requests: list[Any], write: Write, nesting: int) -> Any:
    reply: Any = OK
    for request in requests:
        reply = answer(request, write, nesting)
        if isinstance(reply, tuple) and reply[:1] == (ERROR,):
            break
    return reply


def _put_call(module: Any, function: Any, arguments: list[Any], write: Write) -> Any:
    """Put out what a function of ``io_lib`` returns, which nobody but us computes."""
    characters = None
    match module, function, arguments:
        case "io_lib", "format" | "fwrite", [form, list(values)]:
            characters = render(form, values)
        case "io_lib", "write", [term] | [term, _]:
            characters = etf.format(term)
        case "io_lib", "nl", []:
            characters = "\n"
    return _put(characters, (ERROR, function), write)


def _put(characters: str | None, refusal: Any, write: Write) -> Any:
    if characters is None:
        return refusal
    try:
        write(characters)
    except (OSError, ValueError):
        # Closed, or nobody reads it any more.
        return _TERMINATED
    return OK


def write_to(stream: str, characters: str) -> None:
    """Write to ``sys.stdout`` or ``sys.stderr``, whatever that is just now.

    Nothing that a peer sends reaches the terminal as a control sequence.
    """
    out = getattr(sys, stream)
    if out is None:
        return
    if not characters.isprintable():
        characters = "".join(
            c if c.isprintable() or c in "\n\t" else "?" for c in characters
        )
    encoding = out.encoding or "utf-8"
    out.write(characters.encode(encoding, "replace").decode(encoding))
    out.flush()
