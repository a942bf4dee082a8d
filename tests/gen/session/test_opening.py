"""How two processes come into a session: refusals, time, and who is passed over."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import LocalProtocolError, SessionTimeout, session
from ergopy.gen.session import End, Recv, Send, messages
from tests.gen.session.kit import PING, SUM, adder, clean, reason_of
from tests.runtimes import find, idle, inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.gen.session import Channel
    from ergopy.process.runtime import Runtime


async def accept_one(process: Process, got: list[Any], after: float = 0) -> None:
    """Accept a session *after* so many seconds, and note what is sent in it."""
    await trio.sleep(after)
    async with session.accept(PING.dual) as channel:
        got.append(await channel.recv())


async def open_one(process: Process, dest: Any, number: int = 1) -> None:
    """Wait for a session as long as it takes, and send *number* in it."""
    async with session.open(dest, PING, timeout=math.inf) as channel:
        await channel.send(number)


async def test_another_protocol_is_refused_and_the_waiting_goes_on(
    runtime: Runtime,
) -> None:
    accepted: list[Any] = []
    pid = await runtime.root.spawn(accept_one, accepted)

    async def wrong(process: Process) -> Any:
        return await reason_of(session.open(pid, SUM)), clean(process)

    reason, left_clean = await inside(runtime, wrong)
    assert reason == ("refused", b"Send(int) >> End")
    assert left_clean
    await inside(runtime, open_one, pid)
    assert accepted == [1]


async def test_nobody_there_is_said_at_once(runtime: Runtime) -> None:
    gone = await runtime.root.spawn(idle)
    await runtime.root.exit(gone, "kill")
    await settle()

    async def body(process: Process) -> list[Any]:
        dests = (gone, "nobody", ("nobody", runtime.name))
        reasons = [await reason_of(session.open(dest, PING)) for dest in dests]
        return [*reasons, clean(process)]

    assert await inside(runtime, body) == ["noproc", "noproc", "noproc", True]


async def test_a_session_that_nobody_accepts_in_time_is_not_accepted_later(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    seen: list[Any] = []

    async def late(process: Process) -> None:
        await accept_one(process, seen, after=10)
        seen.append((process.messages(), bool(process.monitors)))

    pid = await runtime.root.spawn(late)

    async def impatient(process: Process) -> Any:
        with pytest.raises(SessionTimeout) as caught:
            async with session.open(pid, PING, timeout=3):
                pass
        return caught.value.seconds, clean(process)

    assert await inside(runtime, impatient) == (3, True)
    await inside(runtime, open_one, pid, 2)
    await settle()
    assert seen == [2, ([], False)]


async def test_who_asked_and_ended_is_passed_over(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    got: list[Any] = []
    pid = await runtime.root.spawn(accept_one, got, 10)
    first = await runtime.root.spawn(open_one, pid, 1)
    await settle()
    await runtime.root.exit(first, "kill")
    await inside(runtime, open_one, pid, 2)
    await settle()
    assert got == [2]


async def test_who_never_says_ready_does_not_hold_up_the_next(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    seen: list[Any] = []

    async def acceptor(process: Process) -> None:
        async with session.accept(PING.dual) as channel:
            seen.append((trio.current_time() - started, await channel.recv()))

    started = trio.current_time()
    pid = await runtime.root.spawn(acceptor)
    silent = find(runtime, await runtime.root.spawn(idle))
    asking = messages.opening(silent.pid, silent.alias(), PING.dual)
    await silent.send(pid, asking)
    await inside(runtime, open_one, pid)
    await settle()
    assert seen == [(5.0, 1)]


async def test_nobody_asks_in_time(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def body(process: Process) -> Any:
        with pytest.raises(SessionTimeout) as caught:
            async with session.accept(PING.dual, timeout=2):
                pass
        return caught.value.seconds

    assert await inside(runtime, body) == 2


async def test_a_protocol_that_breaks_a_rule_is_refused_before_anything(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        for way in (
            session.open("nobody", Send(int)),
            session.accept(Send(int)),
            session.spawn(adder, Send(int)),
        ):
            with pytest.raises(ValueError, match="does not go on"):
                async with way:
                    pass
        return clean(process)

    assert await inside(runtime, body)


async def test_a_session_with_oneself_is_refused(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        process.register("me")
        for dest in (process.pid, "me"):
            with pytest.raises(LocalProtocolError, match="with itself"):
                async with session.open(dest, PING):
                    pass

    await inside(runtime, body)


async def test_a_node_has_no_sessions(runtime: Runtime) -> None:
    class Node:
        def __init__(self) -> None:
            self.runtime = runtime

    with pytest.raises(LocalProtocolError, match="a node has no body"):
        async with session.open("x", PING, caller=Node()):
            pass


async def test_the_process_of_a_session_takes_options_of_spawn(
    runtime: Runtime,
) -> None:
    async def other(process: Process, channel: Channel, extra: int) -> None:
        await channel.send((process.names, extra, process.label))

    async def body(process: Process) -> Any:
        protocol = Recv(Any) >> End
        async with session.spawn(other, protocol, 9, name="other", link=True) as one:
            assert len(process.links) == 1
            return await one.recv()

    assert await inside(runtime, body) == (("other",), 9, "other")
