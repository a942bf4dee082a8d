"""Waiting for several tasks at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import trio

from etf import Reference

from ...errors import TaskTimeout
from ...process.messages import Down
from .outcomes import outcome, value
from .waiting import BRUTAL_KILL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .task import Task
    from .waiting import Answer

_ON_TIMEOUT = ("nothing", "ignore", "kill_task")


async def await_many(tasks: list[Task], timeout: float | None) -> list[Any]:
    """Do what ``Task.await_many`` says."""

    def failed(found: dict[Reference, Any]) -> bool:
        return any(message.__class__ is Down for message in found.values())

    found = await _collect([task.answer for task in tasks], timeout, failed)
    by_ref = {task.ref: task for task in tasks}
    late = [by_ref[ref] for ref in by_ref.keys() - found.keys()]
    for task in late:
        task.answer.drop()
    for ref, message in found.items():
        value(by_ref[ref], message)
    if late:
        raise TaskTimeout(late[0], math.inf if timeout is None else timeout)
    return [found[task.ref][1] for task in tasks]


async def yield_many(
    tasks: list[Task], timeout: float | None, limit: int | None, on_timeout: str
) -> list[tuple[Task, Any]]:
    """Do what ``Task.yield_many`` says."""
    if on_timeout not in _ON_TIMEOUT:
        raise ValueError(f"on_timeout= is one of {_ON_TIMEOUT}, not {on_timeout!r}")
    wanted = len(tasks) if limit is None else limit

    def enough(found: dict[Reference, Any]) -> bool:
        return len(found) >= wanted

    found = await _collect([task.answer for task in tasks], timeout, enough)
    late = not enough(found)
    outcomes = []
    for task in tasks:
        result = outcome(task, found.get(task.ref))
        if result is None and late and on_timeout == "ignore":
            result = await task.ignore()
        elif result is None and late and on_timeout == "kill_task":
            result = await task.shutdown(BRUTAL_KILL)
        outcomes.append((task, result))
    return outcomes


async def _collect(
    answers: Sequence[Answer],
    timeout: float | None,
    enough: Callable[[dict[Reference, Any]], bool],
) -> dict[Reference, Any]:
    """Take what comes first from each, until it is *enough*, or all, or too late.

    The messages of one process are read by one loop; each inbox has another.
    """
    places: dict[Any, set[Reference]] = {}
    for answer in answers:
        answer.check_owner()
        places.setdefault(answer.inbox, set()).add(answer.ref)
    found: dict[Reference, Any] = {}
    if enough(found):
        return found
    seconds = math.inf if timeout is None else timeout
    with trio.move_on_after(seconds) as scope:

        async def read(inbox: Any, wanted: set[Reference]) -> None:
            while wanted and not scope.cancel_called:
                message = await inbox.receive(lambda m: _ref_of(m) in wanted)
                ref: Any = _ref_of(message)
                wanted.remove(ref)
                if message.__class__ is not Down:
                    inbox.demonitor(ref)
                found[ref] = message
                if enough(found):
                    scope.cancel()

        async with trio.open_nursery() as nursery:
            for inbox, wanted in places.items():
                nursery.start_soon(read, inbox, wanted)
    return found


def _ref_of(message: Any) -> Reference | None:
    if message.__class__ is Down:
        return message.ref
    if message.__class__ is tuple and len(message) == 2:
        ref = message[0]
        return ref if ref.__class__ is Reference else None
    return None
