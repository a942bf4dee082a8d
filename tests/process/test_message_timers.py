"""Timers by their references, and that the end of a process takes its timers along."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import Reference
from tests.runtimes import mail, running, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.message_timers import MessageTimer
    from ergopy.process.runtime import Runtime


async def test_any_process_reads_and_cancels_a_timer_by_its_reference(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    starter, stranger = sleeper(runtime), sleeper(runtime)
    timer = starter.send_after(5, starter.pid, "never")
    await trio.sleep(2)
    assert isinstance(timer.ref, Reference)
    assert stranger.read_timer(timer.ref) == 3
    assert runtime.root.read_timer(timer) == 3
    assert stranger.cancel_timer(timer.ref) == 3
    assert stranger.cancel_timer(timer.ref) is None
    assert starter.read_timer(timer.ref) is None
    assert (timer.read(), timer.cancel()) == (None, None)
    await trio.sleep(10)
    assert mail(starter) == []
    assert not runtime.message_timers


async def test_a_reference_that_names_no_timer_has_no_time_left(
    runtime: Runtime,
) -> None:
    process = sleeper(runtime)
    assert process.read_timer(process.new_ref()) is None
    timer = process.send_after(math.inf, process.pid, "x")
    foreign = Reference("other@host", 1, timer.ref.words)
    assert process.cancel_timer(foreign) is None
    assert timer.read() == math.inf
    with pytest.raises(TypeError, match="no timer"):
        process.cancel_timer("timer")  # type: ignore[arg-type]


async def test_the_end_of_a_process_takes_the_timers_for_it_along(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    target, other = sleeper(runtime, name="target"), sleeper(runtime)
    timer = other.send_after(5, target.pid, "x")
    by_name = other.send_after(5, "target", "x")
    assert list(target.watchers) == [timer]
    await runtime.root.exit(target.pid, "kill")
    await settle()
    assert timer.read() is None
    assert by_name.read() == 5
    assert list(runtime.message_timers.values()) == [by_name]
    await trio.sleep(6)
    assert not runtime.message_timers
    assert runtime.timers.dead == 0


async def test_a_timer_for_a_dead_process_is_over_at_once(runtime: Runtime) -> None:
    target = sleeper(runtime)
    await runtime.root.exit(target.pid, "kill")
    await settle()
    timer = runtime.root.start_timer(5, target.pid, "x")
    assert timer.read() is None
    assert not runtime.message_timers


async def test_a_timer_that_fired_leaves_nothing_behind(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    target = sleeper(runtime)
    timer = runtime.root.start_timer(1, target.pid, "x")
    await trio.sleep(2)
    assert mail(target) == [("timeout", timer.ref, "x")]
    assert not runtime.message_timers
    assert not target.watchers


# The model: when each timer is due, and which targets live.

steps = st.one_of(
    st.tuples(st.just("start"), st.integers(0, 2), st.integers(0, 6)),
    st.tuples(st.just("start"), st.integers(0, 2), st.integers(0, 6)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("read"), st.integers(0, 30)),
    st.tuples(st.just("kill"), st.integers(0, 2)),
    st.tuples(st.just("sleep"), st.sampled_from([0.5, 1.5, 3.5])),
)


class Timetable:
    def __init__(self) -> None:
        self.due: dict[int, tuple[float, int]] = {}
        self.alive = {0, 1, 2}
        self.mail: dict[int, list[int]] = {0: [], 1: [], 2: []}

    def pass_to(self, now: float) -> None:
        for number, (due, target) in sorted(
            self.due.items(), key=lambda e: (e[1][0], e[0])
        ):
            if due < now:
                self.mail[target].append(number)
                del self.due[number]

    def left(self, number: int) -> float | None:
        if number not in self.due:
            return None
        return self.due[number][0] - trio.current_time()


async def follow(script: list[tuple[Any, ...]]) -> None:
    model = Timetable()
    timers: list[MessageTimer] = []
    async with running() as runtime:
        targets = [sleeper(runtime) for _ in range(3)]
        await settle()
        for step in script:
            match step:
                case ("start", target, seconds):
                    number = len(timers)
                    timers.append(
                        runtime.root.send_after(
                            # Nothing is due in the moment in which it is looked at.
                            seconds + 0.25,
                            targets[target].pid,
                            number,
                        )
                    )
                    if target in model.alive:
                        due = trio.current_time() + seconds + 0.25
                        model.due[number] = due, target
                case ("cancel", number) if number < len(timers):
                    left = targets[0].cancel_timer(timers[number].ref)
                    assert left == model.left(number)
                    model.due.pop(number, None)
                case ("read", number) if number < len(timers):
                    assert timers[number].read() == model.left(number)
                case ("kill", target):
                    await runtime.root.exit(targets[target].pid, "kill")
                    await settle()
                    model.alive.discard(target)
                    for number, (_, whose) in list(model.due.items()):
                        if whose == target:
                            del model.due[number]
                case ("sleep", seconds):
                    await trio.sleep(seconds)
                    await settle()
                    model.pass_to(trio.current_time())
            assert len(runtime.message_timers) == len(model.due)
            for target in model.alive:
                assert mail(targets[target]) == model.mail[target]
                mine = [n for n, (_, whose) in model.due.items() if whose == target]
                assert len(targets[target].watchers) == len(mine)


@settings(max_examples=150)
@given(st.lists(steps, max_size=40))
def test_every_message_comes_once_in_time_unless_cancelled_or_too_late(
    script: list[tuple[Any, ...]],
) -> None:
    trio.run(follow, script, clock=trio.testing.MockClock(autojump_threshold=0))
