from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import LocalProtocolError
from ergopy.process.timers import Timers
from tests.runtimes import mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime
    from ergopy.process.timers import Timer


async def test_a_delayed_message_comes_when_its_time_has_come(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    target = sleeper(runtime)
    runtime.root.send_after(5, target.pid, "late")
    runtime.root.send_after(3, target.pid, "soon")
    await trio.sleep(2.9)
    assert mail(target) == []
    await trio.sleep(0.2)
    assert mail(target) == ["soon"]
    await trio.sleep(2)
    assert mail(target) == ["soon", "late"]


async def test_messages_of_the_same_moment_keep_their_order(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    target = sleeper(runtime)
    for number in range(20):
        runtime.root.send_after(1, target.pid, number)
    await trio.sleep(2)
    assert mail(target) == list(range(20))


async def test_a_timer_that_is_cancelled_tells_the_time_left_and_does_not_fire(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    target = sleeper(runtime)
    timer = runtime.root.send_after(5, target.pid, "never")
    await trio.sleep(2)
    assert timer.read() == 3
    assert timer.cancel() == 3
    assert (timer.cancel(), timer.read()) == (None, None)
    await trio.sleep(10)
    assert mail(target) == []


async def test_a_timer_that_has_fired_cannot_be_cancelled(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    target = sleeper(runtime)
    timer = runtime.root.send_after(1, target.pid, "there")
    await trio.sleep(1.5)
    assert (timer.read(), timer.cancel()) == (None, None)
    assert mail(target) == ["there"]


async def test_a_timer_of_no_time_fires_at_once(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    target = sleeper(runtime)
    runtime.root.send_after(0, target.pid, "now")
    await settle()
    assert mail(target) == ["now"]


async def test_a_shorter_timer_wakes_the_sleeper_that_sleeps_longer(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    target = sleeper(runtime)
    runtime.root.send_after(1000, target.pid, "long")
    await settle()
    runtime.root.send_after(1, target.pid, "short")
    await trio.sleep(1.5)
    assert mail(target) == ["short"]


async def test_a_name_is_looked_up_when_the_timer_fires(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    old, new = sleeper(runtime, name="x"), sleeper(runtime)
    runtime.root.send_after(1, "x", "hello")
    runtime.root.send_after(3, "x", "nobody")
    runtime.unregister("x")
    runtime.register("x", new.pid)
    await trio.sleep(2)
    runtime.unregister("x")
    await trio.sleep(2)
    assert (mail(old), mail(new)) == ([], ["hello"])


async def test_a_message_for_the_dead_is_dropped(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    target = sleeper(runtime)
    runtime.root.send_after(1, target.pid, "x")
    await runtime.root.exit(target.pid, "kill")
    await trio.sleep(2)
    assert runtime.find(target.pid) is None


async def test_a_timer_outlives_its_sender(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    sender, target = sleeper(runtime), sleeper(runtime)
    sender.send_after(1, target.pid, "from the grave")
    await runtime.root.exit(sender.pid, "kill")
    await trio.sleep(2)
    assert mail(target) == ["from the grave"]


@pytest.mark.parametrize("seconds", [-1, math.nan])
async def test_a_delay_is_a_duration(
    runtime: Runtime, seconds: float, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(ValueError, match="number of seconds"):
        runtime.root.send_after(seconds, runtime.root.pid, 1)


async def test_a_destination_that_is_none_is_refused_at_once(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(LocalProtocolError):
        runtime.root.send_after(1, 42, 1)


async def test_a_delayed_message_that_cannot_be_sent_is_logged_and_stops_no_timer(
    runtime: Runtime,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: trio.testing.MockClock,
) -> None:
    class Way:
        def has_room(self, sender: Any) -> bool:
            return True

        def send_name(self, *_: Any) -> None:
            raise ValueError("no term")

    way: Any = Way()
    runtime._remote_node = lambda _: way
    target = sleeper(runtime)
    runtime.root.send_after(1, ("x", "other@host"), object())
    runtime.root.send_after(2, target.pid, "next")
    await trio.sleep(3)
    assert mail(target) == ["next"]
    assert "no term" in caplog.text


async def test_timers_that_are_cancelled_leave_the_heap(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    for _ in range(10_000):
        runtime.timers.start(3600, lambda: None).cancel()
    assert len(runtime.timers._heap) < 3000
    runtime.timers.start(1, lambda: None)


async def test_the_heap_may_be_compacted_while_it_fires(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    timers, fired = runtime.timers, []

    def refill() -> None:
        doomed = [timers.start(50, lambda: None) for _ in range(3000)]
        for timer in doomed:
            timer.cancel()
        timers.start(50, lambda: fired.append("new"))

    timers.start(1, refill)
    timers.start(1, lambda: fired.append("same moment"))
    timers.start(2, lambda: fired.append("later"))
    await trio.sleep(60)
    assert fired == ["same moment", "later", "new"]
    assert timers.dead == len(timers._heap) == 0


scripts = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.integers(0, 9)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("sleep"), st.sampled_from([0.5, 1.5, 3.5])),
    ),
    max_size=40,
)


async def follow(script: list[tuple[str, Any]]) -> None:
    timers, fired = Timers(), []
    handles: list[Timer] = []
    expected: list[tuple[float, int]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        for operation, number in script:
            now = trio.current_time()
            if operation == "start":
                count = len(handles)
                expected.append((now + number, count))
                handles.append(timers.start(number, lambda n=count: fired.append(n)))
            elif operation == "cancel" and handles:
                index = number % len(handles)
                due = [d for d, n in expected if n == index and n not in fired]
                left = handles[index].cancel()
                if due:
                    assert left == max(0.0, due[0] - now)
                    expected = [e for e in expected if e[1] != index]
                else:
                    assert left is None
            elif operation == "sleep":
                await trio.sleep(number)
        await trio.sleep(20)
        assert fired == [n for _, n in sorted(expected)]
        nursery.cancel_scope.cancel()


@settings(max_examples=100)
@given(scripts)
def test_every_timer_fires_once_in_order_or_was_cancelled(
    script: list[tuple[str, Any]],
) -> None:
    trio.run(follow, script, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_a_started_timer_is_named_in_its_message(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    target = sleeper(runtime)
    timer = runtime.root.start_timer(1, target.pid, "work")
    other = runtime.root.start_timer(2, target.pid, "work")
    await trio.sleep(3)
    assert timer.ref != other.ref
    assert mail(target) == [
        ("timeout", timer.ref, "work"),
        ("timeout", other.ref, "work"),
    ]


async def test_a_timer_that_fails_takes_no_other_along(
    runtime: Runtime,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = sleeper(runtime)
    runtime.timers.start(1, lambda: [].pop())
    runtime.root.send_after(1, target.pid, "same time")
    runtime.root.send_after(2, target.pid, "later")
    await trio.sleep(3)
    assert mail(target) == ["same time", "later"]
    assert len(caplog.records) == 1
