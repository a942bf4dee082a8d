"""What a process asks of the way to another node, and that it keeps nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import Atom, Down, ExitMessage, Pid
from tests.runtimes import Ends, assert_only_the_root, inside, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

FAR = Pid(Atom("far@host"), 5, 0, 1)


class Way:
    """A way to another node that notes what it is asked to send."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.up = self.room = True
        self.broken: type[Exception] | None = None
        self.records: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        def note(*args: Any, **options: Any) -> int:
            if self.broken is not None:
                raise self.broken
            if name in ("monitor", "call"):
                self.records[args[2]] = args[-1]
                args = args[:-1]
            self.sent.append((name, *args, *options.values()))
            return len(self.sent)

        return note

    def encode(self, message: Any) -> Any:
        return message

    def is_ready(self, sender: Any) -> bool:
        return self.up and self.room

    def has_room(self, sender: Any) -> bool:
        return self.room

    async def ready(self, sender: Any) -> bool:
        return self.up

    def verbs(self) -> list[str]:
        return [entry[0] for entry in self.sent]


@pytest.fixture
def way(runtime: Runtime) -> Way:
    way: Any = Way()
    runtime._remote_node = lambda _: way
    return way


async def test_messages_take_the_form_of_their_destination(
    runtime: Runtime, way: Way
) -> None:
    root = runtime.root
    alias = ergopy.Reference(Atom("far@host"), 1, (1, 2, 3))
    await root.send(FAR, 1)
    await root.send(("name", "far@host"), 2)
    await root.send(alias, 3)
    root.send_nowait(FAR, 4)
    assert way.sent == [
        ("send", root.pid, FAR, 1),
        ("send_name", root.pid, "name", 2),
        ("send_alias", root.pid, alias, 3),
        ("send", root.pid, FAR, 4),
    ]


async def test_a_node_that_cannot_be_reached_swallows_messages_but_no_calls(
    runtime: Runtime, way: Way
) -> None:
    way.up = False
    await runtime.root.send(FAR, 1)
    await runtime.root.exit(FAR, "boom")
    await runtime.root.cast(("name", "far@host"), 1)
    with pytest.raises(ergopy.NodeDown) as caught:
        await runtime.root.call(("name", "far@host"), 1)
    assert caught.value.peer == "far@host"
    assert way.sent == []
    assert_only_the_root(runtime)


async def test_send_nowait_does_not_wait_for_room(runtime: Runtime, way: Way) -> None:
    way.room = False
    target = sleeper(runtime)
    for dest in (FAR, ("name", "far@host"), [target.pid, FAR]):
        with pytest.raises(trio.WouldBlock):
            runtime.root.send_nowait(dest, 1)
    assert way.sent == []
    assert mail(target) == [1]


async def test_a_remote_call_is_demonitored_when_nobody_waits_any_more(
    runtime: Runtime, way: Way, autojump_clock: trio.testing.MockClock
) -> None:
    async def body(process: Process) -> Any:
        with pytest.raises(ergopy.CallTimeout):
            await process.call(FAR, 1, timeout=1)
        with trio.move_on_after(1):
            await process.call(FAR, 2)
        return process.pid

    pid = await inside(runtime, body)
    assert way.verbs() == ["call", "demonitor", "call", "demonitor"]
    (_, caller, target, ref, message), (_, *taken_back) = way.sent[:2]
    assert (caller, target) == (pid, FAR)
    assert message[0] == "$gen_call"
    assert message[2] == 1
    assert taken_back == [pid, FAR, ref]
    assert_only_the_root(runtime)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("noproc", ergopy.NoProcess),
        ("noconnection", ergopy.NodeDown),
        ("boom", ergopy.CallExit),
    ],
)
async def test_the_end_of_a_remote_callee_ends_the_call(
    runtime: Runtime, way: Way, reason: str, error: type[Exception]
) -> None:
    async def body(process: Process) -> None:
        process.start_soon(fire)
        with pytest.raises(error):
            await process.call(FAR, 1)

    async def fire() -> None:
        await settle()
        [record] = way.records.values()
        record.fire(Atom(reason))

    await inside(runtime, body)
    assert way.verbs() == ["call"]
    assert_only_the_root(runtime)


async def test_a_remote_call_that_cannot_be_sent_leaves_nothing(
    runtime: Runtime, way: Way
) -> None:
    way.broken = trio.WouldBlock
    with pytest.raises(trio.WouldBlock):
        await runtime.root.call(FAR, 1)
    assert_only_the_root(runtime)


