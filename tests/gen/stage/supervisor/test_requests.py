"""What a consumer supervisor is asked, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import (
    Atom,
    ChildSpec,
    ConsumerSupervisor,
    StartError,
    Supervisor,
    stage,
    supervision_tree,
    supervisor,
)
from tests.gen.stage.supervisor.office import CRASH, Job, Office, Starts, counts
from tests.runtimes import find, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


@pytest.fixture
async def office(runtime: Runtime) -> Office:
    """One whose subscription has two places, each asked for alone."""
    office = await Office(runtime).start(max_demand=2, min_demand=0)
    assert office.asked() == [2]
    return office


async def test_children_have_no_id_and_are_known_by_their_pids(office: Office) -> None:
    await office.give(1, 2)
    rows = await supervisor.which_children(office.pid, caller=office.root)
    assert [row.id for row in rows] == ["undefined"] * 2
    assert [row.pid for row in rows] == [child.pid for child in children(office)]
    assert {row.type for row in rows} == {"worker"}
    assert await supervisor.count_children(office.pid, caller=office.root) == (
        supervisor.ChildCounts(specs=1, active=2, supervisors=0, workers=2)
    )
    await supervisor.terminate_child(office.pid, rows[0].pid, caller=office.root)
    assert await office.counts() == counts(1)


def children(office: Office) -> list[Any]:
    return list(office.supervisor._children)


async def test_children_that_are_supervisors_are_counted_as_such(
    runtime: Runtime,
) -> None:
    template = ChildSpec(Supervisor, restart="temporary")
    office = await Office(runtime).start(template, max_demand=2)
    await office.give([waits], [])
    assert await office.ask("count_children") == {
        "specs": 1,
        "active": 2,
        "supervisors": 2,
        "workers": 0,
    }


async def waits(process: Process, *event: int) -> None:
    """Be a child that does nothing, and one that no event is needed for."""
    await process.receive()


async def test_one_child_and_its_specification_are_shown(office: Office) -> None:
    await office.give(1)
    (pid,) = await office.pids()
    told = await supervisor.which_child(office.pid, pid, caller=office.root)
    assert told.pid == pid
    spec = await supervisor.get_childspec(office.pid, pid, caller=office.root)
    assert spec.restart == "temporary"


async def test_a_child_that_is_started_by_hand_takes_no_place(office: Office) -> None:
    await office.give(1, 2)
    pid = await supervisor.start_child(office.pid, [3], caller=office.root)
    assert office.starts == [1, 2, 3]
    assert await office.counts() == counts(3)
    assert pid is not None
    await office.end(pid)
    assert office.asked() == []
    pid = await supervisor.start_child(office.pid, [4], caller=office.root)
    await supervisor.terminate_child(office.pid, pid, caller=office.root)
    assert office.asked() == []
    await office.end((await office.pids())[0])
    assert office.asked() == [1]


async def test_a_start_by_hand_that_fails_says_why(office: Office) -> None:
    with pytest.raises(StartError) as caught:
        await supervisor.start_child(office.pid, [(1, "stop")], caller=office.root)
    assert caught.value.reason == "unfit"
    by = {"caller": office.root}
    assert await supervisor.start_child(office.pid, [(1, "ignore")], **by) is None
    assert await office.counts() == counts(0)


async def test_a_start_by_hand_is_answered_as_genstage_does(office: Office) -> None:
    assert await office.ask("start_child", [(1, "ignore")]) == "ignore"
    assert await office.ask("start_child", [(1, "stop")]) == ("error", "unfit")
    error, reason = await office.ask("start_child", [1, 2])
    assert (error, reason[:2]) == ("error", ("python", b"builtins.TypeError"))
    assert (await office.ask("start_child", [1]))[0] == "ok"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (("start_child", 1), "badarg"),
        (("terminate_child", 1), "not_found"),
        (("delete_child", 1), ("unknown_request", (Atom("delete_child"), 1))),
        (("what",), ("unknown_request", Atom("what"))),
    ],
)
async def test_an_odd_request_is_an_error(
    office: Office, request_: Any, reason: Any
) -> None:
    assert await office.ask(*request_) == ("error", reason)


async def test_it_subscribes_when_somebody_else_has_it_do_so(office: Office) -> None:
    tag = await stage.sync_subscribe(
        office.pid, office.hand.pid, max_demand=9, caller=office.root
    )
    assert office.asked(tag) == [9]


async def test_the_end_of_its_producer_ends_it_and_its_children(
    office: Office,
) -> None:
    await office.give(1, 2)
    pids, ends = await office.pids(), office.ends
    await office.cancel("gone")
    assert ends == ["gone"]
    assert [office.runtime.find(pid) for pid in pids] == [None, None]


async def test_with_a_temporary_subscription_it_outlives_its_producer(
    runtime: Runtime,
) -> None:
    office = await Office(runtime).start(max_demand=2, cancel="temporary")
    await office.give(1)
    await office.root.exit(office.hand.pid, "kill")
    await settle()
    assert await office.counts() == counts(1)
    await office.end(*await office.pids(), CRASH)
    assert await office.counts() == counts(0)


async def test_a_child_may_have_it_start_another_that_takes_no_place(
    runtime: Runtime,
) -> None:
    later: list[Any] = []

    async def after(process: Process, event: int) -> None:
        later.append(event)

    async def child(process: Process, event: int) -> None:
        ergopy.spawn_soon(after, event)

    office = await Office(runtime).start(child, max_demand=1)
    office.asked()
    await office.give(1)
    assert later == [1]
    assert office.asked() == [1]
    await settle()
    assert await office.counts() == counts(0)


async def test_it_is_a_supervisor_in_a_tree(runtime: Runtime) -> None:
    office = Office(runtime)
    made = ChildSpec(
        ConsumerSupervisor,
        office.template(id="job"),
        id="jobs",
        subscribe_to=[office.hand.pid],
    )
    top = await runtime.root.start(Supervisor, [made], name="top")
    (row,) = await supervisor.which_children(top, caller=office.root)
    office.pid, office.tag = row.pid, office.subscribed()
    assert row.type == "supervisor"
    await office.give(1, 2)
    (below,) = supervision_tree(top, caller=office.root).children
    assert (below.id, below.kind, below.strategy) == (
        "jobs",
        "supervisor",
        "one_for_one",
    )
    assert [child.id for child in below.children] == [("job", 1), ("job", 2)]
    await runtime.root.stop(top)
    assert runtime.find(row.pid) is None


async def test_a_slow_init_holds_up_everything_else(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    class Slow(Job):
        async def init(self, starts: Starts, event: Any) -> Any:
            await trio.sleep(10)
            return await super().init(starts, event)

    office = Office(runtime)
    await office.start(
        ChildSpec(Slow, office.starts, restart="temporary"), max_demand=5
    )
    start = trio.current_time()
    await office.give(1, 2)
    assert await office.counts() == counts(2)
    assert trio.current_time() - start == 20


async def test_a_large_batch_lets_others_run(runtime: Runtime) -> None:
    seen: list[int] = []

    async def look(process: Process, event: int) -> None:
        seen.append(len(office.supervisor._children))

    office = await Office(runtime).start(look, max_demand=3000)
    await office.give(*range(3000))
    assert len(seen) == 3000
    assert seen[0] < 3000


async def test_ten_thousand_children_start_and_stop_together(runtime: Runtime) -> None:
    office = await Office(runtime).start(waits, max_demand=10_000)
    await office.give(*range(10_000))
    assert await office.counts() == counts(10_000)
    found = find(runtime, office.pid)
    await runtime.root.stop(office.pid, "shutdown")
    assert not found.alive
    assert len(runtime.processes) == 2


async def test_a_flood_of_events_is_never_more_than_max_demand_children(
    runtime: Runtime,
) -> None:
    last, most = 20_000, 50
    alive, done = [0, 0], trio.Event()

    class Flood(ergopy.Producer):
        async def init(self) -> None:
            self.next = 0

        async def handle_demand(self, demand: int) -> list[int]:
            first, self.next = self.next, min(self.next + demand, last)
            return list(range(first, self.next))

    async def child(process: Process, event: int) -> None:
        alive[0] += 1
        alive[1] = max(alive)
        await trio.lowlevel.checkpoint()
        alive[0] -= 1
        seen.append(event)
        if len(seen) == last:
            done.set()

    seen: list[int] = []
    flood = await runtime.root.start(Flood)
    target = (flood, {"max_demand": most})
    pid = await runtime.root.start(ConsumerSupervisor, child, subscribe_to=[target])
    await done.wait()
    await settle()
    assert sorted(seen) == list(range(last))
    assert alive[1] == most
    process = find(runtime, pid)
    sup: Any = process.supervisor
    for held in (process.links, process.queue, sup._children._origins):
        assert not held
