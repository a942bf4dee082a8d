"""Steps of two sides: taken in turn, taken wrongly, too slow, or beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import SessionClosed, SessionTimeout, WrongStep, session
from ergopy.gen.session import Again, Choose, End, Rec, Recv, Send
from tests.gen.session.kit import PING, SUM, Sides, adder, clean, receive_one
from tests.runtimes import inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.gen.session import Channel
    from ergopy.process.runtime import Runtime


async def echo(process: Process, channel: Channel) -> None:
    while await channel.offer() == "say":
        await channel.send((await channel.recv()).upper())


TALK = Rec("on", Choose(say=Send(str) >> Recv(str) >> Again("on"), bye=End))


async def slow(process: Process, channel: Channel) -> None:
    await trio.sleep(10)
    await channel.send(1)


async def test_two_sides_follow_the_protocol_to_the_end(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        async with session.spawn(adder, SUM) as channel:
            await channel.send(1)
            await channel.send(2)
            total = await channel.recv()
            assert channel.at_end
        return total, clean(process)

    assert await inside(runtime, body) == (3, True)


async def test_choices_and_recursion(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        said = []
        async with session.spawn(echo, TALK) as channel:
            for word in ("a", "b"):
                await channel.choose("say")
                await channel.send(word)
                said.append(await channel.recv())
            await channel.choose("bye")
        return said

    assert await inside(runtime, body) == ["A", "B"]


async def test_a_wrong_step_sends_nothing_and_the_right_one_is_still_possible(
    sides: Sides,
) -> None:
    refused = []

    async def opener(process: Process, channel: Channel) -> None:
        for wrong in (
            lambda: channel.recv(),
            lambda: channel.offer(),
            lambda: channel.choose("x"),
            lambda: channel.send("text"),
        ):
            with pytest.raises(WrongStep) as caught:
                await wrong()
            refused.append(caught.value.expected)
        await channel.send(5)

    assert await sides.run(PING, opener, receive_one) is None
    assert refused == ["Send(int)"] * 4
    assert sides.theirs == 5


async def test_a_step_after_the_end_is_refused(sides: Sides) -> None:
    async def opener(process: Process, channel: Channel) -> Any:
        await channel.send(5)
        with pytest.raises(WrongStep) as caught:
            await channel.send(6)
        return caught.value.expected

    assert await sides.run(PING, opener, receive_one) == "End"


async def test_a_step_that_takes_too_long_can_be_tried_again(
    sides: Sides, autojump_clock: trio.abc.Clock
) -> None:
    async def patient(process: Process, channel: Channel) -> Any:
        with pytest.raises(SessionTimeout) as caught:
            await channel.recv(timeout=4)
        assert (caught.value.seconds, caught.value.expected) == (4, "Recv(int)")
        return await channel.recv()

    assert await sides.run(Recv(int) >> End, patient, slow) == 1


async def test_the_time_of_each_step_can_be_said_for_the_whole_session(
    sides: Sides, autojump_clock: trio.abc.Clock
) -> None:
    error = await sides.run(Recv(int) >> End, receive_one, slow, step_timeout=3)
    assert isinstance(error, SessionTimeout)
    assert error.seconds == 3
    await trio.sleep(10)
    assert isinstance(sides.theirs, SessionClosed)


async def test_a_cancelled_step_takes_nothing(
    sides: Sides, autojump_clock: trio.abc.Clock
) -> None:
    async def opener(process: Process, channel: Channel) -> Any:
        with trio.move_on_after(1):
            await channel.recv()
        assert channel.expected == "Recv(int)"
        return await channel.recv()

    assert await sides.run(Recv(int) >> End, opener, slow) == 1


async def test_two_sessions_of_one_process_do_not_mix(runtime: Runtime) -> None:
    async def body(process: Process) -> Any:
        async with (
            session.spawn(adder, SUM) as one,
            session.spawn(adder, SUM) as other,
        ):
            for channel, number in ((one, 1), (other, 10)):
                await channel.send(number)
                await channel.send(number)
            await settle()
            # Asked for in the other order than they came in.
            return await other.recv(), await one.recv()

    assert await inside(runtime, body) == (20, 2)


async def test_the_peer_of_a_channel_is_the_process_on_the_other_side(
    sides: Sides,
) -> None:
    async def opener(process: Process, channel: Channel) -> Any:
        await channel.send(1)
        return channel.peer, process.pid

    async def acceptor(process: Process, channel: Channel) -> Any:
        await channel.recv()
        return process.pid, channel.peer

    assert await sides.run(PING, opener, acceptor) == sides.theirs
