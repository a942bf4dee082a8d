"""What both sides hear when one of them leaves early, fails, ends or is cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import SessionClosed, WrongStep, session
from ergopy.gen.session import End, Recv
from tests.gen.session.kit import (
    PING,
    SUM,
    Sides,
    clean,
    nothing,
    receive_one,
    send_one,
)
from tests.runtimes import inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.gen.session import Channel
    from ergopy.process.runtime import Runtime


async def test_who_leaves_early_is_told_what_was_next_and_so_is_the_other(
    sides: Sides,
) -> None:
    error = await sides.run(SUM, nothing, receive_one)
    assert isinstance(error, WrongStep)
    assert (error.expected, error.got) == ("Send(int)", "leaving the session")
    assert isinstance(sides.theirs, SessionClosed)
    assert sides.theirs.reason[0] == "left"
    assert b"Send(int)" in sides.theirs.reason[1]
    assert sides.theirs.expected == "Recv(int)"


async def test_the_accepting_side_may_not_leave_early_either(sides: Sides) -> None:
    async def send_two(process: Process, channel: Channel) -> None:
        await channel.send(1)
        await channel.send(2)
        await channel.recv()

    error = await sides.run(SUM, send_two, receive_one)
    assert isinstance(sides.theirs, WrongStep)
    assert isinstance(error, SessionClosed)
    assert error.reason[0] == "left"


async def test_who_has_only_sent_hears_that_nobody_listened(sides: Sides) -> None:
    error = await sides.run(PING, send_one, nothing)
    assert isinstance(error, SessionClosed)
    assert error.expected == "End"


async def test_an_exception_in_the_block_goes_on_and_is_told(sides: Sides) -> None:
    async def fail(process: Process, channel: Channel) -> None:
        raise ValueError("something else")

    error = await sides.run(SUM, fail, receive_one)
    assert isinstance(error, ValueError)
    assert sides.theirs.reason[0] == "left"
    assert sides.theirs.reason[1][:3] == (
        "python",
        b"builtins.ValueError",
        b"something else",
    )


async def test_the_end_of_the_other_process_ends_the_session(sides: Sides) -> None:
    async def die(process: Process, channel: Channel) -> None:
        await process.exit(process.pid, "gone")

    error = await sides.run(Recv(int) >> End, receive_one, die)
    assert isinstance(error, SessionClosed)
    assert error.reason == "gone"


async def test_what_was_sent_before_the_end_of_a_process_still_arrives(
    runtime: Runtime,
) -> None:
    async def sender(process: Process, channel: Channel) -> None:
        await channel.send(7)
        await process.exit(process.pid, "kill")

    async def body(process: Process) -> Any:
        got = None
        try:
            async with session.spawn(sender, Recv(int) >> Recv(int) >> End) as channel:
                got = await channel.recv()
                await channel.recv()
        except SessionClosed as error:
            return got, error.reason, clean(process)

    assert await inside(runtime, body) == (7, "killed", True)


async def test_a_session_that_is_over_stays_over(sides: Sides) -> None:
    async def opener(process: Process, channel: Channel) -> list[Any]:
        reasons = []
        for _ in range(2):
            with pytest.raises(SessionClosed) as caught:
                await channel.recv()
            reasons.append(caught.value.reason[0])
        with pytest.raises(SessionClosed):
            await channel.recv(timeout=0)
        raise KeyError(*reasons)

    error = await sides.run(Recv(int) >> End, opener, nothing)
    assert isinstance(error, KeyError)
    assert error.args == ("left", "left")


async def test_a_cancelled_session_is_told_to_the_other_side(
    sides: Sides, autojump_clock: trio.abc.Clock
) -> None:
    runtime = sides.runtime

    async def acceptor(process: Process) -> None:
        try:
            async with session.accept(Recv(int) >> End) as channel:
                await channel.recv()
        except SessionClosed as error:
            sides.theirs = error.reason

    pid = await runtime.root.spawn(acceptor)

    async def body(process: Process) -> bool:
        with trio.move_on_after(1):
            async with session.open(pid, PING):
                await trio.sleep_forever()
        await settle()
        return clean(process)

    assert await inside(runtime, body)
    assert sides.theirs[0] == "left"