async def test_a_link_or_monitor_that_cannot_be_sent_leaves_nothing(
    runtime: Runtime, way: Way
) -> None:
    process = sleeper(runtime)
    way.broken = trio.WouldBlock
    with pytest.raises(trio.WouldBlock):
        await process.link(FAR)
    with pytest.raises(trio.WouldBlock):
        await process.monitor(FAR, alias=True)
    assert (process.links, process.monitors) == ({}, {})
    assert not process._aliases
    assert not runtime.aliases


async def test_a_remote_link_is_there_until_it_is_ended(
    runtime: Runtime, way: Way
) -> None:
    process = sleeper(runtime)
    await process.link(FAR)
    await process.link(FAR)
    process.unlink(FAR)
    process.unlink(FAR)
    assert way.verbs() == ["link", "unlink"]
    assert process.links == {FAR: 2}, "the id of the unlink that is not acknowledged"
    await process.link(FAR)
    assert process.links == {FAR: 0}


@pytest.mark.parametrize(("unlinked", "signals"), [(False, 1), (True, 0)])
async def test_the_end_of_a_process_goes_over_its_active_links_only(
    runtime: Runtime, way: Way, unlinked: bool, signals: int
) -> None:
    process = sleeper(runtime)
    await process.link(FAR)
    if unlinked:
        process.unlink(FAR)
    await runtime.root.exit(process.pid, "boom")
    await settle()
    exits = [entry for entry in way.sent if entry[0] == "exit_link"]
    assert exits == [("exit_link", process.pid, FAR, Atom("boom"))] * signals
    assert ("forget_link", process, FAR) in way.sent


async def test_the_end_of_a_watcher_is_told_to_the_other_node(
    runtime: Runtime, way: Way
) -> None:
    process = sleeper(runtime)
    ref = await process.monitor(("name", "far@host"))
    await runtime.root.exit(process.pid, "boom")
    await settle()
    assert way.sent[-1] == ("demonitor", process.pid, "name", ref)


async def test_one_signal_that_cannot_be_sent_does_not_keep_back_the_others(
    runtime: Runtime, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    process, partner = sleeper(runtime), sleeper(runtime, trap=True)
    ends = Ends(process)
    await process.link(FAR)
    await process.monitor(FAR)
    await process.link(partner.pid)
    way.broken = trio.WouldBlock
    await runtime.root.exit(process.pid, "boom")
    await settle()
    assert mail(partner) == [ExitMessage(process.pid, Atom("boom"))]
    assert ends.reasons == ["boom"]
    assert process.monitors == {}
    assert "was lost" in caplog.text


async def test_a_remote_monitor_reports_a_name_with_its_node(
    runtime: Runtime, way: Way
) -> None:
    process = sleeper(runtime)
    ref = await process.monitor(("name", "far@host"))
    way.records[ref].fire(Atom("noconnection"))
    way.records[ref].fire(Atom("again"))
    reported = (Atom("name"), Atom("far@host"))
    assert mail(process) == [Down(ref, reported, Atom("noconnection"))]


async def test_exit_signals_cross_to_the_other_node(runtime: Runtime, way: Way) -> None:
    alias = ergopy.Reference(Atom("far@host"), 1, (1, 2, 3))
    await runtime.root.exit(FAR, "kill")
    await runtime.root.exit(alias, "boom", priority=True)
    assert way.sent == [
        ("exit_signal", runtime.root.pid, FAR, Atom("kill"), False),
        ("exit_signal", runtime.root.pid, alias, Atom("boom"), True),
    ]


async def test_priority_messages_take_a_way_of_their_own(
    runtime: Runtime, way: Way
) -> None:
    alias = ergopy.Reference(Atom("far@host"), 1, (1, 2, 3))
    root = runtime.root
    for dest in (alias, FAR, ("name", "far@host")):
        await root.send(dest, 1, priority=True)
    await root.send([alias, FAR], 2, priority=True)
    way.up = False
    await root.send(alias, 3, priority=True)
    assert way.sent == [
        ("send_priority", root.pid, alias, 1),
        ("send_priority", root.pid, FAR, 1),
        ("send_priority", root.pid, "name", 1),
        ("send_priority", root.pid, alias, 2),
        ("send_priority", root.pid, FAR, 2),
    ]


async def test_node_monitors_and_group_leaders_go_to_the_other_node(
    runtime: Runtime, way: Way
) -> None:
    process = sleeper(runtime)
    process.monitor_node("far@host")
    process.monitor_node("far@host", False)
    process.set_group_leader(process.pid, FAR)
    assert way.verbs() == ["watch_node", "unwatch_node", "group_leader"]
    assert way.sent[-1] == ("group_leader", process.pid, FAR)
    assert runtime.node_monitors.is_empty()


async def test_a_lone_node_has_no_way_to_others(runtime: Runtime) -> None:
    with pytest.raises(ergopy.LocalProtocolError, match="not distributed"):
        await runtime.root.send(FAR, 1)
