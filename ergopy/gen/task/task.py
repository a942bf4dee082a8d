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

from ...errors import TaskExit, TaskTimeout
from ...process.atoms import KILLED, NOCONNECTION, NODEDOWN, OK, SHUTDOWN
from ...process.messages import Down
from ..apply import check, named
from ..caller import acting
from . import starting
from .inbox import mailbox_of
from .stream import TaskStream
from .waiting import BRUTAL_KILL, Answer, collect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etf import Pid, Reference

    from ..apply import Function

EXIT = Atom("exit")

_COMPLETED = (Atom("Elixir.Task"), Atom("completed"), 1)
_ON_TIMEOUT = ("nothing", "ignore", "kill_task")


@final
class Task:
    """A task, in the hands of who started it. Made by its class methods."""

    __slots__ = ("_answer", "mfa", "pid")

    def __init__(
        self, answer: Answer, pid: Pid | None, mfa: tuple[Atom, Atom, int]
    ) -> None:
        self._answer = answer
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
        return self._answer.ref

    @property
    def owner(self) -> Pid:
        """Who started it, and may wait for it."""
        return self._answer.owner.pid

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
    def completed(cls, value: Any, *, caller: Any = None) -> Self:
        """Make a task that has ended with *value*, without a process.

        For code that has to return a task, and knows the value already.
        """
        owner = acting(caller)
        inbox = mailbox_of(owner)
        ref = inbox.new_ref()
        inbox.deliver((ref, value))
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

        A child of a supervisor needs none of this: ``ChildSpec`` takes an ``async def
        fn(proc, *args)`` as it is.
        """
        check(function)
        return starting.detached(acting(caller), function, args, link=True)

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
        message = await self._answer.take(timeout)
        if message is None:
            self._answer.drop()
            raise TaskTimeout(self, math.inf if timeout is None else timeout)
        return self._value(message)

    async def yield_(self, timeout: float | None = 5.0) -> Any:
        """Wait for the end; return ``("ok", value)``, ``("exit", reason)`` or None.

        None is that it still runs: it may be asked again. ``Task.yield``.

        Raises:
            TaskExit: The node of the task was lost.
            LocalProtocolError: As for :meth:`await_`.
        """
        return self._outcome(await self._answer.take(timeout))

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
        self._answer.check_owner()
        if self.pid is None:
            raise ValueError(f"{self!r} has no process that could be ended")
        self._answer.owner.unlink(self.pid)
        outcome = self._outcome(await self._answer.end(self.pid, timeout))
        expected = KILLED if timeout == BRUTAL_KILL else SHUTDOWN
        return None if outcome == (EXIT, expected) else outcome

    async def ignore(self) -> Any:
        """Let the task go on without us: no link, no messages; ``Task.ignore``.

        Returns its outcome if that is here already, as :meth:`yield_` does.
        """
        message = await self._answer.take(0)
        if self.pid is not None:
            self._answer.owner.unlink(self.pid)
        self._answer.drop()
        return self._outcome(message)

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
        """
        tasks = list(tasks)

        def failed(found: dict[Reference, Any]) -> bool:
            return any(message.__class__ is Down for message in found.values())

        found = await collect([task._answer for task in tasks], timeout, failed)
        by_ref = {task.ref: task for task in tasks}
        late = [by_ref[ref] for ref in by_ref.keys() - found.keys()]
        for task in late:
            task._answer.drop()
        for ref, message in found.items():
            by_ref[ref]._value(message)
        if late:
            raise TaskTimeout(late[0], math.inf if timeout is None else timeout)
        return [found[task.ref][1] for task in tasks]

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
        """
        if on_timeout not in _ON_TIMEOUT:
            raise ValueError(f"on_timeout= is one of {_ON_TIMEOUT}, not {on_timeout!r}")
        tasks = list(tasks)
        wanted = len(tasks) if limit is None else limit

        def enough(found: dict[Reference, Any]) -> bool:
            return len(found) >= wanted

        found = await collect([task._answer for task in tasks], timeout, enough)
        late = not enough(found)
        outcomes = []
        for task in tasks:
            outcome = task._outcome(found.get(task.ref))
            if outcome is None and late and on_timeout == "ignore":
                outcome = await task.ignore()
            elif outcome is None and late and on_timeout == "kill_task":
                outcome = await task.shutdown(BRUTAL_KILL)
            outcomes.append((task, outcome))
        return outcomes

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

    def _value(self, message: Any) -> Any:
        if message.__class__ is Down:
            raise TaskExit(self, why(message))
        return message[1]

    def _outcome(self, message: Any) -> Any:
        if message is None:
            return None
        if message.__class__ is not Down:
            return (OK, message[1])
        if message.reason == NOCONNECTION:
            raise TaskExit(self, why(message))
        return (EXIT, message.reason)


def why(down: Down) -> Any:
    """Return why a task ended; a lost node is ``{nodedown, Node}``."""
    if down.reason == NOCONNECTION:
        return (NODEDOWN, down.pid.node)
    return down.reason
