"""What a program does with a device: the functions of OTP's ``io``, in Python.

Each takes ``device=`` (a pid, a name, ``(name, node)``; None is the group leader of who
asks, which may be a process of a BEAM) and ``caller=``: a process, behaviour or node to
ask for, by default the process that runs the code. They raise what
:func:`ergopy.io.request` raises, and :exc:`ergopy.IoError` for ``{error, Reason}``.
"""

from __future__ import annotations

from typing import Any

import etf
from etf import Atom

from ...errors import IoError
from .chars import codes, text
from .client import request
from .protocol import UNICODE
from .scanning import tokens

_EOF = Atom("eof")
_ERROR = Atom("error")


async def _ask(device: Any, caller: Any, *parts: Any) -> Any:
    kind, *rest = parts
    wanted = (Atom(kind), *rest) if rest else Atom(kind)
    reply = await request(device, wanted, caller=caller)
    if isinstance(reply, tuple) and len(reply) == 2 and reply[0] is _ERROR:
        raise IoError(device, reply[1])
    return reply


async def print(
    *values: Any,
    sep: str = " ",
    end: str = "\n",
    device: Any = None,
    caller: Any = None,
) -> None:
    """Print values as Python's ``print`` does, to a device."""
    await put_chars(sep.join(map(str, values)) + end, device=device, caller=caller)


async def put_chars(chars: Any, *, device: Any = None, caller: Any = None) -> None:
    """Put out text: a ``str``, UTF-8, or chardata; ``io:put_chars/2``.

    It returns when the device has it.

    Raises:
        TypeError: *chars* is no text.
    """
    flat = chars if isinstance(chars, str) else text(chars)
    if flat is None:
        raise TypeError(f"not text: {chars!r}")
    data = flat.encode("utf-8", "replace")
    await _ask(device, caller, "put_chars", UNICODE, data)


async def format(
    form: str, args: list[Any] | None = None, *, device: Any = None, caller: Any = None
) -> None:
    """Put out terms by a format of Erlang, ``"~p~n"``; ``io:format/3``.

    The device does the formatting, so a BEAM's prints terms as that BEAM does.

    Raises:
        IoError: The format does not fit the arguments.
    """
    call = Atom("io_lib"), Atom("format"), [codes(form), args or []]
    await _ask(device, caller, "put_chars", UNICODE, *call)


async def get_line(
    prompt: str = "", *, device: Any = None, caller: Any = None
) -> str | None:
    """Read a line, with its newline, or None at the end; ``io:get_line/2``."""
    return await _read(device, caller, "get_line", UNICODE, prompt.encode())


async def get_chars(
    prompt: str, count: int, *, device: Any = None, caller: Any = None
) -> str | None:
    """Read so many characters, fewer at the end of the input; ``io:get_chars/3``.

    None is the end of the input.
    """
    return await _read(device, caller, "get_chars", UNICODE, prompt.encode(), count)


async def get_password(*, device: Any = None, caller: Any = None) -> str | None:
    """Read a line that is not shown, without its newline; ``io:get_password/1``.

    Raises:
        IoError: The device has no way to hide it: ``enotsup``.
    """
    return await _read(device, caller, "get_password", UNICODE)


async def _read(device: Any, caller: Any, *parts: Any) -> str | None:
    reply = await _ask(device, caller, *parts)
    if reply is _EOF:
        return None
    flat = text(reply)
    if flat is None:
        raise IoError(device, reply)
    return flat


async def read(prompt: str = "", *, device: Any = None, caller: Any = None) -> Any:
    """Read a term that ends in a dot, in Erlang's syntax; ``io:read/2``.

    It takes whole lines: what stands behind the dot is dropped.

    Raises:
        EOFError: The input is at its end.
        etf.ParseError: It is no term.
    """
    lines = ""
    while True:
        line = await get_line(prompt, device=device, caller=caller)
        lines += line or ""
        taken = tokens(lines, line is None, 1)
        if taken is not None:
            break
    reply, left = taken
    if reply[0] is _EOF:
        raise EOFError("no more terms")
    return etf.parse(lines.removesuffix(left), "erlang")


async def getopts(*, device: Any = None, caller: Any = None) -> dict[str, Any]:
    """Return how a device is set, ``encoding`` and the like; ``io:getopts/1``."""
    options = await _ask(device, caller, "getopts")
    pairs = [pair for pair in options if isinstance(pair, tuple) and len(pair) == 2]
    return {str(name): value for name, value in pairs}


async def setopts(
    options: dict[str, Any], *, device: Any = None, caller: Any = None
) -> None:
    """Set a device: ``{"binary": True}``; ``io:setopts/2``.

    Raises:
        IoError: It does not know one of them: ``enotsup``.
    """
    pairs = [
        (Atom(name), Atom(value) if isinstance(value, str) else value)
        for name, value in options.items()
    ]
    await _ask(device, caller, "setopts", pairs)


async def columns(*, device: Any = None, caller: Any = None) -> int | None:
    """Return how many characters go on a line; None if there is no limit."""
    return await _size(device, caller, "columns")


async def rows(*, device: Any = None, caller: Any = None) -> int | None:
    """Return how many lines are seen at a time; None if that has no meaning."""
    return await _size(device, caller, "rows")


async def _size(device: Any, caller: Any, what: str) -> int | None:
    reply = await request(device, (Atom("get_geometry"), Atom(what)), caller=caller)
    return reply if type(reply) is int else None
