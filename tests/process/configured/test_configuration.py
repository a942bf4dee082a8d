"""Processes started with a configuration: rights, room, time, and who inherits them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

import ergopy
from ergopy import (
    Atom,
    GenServer,
    MailboxLimit,
    NotPermitted,
    ProcessConfig,
    SystemLimit,
)
from ergopy.process.configured.config import DEFAULT, RIGHTS, narrowed
from ergopy.process.configured.copying import STRICTNESS
from ergopy.process.defunct import declare_defunct
from tests.runtimes import (
    Ends,
    assert_only_the_root,
    find,
    idle,
    inside,
    mail,
    running,
    settle,
)

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

MAY_NOTHING = ProcessConfig(
    may_spawn=False, may_register=False, may_distribute=False, may_run_sync=False
)


def configured(runtime: Runtime, trap: bool = False, **options: Any) -> Process:
    process = runtime.spawn(idle, (), label="it", config=ProcessConfig(**options))
    process.trap_exit = trap
    return process


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"lifetime": -1}, "a number of seconds"),
        ({"lifetime": float("nan")}, "a number of seconds"),
        ({"max_processes": -1}, "a number of processes"),
        ({"max_processes": True}, "a number of processes"),
        ({"copy": "shallow"}, "copy= is one of none, deep, etf"),
        ({"may_call": "lists"}, "may_call= is several names"),
        ({"environment": {1: 2}}, "a variable is a str"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    options: dict[str, Any], problem: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=problem):
        ProcessConfig(**options)


async def test_a_process_without_a_configuration_is_a_plain_one(
    runtime: Runtime,
) -> None:
    process = runtime.spawn(idle, ())
    assert type(process) is ergopy.Process
    assert process.config is None


async def test_a_right_that_was_not_given_is_an_error_and_nothing_is_done(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> dict[str, Any]:
        tried = {}
        for verb, args in {
            "spawn": (idle,),
            "start": (GenServer,),
            "register": ("mine",),
            "unregister": ("yours",),
            "run_sync": (print,),
        }.items():
            try:
                result = getattr(process, verb)(*args)
                await result
            except NotPermitted as error:
                tried[verb] = (error.pid == process.pid, error.what)
        return tried

    before = len(runtime.processes)
    runtime.register("yours", runtime.root.pid)
    tried = await inside(runtime, body, config=MAY_NOTHING)
    assert tried == {
        "spawn": (True, "may_spawn"),
        "start": (True, "may_spawn"),
        "register": (True, "may_register"),
        "unregister": (True, "may_register"),
        "run_sync": (True, "may_run_sync"),
    }
    assert len(runtime.processes) == before
    assert set(runtime.names) == {"yours"}


async def test_a_child_has_no_right_that_its_parent_has_not(runtime: Runtime) -> None:
    async def body(process: Process) -> ProcessConfig | None:
        wider = ProcessConfig(may_register=True, may_run_sync=True)
        return find(runtime, await process.spawn(idle, config=wider)).config

    config = ProcessConfig(may_register=False, may_distribute=False)
    inherited = await inside(runtime, body, config=config)
    assert not inherited.may_register
    assert not inherited.may_distribute
    assert inherited.may_spawn
    assert inherited.may_run_sync


async def test_a_child_that_is_given_nothing_inherits_all(runtime: Runtime) -> None:
    parent = configured(runtime, may_run_sync=False, copy="deep", may_call=["lists"])
    child = find(runtime, await parent.spawn(idle))
    grandchild = find(runtime, await child.spawn(idle))
    for process in (child, grandchild):
        assert process.config is not None
        assert not process.config.may_run_sync
        assert process.config.copy == "deep"
        assert process.config.may_call == {"lists"}


async def test_a_server_is_bound_by_its_configuration(runtime: Runtime) -> None:
    class Server(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            try:
                return await self.spawn(idle)
            except NotPermitted as error:
                return error.what

    pid = await runtime.root.start(Server, config=ProcessConfig(may_spawn=False))
    assert await runtime.root.call(pid, "go") == "may_spawn"


async def test_a_name_is_given_by_the_starter_so_its_right_counts(
    runtime: Runtime,
) -> None:
    config = ProcessConfig(may_register=False)
    named = runtime.spawn(idle, (), name="given", config=config)
    assert runtime.whereis("given") == named.pid
    with pytest.raises(NotPermitted, match="may_register"):
        await named.spawn(idle, name="another")
    assert len(runtime.processes) == 2


async def test_what_the_node_starts_for_a_process_has_the_rights_of_that(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        return runtime.spawn(idle, ()).config

    config = await inside(runtime, body, config=ProcessConfig(may_register=False))
    assert not config.may_register
    with pytest.raises(NotPermitted):
        await inside(runtime, body, config=ProcessConfig(may_spawn=False))
    assert runtime.spawn(idle, ()).config is None


async def test_helper_tasks_have_the_rights_of_their_process(runtime: Runtime) -> None:
    async def body(process: Process) -> list[str]:
        refused = []

        async def help_out() -> None:
            for start in (process.spawn, lambda f: runtime.root.spawn(f)):
                try:
                    await start(idle)
                except NotPermitted as error:
                    refused.append(error.what)

        process.start_soon(help_out)
        await settle()
        return refused

    refused = await inside(runtime, body, config=ProcessConfig(may_spawn=False))
    assert refused == ["may_spawn", "may_spawn"]


async def test_room_for_processes_is_shared_by_all_below(runtime: Runtime) -> None:
    top = configured(runtime, max_processes=2)
    first = find(runtime, await top.spawn(idle))
    second = find(runtime, await first.spawn(idle))
    for process in (top, first, second):
        with pytest.raises(SystemLimit) as caught:
            await process.spawn(idle)
        assert (caught.value.who, caught.value.limit) == (top.pid, 2)
    await runtime.root.exit(first.pid, "kill")
    await settle()
    await second.spawn(idle)
    with pytest.raises(SystemLimit):
        await top.spawn(idle)


async def test_a_quota_inside_of_another_counts_in_both(runtime: Runtime) -> None:
    top = configured(runtime, max_processes=3)
    inner = find(runtime, await top.spawn(idle, config=ProcessConfig(max_processes=1)))
    await inner.spawn(idle)
    with pytest.raises(SystemLimit) as caught:
        await inner.spawn(idle)
    assert caught.value.who == inner.pid
    await top.spawn(idle)
    with pytest.raises(SystemLimit) as caught:
        await top.spawn(idle)
    assert caught.value.who == top.pid


async def test_a_start_that_fails_gives_its_room_back(runtime: Runtime) -> None:
    class Failing(GenServer):
        async def init(self) -> None:
            raise ergopy.Exit("no")

    top = configured(runtime, max_processes=1)
    await runtime.root.spawn(idle, name="taken")
    for _ in range(3):
        with pytest.raises(ergopy.StartError):
            await top.start(Failing)
        with pytest.raises(ergopy.NameTaken):
            await top.spawn(idle, name="taken")
        await settle()
    await top.spawn(idle)


async def test_one_that_was_declared_defunct_gives_its_room_back_once(
    runtime: Runtime,
) -> None:
    free = trio.Event()

    async def stuck(process: Process) -> None:
        with trio.CancelScope(shield=True):
            await free.wait()

    top = configured(runtime, max_processes=1)
    process = find(runtime, await top.spawn(stuck))
    await settle()
    process.kill()
    declare_defunct(process)
    await top.spawn(idle)
    free.set()
    await settle()
    with pytest.raises(SystemLimit):
        await top.spawn(idle)


async def test_a_node_has_no_more_processes_than_it_may(runtime: Runtime) -> None:
    runtime.max_processes = 3
    one = runtime.spawn(idle, ())
    runtime.spawn(idle, ())
    with pytest.raises(SystemLimit) as caught:
        await one.spawn(idle)
    assert (caught.value.who, caught.value.limit) == ("py@test", 3)
    assert "system_limit" in str(caught.value)
    with pytest.raises(SystemLimit):
        await runtime.root.start(GenServer, name="late")
    assert runtime.whereis("late") is None


async def test_a_lifetime_ends_a_process_without_a_crash(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    process = configured(runtime, lifetime=7.5)
    ends = Ends(process)
    await trio.sleep(7.4)
    assert process.alive
    await trio.sleep(0.2)
    assert ends.reasons == [(Atom("shutdown"), Atom("lifetime"))]


async def test_a_server_that_traps_exits_cleans_up_when_its_time_is_over(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    ended = []

    class Server(GenServer):
        async def init(self) -> None:
            self.process.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            ended.append((trio.current_time() - started, reason))

    started = trio.current_time()
    await runtime.root.start(Server, config=ProcessConfig(lifetime=3))
    await trio.sleep(3.1)
    assert ended == [(3.0, ("shutdown", "lifetime"))]
    assert_only_the_root(runtime)


async def test_who_traps_and_stays_is_killed_five_seconds_later(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    process = configured(runtime, trap=True, lifetime=1)
    ends = Ends(process)
    await trio.sleep(5.9)
    assert [message.reason for message in mail(process)] == [("shutdown", "lifetime")]
    await trio.sleep(0.2)
    assert ends.reasons == ["killed"]


async def test_children_live_no_longer_than_their_parent_may(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    parent = configured(runtime, lifetime=10)
    await trio.sleep(4)
    long = find(runtime, await parent.spawn(idle, config=ProcessConfig(lifetime=60)))
    short = find(runtime, await parent.spawn(idle, config=ProcessConfig(lifetime=1)))
    await trio.sleep(1.1)
    assert not short.alive
    assert long.alive
    await trio.sleep(5)
    assert not long.alive


async def test_the_timer_of_a_process_that_ended_early_is_gone(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    process = configured(runtime, lifetime=10)
    await runtime.root.exit(process.pid, "early")
    await settle()
    before = trio.current_time()
    await trio.sleep(30)
    assert trio.current_time() - before == 30
    assert_only_the_root(runtime)


async def test_a_configuration_has_a_mailbox_limit_as_well(runtime: Runtime) -> None:
    process = configured(runtime, mailbox=MailboxLimit(2, "drop_new"), may_spawn=False)
    for number in range(4):
        await runtime.root.send(process.pid, number)
    assert mail(process) == [0, 1]
    assert process.dropped == 2
    child = find(runtime, await configured(runtime, mailbox=None).spawn(idle))
    assert not isinstance(child, type(process))


async def test_mailbox_goes_before_that_of_the_configuration(runtime: Runtime) -> None:
    config = ProcessConfig(mailbox=MailboxLimit(5))
    process = runtime.spawn(idle, (), mailbox=MailboxLimit(1), config=config)
    for number in range(3):
        await runtime.root.send(process.pid, number)
    assert mail(process) == [0]


async def test_variables_of_a_configuration_come_on_top_of_what_is_inherited(
    runtime: Runtime,
) -> None:
    parent = runtime.spawn(idle, ())
    parent.env.update(a=1, b=1)
    config = ProcessConfig(environment={"b": 2})
    child = find(runtime, await parent.spawn(idle, config=config))
    assert dict(child.env) == {"a": 1, "b": 2}
    assert dict(parent.env) == {"a": 1, "b": 1}


def configurations() -> st.SearchStrategy[ProcessConfig]:
    names = st.none() | st.frozensets(st.sampled_from("abc"))
    rights: dict[str, st.SearchStrategy[bool]] = dict.fromkeys(RIGHTS, st.booleans())
    copy = st.sampled_from([None, *STRICTNESS])
    return st.builds(ProcessConfig, may_call=names, copy=copy, **rights)


@settings(deadline=None)
@given(st.lists(configurations(), max_size=5))
def test_nothing_gets_wider_on_the_way_down(chain: list[ProcessConfig]) -> None:
    above = DEFAULT
    for own in chain:
        below = narrowed(above, own)
        for right in RIGHTS:
            may = getattr(above, right) and getattr(own, right)
            assert getattr(below, right) == may
        for module in "abc":
            may_call = [
                c.may_call is None or module in c.may_call for c in (above, own)
            ]
            assert (below.may_call is None or module in below.may_call) == all(may_call)
        policies = [STRICTNESS.index(c.copy or "none") for c in (above, own, below)]
        assert policies[2] == max(policies)
        above = below


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from([None, None, 0, 1, 2, 3])),
        max_size=25,
    )
)
def test_no_quota_is_ever_exceeded(steps: list[tuple[int, int | None]]) -> None:
    """Start below whom the number says, with a quota or without; now and then end."""

    async def main() -> None:
        async with running() as runtime:
            top = configured(runtime, max_processes=4)
            tree: dict[Process, tuple[Process | None, int | None]] = {top: (None, 4)}
            for which, limit in steps:
                alive = [process for process in tree if process.alive]
                if which > 15 and len(alive) > 1:
                    await runtime.root.exit(alive[1].pid, "kill")
                    await settle()
                    continue
                parent = alive[which % len(alive)]
                config = ProcessConfig(max_processes=limit)
                room = all(
                    _below(tree, up) < most for up, most in _quotas(tree, parent)
                )
                try:
                    process = find(runtime, await parent.spawn(idle, config=config))
                except SystemLimit:
                    assert not room
                else:
                    assert room
                    tree[process] = (parent, limit)

    trio.run(main)


def _up(tree: Any, process: Process) -> list[Process]:
    """Whom a process was started by, and so on upwards; also those that have ended."""
    above: list[Process] = []
    starter = tree[process][0]
    while starter is not None:
        above.append(starter)
        starter = tree[starter][0]
    return above


def _below(tree: Any, top: Process) -> int:
    return sum(process.alive and top in _up(tree, process) for process in tree)


def _quotas(tree: Any, parent: Process) -> list[tuple[Process, int]]:
    line = [parent, *_up(tree, parent)]
    return [(p, tree[p][1]) for p in line if tree[p][1] is not None]


async def test_a_supervised_child_has_its_configuration_after_each_restart(
    runtime: Runtime,
) -> None:
    spec = ergopy.ChildSpec(idle, name="it", config=ProcessConfig(may_spawn=False))
    await runtime.root.start(ergopy.Supervisor, [spec])
    for _ in range(2):
        process = find(runtime, runtime.names["it"].pid)
        assert process.config is not None
        assert not process.config.may_spawn
        await runtime.root.exit(process.pid, "kill")
        await settle()
