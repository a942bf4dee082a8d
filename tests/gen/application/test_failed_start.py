"""A start that fails: its reason, and what is stopped again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import ApplicationStartError, Exit, GenServer
from tests.gen.application.kit import Log, Logged, app, running

if TYPE_CHECKING:
    from ergopy import Node


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
