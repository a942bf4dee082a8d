"""Waiting for several tasks at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import trio

from ...errors import TaskTimeout
from ...process.mailbox import Mailbox
from ...process.messages import Down
from .outcomes import outcome, value
from .waiting import BRUTAL_KILL, ref_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etf import Reference

    from .task import Task
    from .waiting import Answer

_ON_TIMEOUT = ("nothing", "ignore", "kill_task")


async def await_many(tasks: list[Task], timeout: float | None) -> list[Any]:
    """Do what ``Task.await_many`` says."""

    answers = [task.answer for task in tasks]
    found = await _collect(answers, timeout, len(answers), until_down=True)
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
    found = await _collect([task.answer for task in tasks], timeout, wanted)
    late = len(found) < wanted
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
    most: int,
    *,
    until_down: bool = False,
) -> dict[Reference, Any]:
    """Take what comes first from each, until *most* have come, or it is too late.

    With *until_down* one end without a value is enough. Cancelled it puts back what it
    has taken.
    """
    for answer in answers:
        answer.check_owner()
    found: dict[Reference, Any] = {}
    seconds = math.inf if timeout is None else timeout
    try:
        if most > 0:
            with trio.move_on_after(seconds) as scope:
                await _read(answers, found, most, until_down, scope)
    except BaseException:
        for answer in answers:
            if answer.ref in found:
                # Past any limit: it was in there before.
                Mailbox.deliver(answer.inbox, found.pop(answer.ref))
        raise
    return found


async def _read(
    answers: Sequence[Answer],
    found: dict[Reference, Any],
    most: int,
    until_down: bool,
    scope: trio.CancelScope,
) -> None:
    """Read into *found*: one loop for a process, and one for each inbox."""
    places: dict[Any, set[Reference]] = {}
    for answer in answers:
        places.setdefault(answer.inbox, set()).add(answer.ref)

    async def read(inbox: Any, wanted: set[Reference]) -> None:
        while wanted and not scope.cancel_called:
            message = await inbox.receive(lambda m: ref_of(m) in wanted)
            ref: Any = ref_of(message)
            wanted.remove(ref)
            is_down = message.__class__ is Down
            if not is_down:
                inbox.demonitor(ref)
            found[ref] = message
            if len(found) >= most or (until_down and is_down):
                scope.cancel()

    async with trio.open_nursery() as nursery:
        for inbox, wanted in places.items():
            nursery.start_soon(read, inbox, wanted)
