"""Applications start what they need first, and stop in order."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import (
    Application,
    ApplicationAlreadyLoaded,
    ApplicationNotLoaded,
    ApplicationNotStarted,
    ApplicationRunning,
    ApplicationStartError,
    DependencyCycle,
    Exit,
    GenServer,
)
from ergopy.testing import MemoryNetwork
from tests.gen.application.kit import Log, Logged, app, library, running
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import Node, Process


async def test_what_is_needed_starts_first_and_is_returned(node: Node) -> None:
    log: Log = []
    db, http = app("db", log), app("http", log)
    shop = app("shop", log, db, http, kids=2)
    assert await node.applications.start(shop) == ["db", "http", "shop"]
    assert log == [
        *("db start", "db_1 up", "http start", "http_1 up"),
        *("shop start", "shop_1 up", "shop_2 up"),
    ]
    assert running(node) == ["db", "http", "shop"]
    assert await node.applications.start(shop, "db") == []


async def test_a_stop_has_its_callbacks_before_and_after_the_processes(
    node: Node,
) -> None:
    log: Log = []
    await node.applications.start(app("shop", log, kids=2))
    log.clear()
    before = node.processes()
    assert await node.applications.stop("shop") == 0
    assert log == ["shop prep_stop", "shop_2 down", "shop_1 down", "shop stop"]
    assert running(node) == []
    # Two children, their supervisor, the starter and the master.
    assert len(before) - len(node.processes()) == 5
    assert node.applications.info("shop").state == "loaded"
    assert await node.applications.start("shop") == ["shop"]


async def test_others_go_on_when_what_they_need_is_stopped(node: Node) -> None:
    log: Log = []
    await node.applications.start(app("shop", log, app("db", log)))
    await node.applications.stop("db")
    assert running(node) == ["shop"]


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


async def test_a_restart_is_another_instance_of_the_same_type(node: Node) -> None:
    log: Log = []
    await node.applications.start(app("shop", log), start_type="transient")
    first = node.applications.info("shop")
    await node.applications.restart("shop")
    second = node.applications.info("shop")
    assert second.start_type == first.start_type == "transient"
    assert second.pid != first.pid
    assert [line for line in log if line.startswith("shop ")] == [
        *("shop start", "shop prep_stop", "shop stop", "shop start")
    ]


async def test_the_top_supervisor_has_the_flags_and_the_name_of_the_application(
    node: Node,
) -> None:
    flags = {"strategy": "rest_for_one", "intensity": 3, "period": 7.0}
    more = {"auto_shutdown": "never", "drain": "concurrent", "budget": 2.0}
    await node.applications.start(app("shop", [], **flags, **more))
    top = node.runtime.find(node.applications.info("shop").top)  # type: ignore[arg-type]
    assert top is not None
    assert top.label == "shop_sup"
    assert vars(top.supervisor).items() >= {**flags, **more}.items()


async def test_start_phases_come_when_the_processes_are_up(node: Node) -> None:
    log: Log = []
    phases = [("go", 1), ("open", 2)]
    await node.applications.start(app("shop", log, start_phases=phases))
    assert log == ["shop start", "shop_1 up", "shop phase go 1", "shop phase open 2"]


async def test_a_library_runs_nothing_and_is_there(node: Node) -> None:
    before = node.processes()
    await node.applications.start(library("paint"))
    assert node.processes() == before
    assert running(node) == ["paint"]
    assert node.applications.info("paint").pid is None
    assert await node.applications.stop("paint") == 0
    assert running(node) == []


class Unfit(Logged):
    """Does not come up."""

    async def start(self, log: Log, how: str = "") -> Any:
        self.log = log
        self.say("start")
        match how:
            case "exit":
                raise Exit("unfit")
            case "no pid":
                return None
            case "pid of nobody":
                return self.node.pid
        raise ValueError("unfit")


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("exit", "unfit"),
        ("raise", ("python", b"builtins.ValueError", b"unfit")),
        ("no pid", ("python", b"builtins.TypeError")),
    ],
)
async def test_a_start_that_fails_stops_what_it_has_started_in_reverse(
    node: Node, how: str, reason: Any, caplog: pytest.LogCaptureFixture
) -> None:
    log: Log = []
    shop = app("shop", log, args=[log, how], behaviour=Unfit)
    desk = app("desk", log, app("db", log), app("http", log), shop)
    await node.applications.start("kernel", app("kept", log))
    before = node.processes()
    with pytest.raises(ApplicationStartError) as caught:
        await node.applications.start("kept", desk)
    assert caught.value.application == "shop"
    told = caught.value.reason
    assert (told[: len(reason)] if isinstance(reason, tuple) else told) == reason
    assert log[log.index("shop start") + 1 :] == [
        *("http prep_stop", "http_1 down", "http stop"),
        *("db prep_stop", "db_1 down", "db stop"),
    ]
    assert running(node) == ["kept"]
    assert node.processes() == before
    crashes = [r for r in caplog.records if r.name == "ergopy.process"]
    assert len(crashes) == (how != "exit")


async def test_a_child_that_does_not_come_up_is_the_reason(node: Node) -> None:
    class Bad(GenServer):
        async def init(self) -> None:
            raise Exit("no_disk")

    log: Log = []
    with pytest.raises(ApplicationStartError) as caught:
        await node.applications.start(app("shop", log, children=[Bad]))
    failed = ("failed_to_start_child", "test_a_child_that_does_not_come_up", "no_disk")
    kind, (word, _, why) = caught.value.reason
    assert (kind, word, why) == ("shutdown", failed[0], failed[2])
    assert running(node) == []


async def test_a_phase_that_fails_stops_the_processes(node: Node) -> None:
    class Phased(Logged):
        async def start_phase(self, phase: str, argument: Any) -> None:
            raise Exit(phase)

    log: Log = []
    shop = app("shop", log, behaviour=Phased, start_phases=[("go", 1)])
    with pytest.raises(ApplicationStartError) as caught:
        await node.applications.start(shop)
    assert caught.value.reason == "go"
    assert log == ["shop start", "shop_1 up", "shop_1 down"]


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


async def test_who_needs_longer_than_the_grace_is_killed_and_told(
    node: Node,
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    log: Log = []
    await node.applications.start(app("shop", log, kids=2, seconds=4))
    before = trio.current_time()
    # The second child is gone by then; the first, three more processes are not.
    assert await node.applications.stop("shop", grace=6) == 4
    assert trio.current_time() == before + 6
    assert log[-2:] == ["shop prep_stop", "shop_2 down"]
    assert running(node) == []
    (record,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert (record.application, record.killed) == ("shop", 4)  # type: ignore[attr-defined]


async def test_what_an_application_leaves_behind_is_killed(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    stray: list[Any] = []

    async def sleep(process: Process) -> None:
        process.trap_exit = True
        await trio.sleep_forever()

    class Untidy(Logged):
        async def start(self, log: Log) -> Any:
            stray.append(await self.process.spawn(sleep))
            return await super().start(log)

    log: Log = []
    await node.applications.start(app("shop", log, behaviour=Untidy))
    assert node.applications.application_of(stray[0]) == "shop"
    await node.applications.stop("shop")
    assert log[-1] == "shop stop"
    assert not node.is_process_alive(stray[0])
    assert "application shop: processes that had to be killed: 1" in caplog.messages


@pytest.mark.parametrize("callback", ["prep_stop", "stop"])
async def test_a_callback_of_the_end_that_fails_holds_nothing_up(
    node: Node, callback: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(self: Any) -> None:
        raise ValueError("mine")

    log: Log = []
    kind = type("Failing", (Logged,), {callback: fail})
    await node.applications.start(app("shop", log, behaviour=kind))
    await node.applications.stop("shop")
    assert "shop_1 down" in log
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        f"{fail.__qualname__} failed: ValueError: mine"
    ]


async def test_a_strict_start_is_that_of_otp(node: Node) -> None:
    log: Log = []
    shop = app("shop", log, app("db", log))
    with pytest.raises(ApplicationNotStarted) as missing:
        await node.applications.start(shop, strict=True)
    assert (missing.value.application, missing.value.needed_by) == ("db", "shop")
    assert await node.applications.start("db", strict=True) == ["db"]
    with pytest.raises(ApplicationRunning):
        await node.applications.start("db", strict=True)
    assert await node.applications.start(shop, strict=True) == ["shop"]


async def test_a_cycle_starts_nothing(node: Node) -> None:
    log: Log = []
    node.applications.load(app("a", log, "b"))
    node.applications.load(app("b", log, "a"))
    with pytest.raises(DependencyCycle, match="a -> b -> a"):
        await node.applications.start("a")
    assert log == []


async def test_what_is_loaded_can_be_looked_at_and_unloaded(node: Node) -> None:
    log: Log = []
    shop = app("shop", log, app("db", log), version="2", description="Sells")
    assert node.applications.load(shop) == "shop"
    assert node.applications.load(shop) == "shop"
    assert [i.name for i in node.applications.loaded()][-2:] == ["shop", "db"]
    told = node.applications.info(shop)
    assert (told.version, told.description, told.state) == ("2", "Sells", "loaded")
    for other in (library("shop"), library("new", library("newer"), library("db"))):
        with pytest.raises(ApplicationAlreadyLoaded):
            node.applications.load(other)
    with pytest.raises(TypeError):
        node.applications.load(library("new"), {1: 2})  # type: ignore[dict-item]
    assert node.applications.find("new") is node.applications.find("newer") is None
    await node.applications.start("shop")
    with pytest.raises(ApplicationRunning):
        node.applications.unload("shop")
    await node.applications.stop("shop")
    node.applications.unload("shop")
    with pytest.raises(ApplicationNotLoaded):
        node.applications.info("shop")


async def test_what_a_class_brings_with_it_is_loaded_again_if_need_be(
    node: Node,
) -> None:
    shop = library("shop", library("db"))
    node.applications.load(shop)
    node.applications.unload("db")
    with pytest.raises(ApplicationNotLoaded):
        await node.applications.start("shop")
    assert await node.applications.start(shop) == ["db", "shop"]


async def test_applications_that_bring_each_other_are_loaded_and_do_not_start(
    node: Node,
) -> None:
    class One(Application):
        dependencies: Any = ()

    class Two(Application):
        dependencies = (One,)

    One.dependencies = (Two,)
    assert node.applications.load(One) == "one"
    assert node.applications.info(Two).dependencies == ("one",)
    with pytest.raises(DependencyCycle):
        await node.applications.start(Two)


async def test_names_that_nobody_has_are_errors(node: Node) -> None:
    applications = node.applications
    for verb in (applications.start, applications.stop, applications.restart):
        with pytest.raises(ApplicationNotLoaded):
            await verb("nope")
    for look in (applications.info, applications.unload, applications.get_all_env):
        with pytest.raises(ApplicationNotLoaded):
            look("nope")
    applications.load(library("shop"))
    with pytest.raises(ApplicationNotStarted):
        await applications.stop("shop")
    with pytest.raises(TypeError, match="not an application"):
        await applications.start(GenServer)


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


def test_an_application_is_no_behaviour() -> None:
    assert not hasattr(Application, "enter")
