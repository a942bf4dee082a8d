"""The ways in which a task starts: by its owner, or as a child of a supervisor.

A task supervisor is asked as Elixir asks one: ``{start_task, [Owner, monitor], Restart,
Shutdown}``. The process that it starts waits for its owner to say what to run, in
``{OwnerPid, Ref, ReplyTo, Callers, {Module, Function, Args}}``, so that the arguments
do not go through the supervisor. If no word comes within five seconds, or the owner
ends, it ends too.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from etf import Atom

from ...errors import ChildError
from ...process.atoms import ERROR, OK, SHUTDOWN
from ..apply import as_told
from ..supervisor import checks
from ..supervisor.terms import milliseconds
from . import body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from etf import Pid, Reference

    from ...process.process import Process
    from ..apply import Function
    from .inbox import Inbox

    Start: TypeAlias = Callable[
        [Process | Inbox, Function, tuple[Any, ...]],
        Awaitable[tuple[Pid, Reference]],
    ]

MONITOR = Atom("monitor")
START_TASK = Atom("start_task")
TEMPORARY = Atom("temporary")


def way(owner: Process, under: Any, shutdown: Any, *, link: bool) -> Start:
    """Return the function that starts a task and watches it for an inbox."""
    if under is None:
        return partial(_own, owner, link=link)
    return partial(_supervised, owner, under, in_milliseconds(shutdown), link=link)


async def _own(
    owner: Process,
    inbox: Process | Inbox,
    function: Function,
    args: tuple[Any, ...],
    *,
    link: bool,
) -> tuple[Pid, Reference]:
    process = body.create(owner, body.answer, function, args, link=link)
    ref = inbox.monitor_nowait(process.pid, alias="demonitor")
    owner.runtime.begin(process, body.answer, (function, args, ref))
    return process.pid, ref


async def _supervised(
    owner: Process,
    under: Any,
    shutdown: Any,
    inbox: Process | Inbox,
    function: Function,
    args: tuple[Any, ...],
    *,
    link: bool,
) -> tuple[Pid, Reference]:
    work = as_told(owner, under, function, args)
    pid = await _ask(owner, under, [_who(owner), MONITOR], TEMPORARY, shutdown)
    ref = inbox.monitor_nowait(pid, alias="demonitor")
    try:
        if link and owner is not owner.runtime.root:
            await owner.link(pid)
        await owner.send(pid, (owner.pid, ref, ref, body.callers(owner), work))
    except BaseException:
        # It would wait for its word, and take its owner with it in the end.
        owner.unlink(pid)
        inbox.demonitor(ref)
        owner.exit_nowait(pid, SHUTDOWN)
        raise
    return pid, ref


def detached(
    owner: Process, function: Function, args: tuple[Any, ...], *, link: bool
) -> Pid:
    """Start a task that answers to nobody."""
    process = body.create(owner, body.only_run, function, args, link=link)
    owner.runtime.begin(process, body.only_run, (function, args))
    return process.pid


async def child(
    under: Any,
    owner: Process,
    function: Function,
    args: tuple[Any, ...],
    restart: str | None,
    shutdown: Any,
) -> Pid:
    """Let a supervisor start a task that answers to nobody."""
    work = as_told(owner, under, function, args)
    how = None if restart is None else Atom(restart)
    start = [_who(owner), body.callers(owner), work]
    return await _ask(owner, under, start, how, in_milliseconds(shutdown))


async def _ask(
    owner: Process, under: Any, start: list[Any], restart: Any, shutdown: Any
) -> Pid:
    answer = await owner.call(under, (START_TASK, start, restart, shutdown), None)
    match answer:
        case (kind, pid) if kind == OK:
            return pid  # type: ignore[no-any-return]
        case (kind, reason) if kind == ERROR:
            raise ChildError(under, None, reason)
    raise ChildError(under, None, answer)


def _who(owner: Process) -> Any:
    name = owner.names[0] if owner.names else owner.pid
    return (owner.runtime.name, name, owner.pid)


def in_milliseconds(shutdown: Any) -> Any:
    """Return the *shutdown* of an option as it is on the wire; None stays None.

    Raises:
        SpecError: It is none.
    """
    return None if shutdown is None else milliseconds(checks.shutdown(shutdown))
