"""Python nodes with a saga each, that kill themselves at some point of their work.

    python node.py

It reads a line of JSON for each node to start, forks, and the child becomes that node:
``role``, ``name``, ``cookie``, ``folder``, ``to`` (the next saga, or null) and ``arm``
(die at which point of its start; 0 is never). It writes ``ready ROLE`` when a node is
up, and ``killed ROLE POINT`` before one dies. All end with its standard input.

Points are before and after everything that the machine of a saga is told, and that it
wants done. They are put in from here: what ergopy does is the same but for its pauses,
which are short. Whatever a callback does is a line in the journal of its saga, which is
on disk before the callback returns.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import random
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import trio
import trio.testing

import ergopy
from ergopy import Atom
from ergopy.gen.saga import doing
from ergopy.gen.saga.core import actions, committing
from ergopy.gen.saga.core.machine import Machine

PAUSE = 0.05
"""Seconds until a try is repeated, at most."""
FLUSH = 0.002
"""Seconds in which nothing happens when all that was sent is on its way."""
LATE = 0.01
"""Seconds that a record waits, if it is late."""

_PR_SET_PDEATHSIG = 1
_EVENTS = (actions.Tell, actions.Log, actions.Call, actions.Finish, actions.Undo)
_POINTS = (*_EVENTS, actions.Forget, actions.Launch)


class Bomb:
    """Notes the points, and ends the node at one of them: a number, or a name.

    The second point of a name is called that with ``'``, and so on.
    """

    def __init__(self, role: str, at: Any) -> None:
        self.role = role
        self.arm(at)

    def arm(self, at: Any) -> None:
        self.at = at
        self.passed: dict[str, None] = {}

    async def point(self, name: str, *, at_once: bool = False) -> None:
        while name in self.passed:
            name += "'"
        self.passed[name] = None
        if self.at not in (name, len(self.passed)):
            return
        if not at_once:
            # What was sent is on its way: else this would be as before sending it.
            await trio.testing.wait_all_tasks_blocked(FLUSH)
        os.write(1, f"killed {self.role} {name}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)


class Point(NamedTuple):
    """Something that the hands of a saga come by, between two actions."""

    name: str
    at_once: bool = False


def name_of(action: Any) -> str:
    """Say what an action is, in the words of the protocol."""
    kind = type(action).__name__
    match action:
        case actions.Tell(message=(tag, _, (_, _, verb, _))) if tag == "$saga_ergopy":
            return f"{kind} {verb}"
        case actions.Tell(message=(tag, *_)):
            return f"{kind} {tag}"
        case actions.Log(record=(record, *_)):
            return f"{kind} {record}"
        case actions.Call(callback=callback):
            return f"{kind} {callback}"
        case actions.Undo(step=step):
            return f"{kind} {step.compensate}"
    return kind


def put_points(bomb: Bomb) -> None:
    """Have the machine and hands of all sagas come by *bomb*."""
    take, do = Machine.take, doing.Doing.take
    depth = 0

    def with_points(self: Machine, event: Any, now: float) -> list[Any]:
        nonlocal depth
        depth += 1
        try:
            out = take(self, event, now)
        finally:
            depth -= 1
        if depth:
            return out
        passed: list[Any] = []
        for action in out:
            if isinstance(action, _POINTS):
                name = name_of(action)
                is_log = isinstance(action, actions.Log)
                passed += Point(f"before {name}"), action
                passed.append(Point(f"after {name}", at_once=is_log))
            else:
                passed.append(action)
        return passed

    async def by_points(self: doing.Doing, event: Any) -> None:
        name = type(event).__name__
        if name == "Logged":
            name += f" {event.what}"
        await bomb.point(f"before {name}")
        await do(self, event)
        await bomb.point(f"after {name}")

    async def at_point(self: doing.Doing, point: Any) -> None:
        await bomb.point(point.name, at_once=point.at_once)

    Machine.take = with_points  # type: ignore[method-assign]
    doing.Doing.take = by_points  # type: ignore[method-assign]
    doing._IN_TIME[Point] = at_point


def hurry() -> None:
    """Make the pauses short in which nothing happens."""
    try_later = committing.try_later

    def sooner(machine: Any, tx: Any, at: float) -> None:
        try_later(machine, tx, min(at, trio.current_time() + PAUSE))

    committing.try_later = sooner


class LazyLog(ergopy.SagaLog):
    """Writes a moment late if the node dies after it has sent something.

    So what must not be sent before it is safe would be there, and its record lost.
    """

    durable = True

    def __init__(self, log: ergopy.SagaLog, bomb: Bomb) -> None:
        self._log, self._bomb = log, bomb
        self._late: deque[Any] = deque()

    async def open(self, saga: str) -> Any:
        return await self._log.open(saga)

    def append(self, *arguments: Any) -> None:
        self._write(self._log.append, *arguments)

    def forget(self, *arguments: Any) -> None:
        self._write(self._log.forget, *arguments)

    def close(self, saga: str) -> None:
        self._log.close(saga)

    def _write(self, write: Any, *arguments: Any) -> None:
        if not self._late and not str(self._bomb.at).startswith("after Tell"):
            write(*arguments)
            return
        self._late.append((write, arguments))
        if len(self._late) == 1:
            trio.lowlevel.spawn_system_task(self._write_late)

    async def _write_late(self) -> None:
        while self._late:
            await trio.sleep(LATE)
            write, arguments = self._late.popleft()
            write(*arguments)


class Journal:
    """What callbacks have done, on disk."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(self, tx: Any, word: str) -> None:
        name, _ = tx.value
        os.write(self._file, f"{name.decode()} {tx.key} {word}\n".encode())
        os.fsync(self._file)


