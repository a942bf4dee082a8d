"""A stop: callbacks and processes in order, and what holds it up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from tests.gen.application.kit import Log, Logged, app, running

if TYPE_CHECKING:
    from ergopy import Node, Process


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
