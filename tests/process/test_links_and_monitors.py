from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, Down, Exit, ExitMessage, Pid
from ergopy.errors import LocalProtocolError
from tests.runtimes import (
    Ends,
    assert_only_the_root,
    find,
    idle,
    inside,
    mail,
    running,
    settle,
    sleeper,
)

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def leave(_: Process, reason: Any = "normal") -> None:
    raise Exit(reason)


def nobody(runtime: Runtime) -> Pid:
    return Pid(runtime.name, 9999, 0, runtime.creation)


async def test_a_linked_child_that_fails_at_once_is_not_missed(
    runtime: Runtime,
) -> None:
    parent = sleeper(runtime, trap=True)
    child = await parent.spawn(leave, "boom", link=True)
    await settle()
    assert mail(parent) == [ExitMessage(child, Atom("boom"))]


async def test_a_monitored_child_that_fails_at_once_is_not_missed(
    runtime: Runtime,
) -> None:
    parent = sleeper(runtime)
    child, ref = await parent.spawn(leave, "boom", monitor=True)
    await settle()
    assert mail(parent) == [Down(ref, child, Atom("boom"))]


async def test_a_new_process_is_in_the_table_before_its_body_runs(
    runtime: Runtime,
) -> None:
    pid = await runtime.root.spawn(leave, name="here")
    assert find(runtime, pid).alive
    assert runtime.whereis("here") == pid


async def test_linking_twice_gives_one_signal(runtime: Runtime) -> None:
    one, two = sleeper(runtime, trap=True), sleeper(runtime)
    await one.link(two.pid)
    await one.link(two.pid)
    await two.link(one.pid)
    await runtime.root.exit(two.pid, "boom")
    await settle()
    assert mail(one) == [ExitMessage(two.pid, Atom("boom"))]


async def test_a_process_cannot_link_itself(runtime: Runtime) -> None:
    one = sleeper(runtime)
    await one.link(one.pid)
    assert one.links == {}


async def test_a_link_to_nobody_is_answered_noproc(runtime: Runtime) -> None:
    trapping, plain = sleeper(runtime, trap=True), sleeper(runtime)
    ends = Ends(plain)
    await trapping.link(nobody(runtime))
    await plain.link(nobody(runtime))
    await settle()
    assert mail(trapping) == [ExitMessage(nobody(runtime), Atom("noproc"))]
    assert ends.reasons == ["noproc"]


async def test_after_unlink_no_exit_signal_comes(runtime: Runtime) -> None:
    one, two = sleeper(runtime, trap=True), sleeper(runtime)
    await one.link(two.pid)
    one.unlink(two.pid)
    assert (one.links, two.links) == ({}, {})
    await runtime.root.exit(two.pid, "boom")
    await settle()
    assert mail(one) == []
    one.unlink(two.pid)


async def test_the_names_are_free_before_links_and_monitors_hear_of_it(
    runtime: Runtime,
) -> None:
    one = sleeper(runtime, name="busy")
    seen: list[Any] = []

    class Look:
        def fire(self, reason: Any) -> None:
            seen.append((runtime.whereis("busy"), runtime.find(one.pid)))

    one.watchers[self_key := object()] = Look()
    await runtime.root.exit(one.pid, "boom")
    await settle()
    assert seen == [(None, None)]
    assert self_key not in one.watchers


@pytest.mark.parametrize("reason", ["normal", "boom", "shutdown", None])
async def test_a_monitor_tells_the_reason_once(runtime: Runtime, reason: Any) -> None:
    watcher = sleeper(runtime)
    target = await runtime.root.spawn(leave, reason)
    ref = await watcher.monitor(target)
    await settle()
    assert mail(watcher) == [Down(ref, target, reason)]
    assert watcher.monitors == {}


