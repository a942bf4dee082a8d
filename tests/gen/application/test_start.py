"""A start: what is needed comes first, what a spec asks for, and a start again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ergopy import ApplicationNotStarted, ApplicationRunning, DependencyCycle
from tests.gen.application.kit import Log, app, library, running

if TYPE_CHECKING:
    from ergopy import Node


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
