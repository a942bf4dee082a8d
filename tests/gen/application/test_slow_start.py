"""Starts that take a while: others wait for them, and they can be cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
import trio.testing

from ergopy import ApplicationStartError, Exit
from tests.gen.application.kit import Log, Logged, app, running
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import Node


class Slow(Logged):
    """Takes a while to come up; it fails if it is told so."""

    async def start(self, log: Log, fails: bool = False) -> Any:
        await trio.sleep(10)
        if fails:
            raise Exit("late")
        return await super().start(log)


async def test_one_that_another_task_is_starting_is_waited_for(
    node: Node, autojump_clock: trio.testing.MockClock
) -> None:
    log: Log = []
    slow = app("slow", log, behaviour=Slow)
    results: list[list[str]] = []

    async def start(*applications: Any) -> None:
        results.append(await node.applications.start(*applications))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(start, slow)
        await settle()
        assert node.applications.info("slow").state == "starting"
        nursery.start_soon(start, app("shop", log, slow))
    assert sorted(results) == [["shop"], ["slow"]]
    assert log.count("slow start") == 1


async def test_who_waits_for_a_start_that_fails_hears_the_same(
    node: Node, autojump_clock: trio.testing.MockClock
) -> None:
    log: Log = []
    slow = app("slow", log, args=[log, True], behaviour=Slow)
    reasons: list[Any] = []

    async def start() -> None:
        try:
            await node.applications.start(slow)
        except ApplicationStartError as error:
            reasons.append(error.reason)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(start)
    assert reasons == ["late"] * 3
    assert trio.current_time() == 10


async def test_a_start_that_is_cancelled_leaves_nothing(
    node: Node, autojump_clock: trio.testing.MockClock
) -> None:
    log: Log = []
    before = node.processes()
    slow = app("slow", log, app("db", log), behaviour=Slow)
    with trio.move_on_after(2) as scope:
        await node.applications.start(slow)
    assert scope.cancelled_caught
    # It has the time that the node has for its end, and then it is killed.
    assert trio.current_time() == 2 + node.grace
    assert log == ["db start", "db_1 up", "db prep_stop", "db_1 down", "db stop"]
    assert running(node) == []
    assert node.processes() == before
    assert await node.applications.start("slow") == ["db", "slow"]


async def test_a_start_that_is_cancelled_at_its_end_is_stopped_in_order(
    node: Node, autojump_clock: trio.testing.MockClock
) -> None:
    log: Log = []
    before = node.processes()
    with trio.move_on_after(8) as scope:
        await node.applications.start(app("slow", log, behaviour=Slow))
    assert scope.cancelled_caught
    assert trio.current_time() == 10
    assert log == [
        *("slow start", "slow_1 up"),
        *("slow prep_stop", "slow_1 down", "slow stop"),
    ]
    assert node.processes() == before


async def test_a_stop_waits_for_a_start_and_a_start_for_a_stop(
    node: Node, autojump_clock: trio.testing.MockClock
) -> None:
    log: Log = []
    node.applications.load(app("slow", log, behaviour=Slow, seconds=3))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.applications.start, "slow")
        await settle()
        assert await node.applications.stop("slow", 60) == 0
        assert trio.current_time() == 13
        nursery.start_soon(node.applications.start, "slow")
        await trio.sleep(10)
        nursery.start_soon(node.applications.stop, "slow")
        await settle()
        assert node.applications.info("slow").state == "stopping"
        assert await node.applications.start("slow") == ["slow"]
        assert trio.current_time() == 36
