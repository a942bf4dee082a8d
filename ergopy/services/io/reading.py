"""Requests for input: how much of it they take, and what they answer.

Each is a function of the input that is there, and of whether that is all. It returns
the reply and the input that is left, or None for more. A text stands for characters,
which become a string or a binary at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from etf import Atom

from ...process.atoms import ERROR, OK
from .chars import codes, text
from .fread import EOF, fread
from .scanning import tokens

MAX_INPUT = 2**20
"""Characters that a request may ask for, or keep while it waits for more."""

Reader = Callable[[str, bool], "tuple[Any, str] | None"]


def line(buffer: str, at_end: bool) -> tuple[Any, str] | None:
    """Take a line with its end; ``io:get_line``."""
    first, newline, rest = buffer.partition("\n")
    if newline:
        return first.removesuffix("\r") + newline, rest
    if not at_end:
        return None
    return (buffer or EOF), ""


def characters(count: int) -> Reader:
    """Take so many characters; ``io:get_chars``."""

    def read(buffer: str, at_end: bool) -> tuple[Any, str] | None:
        if len(buffer) >= count:
            return buffer[:count], buffer[count:]
        if not at_end:
            return None
        return (buffer or EOF), ""

    return read


def until(module: Any, function: Any, arguments: Any) -> Reader | None:
    """Take what a function of OTP wants, if it is one that is done here too."""
    match module, function, arguments:
        case Atom("io_lib"), Atom("fread"), [form]:
            pattern = str(form) if isinstance(form, Atom) else text(form)
            if pattern is not None:
                return lambda buffer, at_end: fread(pattern, buffer, at_end)
        case Atom("erl_scan"), Atom("tokens"), [start] | [start, []] if _is_location(
            start
        ):
            return lambda buffer, at_end: tokens(buffer, at_end, start)
        case Atom("io_lib"), Atom("collect_line"), _:
            return line
        case Atom("io_lib"), Atom("collect_chars"), [int(count)] if (
            0 <= count <= MAX_INPUT
        ):
            return characters(count)
    return None


def _is_location(start: Any) -> bool:
    if isinstance(start, tuple):
        return len(start) == 2 and all(type(part) is int for part in start)
    return type(start) is int


def encoded(reply: Any, *, encoding: str, binary: bool) -> Any:
    """Return a reply as it goes out: a text as a string or a binary."""
    if isinstance(reply, Atom) or not isinstance(reply, str):
        return reply
    if encoding == "latin1" and any(char > "\xff" for char in reply):
        return (ERROR, (Atom("no_translation"), Atom("unicode"), Atom("latin1")))
    if not binary:
        return codes(reply)
    return reply.encode("latin-1" if encoding == "latin1" else "utf-8", "replace")


__all__ = ["EOF", "MAX_INPUT", "OK", "Reader", "characters", "encoded", "line", "until"]
