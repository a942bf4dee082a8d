"""What comes to a process, seen by a spy; and taps in general."""

from __future__ import annotations

from typing import Any

import pytest

import ergopy
from ergopy import Atom, ExitMessage, MailboxLimit, Registry, Supervisor, testing
from tests.nodes import Echo
from tests.runtimes import settle


async def test_a_spy_has_what_comes_and_the_process_has_it_too(
    node: ergopy.Node,
) -> None:
    await node.start(Echo, name="echo")
    with testing.spy(node, "echo") as spy:
        assert await node.call("echo", 1) == 1
        await node.cast("echo", 2)
        await node.send("echo", 3)
        assert await node.call("echo", Atom("seen")) == [2, 3]
    assert (spy.calls, spy.casts, spy.infos) == ([1, "seen"], [2], [3])
    assert spy.messages[1:3] == [("$gen_cast", 2), 3]


async def test_after_it_nothing_is_seen_and_the_process_is_as_before(
    node: ergopy.Node,
) -> None:
    pid = await node.start(Echo)
    process = node.runtime.find(pid)
    former = type(process)
    with testing.spy(node, pid) as spy:
        assert type(process) is not former
    await node.send(pid, 1)
    assert spy.messages == []
    assert type(process) is former
    assert await node.call(pid, Atom("seen")) == [1]


async def test_what_is_sent_to_the_pid_is_seen_too(node: ergopy.Node) -> None:
    pid = await node.start(Echo, name="echo")
    node.register("other", pid)
    with testing.spy(node, "echo") as spy:
        await node.send([pid, "other", "echo"], 1)
    assert spy.infos == [1, 1, 1]


async def test_what_comes_from_another_node_is_seen() -> None:
    async with testing.node_pair() as (a, b):
        await a.start(Echo, name="echo")
        with testing.spy(a, "echo") as spy:
            assert await b.call(("echo", a.name), [1]) == [1]
        assert spy.calls == [[1]]


async def test_exit_messages_are_seen(node: ergopy.Node) -> None:
    pid = await node.start(Echo)
    async with testing.stand_in(node) as me:
        await me.link(pid)
        with testing.spy(node, me.pid) as spy:
            await me.stop(pid)
            message = await spy.wait_for(ExitMessage)
    assert message.pid == pid
    assert spy.infos == [message]


async def test_the_next_process_under_the_name_is_watched_from_its_start(
    node: ergopy.Node,
) -> None:
    class Eager(Echo):
        async def init(self) -> None:
            await super().init()
            await self.send(self.pid, Atom("born"))

    children = [ergopy.ChildSpec(Eager, name="echo")]
    await node.start(Supervisor, children)
    with testing.spy(node, "echo") as spy:
        with pytest.raises(ergopy.CallExit):
            await node.call("echo", Atom("crash"))
        await spy.wait_for("born")
        assert await node.call("echo", 1) == 1
    assert spy.calls == ["crash", 1]
    assert type(node.runtime.names["echo"]).__name__ == "Process"


async def test_who_registers_the_name_later_is_watched(node: ergopy.Node) -> None:
    with testing.spy(node, "echo") as spy:
        node.register("echo", await node.start(Echo))
        await node.send("echo", 1)
    assert spy.messages == [1]


async def test_a_via_name_is_watched_from_one_process_to_the_next(
    node: ergopy.Node,
) -> None:
    await node.start(Registry, name="users")
    via = ergopy.Via("users", 7)
    with testing.spy(node, via) as spy:
        for number in (1, 2):
            await node.start(Echo, name=via)
            await node.send(via, number)
            await node.stop(via)
    assert [it for it in spy.infos if isinstance(it, int)] == [1, 2]


async def test_a_via_name_of_a_registry_that_is_not_there_yet(
    node: ergopy.Node,
) -> None:
    via = ergopy.Via("users", 7)
    with testing.spy(node, via) as spy:
        await node.start(Registry, name="users")
        await node.start(Echo, name=via)
        await node.send(via, 1)
    assert spy.messages == [1]


async def test_a_limited_mailbox_stays_limited(node: ergopy.Node) -> None:
    async def deaf(process: ergopy.Process) -> None:
        await process.monitor(process.pid)
        await settle()

    limit = MailboxLimit(1, "raise")
    pid = await node.spawn(deaf, mailbox=limit)
    with testing.spy(node, pid) as spy:
        await node.send(pid, 1)
        with pytest.raises(ergopy.MailboxFull):
            await node.send(pid, 2)
    assert spy.messages == [1]


async def test_spies_and_instruments_may_leave_in_any_order(node: ergopy.Node) -> None:
    pid = await node.start(Echo)
    process: Any = node.runtime.find(pid)
    plain = type(process)
    first, log = testing.spy(node, pid), testing.event_log(node, messages=True)
    second = testing.spy(node, pid)
    seen = [context.__enter__() for context in (first, log, second)]
    await node.send(pid, 1)
    first.__exit__(None, None, None)
    await node.send(pid, 2)
    log.__exit__(None, None, None)
    await node.send(pid, 3)
    second.__exit__(None, None, None)
    assert type(process) is plain
    received = [event.message for event in seen[1].of(testing.MessageReceived)]
    assert (seen[0].infos, received, seen[2].infos) == ([1], [1, 2], [1, 2, 3])


async def test_waiting_counts_what_is_there_and_what_comes(node: ergopy.Node) -> None:
    pid = await node.start(Echo)
    async with testing.stand_in(node) as me:
        with testing.spy(node, pid) as spy:
            await me.send(pid, 1)
            me.send_after(0.001, pid, 2)
            assert await spy.wait_for(int, count=2) == 2
            assert await spy.wait_for(lambda it: it == 1) == 1
            assert await spy.wait_for(2) == 2
            assert await spy.wait_for() == 1


async def test_waiting_in_vain_says_what_came(
    node: ergopy.Node, autojump_clock: Any
) -> None:
    pid = await node.start(Echo)
    with testing.spy(node, pid) as spy:
        await node.send(pid, b"this")
        with pytest.raises(AssertionError, match=r"1 of 2 in 5 s; .*b'this'"):
            await spy.wait_for(b"this", count=2)


async def test_nobody_and_nothing_are_refused(node: ergopy.Node) -> None:
    pid = await node.start(Echo)
    await node.stop(pid)
    for dest in (pid, 7, ("echo", "b@memory")):
        with (
            pytest.raises(ergopy.LocalProtocolError),
            testing.spy(node, dest),
        ):
            pass
    assert node.runtime.tracer is None
