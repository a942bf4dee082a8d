"""A StateMachine that does what a table says, and the driver of a script for it.

The mirror of ``interop/peer/ergopy_peer_statem.erl``: the same case gives the same log
there, whose entries are the calls of callbacks, replies, ``terminate`` and the end.

A case is ``(state_enter, first state, actions of init, table, script)``. The table says
for ``(state, kind, content)`` what the callback returns; else it stays. The script is a
list of ``(time, operations)``, with times in units. After 40 callbacks the machine only
stays, so that each case comes to an end.
"""

from __future__ import annotations

import contextlib
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import trio

import etf
from ergopy import Atom, CallError, Down
from ergopy.gen.state_machine import (
    Cancel,
    EventTimeout,
    Hibernate,
    Keep,
    Next,
    NextEvent,
    Postpone,
    Repeat,
    Reply,
    StateMachine,
    StateTimeout,
    Stop,
    Timeout,
    Update,
)
from ergopy.process.atoms import GEN_CALL, SYSTEM
from ergopy.process.calls import call

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.gen.state_machine import Action, Result
    from ergopy.process.runtime import Runtime

FUEL = 40
AFTERWARDS = 100
"""Units in which whatever is under way comes to its end."""

LOG = Atom("log")


class Tabled(StateMachine):
    """Follows a table, and logs what it is asked to its driver."""

    def __init__(self, case: Any, driver: Any, clock: Clock) -> None:
        self._enter, self._first, self._actions, self._table, _ = case
        self._driver = driver
        self._clock = clock
        self._fuel = FUEL

    async def init(self) -> Next:
        # Each instance has its own answer to what is a matter of the class.
        self.__dict__["state_enter"] = self._enter
        return Next(self._first, *(self._action(one, None) for one in self._actions))

    async def handle_event(self, kind: Any, content: Any, state: Any) -> Result:
        key = (state, _shown(kind), content)
        self._log((_shown(kind), content, state))
        result = self._table.get(key) if self._fuel else None
        self._fuel = max(0, self._fuel - 1)
        match result:
            case ("next", target, actions):
                return Next(target, *self._all(actions, kind))
            case ("repeat", actions):
                return Repeat(*self._all(actions, kind))
            case ("keep", actions):
                return Keep(*self._all(actions, kind))
            case ("stop", reason, value):
                return Stop(reason, reply=value)
        return None

    async def terminate(self, reason: Any) -> None:
        self._log((Atom("terminate"), reason, self.state))

    def _log(self, entry: Any) -> None:
        self.send_nowait(self._driver, (LOG, entry))

    def _all(self, actions: Any, kind: Any) -> list[Action]:
        return [self._action(one, kind) for one in actions]

    def _action(self, action: Any, kind: Any) -> Action:
        match action:
            case ("reply", value):
                match kind:
                    case ("call", from_):
                        return Reply(from_, value)
                return Hibernate()
            case ("next_event", "call", content):
                return NextEvent(
                    kind if _shown(kind) == "call" else "internal", content
                )
            case ("next_event", kind, content):
                return NextEvent(kind, content)
            case ("set", kind, "update", content):
                return Update(kind, content)
            case ("set", kind, "infinity", content):
                return _timeout(kind, math.inf, content)
            case ("set", kind, units, content):
                self._clock.begins(units)
                return _timeout(kind, units, content)
            case ("cancel", kind):
                return Cancel(kind)
            case ("postpone", flag):
                return Postpone(flag)
        raise AssertionError(action)


class Clock:
    """When something came, or could have come, from outside; the unit is a second."""

    def __init__(self) -> None:
        self._zero = trio.current_time()
        self.moments: list[float] = []

    def begins(self, units: float) -> None:
        if units:
            self.moments.append(trio.current_time() - self._zero + units)

    def is_clear(self) -> bool:
        """Whether no two came at once, so that a real clock gives the same order."""
        rounded = sorted(round(moment) for moment in self.moments)
        return all(a < b for a, b in pairwise(rounded))


async def play(runtime: Runtime, case: Any) -> tuple[list[Any], bool]:
    """Run a case; return its log, and whether a real clock could give no other."""
    done = trio.Event()
    results: list[tuple[list[Any], bool]] = []

    async def driver(process: Process) -> None:
        try:
            results.append(await _drive(process, case))
        finally:
            done.set()

    runtime.spawn(driver, ())
    await done.wait()
    return results[0]


async def _drive(process: Process, case: Any) -> tuple[list[Any], bool]:
    clock = Clock()
    began = trio.current_time()
    pid = await process.start(Tabled, case=case, driver=process.pid, clock=clock)
    monitor = await process.monitor(pid)
    names: dict[Any, int] = {}
    for at, operations in case[4]:
        clock.begins(began + at - trio.current_time() or 1e-9)
        await trio.sleep_until(began + at)
        for operation in operations:
            await _do(process, pid, operation, names)
    await trio.sleep(AFTERWARDS)
    log = [_entry(message, names) for message in process.messages()]
    process.clear()
    if log and log[-1][0] == "down":
        return log, clock.is_clear()
    _, (state, _) = await call(process, pid, Atom("get_state"), 5, kind=SYSTEM)
    status = await call(process, pid, Atom("get_status"), 5, kind=SYSTEM)
    process.demonitor(monitor)
    await process.exit(pid, "kill")
    ended = (Atom("ended"), state, *_pending(status[3][4]))
    return [*log, ended], clock.is_clear()


async def _do(process: Process, pid: Any, operation: Any, names: Any) -> None:
    match operation:
        case ("cast", content):
            await process.cast(pid, content)
        case ("info", content):
            await process.send(pid, content)
        case ("call", content):
            tag = process.new_ref()
            names[tag] = len(names)
            await process.send(pid, (GEN_CALL, (process.pid, tag), content))
        case "suspend" | "resume":
            with contextlib.suppress(CallError):
                await call(process, pid, operation, 5, kind=SYSTEM)


def _entry(message: Any, names: dict[Any, int]) -> Any:
    match message:
        case Down(reason=reason):
            return (Atom("down"), reason)
        case ("log", entry):
            return entry
        case (tag, value) if tag in names:
            return (Atom("reply"), names[tag], value)
    raise AssertionError(message)


def _pending(parts: Any) -> tuple[list[Any], list[Any]]:
    items = dict(parts[1][1])
    count, timeouts = items["Time-outs"]
    assert count == len(timeouts)
    timeouts.sort(key=etf.sort_key)
    return timeouts, [(_shown(kind), content) for kind, content in items["Postponed"]]


def _shown(kind: Any) -> Any:
    return Atom("call") if isinstance(kind, tuple) and kind[0] == "call" else kind


def _timeout(kind: Any, seconds: float, content: Any) -> Action:
    match kind:
        case "timeout":
            return EventTimeout(seconds, content)
        case "state_timeout":
            return StateTimeout(seconds, content)
    return Timeout(kind[1], seconds, content)
