"""Faults on purpose: lost, late and doubled messages, crashes, refused starts.

A BEAM loses no message between two processes of one node. But a program whose processes
are on several nodes loses them with a connection, and one that stands a lost message
stands that too.
"""

from __future__ import annotations

import inspect
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, final

from ..errors import SystemLimit
from ..process.layers import Layer
from ..process.messages import SystemMessage
from ..process.reasons import as_reason
from ._place import runtime_of
from ._record import matcher
from ._tap import Tap, content, find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..process import Process
    from ..process.runtime import Runtime
    from ._place import Place
    from ._record import Match

    Deliver = Callable[[Any], None]


@contextmanager
def faults(where: Place) -> Iterator[Faults]:
    """Let things go wrong; ``with`` gives the :class:`Faults`.

    *where* is a node, or the :class:`Probe` of a process that runs alone. At the end
    everything is as before. What goes wrong between nodes is the business of
    a :class:`MemoryNetwork`.
    """
    with ExitStack() as undo:
        yield Faults(runtime_of(where), undo)


@final
class Faults:
    """What goes wrong; each method adds one fault, which holds until the end.

    The faults of messages are about a pid, a local name or a :class:`ergopy.Via` of the
    node: of a name each process that has it meanwhile. They choose among the ordinary
    messages (exit signals, ``Down`` and their like are never touched) those that match:
    see :meth:`Spy.wait_for`. Of these it is number *at*, counted from 1, and those
    after it up to *times* in all; None is all of them. Of several faults, and
    of spies, the one that was added last has a message first.
    """

    def __init__(self, runtime: Runtime, undo: ExitStack) -> None:
        self._runtime = runtime
        self._undo = undo

    def drop(
        self, dest: Any, match: Match = None, *, at: int = 1, times: int | None = 1
    ) -> None:
        """Lose messages. Who has sent a call hears nothing before its timeout."""
        self._tap(dest, lambda *_: None, match, at, times)

    def duplicate(
        self, dest: Any, match: Match = None, *, at: int = 1, times: int | None = 1
    ) -> None:
        """Deliver messages twice."""

        def twice(process: Process, message: Any, deliver: Deliver) -> None:
            deliver(message)
            deliver(message)

        self._tap(dest, twice, match, at, times)

    def delay(
        self,
        dest: Any,
        seconds: float,
        match: Match = None,
        *,
        at: int = 1,
        times: int | None = 1,
    ) -> None:
        """Deliver messages *seconds* later: those that follow overtake them.

        They still arrive when the faults are over, if their process lives.
        """
        if not seconds >= 0:
            raise ValueError(f"a delay is a number of seconds, not {seconds!r}")

        def later(process: Process, message: Any, deliver: Deliver) -> None:
            def arrive() -> None:
                if process.runtime.find(process.pid) is process:
                    deliver(message)

            process.timers.start(seconds, arrive)

        self._tap(dest, later, match, at, times)

    def crash(
        self,
        dest: Any,
        match: Match = None,
        *,
        at: int = 1,
        times: int | None = 1,
        reason: Any = "fault",
    ) -> None:
        """End the process instead of giving it a message.

        It ends with *reason* at its next checkpoint, whether it traps exits or not, and
        without ``terminate``. An exception in a callback is made by :meth:`fail`.
        """
        reason = as_reason(reason)

        def end(process: Process, message: Any, deliver: Deliver) -> None:
            process.end(reason)

        self._tap(dest, end, match, at, times)

    def fail(
        self,
        target: Any,
        name: str,
        error: BaseException | type[BaseException],
        *,
        at: int = 1,
        times: int | None = 1,
    ) -> None:
        """Let ``target.name`` raise *error* instead of doing what it does.

        *target* is a class of yours, a module or another object, and *name* one of its
        functions, ``async`` or not: ``fail(Worker, "init", ValueError("no disk"),
        at=3)`` refuses the third start of that behaviour. Calls are counted for all
        processes together. Who has looked the function up before still has the former
        one: a server that runs, its ``handle_call``; so add it before the start.
        """
        original = getattr(target, name)
        chosen = _Chosen(at, times)
        replacement: Any

        if inspect.iscoroutinefunction(original):

            @wraps(original)
            async def replacement(*args: Any, **options: Any) -> Any:
                if chosen.this_one():
                    raise error
                return await original(*args, **options)

        else:

            @wraps(original)
            def replacement(*args: Any, **options: Any) -> Any:
                if chosen.this_one():
                    raise error
                return original(*args, **options)

        own = vars(target).get(name, _NOTHING)
        setattr(target, name, replacement)
        if own is _NOTHING:
            self._undo.callback(delattr, target, name)
        else:
            self._undo.callback(setattr, target, name, own)

    def refuse_start(
        self, parent: Any = None, *, at: int = 1, times: int | None = 1
    ) -> None:
        """Refuse to start processes, as a node does that has too many.

        Those of *parent*, a process such as a supervisor, by pid, name or ``Via``; None
        is whoever starts one. They get :exc:`ergopy.SystemLimit`, and a supervisor has
        a child that could not be started.
        """
        chosen = _Chosen(at, times)
        runtime = self._runtime

        def methods(cls: Any) -> dict[str, Any]:
            def create(self: Any, function: Any, **options: Any) -> Process:
                starter = options.get("parent") or runtime.root
                concerned = parent is None or find(runtime, parent) is starter
                if concerned and chosen.this_one():
                    raise SystemLimit(runtime.name, len(runtime.processes))
                process: Process = cls.create(self, function, **options)
                return process

            return {"create": create}

        layer = Layer(methods)
        layer.put_on(runtime)
        self._undo.callback(layer.take_off, runtime)

    def _tap(
        self,
        dest: Any,
        act: Callable[[Process, Any, Deliver], None],
        match: Match,
        at: int,
        times: int | None,
    ) -> None:
        wanted, chosen = matcher(match), _Chosen(at, times)

        def take(process: Process, message: Any, deliver: Deliver) -> None:
            ordinary = not isinstance(message, SystemMessage)
            if ordinary and wanted(content(message)) and chosen.this_one():
                act(process, message, deliver)
            else:
                deliver(message)

        tap = Tap(self._runtime, dest, take)
        tap.open()
        self._undo.callback(tap.close)


@final
class _Chosen:
    """Counts, and tells which ones something happens to."""

    def __init__(self, at: int, times: int | None) -> None:
        if at < 1 or (times is not None and times < 1):
            raise ValueError(f"at= and times= are numbers above 0, not {at}, {times}")
        self._before = at - 1
        self._left = times

    def this_one(self) -> bool:
        """Count one more; tell whether it is chosen."""
        if self._before:
            self._before -= 1
            return False
        if self._left is not None:
            if not self._left:
                return False
            self._left -= 1
        return True


_NOTHING = object()
