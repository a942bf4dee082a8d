"""When the loop of a stream asks for more, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from ergopy import stage
from tests.gen.stage.stages import Hand, ask
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_a_wait_that_is_given_up_does_not_ask_again(
    runtime: Runtime, autojump_clock: object
) -> None:
    hand = Hand(runtime)
    async with stage.subscribe(
        hand.pid, max_demand=2, demand=None, caller=runtime.root
    ) as events:
        await settle()
        (_, (_, tag), _), *_ = hand.process.messages()
        assert hand.read(tag)[1:] == [ask(2)]
        await hand.to_consumer(events.pid, tag, [1, 2])
        assert [await anext(events), await anext(events)] == [[1], [2]]
        assert hand.read() == [ask(1)]
        for _ in range(3):
            with trio.move_on_after(1):
                await anext(events)
        assert hand.read() == [ask(1)]
