"""``sys``: looking into a behaviour, here or on another node, while it runs.

Each function takes whom to ask (a pid, a name, ``(name, node)``), and ``caller=``: a
process, a behaviour or a node to ask for; by default the process that runs the code.
The answers are what OTP's functions of the same name give. They raise what
``Process.call`` raises, and :exc:`ergopy.SysError` for an ``{error, Reason}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid

from ..errors import SysError
from ..process.atoms import SYSTEM
from ..process.calls import call
from .caller import acting
from .system import FIRST_WITH_OK

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..process.process import Process

TIMEOUT = 5.0
"""Seconds to wait for an answer, as in OTP; None waits for ever."""


async def get_state(
    dest: Any, *, timeout: float | None = TIMEOUT, caller: Any = None
) -> Any:
    """Return the state of a behaviour; ``sys:get_state/2``.

    Of one in Python that is its attributes, as a dict, or what it says itself.
    """
    process = acting(caller)
    answer = await _ask(process, dest, Atom("get_state"), timeout)
    release = await process.runtime.release_of(_node_of(process, dest))
    if release is not None and release < FIRST_WITH_OK:
        return answer
    return _value(dest, answer)


async def replace_state(
    dest: Any,
    function: Callable[[Any], Any],
    *,
    timeout: float | None = TIMEOUT,
    caller: Any = None,
) -> Any:
    """Let a behaviour *of this node* change itself; ``sys:replace_state/3``.

    ``function(behaviour)`` changes its attributes, between two messages; its value is
    returned. An exception of it changes nothing else, and comes out as ``SysError``.
    No function travels: a behaviour on another node answers with an error.
    """
    process = acting(caller)
    request = (Atom("replace_state"), function)
    return _value(dest, await _ask(process, dest, request, timeout))


async def get_status(
    dest: Any, *, timeout: float | None = TIMEOUT, caller: Any = None
) -> Any:
    """Return ``{status, Pid, {module, Module}, Items}``; ``sys:get_status/2``."""
    return await _ask(acting(caller), dest, Atom("get_status"), timeout)


async def suspend(
    dest: Any, *, timeout: float | None = TIMEOUT, caller: Any = None
) -> None:
    """Let a behaviour serve nothing but these requests; ``sys:suspend/2``."""
    _value(dest, await _ask(acting(caller), dest, Atom("suspend"), timeout))


async def resume(
    dest: Any, *, timeout: float | None = TIMEOUT, caller: Any = None
) -> None:
    """Let a suspended behaviour go on; ``sys:resume/2``."""
    _value(dest, await _ask(acting(caller), dest, Atom("resume"), timeout))


async def change_code(
    dest: Any,
    module: str,
    old_version: Any = None,
    extra: Any = None,
    *,
    timeout: float | None = TIMEOUT,
    caller: Any = None,
) -> None:
    """Let a suspended behaviour convert its state; ``sys:change_code/5``.

    One in Python has its ``async def code_change(self, old_version, extra)`` called,
    if it has one. Python does not exchange the code of what runs.
    """
    request = (Atom("change_code"), Atom(module), old_version, extra)
    _value(dest, await _ask(acting(caller), dest, request, timeout))


async def statistics(
    dest: Any,
    on: bool | None = None,
    *,
    timeout: float | None = TIMEOUT,
    caller: Any = None,
) -> dict[Any, Any] | None:
    """Begin to count messages, or end it; ``sys:statistics/3``.

    Without *on* it returns what was counted, or None if nothing is.
    """
    value = await _debug(dest, "statistics", on, timeout, caller)
    return dict(value) if isinstance(value, list) else None


async def log(
    dest: Any,
    on: bool | int | None = None,
    *,
    timeout: float | None = TIMEOUT,
    caller: Any = None,
) -> list[Any] | None:
    """Begin to keep the last events (ten, or *on*), or end it; ``sys:log/3``.

    Without *on* it returns the events.
    """
    if type(on) is int:
        value = await _debug(dest, "log", (True, on), timeout, caller)
    else:
        value = await _debug(dest, "log", on, timeout, caller)
    return value if isinstance(value, list) else None


async def trace(
    dest: Any, on: bool, *, timeout: float | None = TIMEOUT, caller: Any = None
) -> None:
    """Print each event of a behaviour, or no more; ``sys:trace/3``.

    One in Python logs them at level INFO.
    """
    await _debug(dest, "trace", on, timeout, caller)


async def no_debug(
    dest: Any, *, timeout: float | None = TIMEOUT, caller: Any = None
) -> None:
    """Turn all of these off; ``sys:no_debug/2``."""
    request = (Atom("debug"), Atom("no_debug"))
    _value(dest, await _ask(acting(caller), dest, request, timeout))


async def _debug(
    dest: Any, what: str, value: Any, timeout: float | None, caller: Any
) -> Any:
    command = (Atom(what), Atom("get") if value is None else value)
    request = (Atom("debug"), command)
    return _value(dest, await _ask(acting(caller), dest, request, timeout))


async def _ask(process: Process, dest: Any, request: Any, timeout: float | None) -> Any:
    return await call(process, dest, request, timeout, kind=SYSTEM)


def _node_of(process: Process, dest: Any) -> str:
    if isinstance(dest, Pid):
        return dest.node
    return str(process.runtime.locate(dest)[2][1])


def _value(dest: Any, answer: Any) -> Any:
    """Return what is in ``ok`` or ``{ok, Value}``."""
    match answer:
        case Atom("ok"):
            return None
        case (Atom("ok"), value):
            return value
        case (Atom("error"), reason):
            raise SysError(dest, reason)
    return answer
