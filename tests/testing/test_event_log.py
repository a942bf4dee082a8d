"""What happens on a node, as an event log has it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom, ChildSpec, Supervisor, testing
from ergopy.testing import (
    CrashReport,
    MessageReceived,
    MessageSent,
    NameRegistered,
    NameUnregistered,
    ProcessEnded,
    ProcessLinked,
    ProcessStarted,
    ProcessUnlinked,
    ProgressReport,
    SupervisorReport,
)
from tests.nodes import Echo
from tests.runtimes import settle


async def crash(node: ergopy.Node) -> None:
    with pytest.raises(ergopy.CallExit):
        await node.call("echo", Atom("crash"))


async def test_a_life_and_its_links_and_names_in_order(node: ergopy.Node) -> None:
    with testing.event_log(node) as log:
        pid = await node.start(Echo, name="echo")
        async with testing.stand_in(node, "me") as me:
            await me.link(pid)
            me.unlink(pid)
            node.register("more", pid)
            node.unregister("more")
            await me.stop(pid)
    mine = me.pid
    assert log.events == [
        ProcessStarted("echo", pid),
        ProcessStarted("me", mine),
        ProcessLinked("me", mine, pid),
        ProcessUnlinked("me", mine, pid),
        NameRegistered("echo", pid, "more"),
        NameUnregistered("echo", pid, "more"),
        ProcessEnded("echo", pid, "normal"),
        ProcessEnded("me", mine, "killed"),
    ]


async def test_a_restart_with_all_reports(node: ergopy.Node) -> None:
    with testing.event_log(node) as log:
        await node.start(Supervisor, [ChildSpec(Echo, name="echo")], name="shop")
        await crash(node)
        await log.wait_for(ProgressReport, label="shop", count=2)
        first, second = log.of(ProcessStarted, label="echo")
        kinds = [type(it) for it in log.events if "echo" in it or "shop" in it]
        report = log.of(SupervisorReport)[0]
    assert kinds == [
        ProcessStarted,
        ProcessStarted,
        ProcessLinked,
        ProgressReport,
        CrashReport,
        ProcessEnded,
        SupervisorReport,
        ProcessStarted,
        ProcessLinked,
        ProgressReport,
    ]
    assert first.pid != second.pid
    assert (report.context, report.offender["pid"]) == ("child_terminated", first.pid)
    assert log.of(CrashReport)[0].reason == log.of(ProcessEnded)[0].reason


async def test_messages_only_if_they_are_wanted() -> None:
    async with testing.node_pair() as (a, b):
        pid = await a.start(Echo, name="echo")
        with testing.event_log(a, b, messages=True) as log:
            async with testing.stand_in(b, "me") as me:
                await me.send(("echo", a.name), 1)
                await log.wait_for(MessageReceived, pid=pid)
        sent = MessageSent("me", me.pid, ("echo", a.name), 1)
        assert log.of(MessageSent, label="me") == [sent]
        assert log.of(MessageReceived, pid=pid) == [MessageReceived("echo", pid, 1)]
        with testing.event_log(a) as log:
            await a.send("echo", 2)
        assert log.events == []


async def test_reports_of_other_nodes_are_not_ours() -> None:
    async with testing.node_pair() as (a, b):
        await a.start(Echo, name="echo")
        with testing.event_log(b) as log, testing.event_log(a) as other:
            await crash(a)
            await other.wait_for(CrashReport)
        assert log.events == []


async def test_after_it_logging_is_as_before(node: ergopy.Node) -> None:
    names = ("ergopy", "ergopy.supervisor")
    loggers = [logging.getLogger(name) for name in names]
    before = [(it.level, it.handlers[:]) for it in loggers]
    with testing.event_log(node) as log:
        assert loggers[1].isEnabledFor(logging.INFO)
    assert [(it.level, it.handlers[:]) for it in loggers] == before
    assert node.runtime.tracer is None
    await node.start(Echo)
    assert log.events == []


async def test_events_are_chosen_by_kind_and_by_what_they_have(
    node: ergopy.Node,
) -> None:
    with testing.event_log(node) as log:
        pids = [await node.start(Echo, name=name) for name in ("a", "b")]
        await node.stop("a", Atom("shutdown"))
        assert log.of() == log.events
        assert [it.label for it in log.of(ProcessStarted)] == ["a", "b"]
        assert len(log.of(ProcessStarted, ProcessEnded, label="a")) == 2
        assert log.of(pid=pids[0], reason="shutdown") == log.events[-1:]
        assert log.of(NameRegistered) == []


async def test_waiting_is_for_what_is_there_or_comes(node: ergopy.Node) -> None:
    async def short(process: ergopy.Process, seconds: float) -> None:
        await trio.sleep(seconds)

    with testing.event_log(node) as log:
        pid = await node.spawn(short, 0)
        assert await log.wait_for(ProcessStarted) == log.events[0]
        await node.spawn(short, 0.001)
        ended = await log.wait_for(ProcessEnded, reason="normal", count=2)
        assert ended == log.events[-1]
        assert (await log.wait_for(ProcessEnded)).pid == pid


async def test_waiting_in_vain_shows_the_log(
    node: ergopy.Node, autojump_clock: Any
) -> None:
    with testing.event_log(node) as log:
        await node.start(Echo, name="echo")
        with pytest.raises(AssertionError, match="0 of 1 in 5 s") as caught:
            await log.wait_for(ProcessEnded)
    assert str(log) in str(caught.value)
    assert "ProcessStarted(label=Atom('echo')" in str(log)


async def test_a_process_that_is_killed_ends_without_a_crash_report(
    node: ergopy.Node,
) -> None:
    with testing.event_log(node) as log:
        pid = await node.start(Echo)
        await node.exit(pid, "kill")
        await settle()
    assert [type(it) for it in log.events] == [ProcessStarted, ProcessEnded]
    assert log.events[1].reason == "killed"
