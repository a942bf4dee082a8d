"""Instruments: what the processes of a node do, told to whom it may concern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy import Atom, GenServer, MailboxLimit
from ergopy.testing import node_pair
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import Process
    from etf import Pid


class Log:
    """Writes all down."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def process_started(self, process: Process) -> None:
        self.events.append(("started", process.label))

    def process_ended(self, process: Process, reason: Any) -> None:
        self.events.append(("ended", process.label, reason))

    def message_received(self, process: Process, message: Any) -> None:
        self.events.append(("received", process.label, message))

    def message_sent(self, sender: Pid, dest: Any, message: Any) -> None:
        self.events.append(("sent", dest, message))


class Echo(GenServer):
    async def handle_call(self, request: Any, from_: Any) -> Any:
        return request

    async def handle_cast(self, request: Any) -> Any:
        return ergopy.Stop("done") if request == "end" else None


async def test_lives_and_messages_are_told_in_order() -> None:
    async with node_pair() as (a, _):
        log = Log()
        a.add_instrument(log)
        await a.start(Echo, name="echo")
        assert await a.call("echo", 1) == 1
        await a.cast("echo", "end")
        await settle()
        await settle()
    kinds = [event[:2] for event in log.events]
    assert kinds[:4] == [
        ("started", "echo"),
        ("received", "echo"),
        ("received", "echo"),
        ("ended", "echo"),
    ]
    assert log.events[1][2][2] == 1
    assert log.events[2][2] == ("$gen_cast", "end")
    assert log.events[3][2] == "done"


async def test_what_leaves_for_another_node_is_told_with_its_destination() -> None:
    async with node_pair() as (a, b):
        log = Log()
        pid = await b.start(Echo, name="echo")
        await a.connect(b.name)
        await settle()
        a.add_instrument(log)
        assert await a.call(("echo", b.name), 1) == 1
        await a.send(pid, Atom("hello"))
        await a.cast([pid, ("echo", b.name)], 2)
        a.send_nowait(("echo", b.name), 3)
        sent = [event[1:] for event in log.events if event[0] == "sent"]
    named = ("echo", b.name)
    cast = ("$gen_cast", 2)
    assert sent[0][0] == named
    assert sent[0][1][2] == 1
    assert sent[1:] == [(pid, "hello"), (pid, cast), (named, cast), (named, 3)]


async def test_processes_and_ways_that_were_there_before_are_watched_as_well() -> None:
    async with node_pair() as (a, b):
        await a.start(Echo, name="old")
        await b.start(Echo, name="far")
        assert await a.call(("far", b.name), 0) == 0
        log = Log()
        a.add_instrument(log)
        assert await a.call("old", 1) == 1
        assert await a.call(("far", b.name), 2) == 2
        assert await b.call(("old", a.name), 3) == 3
        told = list(log.events)
    seen = [(event[0], event[2][2]) for event in told if len(event[2]) == 3]
    assert [s for s in seen if s[0] in ("received", "sent")] == [
        ("received", 1),
        ("sent", 2),
        ("received", 3),
    ]


async def test_nothing_is_left_of_an_instrument_that_was_removed() -> None:
    async with node_pair(global_="observe") as (a, b):
        await a.start(Echo, name="old")
        await a.ping(b.name)
        # What the services of the two have to say to each other.
        await settle()
        peer = a.connections.peer(b.name)
        classes = type(a.runtime.processes[a.whereis("old").id]), type(peer)  # type: ignore[union-attr]
        log = Log()
        a.add_instrument(log)
        assert await a.call("old", 1) == 1
        assert type(peer) is classes[1]
        await a.send(("nobody", b.name), 1)
        assert type(peer) is not classes[1]
        before = list(log.events)
        assert len(before) == 2
        a.remove_instrument(log)
        assert await a.call("old", 2) == 2
        await a.start(Echo)
        assert log.events == before
        assert a.runtime.tracer is None
        everybody = a.runtime.processes.values()
        assert {type(process) for process in everybody if process.label == "old"} == {
            classes[0]
        }
        assert type(peer) is classes[1]
        with pytest.raises(ValueError, match="not attached"):
            a.remove_instrument(log)


async def test_one_that_raises_is_detached_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken:
        def message_received(self, process: Process, message: Any) -> None:
            raise ValueError("broken")

    async with node_pair() as (a, _):
        await a.start(Echo, name="echo")
        log = Log()
        a.add_instrument(Broken())  # type: ignore[arg-type]
        a.add_instrument(log)
        for number in (1, 2):
            assert await a.call("echo", number) == number
    assert len(log.events) >= 2
    assert len(caplog.records) == 1
    assert "message_received" in caplog.records[0].getMessage()


@pytest.mark.parametrize("policy", ["drop_new", "raise"])
async def test_a_limited_mailbox_keeps_its_limit_and_is_told_once(policy: Any) -> None:
    async def idle(process: Process) -> None:
        await process.receive(lambda message: message == "end")

    async with node_pair() as (a, _):
        log = Log()
        a.add_instrument(log)
        limit = MailboxLimit(10, policy)
        pid = await a.spawn(idle, name="idle", mailbox=limit)
        await a.send(pid, 1)
        received = [event for event in log.events if event[0] == "received"]
        assert received == [("received", "idle", 1)]
        assert a.process_info(pid, "message_queue_len") == ("message_queue_len", 1)
