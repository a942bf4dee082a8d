"""TaskSupervisor: Elixir's ``Task.Supervisor``, for Python and for Elixir.

``Task.Supervisor.async``, ``async_nolink``, ``async_stream`` and ``start_child`` of any
Elixir node work on it, with module, function and arguments of what the program has
exported; and ``ergopy.Task`` with ``under=``. What it is asked is ``{start_task, Args,
Restart, Shutdown}``, with

``[Owner, monitor]``
    for a task that waits for its owner's ``{OwnerPid, Ref, ReplyTo, Callers, MFA}``, so
    that the arguments do not pass through the supervisor; its value leaves as ``{Ref,
    Value}``;
``[Owner, Callers, MFA]``
    for one that has no value.

*Owner* is ``{Node, PidOrName, Pid}``. These are the forms of Elixir 1.14 and later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid, Reference

from ...errors import Exit, ReceiveTimeout, SpecError
from ...process.atoms import BADARG, ERROR, SHUTDOWN, TIMEOUT
from ...process.messages import Down
from ..apply import apply, told
from ..supervisor import ChildSpec, DynamicSupervisor, which_children
from ..supervisor.dynamic import answer as answer_dynamic
from ..supervisor.reading import seconds
from .body import introduce

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...process.process import Process

PATIENCE = 5.0
"""Seconds that a task waits for what it is to do; as in Elixir."""

_MODULES = (Atom("Elixir.Task.Supervised"),)
_START_CHILD = Atom("start_child")


class TaskSupervisor(DynamicSupervisor):
    """Starts tasks, and ends them with itself; ``Task.Supervisor``.

    ::

        await node.start(ergopy.TaskSupervisor, name="tasks")
        task = await Task.async_(fetch, url, under="tasks")

    Its options are those of :class:`ergopy.DynamicSupervisor`; ``max_children`` refuses
    one task more. ``supervisor.terminate_child`` ends a task by its pid.
    """

    @staticmethod
    async def children(dest: Any, *, caller: Any = None) -> list[Pid]:
        """Return the tasks that run; ``Task.Supervisor.children``."""
        rows = await which_children(dest, caller=caller)
        return [row.pid for row in rows if row.pid is not None]

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case (Atom("start_task"), start, restart, shutdown):
                return await self._start_task(start, restart, shutdown)
        return await super().handle_call(request, from_)

    async def _start_task(self, start: Any, restart: Any, shutdown: Any) -> Any:
        body: Callable[..., Any]
        args: tuple[Any, ...]
        match start:
            case [(_, _, Pid() as owner), Atom("monitor")]:
                body, args = as_owner_says, (owner,)
            case [(_, _, Pid()), callers, work]:
                body, args = run_alone, (callers, work)
            case _:
                return (ERROR, BADARG)
        try:
            spec = ChildSpec(
                body,
                *args,
                restart="temporary" if restart is None else restart,
                shutdown=None if shutdown is None else seconds(shutdown),
                modules=_MODULES,
            )
        except SpecError as error:
            return (ERROR, error.reason)
        return await answer_dynamic(self._children, (_START_CHILD, spec))


async def as_owner_says(process: Process, owner: Pid) -> None:
    """Be a task that waits for its owner to say what to do, and answers."""
    _, ref, to, callers, work = await _word_of(process, owner)
    if not isinstance(to, Pid | Reference):
        raise Exit(BADARG)
    await process.send(to, (ref, await _run(process, callers, work)))


async def run_alone(process: Process, callers: Any, work: Any) -> None:
    """Be a task whose value nobody wants."""
    await _run(process, callers, work)


async def _word_of(process: Process, owner: Pid) -> Any:
    monitor = process.monitor_nowait(owner)

    def is_word(message: Any) -> bool:
        if message.__class__ is Down:
            return bool(message.ref == monitor)
        return type(message) is tuple and len(message) == 5 and message[0] == owner

    try:
        message = await process.receive(is_word, PATIENCE)
    except ReceiveTimeout:
        raise Exit(TIMEOUT) from None
    if message.__class__ is Down:
        raise Exit((SHUTDOWN, message.reason))
    process.demonitor(monitor)
    return message


async def _run(process: Process, callers: Any, term: Any) -> Any:
    work = told(term)
    introduce(process, work.function, work.args, callers)
    return await apply(process, work.function, work.args)