class Part(ergopy.Saga):
    """A saga of a chain; the middle one has a job done before it goes on.

    The value of a transaction is its name, and who cancels it, and when.
    """

    async def init(self, role: str, to: Any, path: Path, bomb: Bomb) -> None:
        self.role, self.to, self.bomb = role, to, bomb
        self.log = LazyLog(ergopy.SqliteSagaLog(path), bomb)
        self.journal = Journal(path.with_suffix(".journal"))

    async def handle_tx_new(self, tx: Any, value: Any) -> None:
        self.journal.add(tx, "new")
        if self.role == "middle":
            await self.start_job(tx, value, worker=work, compensate="undo_job")
        elif self.to is None:
            await self.send_result(tx, b"booked")
        else:
            await self.next(tx, self.to, value, compensate="undo_step")

    async def handle_job_result(self, tx: Any, job: Any, result: Any) -> None:
        self.journal.add(tx, "job")
        await self.next(tx, self.to, tx.value, compensate="undo_step")

    async def handle_tx_result(self, tx: Any, step: Any, result: Any) -> None:
        self.journal.add(tx, "result")
        if self._refuses(tx, b"result"):
            await self.cancel_transaction(tx, "as planned")
        else:
            await self.send_result(tx, result)

    async def handle_tx_prepare(self, tx: Any, result: Any) -> None:
        self.journal.add(tx, "prepare")
        if self._refuses(tx, b"prepare"):
            await self.cancel_transaction(tx, "as planned")

    async def handle_tx_done(self, tx: Any, result: Any) -> Any:
        self.journal.add(tx, "commit")
        return (b"final", result)

    async def handle_tx_commit(self, tx: Any, final: Any) -> None:
        self.journal.add(tx, "commit" if final == (b"final", b"booked") else "odd")

    async def handle_tx_cancel(self, tx: Any, reason: Any) -> None:
        self.journal.add(tx, "cancel")

    async def undo_step(self, tx: Any, step: Any, result: Any) -> None:
        self.journal.add(tx, "undo_step")

    async def undo_job(self, tx: Any, job: Any, result: Any) -> None:
        self.journal.add(tx, "undo_job")

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("start", name, plan, two_phase):
                await self.start_transaction((name, plan), two_phase_commit=two_phase)
            case ("arm", at):
                self.bomb.arm(at)
            case "passed":
                return [Atom(name) for name in self.bomb.passed]
            case "left":
                machine = self._machine
                tables = machine.transactions, machine.steps, machine.jobs
                more = machine.workers, machine.watched, machine.deadlines
                return [len(table) for table in (*tables, *more)]
        return None

    def _refuses(self, tx: Any, when: bytes) -> bool:
        _, plan = tx.value
        return bool(plan == (self.role.encode(), when))


async def work(value: Any) -> bytes:
    return b"done"


async def main(
    role: str, name: str, cookie: str, folder: str, to: Any, arm: int
) -> None:
    bomb = Bomb(role, arm)
    put_points(bomb)
    hurry()
    path = Path(folder) / f"{role}.db"
    async with up(name, cookie) as node:
        await node.start(Part, role, to and tuple(to), path, bomb, name=role)
        os.write(1, f"ready {role}\n".encode())
        await trio.sleep_forever()


def up(name: str, cookie: str) -> ergopy.Node:
    return ergopy.Node(name, cookie=cookie)


def become(options: dict[str, Any]) -> None:
    """Be a node until killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    random.seed()
    os.close(0)
    try:
        ergopy.run(main, *options.values())
    finally:
        # Nobody shall wait for one that is over otherwise than it should be.
        os.write(1, f"failed {options['role']}\n".encode())


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    for line in sys.stdin.buffer:
        if not os.fork():
            become(json.loads(line))
            os._exit(1)
