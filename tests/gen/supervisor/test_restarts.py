"""The window of restarts: a model, and supervisors on a mock clock."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ergopy import Atom, Backoff
from ergopy.gen.supervisor.restarts import RestartWindow
from ergopy.testing import SupervisorReport
from tests.gen.supervisor.kit import CRASH
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.testing import EventLog
    from tests.gen.supervisor.kit import Sup

A = Atom("a")

steps = st.lists(st.floats(0, 4, allow_nan=False), max_size=40)


@given(steps, st.integers(0, 5), st.integers(1, 6))
def test_window_of_whole_seconds_is_that_of_otp(
    steps: list[float], intensity: int, period: int
) -> None:
    window = RestartWindow(intensity, period)
    now, kept = 100.25, []
    for step in steps:
        now += step
        second = floor(now)
        kept = [t for t in kept if t >= second - period] + [second]
        assert window.add(now) is (len(kept) <= intensity)
        assert len(window) == len(kept)


@given(steps, st.integers(0, 5), st.floats(0.1, 3).filter(lambda x: x != floor(x)))
def test_window_of_a_part_of_a_second_is_exact(
    steps: list[float], intensity: int, period: float
) -> None:
    window = RestartWindow(intensity, period)
    now, kept = 100.25, []
    for step in steps:
        now += step
        kept = [t for t in kept if t >= now - period] + [now]
        assert window.add(now) is (len(kept) <= intensity)


async def test_one_restart_more_than_the_intensity_ends_the_supervisor(
    sup: Sup, autojump_clock: Any, reports: EventLog
) -> None:
    await sup.start(sup.kid("a"), sup.kid("b"), intensity=2, period=5)
    await sup.end("a", CRASH)
    await sup.end("b", CRASH)
    assert sup.alive
    sup.forget()
    behaviour = sup.behaviour
    async with trio.open_nursery() as nursery:

        async def check() -> None:
            assert await sup.reason() == "shutdown"

        nursery.start_soon(check)
        await sup.end("a", CRASH)
    assert sup.forget() == [("down", "a", CRASH), ("down", "b", "shutdown")]
    assert behaviour.gave_up
    assert [report.context for report in reports.of(SupervisorReport)] == [
        "child_terminated",
        "child_terminated",
        "child_terminated",
        "shutdown",
    ]
    assert reports.of(SupervisorReport)[-1].reason == "reached_max_restart_intensity"


async def test_restarts_leave_the_window_with_time(
    sup: Sup, autojump_clock: Any
) -> None:
    await sup.start(sup.kid("a"), intensity=1, period=5)
    for _ in range(10):
        await sup.end("a", CRASH)
        assert sup.alive
        await trio.sleep(6.0)
    await sup.end("a", CRASH)
    await trio.sleep(4)
    await sup.end("a", CRASH)
    assert not sup.alive


async def test_intensity_of_zero_never_restarts(sup: Sup) -> None:
    await sup.start(sup.kid("a"), intensity=0)
    await sup.end("a", CRASH)
    assert not sup.alive
    assert sup.forget() == [("up", "a"), ("down", "a", CRASH)]


async def test_ends_that_are_no_restarts_do_not_count(sup: Sup) -> None:
    await sup.start(sup.kid("a", restart="transient"), intensity=0)
    await sup.end("a", "normal")
    for n in range(5):
        answer = await sup.ask("start_child", sup.kid(f"t{n}", restart="temporary"))
        assert answer[0] == "ok"
        await sup.end(f"t{n}", CRASH)
    assert sup.alive


async def test_a_permanent_child_that_returns_normally_counts_as_others(
    sup: Sup,
) -> None:
    """A peer project drops it silently once it is over its budget."""
    await sup.start(sup.kid("a"), sup.kid("b"), intensity=2)
    for _ in range(3):
        await sup.end("a", "normal")
    assert not sup.alive
    assert sup.forget()[-1] == ("down", "b", "shutdown")


async def test_the_first_start_is_no_restart(sup: Sup) -> None:
    """A peer project counts it, and its supervisor then kills itself at once."""
    await sup.start(*map(sup.kid, "abc"), intensity=1, period=5)
    await sup.end("a", CRASH)
    assert sup.alive


async def test_default_is_ten_restarts_in_ten_seconds(
    sup: Sup, autojump_clock: Any
) -> None:
    await sup.start(sup.kid("a"))
    for _ in range(10):
        await sup.end("a", CRASH)
    assert sup.alive
    await sup.end("a", CRASH)
    assert not sup.alive


async def test_a_restart_that_fails_counts_and_is_tried_again(
    sup: Sup, reports: EventLog
) -> None:
    await sup.start(sup.kid("a", "ok", "stop", "raise", "ok"), intensity=3)
    sup.forget()
    await sup.end("a", CRASH)
    assert sup.forget() == [("down", "a", CRASH), ("up", "a")]
    assert len(sup.behaviour._children.window) == 3
    contexts = [report.context for report in reports.of(SupervisorReport)]
    assert contexts == ["child_terminated", "start_error", "start_error"]


async def test_a_restart_that_always_fails_ends_the_supervisor(sup: Sup) -> None:
    await sup.start(sup.kid("b"), sup.kid("a", "ok", "stop"), intensity=3)
    await sup.end("a", CRASH)
    assert not sup.alive
    assert [entry for entry in sup.log if entry == ("try", "a")] == [("try", "a")] * 4
    assert sup.forget()[-1] == ("down", "b", "shutdown")


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_a_group_restart_goes_on_from_whoever_failed(
    sup: Sup, strategy: str
) -> None:
    await sup.start(
        sup.kid("a"), sup.kid("b"), sup.kid("c", "ok", "stop", "ok"), strategy=strategy
    )
    sup.forget()
    await sup.end("b", CRASH)
    ups = [entry[1] for entry in sup.forget() if entry[0] == "up"]
    if strategy == "one_for_all":
        assert ups == ["a", "b", "a", "b", "c"]
    else:
        assert ups == ["b", "c"]
    assert len(sup.behaviour._children.window) == 2


async def test_other_requests_are_served_between_attempts(sup: Sup) -> None:
    await sup.start(sup.kid("a", "ok", "stop"), intensity=10)
    a = await sup.child("a")
    seen: list[Any] = []

    async def ask() -> None:
        seen.append((await sup.names())["a"])

    async with trio.open_nursery() as nursery:
        await sup.root.send(a, ("end", CRASH))
        for _ in range(8):
            nursery.start_soon(ask)
            await trio.lowlevel.checkpoint()
    assert "restarting" in seen
    await settle()


async def test_delete_or_terminate_ends_the_attempts(
    sup: Sup, autojump_clock: Any
) -> None:

    await sup.start(sup.kid("a"), backoff=Backoff(first=1.0, jitter=0))
    await sup.end("a", CRASH)
    assert (await sup.names())["a"] == "restarting"
    assert await sup.ask("restart_child", A) == ("error", "restarting")
    assert await sup.ask("delete_child", A) == ("error", "restarting")
    assert await sup.ask("terminate_child", A) == "ok"
    await trio.sleep(5)
    assert (await sup.names())["a"] == "undefined"
    assert await sup.ask("delete_child", A) == "ok"
