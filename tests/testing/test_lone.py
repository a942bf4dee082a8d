"""One process alone, and the test as the rest of the world."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import Atom, Down, Reference, testing
from ergopy.testing import (
    Called,
    Demonitored,
    ExitSent,
    Linked,
    Monitored,
    Sent,
    Spawned,
)


class Clerk(ergopy.GenServer):
    """Takes orders, and asks the store for what it needs."""

    async def init(self, book: Any = None) -> None:
        self.left: Any = None
        if book is not None:
            self.left = await self.call(book, Atom("open"))

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("ask", whom, what):
                return await self.call(whom, what)
            case "left":
                return self.left
        raise ValueError(request)

    async def handle_cast(self, request: Any) -> Any:
        match request:
            case ("tell", whom, what):
                await self.send(whom, what)
            case ("watch", whom):
                await self.monitor(whom)
            case ("bind", whom):
                await self.link(whom)
            case ("part", whom):
                self.process.unlink(whom)
            case ("end", whom, reason):
                await self.exit(whom, reason)
            case ("hire", name):
                await self.spawn(idle, name=name)
            case ("ask", whom, what):
                self.left = await self.call(whom, what)
            case "stop":
                return ergopy.Stop("normal")
        return None

    async def handle_info(self, message: Any) -> None:
        self.left = message


async def idle(process: ergopy.Process) -> None:
    await trio.sleep_forever()


async def test_what_it_sends_is_written_down_in_order() -> None:
    async with testing.lone_process(Clerk) as probe:
        friend = probe.stranger()
        await probe.cast((Atom("tell"), friend, 1))
        await probe.cast((Atom("tell"), Atom("printer"), 2))
        await probe.cast((Atom("tell"), (Atom("desk"), Atom("far@host")), 3))
        await probe.cast((Atom("tell"), [friend, Atom("printer")], 4))
        assert probe.sent == [
            Sent(friend, 1),
            Sent("printer", 2),
            Sent("desk", 3),
            Sent(friend, 4),
            Sent("printer", 4),
        ]
        assert probe.events == probe.sent


async def test_it_is_called_and_calls_and_the_test_answers() -> None:
    async with testing.lone_process(Clerk) as probe:
        await probe.cast((Atom("ask"), Atom("store"), Atom("paper")))
        (called,) = probe.calls
        assert (called.to, called.request) == ("store", "paper")
        assert called.from_[0] == probe.pid
        await probe.reply(called, 7)
        assert await probe.call(Atom("left")) == 7
        assert probe.calls == []
        with pytest.raises(ergopy.LocalProtocolError, match="nobody waits"):
            await probe.reply(called, 8)


async def test_the_end_of_whom_it_calls_ends_the_call() -> None:
    async with testing.lone_process(Clerk) as probe:
        await probe.cast((Atom("ask"), Atom("store"), 1))
        await probe.end_of("store", "boom")
        assert (await probe.ended())[:2] == ("python", b"ergopy.errors.CallExit")


async def test_a_call_that_nobody_answers_times_out(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with testing.lone_process(Clerk) as probe:
        await probe.cast((Atom("ask"), Atom("store"), 1))
        assert (await probe.ended())[:2] == ("python", b"ergopy.errors.CallTimeout")
        assert probe.calls == []


async def test_an_init_that_asks_is_answered_too() -> None:
    async with testing.lone_process(Clerk, Atom("book")) as probe:
        (called,) = probe.calls
        assert called == Called("book", "open", called.from_)
        await probe.reply(called, b"page 1")
        assert await probe.call(Atom("left")) == b"page 1"


async def test_an_init_that_fails_is_a_start_error() -> None:
    with pytest.raises(ergopy.StartError):
        async with testing.lone_process(Clerk, 1, 2):
            pytest.fail("it cannot have started")


async def test_links_and_monitors_are_seen_and_fire() -> None:
    async with testing.lone_process(Clerk) as probe:
        probe.process.trap_exit = True
        friend = probe.stranger()
        await probe.cast((Atom("watch"), friend))
        await probe.cast((Atom("watch"), Atom("printer")))
        await probe.cast((Atom("bind"), friend))
        assert probe.events == [
            Monitored(friend),
            Monitored("printer"),
            Linked(friend),
        ]
        assert probe.monitors == [friend, ("printer", "lone@memory")]
        assert probe.links == [friend]
        await probe.end_of("printer", "shutdown")
        down = await probe.call(Atom("left"))
        assert isinstance(down, Down)
        assert down.reason == "shutdown"
        await probe.cast((Atom("part"), friend))
        assert probe.links == []
        await probe.end_of(friend, "boom")
        assert (await probe.call(Atom("left"))).reason == "boom"
        assert probe.reason is None


async def test_a_link_takes_it_along() -> None:
    async with testing.lone_process(Clerk) as probe:
        friend, other = probe.stranger(), probe.stranger()
        await probe.cast((Atom("bind"), friend))
        await probe.cast((Atom("bind"), other))
        await probe.end_of(friend, "boom")
        assert probe.reason == "boom"
        assert probe.events[-1] == ExitSent(other, "boom")


async def test_exit_signals_go_both_ways() -> None:
    async with testing.lone_process(Clerk) as probe:
        friend = probe.stranger()
        await probe.cast((Atom("end"), friend, Atom("kill")))
        assert probe.events == [ExitSent(friend, "kill")]
        await probe.exit("normal")
        assert probe.reason is None
        await probe.exit("kill")
        assert await probe.ended() == "killed"


async def test_processes_that_it_starts_are_real() -> None:
    async with testing.lone_process(Clerk, name="clerk") as probe:
        await probe.cast((Atom("hire"), Atom("boy")))
        (boy,) = probe.spawned
        assert boy == Spawned(boy.pid, "boy")
        await probe.cast((Atom("tell"), Atom("boy"), 1))
        await probe.cast((Atom("tell"), Atom("clerk"), 2))
        assert probe.sent == []
        assert await probe.call(Atom("left")) == 2


async def test_what_is_no_term_cannot_be_sent() -> None:
    async with testing.lone_process(Clerk) as probe:
        await probe.cast((Atom("tell"), probe.stranger(), object()))
        assert probe.sent == []
        assert probe.reason[1] == b"etf._errors.EncodeError"


async def test_a_plain_function_is_a_process_too() -> None:
    async def greet(process: ergopy.Process, whom: Any) -> None:
        await process.send(whom, (Atom("hello"), await process.receive()))

    async with testing.lone_process(greet, Atom("world")) as probe:
        await probe.send(5)
        assert probe.sent == [Sent("world", ("hello", 5))]
        assert await probe.ended() == "normal"
        assert "greet" in repr(probe)


async def test_rarer_signals_reach_the_outside_too() -> None:
    async def rare(process: ergopy.Process) -> None:
        friend, alias = await process.receive()
        await process.send(alias, 1)
        await process.send(alias, 2, priority=True)
        ref = await process.monitor(friend)
        process.demonitor(ref)
        process.monitor_node(friend.node)
        process.set_group_leader(process.pid, of=friend)

    async with testing.lone_process(rare) as probe:
        friend, alias = probe.stranger(), Reference(Atom("far@host"), 1, (1, 2, 3))
        await probe.send((friend, alias))
        assert probe.events == [
            Sent(alias, 1),
            Sent(alias, 2),
            Monitored(friend),
            Demonitored(friend),
        ]
        assert probe.reason == "normal"
