"""What the end of an application means for its node, by start type."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio
import trio.testing

from ergopy import (
    Application,
    ApplicationStartError,
    ApplicationTerminated,
    Atom,
    ChildSpec,
    GenServer,
    NodeThread,
    Stop,
)
from ergopy.testing import MemoryNetwork
from tests.gen.application.kit import Kid, Log, Logged, app, library, running
from tests.nodes import unique_name
from tests.runtimes import settle


class Top(GenServer):
    """A top process that is no supervisor, and ends as it is told."""

    async def handle_cast(self, request: Any) -> Any:
        return Stop(request)


class Single(Application):
    async def start(self) -> Any:
        return await self.process.start(Top, name="top", link=True)


CLEAN = [Atom("normal"), Atom("shutdown"), (Atom("shutdown"), Atom("done"))]
FAILED = [Atom("oops"), Atom("killed")]


@pytest.mark.parametrize("reason", [*CLEAN, *FAILED], ids=repr)
@pytest.mark.parametrize("start_type", ["permanent", "transient", "temporary"])
async def test_the_start_type_says_which_end_ends_the_node(
    start_type: str, reason: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ergopy.application")
    clean = reason in CLEAN
    ends = start_type == "permanent" or (start_type == "transient" and not clean)
    log: Log = []
    other = app("other", log)
    went_on = []

    async def main() -> None:
        async with MemoryNetwork().node("py", applications=[other]) as node:
            await node.applications.start(Single, start_type=start_type)
            await node.cast("top", reason)
            await settle()
            went_on.extend(running(node))

    if ends:
        with pytest.raises(ApplicationTerminated) as caught:
            await main()
        end = caught.value
        assert (end.application, end.reason) == ("single", reason)
        assert (end.start_type, end.clean) == (start_type, clean)
    else:
        await main()
    assert went_on == ([] if ends else ["other"])
    # In both cases the others were stopped in order.
    assert log[-3:] == ["other prep_stop", "other_1 down", "other stop"]
    level = logging.INFO if clean else logging.ERROR
    (exited,) = [r for r in caplog.records if "single" in r.getMessage()][1:]
    assert exited.levelno == level
    assert exited.report == "application_report"  # type: ignore[attr-defined]
    assert exited.reason == reason  # type: ignore[attr-defined]


@pytest.mark.parametrize("start_type", ["permanent", "transient"])
async def test_a_top_supervisor_that_gives_up_has_failed_although_it_says_shutdown(
    start_type: str,
) -> None:
    async def main() -> None:
        async with MemoryNetwork().node("py") as node:
            shop = app("shop", [], intensity=0)
            await node.applications.start(shop, start_type=start_type)
            await node.cast("shop_1", Atom("crash"))
            await trio.sleep_forever()

    with pytest.raises(ApplicationTerminated) as caught:
        await main()
    assert (caught.value.reason, caught.value.clean) == ("shutdown", False)


async def test_a_transient_one_whose_work_is_done_leaves_the_node_alone() -> None:
    log: Log = []
    worker = ChildSpec(Kid, log, "w", name="w", restart="transient", significant=True)
    batch = app("batch", log, children=[worker], auto_shutdown="any_significant")
    async with MemoryNetwork().node("py") as node:
        await node.applications.start(batch, start_type="transient")
        await node.cast("w", (Atom("end"), Atom("normal")))
        await settle()
        assert running(node) == []
    assert log == ["batch start", "w up", "w down", "batch prep_stop", "batch stop"]


async def test_the_type_of_the_spec_holds_also_for_what_is_needed() -> None:
    log: Log = []
    db = app("db", log, start_type="permanent", behaviour=Logged)
    http = app("http", log)
    shop = app("shop", log, db, http, start_type="temporary")
    async with MemoryNetwork().node("py", applications=[shop]) as node:
        kinds = {info.name: info.start_type for info in node.applications.which()}
    assert (kinds["db"], kinds["http"]) == ("permanent", "permanent")
    assert kinds["shop"] == "temporary"


async def test_without_a_type_it_is_temporary_as_for_application_start() -> None:
    async with MemoryNetwork().node("py") as node:
        await node.applications.start(library("paint"))
        assert node.applications.info("paint").start_type == "temporary"
        with pytest.raises(ValueError, match="forever"):
            await node.applications.start("paint", start_type="forever")


async def test_a_stop_by_the_program_is_no_end_whatever_the_type() -> None:
    async with MemoryNetwork().node("py") as node:
        await node.applications.start(app("shop", []), start_type="permanent")
        await node.applications.stop("shop")
        await settle()
        assert await node.ping(node.name)


async def test_a_lifespan_ends_it_with_normal(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ergopy.application")
    log: Log = []
    async with MemoryNetwork().node("py") as node:
        await node.applications.start(app("shop", log, lifespan=0.15))
        await trio.sleep(0.14)
        assert running(node) == ["shop"]
        await trio.sleep(0.02)
        assert running(node) == []
    assert log[2:] == ["shop prep_stop", "shop_1 down", "shop stop"]
    assert "application shop (temporary) exited: Atom('normal')" in caplog.messages


async def test_a_permanent_one_with_a_lifespan_ends_the_node_cleanly(
    autojump_clock: trio.testing.MockClock,
) -> None:
    shop = app("shop", [], lifespan=60)
    with pytest.raises(ApplicationTerminated) as caught:
        async with MemoryNetwork().node("py", applications=[shop]) as node:
            await node.wait_closed()
    assert trio.current_time() == 60
    assert caught.value.clean


async def test_no_message_ends_an_application(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with MemoryNetwork().node("py") as node:
        await node.applications.start(app("shop", []))
        pid = node.applications.info("shop").pid
        processes = [node.runtime.find(p) for p in node.processes()]
        theirs = [p.pid for p in processes if p and p.group_leader == pid]
        for message in (None, 1, (1, 2), Atom("stop"), (Atom("EXIT"), pid, 1)):
            for one in theirs:
                if one != node.whereis("shop_1"):
                    await node.send(one, message)
        await settle()
        assert running(node) == ["shop"]
        assert await node.call("shop_1", 1) == node.whereis("shop_1")


@pytest.mark.parametrize("victim", ["master", "starter", "top"])
async def test_whichever_of_its_processes_is_killed_the_rest_goes_too(
    victim: str,
) -> None:
    log: Log = []
    async with MemoryNetwork().node("py") as node:
        before = node.processes()
        await node.applications.start(app("shop", log))
        info = node.applications.info("shop")
        starter = node.runtime.find(info.top).parent  # type: ignore[arg-type]
        pids = {"master": info.pid, "starter": starter, "top": info.top}
        await node.exit(pids[victim], "kill")  # type: ignore[arg-type]
        await settle()
        assert running(node) == []
        assert node.processes() == before


async def test_an_application_that_cannot_start_keeps_the_node_from_coming_up() -> None:
    log: Log = []

    class Unfit(Logged):
        async def start(self, log: Log) -> Any:
            raise ValueError("unfit")

    good, bad = app("good", log), app("bad", log, behaviour=Unfit)
    network = MemoryNetwork()
    for _ in range(2):
        with pytest.raises(ApplicationStartError):
            await network.node("py", applications=[good, bad]).__aenter__()
    assert log[-3:] == ["good prep_stop", "good_1 down", "good stop"]


async def test_one_that_fails_while_the_next_is_coming_up_is_the_error(
    autojump_clock: trio.testing.MockClock,
) -> None:
    class Slow(Logged):
        async def start(self, log: Log) -> Any:
            top = self.node.applications.info("single").top
            await self.process.cast(top, Atom("oops"))
            await trio.sleep(3600)

    slow = app("slow", [], Single, behaviour=Slow)
    with pytest.raises(ApplicationTerminated, match="single"):
        async with MemoryNetwork().node("py", applications=[slow]):
            pytest.fail("it came up")
    assert trio.current_time() < 60


async def test_the_end_of_the_controller_ends_the_node() -> None:
    async def main() -> None:
        async with MemoryNetwork().node("py") as node:
            pid = node.whereis("application_controller")
            assert pid is not None
            await node.exit(pid, "kill")
            await trio.sleep_forever()

    with pytest.raises(ApplicationTerminated) as caught:
        await main()
    assert (caught.value.application, caught.value.reason) == ("kernel", "killed")


async def test_what_the_program_raises_at_the_same_time_is_not_lost() -> None:
    async def main() -> None:
        async with MemoryNetwork().node("py", applications=[Single]) as node:
            await node.cast("top", Atom("oops"))
            try:
                await trio.sleep_forever()
            finally:
                raise LookupError("mine")

    with pytest.raises(BaseExceptionGroup) as caught:
        await main()
    assert caught.group_contains(ApplicationTerminated)
    assert caught.group_contains(LookupError)


async def test_fail_does_nothing_to_a_node_that_is_ending() -> None:
    class Late(GenServer):
        async def init(self) -> None:
            self.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            self.node.fail(ValueError("too late"))

    async with MemoryNetwork().node("py") as node:
        await node.start(Late)


def test_a_node_thread_raises_what_ended_its_node() -> None:
    options: Any = {"cookie": "x", "epmd": "off"}
    with (
        pytest.raises(ValueError, match="mine"),
        NodeThread(unique_name(), **options) as node,
    ):
        node.run_sync(lambda: node.node.fail(ValueError("mine")))
