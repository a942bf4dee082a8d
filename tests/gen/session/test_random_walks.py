"""Generated protocols, walked at random by two processes, one of which has the dual."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import trio
from hypothesis import given
from hypothesis import strategies as st

from ergopy import SessionClosed, WrongStep, session
from ergopy.gen.session import Choose, Offer, Recv, Send
from tests.gen.session.strategies import VALUES, protocols
from tests.runtimes import assert_only_the_root, inside, running, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.gen.session import Channel, Protocol
    from ergopy.process.runtime import Runtime

MOST_STEPS = 25


async def walk(channel: Channel, random: Random, log: list[Any]) -> None:
    """Do what comes next until the end, or a number of steps; note it."""
    while not channel.at_end and len(log) < MOST_STEPS:
        step: Any = channel._position.step
        if isinstance(step, Send):
            value = random.choice(VALUES[step.of])
            log.append(value)
            await channel.send(value)
        elif isinstance(step, Recv):
            log.append(await channel.recv())
        elif isinstance(step, Choose):
            label = random.choice(sorted(step.branches))
            log.append(label)
            await channel.choose(label)
        else:
            assert isinstance(step, Offer)
            log.append(await channel.offer())


async def talk(
    runtime: Runtime, protocol: Protocol, seed: int
) -> tuple[list[Any], list[Any], list[bool]]:
    """Let two processes walk; return their logs, and who came to the end."""
    ours: list[Any] = []
    theirs: list[Any] = []
    at_end = []

    async def other(process: Process, channel: Channel) -> None:
        await walk(channel, Random(seed + 1), theirs)
        at_end.append(channel.at_end)

    async def body(process: Process) -> None:
        async with session.spawn(other, protocol) as channel:
            await walk(channel, Random(seed), ours)
            at_end.append(channel.at_end)

    try:
        await inside(runtime, body)
    except (WrongStep, SessionClosed):
        assert not all(at_end)
    else:
        assert all(at_end)
    await settle()
    assert_only_the_root(runtime)
    return ours, theirs, at_end


@given(protocols(), st.integers(0, 2**32))
def test_both_sides_come_to_the_end_together_and_saw_the_same(
    protocol: Protocol, seed: int
) -> None:
    async def main() -> None:
        async with running() as runtime:
            ours, theirs, at_end = await talk(runtime, protocol, seed)
            assert ours == theirs
            assert at_end[0] == at_end[1]
            assert all(at_end) or len(ours) == MOST_STEPS

    trio.run(main)
