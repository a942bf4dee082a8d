"""Which messages are steps of a session, and what others do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, SessionClosed, session
from ergopy.gen.session import End, Offer, Recv, messages
from tests.gen.session.kit import SUM, adder
from tests.runtimes import inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.gen.session import Channel
    from ergopy.process.runtime import Runtime


async def test_other_messages_stay_in_the_mailbox_in_their_order(
    runtime: Runtime,
) -> None:
    """A message that only looks alike is not taken for a step."""

    async def body(process: Process) -> Any:
        async with session.spawn(adder, SUM) as channel:
            await process.send(process.pid, True)
            await channel.send(1)
            await process.send(process.pid, (messages.SESSION, "not ours", 1))
            await channel.send(2)
            await process.send(process.pid, 3)
            total = await channel.recv()
        return total, process.messages()

    assert await inside(runtime, body) == (
        3,
        [True, (messages.SESSION, "not ours", 1), 3],
    )


async def test_an_offer_takes_no_boolean_or_atom_that_is_not_of_the_session(
    runtime: Runtime,
) -> None:
    async def other(process: Process, channel: Channel) -> None:
        await channel.choose("yes")

    async def body(process: Process) -> Any:
        for message in (True, Atom("no"), (messages.CHOOSE, Atom("no"))):
            await process.send(process.pid, message)
        async with session.spawn(other, Offer(yes=End, no=End)) as channel:
            label = await channel.offer()
        return label, process.message_count()

    assert await inside(runtime, body) == ("yes", 3)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ((messages.VALUE, "text"), b"expected an integer"),
        ((messages.VALUE, 1, 2), b"the message"),
        ((messages.CHOOSE, Atom("x")), b"the message"),
        (messages.DONE, b"the message"),
        (Atom("nonsense"), b"the message"),
    ],
)
async def test_what_breaks_the_protocol_ends_the_session_for_both(
    runtime: Runtime, said: Any, problem: bytes
) -> None:
    """The other side is played by hand, as a BEAM could play it."""
    heard: list[Any] = []

    async def other(process: Process) -> None:
        _, (_, _, ref, written) = await process.receive(messages.is_opening)
        assert written == b"Send(int) >> End"
        ours = process.alias()
        accepted = (messages.ACCEPT, process.pid, ours)
        await process.send(ref, (messages.SESSION, ref, accepted))
        heard.append((await process.receive(ours))[2])
        await process.send(ref, (messages.SESSION, ref, said))
        heard.append((await process.receive(ours))[2])

    pid = await runtime.root.spawn(other)

    async def body(process: Process) -> Any:
        with pytest.raises(SessionClosed) as caught:
            async with session.open(pid, Recv(int) >> End) as channel:
                await channel.recv()
        return caught.value.reason

    kind, text = await inside(runtime, body)
    await settle()
    assert kind == "broken"
    assert problem in text
    assert heard == ["ready", ("leave", ("broken", text))]


async def test_a_choice_that_there_is_not_is_no_label(runtime: Runtime) -> None:
    async def other(process: Process, channel: Channel) -> None:
        label = (messages.CHOOSE, Atom("neither"))
        await process.send(channel.to, (messages.SESSION, channel.to, label))
        await trio.sleep_forever()

    async def body(process: Process) -> Any:
        with pytest.raises(SessionClosed) as caught:
            async with session.spawn(other, Offer(a=End, b=End)) as channel:
                await channel.offer()
        return caught.value.reason[0]

    assert await inside(runtime, body) == "broken"
