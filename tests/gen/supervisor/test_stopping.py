"""Stopping children: told, waited for, killed; alone, in order, or all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, ChildSpec, Supervisor
from ergopy.testing import SupervisorReport
from tests.gen.supervisor.kit import CRASH, Kid, Slow
from tests.runtimes import assert_only_the_root, find, settle, stubborn

if TYPE_CHECKING:
    from ergopy.testing import EventLog
    from tests.gen.supervisor.kit import Sup

SHUTDOWN = Atom("shutdown")
KILLED = Atom("killed")


def slow(sup: Sup, label: str, seconds: float, **options: Any) -> ChildSpec:
    return ChildSpec(Slow, sup.log, label, seconds, id=label, **options)


def errors(reports: EventLog) -> list[Any]:
    """What the reports of shutdown errors name as reason."""
    found = reports.of(SupervisorReport, context="shutdown_error")
    return [report.reason for report in found]


async def test_a_child_has_its_seconds_and_then_is_killed(
    sup: Sup, autojump_clock: Any, reports: EventLog
) -> None:
    await sup.start(slow(sup, "a", 2, shutdown=3), slow(sup, "b", 4, shutdown=3))
    begin = trio.current_time()
    behaviour = sup.behaviour
    await sup.root.stop(sup.pid, timeout=None)
    assert trio.current_time() - begin == pytest.approx(5)
    assert sup.forget()[2:] == [("down", "a", SHUTDOWN)]
    assert errors(reports) == [KILLED]
    assert behaviour.forced_kills == 1


async def test_a_time_of_zero_is_told_and_killed(
    sup: Sup, autojump_clock: Any, reports: EventLog
) -> None:
    await sup.start(slow(sup, "a", 1, shutdown=0))
    await sup.root.stop(sup.pid)
    assert sup.forget() == [("up", "a")]
    assert errors(reports) == [KILLED]


async def test_infinity_waits_as_long_as_it_takes(
    sup: Sup, autojump_clock: Any, reports: EventLog
) -> None:
    await sup.start(slow(sup, "a", 1000, shutdown="infinity"))
    await sup.root.stop(sup.pid, timeout=None)
    assert sup.forget()[-1] == ("down", "a", SHUTDOWN)
    assert not errors(reports)


async def test_brutal_kill_asks_nobody(sup: Sup, reports: EventLog) -> None:
    await sup.start(sup.kid("a", shutdown="brutal_kill"))
    behaviour = sup.behaviour
    await sup.root.stop(sup.pid)
    assert sup.forget() == [("up", "a")]
    assert not errors(reports)
    assert behaviour.forced_kills == 0


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize(
    "reason", ["normal", "shutdown", (SHUTDOWN, 1), CRASH], ids=repr
)
async def test_an_unexpected_reason_of_a_child_that_is_stopped_is_reported(
    sup: Sup, reports: EventLog, restart: str, reason: Any
) -> None:
    class Odd(Kid):
        async def terminate(self, _: Any) -> None:
            from ergopy import Exit

            raise Exit(reason)

    await sup.start(ChildSpec(Odd, sup.log, "a", id="a", restart=restart))
    await sup.root.stop(sup.pid)
    clean = reason == "shutdown" or (restart != "permanent" and reason != CRASH)
    assert errors(reports) == ([] if clean else [reason])


async def test_a_child_that_has_unlinked_itself_is_still_stopped(
    sup: Sup, autojump_clock: Any
) -> None:
    await sup.start(sup.kid("a"))
    await sup.root.send(await sup.child("a"), ("unlink", sup.pid))
    await settle()
    assert not find(sup.runtime, await sup.child("a")).links
    assert await sup.ask("terminate_child", Atom("a")) == "ok"
    assert sup.forget()[-1] == ("down", "a", SHUTDOWN)


async def test_a_child_that_died_before_is_not_restarted_after_its_stop(
    sup: Sup,
) -> None:
    """Its exit message may wait behind the request: it must not count."""
    await sup.start(sup.kid("a"), intensity=0)
    process = find(sup.runtime, await sup.child("a"))
    process.kill()
    assert await sup.ask("terminate_child", Atom("a")) == "ok"
    await settle()
    assert sup.alive
    assert await sup.names() == {"a": "undefined"}


async def test_nested_supervisors_stop_their_own_in_order(sup: Sup) -> None:
    inner = ChildSpec(Supervisor, [sup.kid("b"), sup.kid("c")], id="inner")
    await sup.start(sup.kid("a"), inner, sup.kid("d"))
    await sup.root.stop(sup.pid)
    downs = [entry[1] for entry in sup.forget() if entry[0] == "down"]
    assert downs == ["d", "c", "b", "a"]
    assert_only_the_root(sup.runtime)


async def test_children_go_when_the_supervisor_is_killed(sup: Sup) -> None:
    await sup.start(sup.kid("a"))
    sup.process.kill()
    await settle()
    assert sup.forget()[-1] == ("down", "a", KILLED)
    assert_only_the_root(sup.runtime)


async def test_a_concurrent_drain_takes_as_long_as_the_slowest(
    sup: Sup, autojump_clock: Any
) -> None:
    await sup.start(
        *(slow(sup, f"c{n}", 4, shutdown=10) for n in range(100)), drain="concurrent"
    )
    begin = trio.current_time()
    await sup.root.stop(sup.pid, timeout=None)
    assert trio.current_time() - begin == pytest.approx(4)


@pytest.mark.parametrize(("drain", "killed"), [("sequential", 2), ("concurrent", 0)])
async def test_a_budget_is_a_ceiling_for_all(
    sup: Sup, autojump_clock: Any, drain: str, killed: int
) -> None:
    await sup.start(
        *(slow(sup, name, 2, shutdown=10) for name in "abc"), drain=drain, budget=3
    )
    begin = trio.current_time()
    behaviour = sup.behaviour
    await sup.root.stop(sup.pid, timeout=None)
    assert trio.current_time() - begin == pytest.approx(3 if killed else 2)
    assert behaviour.forced_kills == killed


async def test_a_budget_holds_for_supervisors_below_as_well(
    sup: Sup, autojump_clock: Any
) -> None:
    inner = ChildSpec(Supervisor, [slow(sup, "b", 50, shutdown=100)], id="inner")
    await sup.start(inner, budget=3)
    begin = trio.current_time()
    await sup.root.stop(sup.pid, timeout=None)
    assert trio.current_time() - begin == pytest.approx(3)
    # It hears that its parent was killed, and may clean up by itself.
    await trio.sleep(60)
    assert_only_the_root(sup.runtime)


async def test_forced_kills_are_counted_over_the_tree_and_told(
    sup: Sup, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    inner = ChildSpec(Supervisor, [slow(sup, "b", 4, shutdown=1)], id="inner")
    await sup.start(inner, slow(sup, "c", 4, shutdown=1))
    behaviour = sup.behaviour
    await sup.root.stop(sup.pid, timeout=None)
    assert behaviour.forced_kills == 2
    assert "had to be killed: 2" in caplog.text


async def test_forced_kills_of_a_supervisor_that_failed_are_kept(
    sup: Sup, autojump_clock: Any
) -> None:
    children = [slow(sup, "b", 4, shutdown=1), sup.kid("c")]
    inner = ChildSpec(Supervisor, children, id="inner", intensity=0)
    await sup.start(inner)
    pids = await sup.root.call(await sup.child("inner"), Atom("which_children"))
    await sup.root.send(pids[0][1], ("end", CRASH))
    await trio.sleep(2)
    assert sup.behaviour.forced_kills == 1
    assert (await sup.ask("which_children"))[0][1] != "undefined"


async def test_a_child_that_does_not_die_is_declared_defunct(
    sup: Sup, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    spec = ChildSpec(stubborn, 100, id="a", name="held", shutdown=2)
    await sup.start(spec, sup.kid("b"))
    stuck = find(sup.runtime, await sup.child("a"))
    watcher = await sup.root.monitor(stuck.pid)
    begin = trio.current_time()
    assert await sup.ask("terminate_child", Atom("a")) == "ok"
    assert trio.current_time() - begin == pytest.approx(2 + 5)
    assert "is defunct now" in caplog.text
    assert "stubborn" in caplog.text
    assert sup.runtime.whereis("held") is None
    assert sup.runtime.find(stuck.pid) is None
    assert not sup.root.monitors, watcher
    assert stuck.pid not in sup.process.links
    assert await sup.ask("restart_child", Atom("a")) != ("error", "running")
    assert sup.runtime.whereis("held") is not None
    # The task ends when it can, and nobody hears of it a second time.
    await trio.sleep(200)
    assert sup.alive
    assert (await sup.names())["b"] != "undefined"


async def test_a_group_restart_does_not_hang_on_a_child_that_does_not_die(
    sup: Sup, autojump_clock: Any
) -> None:
    spec = ChildSpec(stubborn, 100, id="s", shutdown=2)
    await sup.start(sup.kid("a"), spec, strategy="one_for_all")
    first = await sup.child("s")
    await sup.end("a", CRASH)
    await trio.sleep(10)
    assert await sup.child("s") != first
    assert sup.forget() == [("up", "a"), ("down", "a", CRASH), ("up", "a")]
