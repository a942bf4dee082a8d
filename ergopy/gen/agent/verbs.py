"""What can be asked of any agent: one of ergopy, or of Elixir on another node.

In each, *function* is called with the value of the agent and then with *args*, in the
process of the agent. It is a callable, plain or ``async``, for an agent of this node,
and ``(module, function)`` for one elsewhere: of Elixir any function that is there, of
ergopy one that is exported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..apply import as_told
from ..caller import acting
from .agent import CAST, GET, GET_AND_UPDATE, UPDATE

if TYPE_CHECKING:
    from etf import Atom

    from ..apply import Function


async def get(
    dest: Any,
    function: Function,
    *args: Any,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> Any:
    """Return ``function(value, *args)``; ``Agent.get``.

    Args:
        dest: The agent: whatever can be called.
        function: See the module.
        args: Further arguments.
        timeout: Seconds; None waits for ever.
        caller: Who asks: a process, a behaviour or a node. By default the process that
            runs this.

    Raises:
        CallExit: The agent ended, or refused: its ``reason`` is ``{undef, _}`` for what
            is not exported.
        CallError, NodeDown, etf.EncodeError: As for ``Process.call``.
        TypeError: *function* is none, or is a callable and the agent is elsewhere.

    Cancelling it ends the waiting; the agent runs the function nevertheless.
    """
    return await _call(GET, dest, function, args, timeout, caller)


async def update(
    dest: Any,
    function: Function,
    *args: Any,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> None:
    """Make ``function(value, *args)`` the value; return when it is. ``Agent.update``.

    Arguments, errors and cancellation as for :func:`get`.
    """
    await _call(UPDATE, dest, function, args, timeout, caller)


async def get_and_update(
    dest: Any,
    function: Function,
    *args: Any,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> Any:
    """Run a function that returns ``(answer, value)``; ``Agent.get_and_update``.

    Returns the answer. Another result ends the agent with ``{bad_return_value, _}``.
    Arguments, errors and cancellation as for :func:`get`.
    """
    return await _call(GET_AND_UPDATE, dest, function, args, timeout, caller)


async def cast(dest: Any, function: Function, *args: Any, caller: Any = None) -> None:
    """Make ``function(value, *args)`` the value some time later; ``Agent.cast``.

    Nobody hears whether it was. Arguments as for :func:`get`.
    """
    process = acting(caller)
    work = as_told(process, dest, function, args)
    await process.cast(dest, (CAST, work))


async def _call(
    what: Atom,
    dest: Any,
    function: Function,
    args: tuple[Any, ...],
    timeout: float | None,
    caller: Any,
) -> Any:
    process = acting(caller)
    work = as_told(process, dest, function, args)
    return await process.call(dest, (what, work), timeout)
