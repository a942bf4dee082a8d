"""The nearest supervisor, and children beside a process."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import (
    Atom,
    ChildSpec,
    DynamicSupervisor,
    GenServer,
    Stop,
    Supervisor,
    current_supervisor,
    spawn_soon,
    supervisor,
)
from ergopy.testing import SupervisorReport
from tests.runtimes import find, inside, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from ergopy import Pid, Process
    from ergopy.process.runtime import Runtime
    from ergopy.testing import EventLog


class Host(GenServer):
    """Runs what it is told in one of the places where a program may run."""

    async def handle_call(self, request: Any, from_: Any) -> Any:
        where, function = request
        return await getattr(self, where)(function)

    async def here(self, function: Callable[[], Any]) -> Any:
        return function()

    async def in_nursery(self, function: Callable[[], Any]) -> Any:
        found: list[Any] = []

        async def inner() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._note, found, function)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(inner)
        return found[0]

    async def in_helper(self, function: Callable[[], Any]) -> Any:
        found: list[Any] = []
        self.start_soon(self._note, found, function)
        await settle()
        return found[0]

    async def in_spawned(self, function: Callable[[], Any]) -> Any:
        found: list[Any] = []

        async def body(process: Process) -> None:
            await self._note(found, function)

        await self.spawn(body)
        await settle()
        return found[0]

    async def _note(self, found: list[Any], function: Callable[[], Any]) -> None:
        found.append(function())


WHERE = ["here", "in_nursery", "in_helper", "in_spawned"]


async def idle(process: Process, *args: Any) -> None:
    while True:
        await process.receive()


async def hosted(runtime: Runtime, kind: Any, *args: Any, **flags: Any) -> Pid:
    """Start a supervisor with a host named ``host``; return its pid."""
    pid: Pid = await runtime.root.start(kind, *args, name="sup", **flags)
    host = ChildSpec(Host, name="host")
    if kind is DynamicSupervisor:
        await DynamicSupervisor.start_child(pid, host, caller=runtime.root)
    return pid


@pytest.fixture(params=[Supervisor, DynamicSupervisor], ids=lambda kind: kind.__name__)
async def sup(request: pytest.FixtureRequest, runtime: Runtime) -> Pid:
    args = [[ChildSpec(Host, name="host")]] if request.param is Supervisor else []
    return await hosted(runtime, request.param, *args)


async def run(
    runtime: Runtime, function: Callable[[], Any], where: str = "here"
) -> Any:
    return await runtime.root.call("host", (where, function))


@pytest.mark.parametrize("where", WHERE)
async def test_all_that_runs_below_a_supervisor_knows_it(
    runtime: Runtime, sup: Pid, where: str
) -> None:
    assert await run(runtime, current_supervisor, where) == sup


async def test_the_nearest_one_counts(runtime: Runtime) -> None:
    inner = ChildSpec(Supervisor, [ChildSpec(Host, name="host")], name="inner")
    await runtime.root.start(Supervisor, [inner])
    assert await run(runtime, current_supervisor) == runtime.whereis("inner")


async def test_a_supervisor_is_its_own_nearest_while_it_begins(
    runtime: Runtime,
) -> None:
    found = []

    class Mine(Supervisor):
        async def init(self, *args: Any) -> Any:
            found.append(current_supervisor())
            return []

    pid = await runtime.root.start(Supervisor, [ChildSpec(Mine, name="mine")])
    assert found == [runtime.whereis("mine")]
    assert found != [pid]


async def test_who_was_started_by_no_child_has_none(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        current_supervisor()

    with pytest.raises(ergopy.LocalProtocolError, match="below no supervisor"):
        await inside(runtime, body)


async def test_outside_of_a_process_there_is_none() -> None:
    with pytest.raises(ergopy.LocalProtocolError, match="outside of a process"):
        current_supervisor()
    with pytest.raises(ergopy.LocalProtocolError, match="outside of a process"):
        spawn_soon(idle)


@pytest.mark.parametrize("where", WHERE)
async def test_spawn_soon_makes_a_temporary_child_of_the_supervisor(
    runtime: Runtime, sup: Pid, where: str
) -> None:
    assert await run(runtime, lambda: spawn_soon(idle, 1), where) is None
    await settle()
    rows = await supervisor.which_children(sup, caller=runtime.root)
    (new,) = [row.pid for row in rows if row.pid != runtime.whereis("host")]
    assert new is not None
    assert find(runtime, new).parent == sup
    await runtime.root.exit(new, "oops")
    await settle()
    assert (await supervisor.count_children(sup, caller=runtime.root)).active == 1


async def test_many_of_one_kind_have_ids_of_their_own(runtime: Runtime) -> None:
    sup = await hosted(runtime, Supervisor, [ChildSpec(Host, name="host")])

    def three() -> None:
        for number in range(3):
            spawn_soon(idle, number)

    await run(runtime, three)
    await settle()
    rows = await supervisor.which_children(sup, caller=runtime.root)
    new = [row.id for row in rows if row.id != "host"]
    assert [word for word, _ in new] == ["idle"] * 3
    assert len({*new}) == 3


async def test_it_goes_with_the_others_in_a_group_restart(runtime: Runtime) -> None:
    children = [ChildSpec(Host, name="host")]
    sup = await hosted(runtime, Supervisor, children, strategy="one_for_all")
    await run(runtime, lambda: spawn_soon(idle))
    await settle()
    host = runtime.whereis("host")
    assert host is not None
    await runtime.root.exit(host, "kill")
    await settle()
    rows = await supervisor.which_children(sup, caller=runtime.root)
    assert [row.id for row in rows] == ["host"]


async def test_under_simple_one_for_one_it_may_be_of_another_kind(
    runtime: Runtime,
) -> None:
    sup = await runtime.root.start(Supervisor, [Host], strategy="simple_one_for_one")
    host = await supervisor.start_child(sup, [], caller=runtime.root)
    assert host is not None
    runtime.register("host", host)
    await run(runtime, lambda: spawn_soon(idle))
    await settle()
    assert (await supervisor.count_children(sup, caller=runtime.root)).active == 2


async def test_a_specification_keeps_its_id_and_its_shutdown(runtime: Runtime) -> None:
    sup = await hosted(runtime, Supervisor, [ChildSpec(Host, name="host")])
    spec = ChildSpec(idle, id="mine", shutdown="brutal_kill", restart="permanent")
    await run(runtime, lambda: spawn_soon(spec))
    await settle()
    kept = await supervisor.get_childspec(sup, "mine", caller=runtime.root)
    assert (kept.shutdown, kept.restart) == ("brutal_kill", "temporary")


async def test_a_start_that_fails_is_reported_and_forgotten(
    runtime: Runtime, sup: Pid, reports: EventLog
) -> None:
    class Unfit(GenServer):
        async def init(self, *args: Any) -> Any:
            return Stop("unfit")

    await run(runtime, lambda: spawn_soon(Unfit))
    await settle()
    assert (await supervisor.count_children(sup, caller=runtime.root)).specs == 1
    (report,) = reports.of(SupervisorReport)
    assert (report.context, report.reason) == ("start_error", "unfit")


async def test_past_max_children_it_is_reported(
    runtime: Runtime, reports: EventLog
) -> None:
    await hosted(runtime, DynamicSupervisor, max_children=1)
    await run(runtime, lambda: spawn_soon(idle))
    await settle()
    assert [it.reason for it in reports.of(SupervisorReport)] == ["max_children"]


async def test_what_a_supervisor_has_not_started_by_its_end_is_dropped(
    runtime: Runtime, sup: Pid, caplog: pytest.LogCaptureFixture
) -> None:
    class Last(GenServer):
        async def init(self) -> None:
            self.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            spawn_soon(idle)
            spawn_soon(idle)

    await run(runtime, lambda: spawn_soon(Last))
    await settle()
    with caplog.at_level(logging.DEBUG, "ergopy.supervisor"):
        await runtime.root.stop(sup)
    dropped = [r.getMessage() for r in caplog.records if "never runs" in r.message]
    assert len(dropped) == 2
    assert all("is stopping" in it for it in dropped)
    assert len(runtime.processes) == 1


async def test_below_a_supervisor_that_has_ended_it_is_a_warning(
    runtime: Runtime, sup: Pid, caplog: pytest.LogCaptureFixture
) -> None:
    went_on = trio.Event()

    async def orphan(process: Process) -> None:
        await process.receive()
        spawn_soon(idle)
        went_on.set()

    await run(runtime, lambda: None)
    host = find(runtime, runtime.whereis("host"))  # type: ignore[arg-type]
    pid = await host.spawn(orphan)
    await runtime.root.stop(sup)
    await runtime.root.send(pid, Atom("go"))
    await went_on.wait()
    (record,) = [r for r in caplog.records if "never runs" in r.getMessage()]
    assert record.levelno == logging.WARNING


async def test_what_no_supervisor_could_start_is_a_mistake(
    runtime: Runtime, sup: Pid
) -> None:
    def mistakes() -> list[Any]:
        found = []
        for child in (7, "text", None):
            with pytest.raises(ergopy.SpecError) as caught:
                spawn_soon(child)
            found.append(caught.value)
        return found

    assert len(await run(runtime, mistakes)) == 3


async def test_who_may_not_start_processes_has_nobody_do_it(runtime: Runtime) -> None:
    found: list[Any] = []

    async def bound(process: Process) -> None:
        with pytest.raises(ergopy.NotPermitted):
            spawn_soon(idle)
        found.append(current_supervisor())

    config = ergopy.ProcessConfig(may_spawn=False)
    spec = ChildSpec(bound, config=config, restart="temporary")
    pid = await runtime.root.start(Supervisor, [spec])
    await settle()
    assert found == [pid]
    assert await supervisor.which_children(pid, caller=runtime.root) == []
