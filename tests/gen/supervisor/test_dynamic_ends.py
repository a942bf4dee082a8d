"""DynamicSupervisor: how its children restart, and how they are stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

import ergopy
from ergopy import Atom, ChildSpec, supervisor
from ergopy.testing import SupervisorReport
from tests.gen.supervisor.dynamic_kit import Dyn, counts
from tests.gen.supervisor.kit import CRASH, Kid, Slow
from tests.runtimes import assert_only_the_root, find, running, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime
    from ergopy.testing import EventLog


@pytest.fixture
async def dyn(runtime: Runtime) -> Dyn:
    return Dyn(runtime)


async def test_a_restarted_child_gets_the_extra_arguments_again(dyn: Dyn) -> None:
    await dyn.start(extra_arguments=(dyn.log,))
    pid = await dyn.add(Kid, "one")
    assert pid is not None
    await dyn.end(pid, CRASH)
    assert [entry for entry in dyn.log if entry[0] == "up"] == [("up", "one")] * 2


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize(
    "reason", ["normal", "shutdown", ("shutdown", "x"), CRASH], ids=str
)
async def test_who_is_restarted_depends_on_restart_type_and_reason(
    dyn: Dyn, restart: str, reason: Any
) -> None:
    await dyn.start()
    pid = await dyn.kid("one", restart=restart)
    await dyn.end(pid, reason)
    again = restart == "permanent" or (restart == "transient" and reason == CRASH)
    assert await dyn.counts() == counts(int(again))
    assert len([entry for entry in dyn.log if entry[0] == "up"]) == 1 + again


async def test_a_restart_changes_no_other_child(dyn: Dyn) -> None:
    await dyn.start()
    one, two = await dyn.kid("one"), await dyn.kid("two")
    await dyn.end(one, CRASH)
    rows = await dyn.ask("which_children")
    assert two in [row[1] for row in rows]
    assert one not in [row[1] for row in rows]


async def test_a_restart_that_fails_is_tried_again_and_counts(dyn: Dyn) -> None:
    await dyn.start(intensity=3)
    pid = await dyn.kid("one", "ok", "raise", "stop", "ok")
    await dyn.end(pid, CRASH)
    assert await dyn.counts() == counts(1)
    assert len([entry for entry in dyn.log if entry[0] == "try"]) == 4


async def test_a_restart_whose_init_ignores_is_the_end_of_the_child(dyn: Dyn) -> None:
    await dyn.start()
    pid = await dyn.kid("one", "ok", "ignore")
    await dyn.end(pid, CRASH)
    assert await dyn.counts() == counts(0)


async def test_too_many_restarts_end_it_and_its_other_children(dyn: Dyn) -> None:
    await dyn.start(intensity=1)
    one, _ = await dyn.kid("one"), await dyn.kid("two")
    await dyn.end(one, CRASH)
    for _, pid, *_ in await dyn.ask("which_children"):
        await dyn.root.send(pid, ("end", CRASH))
    await settle()
    assert dyn.runtime.find(dyn.pid) is None
    assert len([entry for entry in dyn.log if entry[0] == "up"]) == 3


async def test_terminate_child_waits_for_the_end(
    dyn: Dyn, autojump_clock: trio.testing.MockClock
) -> None:
    await dyn.start()
    pid = await dyn.add(Slow, dyn.log, "slow", 3.0)
    assert pid is not None
    begun = trio.current_time()
    await supervisor.terminate_child(dyn.pid, pid, caller=dyn.root)
    assert trio.current_time() - begun == pytest.approx(3)
    assert dyn.runtime.find(pid) is None
    assert await dyn.counts() == counts(0)


async def test_who_is_no_child_is_not_found(dyn: Dyn) -> None:
    await dyn.start()
    for who in (dyn.root.pid, Atom("one"), 7):
        answer = await dyn.ask("terminate_child", who)
        assert answer == ("error", Atom("not_found"))


async def test_a_child_in_restart_can_be_terminated_by_the_pid_it_had(
    dyn: Dyn, autojump_clock: trio.testing.MockClock
) -> None:
    await dyn.start(backoff=ergopy.Backoff(first=10))
    pid = await dyn.kid("one")
    await dyn.end(pid, CRASH)
    assert await dyn.ask("terminate_child", pid) == "ok"
    await trio.sleep(100)
    assert len([entry for entry in dyn.log if entry[0] == "up"]) == 1
    assert await dyn.counts() == counts(0)


async def test_all_children_are_stopped_at_the_same_time(
    dyn: Dyn, autojump_clock: trio.testing.MockClock
) -> None:
    await dyn.start()
    for number in range(100):
        await dyn.add(Slow, dyn.log, f"slow{number}", 2.0)
    begun = trio.current_time()
    await dyn.root.stop(dyn.pid, timeout=60)
    assert trio.current_time() - begun == pytest.approx(2)
    assert len([entry for entry in dyn.log if entry[0] == "down"]) == 100


async def test_each_child_is_stopped_as_its_specification_says(
    dyn: Dyn, autojump_clock: trio.testing.MockClock
) -> None:
    await dyn.start()
    for seconds, shutdown in ((9.0, 1), (9.0, "brutal_kill"), (9.0, "infinity")):
        label = str(shutdown)
        await dyn.add(ChildSpec(Slow, dyn.log, label, seconds, shutdown=shutdown))
    begun = trio.current_time()
    await dyn.root.stop(dyn.pid, timeout=60)
    assert trio.current_time() - begun == pytest.approx(9)
    downs = [entry[1] for entry in dyn.log if entry[0] == "down"]
    assert downs == ["infinity"]


async def test_ten_thousand_children_come_and_go(dyn: Dyn) -> None:
    await dyn.start()

    async def idle(process: Any) -> None:
        await process.receive()

    before = len(dyn.runtime.processes)
    for _ in range(10_000):
        await dyn.add(idle)
    assert await dyn.counts() == counts(10_000)
    await dyn.root.stop(dyn.pid, timeout=None)
    assert len(dyn.runtime.processes) == before - 1


async def test_children_that_had_to_be_killed_are_counted_and_reported_together(
    dyn: Dyn,
    reports: EventLog,
    autojump_clock: trio.testing.MockClock,
) -> None:
    await dyn.start()
    behaviour = find(dyn.runtime, dyn.pid).supervisor
    for number in range(5):
        slow = ChildSpec(Slow, dyn.log, f"slow{number}", 9.0, shutdown=1)
        await dyn.add(slow)
    await dyn.root.stop(dyn.pid, timeout=60)
    assert behaviour.forced_kills == 5
    (report,) = reports.of(SupervisorReport, context="shutdown_error")
    assert report.offender["nb_children"] == 5


RESTARTS = ["permanent", "transient", "temporary"]
PLANS = {"start": "ok", "ignore": "ignore", "fail": "stop"}
STEPS = st.tuples(
    st.sampled_from(["start", *PLANS, "crash", "normal", "terminate"]),
    st.integers(0, 20),
)


class Model:
    """What a dynamic supervisor has to do, and to say."""

    def __init__(self, dyn: Dyn, most: int) -> None:
        self.dyn = dyn
        self.most = most
        self.restarts: dict[Any, str] = {}

    async def step(self, what: str, number: int) -> None:
        if what in PLANS:
            await self._start(PLANS[what], RESTARTS[number % 3])
        elif self.restarts:
            pid = list(self.restarts)[number % len(self.restarts)]
            await self._end(pid, what)

    async def _start(self, plan: str, restart: str) -> None:
        label = f"kid{len(self.dyn.log)}"
        spec = ChildSpec(Kid, self.dyn.log, label, (plan,), restart=restart)
        answer = await self.dyn.ask("start_child", spec)
        if len(self.restarts) >= self.most:
            assert answer == ("error", Atom("max_children"))
        elif plan == "ok":
            self.restarts[answer[1]] = restart
        else:
            refusal = ("error", Atom("unfit"))
            assert answer == (refusal if plan == "stop" else "ignore")

    async def _end(self, pid: Any, what: str) -> None:
        restart = self.restarts.pop(pid)
        if what == "terminate":
            assert await self.dyn.ask("terminate_child", pid) == "ok"
            return
        await self.dyn.end(pid, CRASH if what == "crash" else Atom("normal"))
        if restart == "permanent" or (restart == "transient" and what == "crash"):
            (new,) = await self.pids() - self.restarts.keys()
            self.restarts[new] = restart

    async def pids(self) -> set[Any]:
        return {row[1] for row in await self.dyn.ask("which_children")}


@settings(max_examples=40)
@given(st.integers(0, 5), st.lists(STEPS, max_size=25))
async def test_it_has_the_children_that_a_model_has(
    most: int, script: list[tuple[str, int]]
) -> None:
    async with running() as runtime:
        dyn = await Dyn(runtime).start(max_children=most, intensity=10**6)
        model = Model(dyn, most)
        for step in script:
            await model.step(*step)
            assert await model.pids() == model.restarts.keys()
            assert await dyn.counts() == counts(len(model.restarts))
            assert all(runtime.find(pid) for pid in model.restarts)
        await dyn.root.stop(dyn.pid)
        assert_only_the_root(runtime)
