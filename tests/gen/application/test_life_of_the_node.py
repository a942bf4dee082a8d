"""Applications while their node comes up, runs and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio
import trio.testing

from ergopy.testing import MemoryNetwork
from tests.gen.application.kit import Log, Logged, app, running
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import Node, Process


async def test_an_application_may_start_and_stop_others(node: Node) -> None:
    log: Log = []
    other = app("other", log)

    class Host(Logged):
        async def start(self, log: Log) -> Any:
            await self.node.applications.start(other)
            return await super().start(log)

        async def stop(self) -> None:
            await self.node.applications.stop("other")

    await node.applications.start(app("host", log, behaviour=Host))
    assert running(node) == ["other", "host"]
    await node.applications.stop("host")
    assert running(node) == []


async def test_applications_of_a_node_without_services() -> None:
    log: Log = []
    shops = [app("one", log), app("two", log)]
    async with MemoryNetwork().node("py", services=[]) as node:
        async with trio.open_nursery() as nursery:
            for shop in shops:
                nursery.start_soon(node.applications.start, shop)
        names = running(node)
        assert sorted(names) == ["one", "two"]
    first = names[0]
    assert log[-3:] == [f"{first} prep_stop", f"{first}_1 down", f"{first} stop"]


async def test_a_node_that_is_entered_again_has_what_was_loaded() -> None:
    log: Log = []
    node = MemoryNetwork().node("py", applications=[app("shop", log)])
    for _ in range(2):
        async with node:
            assert running(node) == ["shop"]
    node.applications.set_env("shop", "key", 1)
    assert node.applications.get_env("shop", "key") == 1
    assert log.count("shop stop") == 2


async def test_the_exit_of_a_node_stops_all_in_reverse_before_other_processes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    log: Log = []

    async def other(process: Process) -> None:
        process.trap_exit = True
        await process.receive()
        log.append("other down")

    db = app("db", log, seconds=1)
    async with MemoryNetwork().node("py", applications=[app("shop", log, db)]) as node:
        await node.spawn(other)
        await settle()
        log.clear()
    assert log == [
        *("shop prep_stop", "shop_1 down", "shop stop"),
        *("db prep_stop", "db_1 down", "db stop"),
        "other down",
    ]


async def test_who_comes_when_the_time_of_the_node_is_over_has_a_second(
    autojump_clock: trio.testing.MockClock,
) -> None:
    log: Log = []
    quick = app("quick", log, seconds=0.5)
    late = app("late", log, quick, seconds=100)
    async with MemoryNetwork().node("py", applications=[late], grace=2):
        log.clear()
    assert log == ["late prep_stop", "quick prep_stop", "quick_1 down", "quick stop"]
    assert trio.current_time() == 2.5


async def test_nothing_is_started_while_the_node_ends() -> None:
    problems: list[Exception] = []
    log: Log = []

    class Last(Logged):
        async def stop(self) -> None:
            try:
                await self.node.applications.start(app("other", log))
            except Exception as error:
                problems.append(error)

    network = MemoryNetwork()
    async with network.node("py", applications=[app("a", log, behaviour=Last)]):
        pass
    assert "not running" in str(problems[0])
