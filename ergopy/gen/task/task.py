"""Task: one function in a process of its own, and the value that it returns.

Elixir's ``Task``. The owner of a task watches it, and unless it was started with
``nolink`` is linked to it: they fail together. ``{Ref, Value}`` arrives when the
function returns, then the ``DOWN`` of the monitor; the methods here read just these
two messages out of the mailbox of the owner, and nobody else may.

An owner that is a program outside of all processes, or a helper task of a process, has
no mailbox to read; its tasks answer into an inbox of their own. A program is linked to
nothing, so a task of its that fails ends nobody but itself.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self, final

from etf import Atom

from ...errors import TaskTimeout
from ...process.atoms import KILLED, SHUTDOWN
from ..apply import Work, check, named
from ..caller import acting
from ..supervisor import ChildSpec
from . import many, starting
from .inbox import mailbox_of
from .outcomes import EXIT, outcome, value
from .stream import TaskStream
from .supervisor import run_alone
from .waiting import BRUTAL_KILL, Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etf import Pid, Reference

    from ..apply import Function

_TASK = Atom("Elixir.Task")
_COMPLETED = (_TASK, Atom("completed"), 1)


@final
class Task:
    """A task, in the hands of who started it. Made by its class methods."""

    __slots__ = ("answer", "mfa", "pid")

    def __init__(
        self, answer: Answer, pid: Pid | None, mfa: tuple[Atom, Atom, int]
    ) -> None:
        self.answer = answer
        """Where its messages arrive; for the functions of this package."""
        self.pid = pid
        """Its process; None for a completed one."""
        self.mfa = mfa
        """Module, function and arity of what it runs."""

    def __repr__(self) -> str:
        module, function, arity = self.mfa
        return f"<Task {module}:{function}/{arity} {self.pid}>"

    @property
    def ref(self) -> Reference:
        """What its messages carry: ``{Ref, Value}`` and ``{'DOWN', Ref, ...}``."""
        return self.answer.ref

    @property
    def owner(self) -> Pid:
        """Who started it, and may wait for it."""
        return self.answer.owner.pid

    @classmethod
    async def async_(
        cls,
        function: Function,
        *args: Any,
        under: Any = None,
        shutdown: Any = None,
        caller: Any = None,
    ) -> Self:
        """Run ``function(*args)`` in a process of its own; ``Task.async``.

        The two processes are linked: if one fails, so does the other. To keep the
        owner alive use :meth:`async_nolink`, or trap exits.

        Args:
            function: Any callable, plain or ``async``; or ``(module, function)`` of
                one that is exported. It is called with *args* alone:
                ``ergopy.self()`` is its process.
            under: A task supervisor (a pid, a name, ``(name, node)``) whose child the
                task is to be: ``Task.Supervisor.async``. For one of another node
                *function* has to be ``(module, function)``.
            shutdown: With *under*: seconds that the supervisor gives the task to end,
                or ``"brutal_kill"``; 5 by default.
            caller: Who owns it: a process, a behaviour, or a node for a program
                outside of all processes. By default ``ergopy.self()``.

        Raises:
            ChildError: That supervisor has ``max_children`` already.
            CallError: That supervisor cannot be asked.
            SpecError: *shutdown* is no time.
            etf.EncodeError: An argument for another node is no Erlang term.

        It waits only with *under*.
        """
        return await cls._begin(function, args, under, shutdown, caller, link=True)

    @classmethod
    async def async_nolink(
        cls,
        function: Function,
        *args: Any,
        under: Any = None,
        shutdown: Any = None,
        caller: Any = None,
    ) -> Self:
        """Run it as :meth:`async_` does, without a link.

        Elixir has ``Task.Supervisor.async_nolink`` only; here *under* may be missing,
        and then the task ends with the node. A server finds ``{Ref, Value}`` and
        ``Down`` in ``handle_info``; after the first of them it calls
        ``self.demonitor(task.ref)`` if it does not want the second.
        """
        return await cls._begin(function, args, under, shutdown, caller, link=False)

    @classmethod
    async def _begin(
        cls,
        function: Function,
        args: tuple[Any, ...],
        under: Any,
        shutdown: Any,
        caller: Any,
        *,
        link: bool,
    ) -> Self:
        check(function)
        owner = acting(caller)
        inbox = mailbox_of(owner)
        start = starting.way(owner, under, shutdown, link=link)
        pid, ref = await start(inbox, function, args)
        module, name, _ = named(function, args)
        return cls(Answer(owner, inbox, ref), pid, (module, name, len(args)))

    @classmethod
    def completed(cls, result: Any, *, caller: Any = None) -> Self:
        """Make a task that has ended with *result*, without a process.

        For code that has to return a task, and knows the value already.
        """
        owner = acting(caller)
        inbox = mailbox_of(owner)
        ref = inbox.new_ref()
        inbox.deliver((ref, result))
        return cls(Answer(owner, inbox, ref), None, _COMPLETED)

    @staticmethod
    async def start(
        function: Function,
        *args: Any,
        under: Any = None,
        restart: str | None = None,
        shutdown: Any = None,
        caller: Any = None,
    ) -> Pid:
        """Run it for its effects alone; return the pid; ``Task.start``.

        With *under* it is ``Task.Supervisor.start_child``: *restart* is
        ``"temporary"`` by default, and what is restarted runs the function again.
        Raises as :meth:`async_` does.
        """
        check(function)
        owner = acting(caller)
        if under is None:
            return starting.detached(owner, function, args, link=False)
        return await starting.child(under, owner, function, args, restart, shutdown)

    @staticmethod
    async def start_link(function: Function, *args: Any, caller: Any = None) -> Pid:
        """Run it for its effects alone, linked; return the pid; ``Task.start_link``.

        The child of a supervisor is made by :meth:`child_spec`.
        """
        check(function)
        return starting.detached(acting(caller), function, args, link=True)

    @staticmethod
    def child_spec(function: Function, *args: Any, **options: Any) -> ChildSpec:
        """Return a supervisor's child that runs ``function(*args)``; ``{Task, fun}``.

        It is ``temporary`` unless *options*, those of :class:`ergopy.ChildSpec`, say
        otherwise, and ends when the function returns.
        """
        check(function)
        told = {"id": _TASK, "restart": "temporary", **options}
        return ChildSpec(run_alone, [], Work(function, args), **told)

    async def await_(self, timeout: float | None = 5.0) -> Any:
        """Wait for the value and return it; ``Task.await``.

        Args:
            timeout: Seconds; None waits for ever.

        Raises:
            TaskExit: The task ended without a value; its ``reason`` says why. If it is
                linked, and its owner does not trap exits, that ends as well.
            TaskTimeout: No value in time. The task goes on, and its value will be
                dropped; :meth:`shutdown` ends it.
            LocalProtocolError: Only its owner may wait for it, in its body.

        Where Elixir's exits, it raises. Cancelling it has taken nothing: it may be
        waited for again.
        """
        message = await self.answer.take(timeout)
        if message is None:
            self.answer.drop()
            raise TaskTimeout(self, math.inf if timeout is None else timeout)
        return value(self, message)

    async def yield_(self, timeout: float | None = 5.0) -> Any:
        """Wait for the end; return ``("ok", value)``, ``("exit", reason)`` or None.

        None is that it still runs: it may be asked again. ``Task.yield``.

        Raises:
            TaskExit: The node of the task was lost.
            LocalProtocolError: As for :meth:`await_`.
        """
        return outcome(self, await self.answer.take(timeout))

    async def shutdown(self, timeout: float | str | None = 5.0) -> Any:
        """End the task and wait until it has; ``Task.shutdown``.

        Returns ``("ok", value)`` if the value had come before, ``("exit", reason)`` if
        it ended by itself, and else None.

        Args:
            timeout: Seconds after which a task that traps exits is killed; or
                ``"brutal_kill"`` for at once.

        Raises:
            ValueError: A completed task has no process.
            TaskExit, LocalProtocolError: As for :meth:`yield_`.

        It is unlinked first. Cancelling it leaves the task to end by itself.
        """
        self.answer.check_owner()
        if self.pid is None:
            raise ValueError(f"{self!r} has no process that could be ended")
        self.answer.owner.unlink(self.pid)
        result = outcome(self, await self.answer.end(self.pid, timeout))
        expected = KILLED if timeout == BRUTAL_KILL else SHUTDOWN
        return None if result == (EXIT, expected) else result

    async def ignore(self) -> Any:
        """Let the task go on without us: no link, no messages; ``Task.ignore``.

        Returns its outcome if that is here already, as :meth:`yield_` does.
        """
        message = await self.answer.take(0)
        if self.pid is not None:
            self.answer.owner.unlink(self.pid)
        self.answer.drop()
        return outcome(self, message)

    @staticmethod
    async def await_many(
        tasks: Iterable[Task], timeout: float | None = 5.0
    ) -> list[Any]:
        """Wait for the values of all, in one time for all; ``Task.await_many``.

        Raises:
            TaskExit: Of the first task that ended without a value; the values of the
                others are dropped.
            TaskTimeout: Not all were there in time; likewise. ``task`` is one that
                was not.

        Cancelling it has taken nothing: they may be waited for again.
        """
        return await many.await_many(list(tasks), timeout)

    @staticmethod
    async def yield_many(
        tasks: Iterable[Task],
        timeout: float | None = 5.0,
        *,
        limit: int | None = None,
        on_timeout: str = "nothing",
    ) -> list[tuple[Task, Any]]:
        """Wait for many; return each with its outcome, as :meth:`yield_` has it.

        ``Task.yield_many``, as of Elixir 1.15.

        Args:
            tasks: The answers are in the same order.
            timeout: Seconds, for all together.
            limit: So many outcomes are enough; the other tasks are left alone.
            on_timeout: What happens at the timeout to those that still run:
                ``"nothing"``, ``"ignore"`` (see :meth:`ignore`) or ``"kill_task"``.

        Cancelling it while it waits has taken nothing.
        """
        return await many.yield_many(list(tasks), timeout, limit, on_timeout)

    @staticmethod
    def async_stream(
        items: Any, function: Function, *args: Any, caller: Any = None, **options: Any
    ) -> TaskStream:
        """Run ``function(item, *args)`` for each item, some at a time.

        ``Task.async_stream``, and that of ``Task.Supervisor`` with ``under=``; see
        :class:`ergopy.TaskStream` for the options.
        """
        check(function)
        return TaskStream(acting(caller), items, function, args, **options)
