"""``user``: the output device that processes over there get when we start them.

A function that we call by erpc, and every process that we spawn on a BEAM, has our
group leader, so what it prints comes here (protocol 6.8). It is written to standard
output; input is at its end.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import etf
from etf import Atom

from ..process.atoms import ERROR, OK

if TYPE_CHECKING:
    from ..node.node import Node
    from ..process.process import Process

MAX_DEPTH = 1000
_REQUEST = (ERROR, Atom("request"))
_NOT_SUPPORTED = (ERROR, Atom("enotsup"))


async def run(process: Process) -> None:
    """Serve I/O requests, one after the other."""
    while True:
        match await process.receive():
            case (Atom("io_request"), sender, reply_as, request):
                reply = answer(request)
                await process.send(sender, (Atom("io_reply"), reply_as, reply))


def answer(request: Any) -> Any:
    """Carry out one request; return the reply."""
    match request:
        case ("put_chars", _, "io_lib", _, [form, list(arguments)]):
            return _write(render(form, arguments))
        case ("put_chars", _, characters) | ("put_chars", characters):
            return _write(text(characters))
        case ("get_line" | "get_chars" | "get_until" | "get_password", *_):
            return Atom("eof")
        case "getopts":
            return [
                (Atom("binary"), False),
                (Atom("encoding"), Atom("unicode")),
            ]
        case ("setopts", _) | ("get_geometry", _):
            return _NOT_SUPPORTED
        case ("requests", list(requests)):
            reply: Any = OK
            for one in requests:
                reply = answer(one)
                if isinstance(reply, tuple) and reply[:1] == (ERROR,):
                    break
            return reply
        case _:
            return _REQUEST


def text(characters: Any) -> str | None:
    """Flatten chardata: binaries and code points in nested lists; None if it is not."""
    parts: list[str] = []
    stack = [characters]
    try:
        while stack:
            match stack.pop():
                case bytes() as data:
                    parts.append(data.decode("utf-8", "replace"))
                case bool():
                    return None
                case int() as point:
                    parts.append(chr(point))
                case list() as items:
                    stack.extend(reversed(items))
                case etf.ImproperList(items=items, tail=tail):
                    stack.append(tail)
                    stack.extend(reversed(items))
                case _:
                    return None
    except (ValueError, OverflowError):
        return None
    return "".join(parts)


def render(form: Any, arguments: list[Any]) -> str | None:
    """Do what ``io_lib:format`` does for the common directives; None if it cannot."""
    pattern = form if isinstance(form, Atom) else text(form)
    if pattern is None:
        return None
    waiting = list(reversed(arguments))
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character != "~":
            parts.append(character)
            continue
        while position < len(pattern) and not pattern[position].isalpha():
            if pattern[position] == "~":
                break
            position += 1
        directive = pattern[position : position + 1]
        position += 1
        if directive in ("t", "l") and position < len(pattern):
            directive = pattern[position]
            position += 1
        match directive:
            case "n":
                parts.append("\n")
            case "~":
                parts.append("~")
            case "i" if waiting:
                waiting.pop()
            case "s" | "c" if waiting:
                value = waiting.pop()
                parts.append(text(value) or etf.format(value))
            case _ if directive and waiting:
                parts.append(etf.format(waiting.pop()))
            case _:
                return None
    return "".join(parts)


def _write(characters: str | None) -> Any:
    if characters is None:
        return _REQUEST
    safe = "".join(c if c.isprintable() or c in "\n\t" else "?" for c in characters)
    sys.stdout.write(safe)
    sys.stdout.flush()
    return OK


async def start(node: Node) -> None:
    """Start it under its name, and make it the group leader of the node."""
    pid = await node.spawn(run, name="user")
    node.runtime.root.group_leader = pid