async def test_a_killed_process_is_reported_as_killed(runtime: Runtime) -> None:
    watcher, target = sleeper(runtime), sleeper(runtime, trap=True)
    ref = await watcher.monitor(target.pid)
    await runtime.root.exit(target.pid, "kill")
    await settle()
    assert mail(watcher) == [Down(ref, target.pid, Atom("killed"))]


async def test_every_monitor_of_one_target_fires(runtime: Runtime) -> None:
    watcher, target = sleeper(runtime), sleeper(runtime)
    refs = [await watcher.monitor(target.pid) for _ in range(3)]
    await runtime.root.exit(target.pid, "boom")
    await settle()
    assert [down.ref for down in mail(watcher)] == refs


async def test_a_monitor_on_nobody_is_answered_noproc(runtime: Runtime) -> None:
    watcher = sleeper(runtime)
    by_pid = await watcher.monitor(nobody(runtime))
    by_name = await watcher.monitor("nobody")
    by_both = await watcher.monitor(("nobody", runtime.name))
    reported = (Atom("nobody"), runtime.name)
    assert mail(watcher) == [
        Down(by_pid, nobody(runtime), Atom("noproc")),
        Down(by_name, reported, Atom("noproc")),
        Down(by_both, reported, Atom("noproc")),
    ]
    assert watcher.monitors == {}


async def test_a_monitor_by_name_stays_with_the_process(runtime: Runtime) -> None:
    watcher, target = sleeper(runtime), sleeper(runtime, name="named")
    ref = await watcher.monitor("named")
    runtime.unregister("named")
    other = sleeper(runtime, name="named")
    await runtime.root.exit(other.pid, "boom")
    await settle()
    assert mail(watcher) == []
    await runtime.root.exit(target.pid, "boom")
    await settle()
    assert mail(watcher) == [Down(ref, (Atom("named"), runtime.name), Atom("boom"))]


async def test_a_monitor_by_a_name_that_moved_on_is_ended_where_it_is(
    runtime: Runtime,
) -> None:
    watcher, target = sleeper(runtime), sleeper(runtime, name="named")
    ref = await watcher.monitor("named")
    runtime.unregister("named")
    sleeper(runtime, name="named")
    assert watcher.demonitor(ref)
    assert target.watchers == {}


async def test_demonitor_takes_out_what_has_come_already(runtime: Runtime) -> None:
    watcher = sleeper(runtime)
    await runtime.root.send(watcher.pid, "before")
    ref = await watcher.monitor("nobody")
    other = await watcher.monitor("nobody")
    assert watcher.demonitor(ref) is False
    assert mail(watcher) == [
        "before",
        Down(other, (Atom("nobody"), runtime.name), Atom("noproc")),
    ]
    assert watcher.demonitor(ref) is False


async def test_demonitor_without_flush_leaves_what_has_come(runtime: Runtime) -> None:
    watcher = sleeper(runtime)
    ref = await watcher.monitor("nobody")
    assert watcher.demonitor(ref, flush=False) is False
    assert [down.ref for down in mail(watcher)] == [ref]


async def test_after_demonitor_nothing_comes(runtime: Runtime) -> None:
    watcher, target = sleeper(runtime), sleeper(runtime)
    assert watcher.demonitor(await watcher.monitor(target.pid)) is True
    assert target.watchers == {}
    await runtime.root.exit(target.pid, "boom")
    await settle()
    assert mail(watcher) == []


async def test_monitors_leave_no_residue_on_either_side(runtime: Runtime) -> None:
    watcher, target = sleeper(runtime), sleeper(runtime)
    for number in range(1000):
        ref = await watcher.monitor(target.pid, alias=number % 2 == 0)
        watcher.demonitor(ref)
    assert not watcher.monitors
    assert not watcher._aliases
    assert not target.watchers
    assert not runtime.aliases


async def test_a_watcher_that_ends_takes_its_monitors_along(runtime: Runtime) -> None:
    watcher, target = sleeper(runtime), sleeper(runtime)
    await watcher.monitor(target.pid)
    await watcher.monitor(target.pid, alias=True)
    await runtime.root.exit(watcher.pid, "kill")
    await settle()
    assert not target.watchers
    assert not runtime.aliases


