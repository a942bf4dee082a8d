"""What is no affair of the subscriptions goes to ``handle_info``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, Down
from tests.gen.stage.stages import Hand, Sink, Source, Through, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


@pytest.mark.parametrize("kind", [Source, Through, Sink])
async def test_the_end_of_somebody_else_is_an_info(
    runtime: Runtime, kind: type
) -> None:
    friend, hand = Hand(runtime), Hand(runtime)
    options = {} if kind is Source else {"subscribe_to": [hand.pid]}
    stage = await start(runtime, kind, **options)
    if kind is not Sink:
        await hand.subscribe(stage.pid)
    ref = await stage.process.monitor(friend.pid)
    await runtime.root.exit(friend.pid, Atom("boom"))
    await settle()
    assert stage.took("info") == [(Down(ref, friend.pid, Atom("boom")),)]


async def test_of_an_option_that_is_there_twice_the_first_one_counts(
    runtime: Runtime,
) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    twice: Any = [(Atom("color"), 1), (Atom("color"), 2)]
    body = (Atom("subscribe"), None, twice)
    await hand.to_producer(source.pid, hand.new_tag(), body)
    ((_, options),) = source.took("subscribe")
    assert options == {"color": 1}
