"""One process without a node: what it does to others is written down."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, final

import trio
import trio.testing

from etf import Atom, Pid, Reference

from ..errors import LocalProtocolError
from ..process.links import is_active
from ..process.reasons import as_reason
from ..process.runtime import Runtime
from .outside import Called, Outside, Sent, Spawned

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ..process import Process
    from ..process.signals import RemoteNode

    Program = type | Callable[..., Awaitable[Any]]

NODE = Atom("lone@memory")
OUTSIDE = Atom("outside@memory")


@asynccontextmanager
async def lone_process(
    program: Program, *args: Any, name: str | None = None, **options: Any
) -> AsyncIterator[Probe]:
    """Run one process alone; ``async with`` gives the :class:`Probe` that watches it.

    Whomever it sends to, calls, links to or monitors need not exist: that is written
    down, in order, and the test says what comes back. A name that no process of its
    own has stands for somebody outside. It begins at once, and the test goes on when
    it waits for something: when its ``init`` is done, or asks somebody.

    There is no node: ``self.node`` is None, and ``rpc`` and ``remote_spawn`` are not
    to be had. Processes that it starts are real.

    Args:
        program: A behaviour, or ``async def program(process, *args)``.
        args: What ``init``, or the program, is called with.
        name: A name to register it under.
        options: Go to the constructor of a behaviour.

    Raises:
        StartError: The ``init`` of a behaviour failed, without asking anybody.
    """
    runtime = _LoneRuntime()
    async with trio.open_nursery() as nursery:
        runtime.nursery = nursery
        nursery.start_soon(runtime.timers.run)
        probe = Probe(runtime)
        failed: list[Exception] = []

        async def start() -> None:
            try:
                if isinstance(program, type):
                    await runtime.root.start(program, *args, name=name, **options)
                else:
                    await runtime.root.spawn(program, *args, name=name)
            except Exception as error:
                failed.append(error)

        nursery.start_soon(start)
        await trio.testing.wait_all_tasks_blocked()
        try:
            if not failed:
                yield probe
        finally:
            nursery.cancel_scope.cancel()
    if failed:
        raise failed[0]


@final
class Probe:
    """What a process that runs alone has done, and how the test answers.

    The methods that wait return when the process has dealt with it and waits again.
    """

    def __init__(self, runtime: _LoneRuntime) -> None:
        self.runtime: Runtime = runtime
        """What it runs in."""
        self._outside = runtime.outside
        self._strangers = 0
        self._ended = trio.Event()
        runtime.probe = self
        self.process: Process
        """The process itself."""
        self.reason: Any = None
        """Why it has ended; None while it lives."""

    def __repr__(self) -> str:
        return f"<Probe of {self.process!r}>"

    @property
    def pid(self) -> Pid:
        """The pid of the process."""
        return self.process.pid

    @property
    def events(self) -> list[Any]:
        """All it has done to others, oldest first; clear it as you like."""
        return self._outside.events

    @property
    def sent(self) -> list[Sent]:
        """The messages among the events, casts and replies included."""
        return [event for event in self.events if isinstance(event, Sent)]

    @property
    def calls(self) -> list[Called]:
        """The calls among the events that still wait for an answer."""
        waiting = self._outside.monitors
        calls = [event for event in self.events if isinstance(event, Called)]
        return [call for call in calls if _reference(call) in waiting]

    @property
    def spawned(self) -> list[Spawned]:
        """The processes it has started, and those started by them."""
        return [event for event in self.events if isinstance(event, Spawned)]

    @property
    def links(self) -> list[Pid]:
        """Whom it is linked to now."""
        links = self.process.links.items()
        return [pid for pid, state in links if is_active(state)]

    @property
    def monitors(self) -> list[Any]:
        """Whom it watches now, as a ``Down`` would name them."""
        return [monitor.reported for monitor in self.process.monitors.values()]

    @property
    def caller(self) -> Process:
        """Who its calls and casts come from: for ``caller=`` of what asks in verbs."""
        return self.runtime.root

    def stranger(self) -> Pid:
        """Make the pid of somebody outside."""
        self._strangers += 1
        return Pid(OUTSIDE, self._strangers, 0, 1)

    async def call(self, request: Any, timeout: float | None = 5.0) -> Any:
        """Call the process; see ``Process.call``."""
        return await self.runtime.root.call(self.pid, request, timeout)

    async def cast(self, request: Any) -> None:
        """Send it a request that wants no answer."""
        await self.runtime.root.cast(self.pid, request)
        await trio.testing.wait_all_tasks_blocked()

    async def send(self, message: Any) -> None:
        """Send it a message."""
        await self.runtime.root.send(self.pid, message)
        await trio.testing.wait_all_tasks_blocked()

    async def reply(self, called: Called, value: Any) -> None:
        """Answer a call that it made.

        Raises:
            LocalProtocolError: It does not wait for that answer any more.
        """
        ref = _reference(called)
        _, record = self._outside.monitors.get(ref, (None, None))
        if record is None:
            raise LocalProtocolError(f"nobody waits for the answer to {called}")
        del self._outside.monitors[ref]
        self.runtime.aliases[ref.words].deliver((called.from_[1], value))
        await trio.testing.wait_all_tasks_blocked()

    async def exit(self, reason: Any, sender: Pid | None = None) -> None:
        """Send it an exit signal, as ``exit/2`` of *sender* does."""
        sender = sender or self.stranger()
        self.process.exit_from(sender, as_reason(reason), link=False)
        await trio.testing.wait_all_tasks_blocked()

    async def end_of(self, who: Pid | str, reason: Any = "normal") -> None:
        """Let somebody outside end: its links and monitors get what they get then."""
        reason = as_reason(reason)
        if isinstance(who, Pid):
            self.process.break_link(who, reason)
        for ref, (target, record) in list(self._outside.monitors.items()):
            if target == who:
                del self._outside.monitors[ref]
                record.fire(reason)
        await trio.testing.wait_all_tasks_blocked()

    async def ended(self) -> Any:
        """Wait for its end; return the reason."""
        await self._ended.wait()
        return self.reason

    def fire(self, reason: Any) -> None:
        """Hear of its end."""
        self.reason = reason
        self._ended.set()


class _LoneRuntime(Runtime):
    """Whoever is not one of its processes is outside."""

    probe: Probe

    def __init__(self) -> None:
        self.outside = Outside()
        super().__init__(NODE, 1, lambda _: self.outside)

    def locate(self, dest: Any) -> tuple[RemoteNode | None, Pid | str, Any]:
        way, whom, reported = super().locate(dest)
        if way is None and whom.__class__ is not Pid and whom not in self.names:
            way = self.outside
        return way, whom, reported

    def create(self, *args: Any, **options: Any) -> Process:
        process = super().create(*args, **options)
        if hasattr(self.probe, "process"):
            self.outside.events.append(Spawned(process.pid, process.label))
        else:
            self.probe.process = process
            process.watchers[self.probe] = self.probe
        return process


def _reference(called: Called) -> Reference:
    """Return the alias in the tag of a call."""
    tag = called.from_[1]
    return tag.tail  # type: ignore[no-any-return]