async def test_a_monitor_on_oneself_never_fires(runtime: Runtime) -> None:
    one = sleeper(runtime)
    await one.monitor(one.pid)
    await runtime.root.exit(one.pid, "kill")
    await settle()
    assert_only_the_root(runtime)


async def test_one_partner_that_fails_to_hear_does_not_keep_the_others_from_it(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def fire(self, reason: Any) -> None:
            raise RuntimeError("broken watcher")

    target, watcher = sleeper(runtime), sleeper(runtime)
    target.watchers["broken"] = Broken()
    ref = await watcher.monitor(target.pid)
    await runtime.root.exit(target.pid, "boom")
    await settle()
    assert [down.ref for down in mail(watcher)] == [ref]
    assert "broken watcher" in caplog.text


# A process that is over holds on to nothing.


async def test_a_process_that_is_over_cannot_take_hold_of_anything(
    runtime: Runtime,
) -> None:
    target = sleeper(runtime)
    over = runtime.spawn(leave, ())
    await settle()
    for attempt in (
        lambda: over.monitor_nowait(target.pid),
        lambda: over.link_nowait(target.pid),
        over.alias,
    ):
        with pytest.raises(LocalProtocolError, match="has ended"):
            attempt()
    with pytest.raises(LocalProtocolError, match="has ended"):
        await over.spawn(idle)
    assert not target.watchers
    assert not target.links


async def test_messages_and_downs_from_one_process_keep_their_order(
    runtime: Runtime,
) -> None:
    watcher = sleeper(runtime)

    async def body(process: Process) -> None:
        for number in range(3):
            await process.send(watcher.pid, number)

    target, ref = await watcher.spawn(body, monitor=True)
    await settle()
    assert mail(watcher) == [0, 1, 2, Down(ref, target, Atom("normal"))]


async def test_system_messages_are_tuples_and_match_by_class(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        process.trap_exit = True
        child, ref = await process.spawn(leave, "boom", link=True, monitor=True)
        results = []
        for _ in range(2):
            match await process.receive():
                case Down(ref=r, pid=p, reason=why):
                    results.append(("down", r == ref, p == child, why))
                case ExitMessage(pid=p, reason=why):
                    results.append(("exit", p == child, why))
        down = Down(ref, child, "x")
        assert down == (Atom("DOWN"), ref, Atom("process"), child, "x")
        return results

    assert await inside(runtime, body) == [
        ("exit", True, "boom"),
        ("down", True, True, "boom"),
    ]


async def test_a_spawned_process_has_the_group_leader_of_its_parent(
    runtime: Runtime,
) -> None:
    parent, leader = sleeper(runtime), sleeper(runtime)
    parent.group_leader = leader.pid
    child = find(runtime, await parent.spawn(idle))
    assert child.group_leader == leader.pid
    assert find(runtime, await child.spawn(idle)).group_leader == leader.pid
    assert sleeper(runtime).group_leader == runtime.root.pid


async def test_a_cancelled_program_ends_its_processes() -> None:
    async with running() as runtime:
        ends = Ends(sleeper(runtime))
        await settle()
        assert runtime.nursery is not None
        runtime.nursery.cancel_scope.cancel()
    assert ends.reasons == ["killed"]


async def test_what_is_no_pid_is_refused(runtime: Runtime) -> None:
    one = sleeper(runtime, name="counter")
    wrong: Any = "counter"
    with pytest.raises(LocalProtocolError, match="whereis"):
        await one.link(wrong)
    with pytest.raises(LocalProtocolError, match="whereis"):
        await one.exit(wrong, "kill")
    with pytest.raises(LocalProtocolError, match="not a pid"):
        await one.exit(("counter", "a@test"), "kill")  # type: ignore[arg-type]
    assert one.alive
