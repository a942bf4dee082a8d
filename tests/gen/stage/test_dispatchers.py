"""What dispatchers do by messages of the stage to itself, in real stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import Atom, BroadcastDispatcher, PartitionDispatcher, stage
from tests.gen.stage.stages import Hand, Sink, Source, start
from tests.runtimes import settle

if TYPE_CHECKING:
    import pytest

    from ergopy.process.runtime import Runtime


def by_parity(event: int) -> tuple[int, str] | None:
    """Drop every third event."""
    if event % 3 == 0:
        return None
    return event, "odd" if event % 2 else "even"


def events_of(sink: Any) -> list[Any]:
    return [event for batch in sink.batches for event in batch]


async def test_what_a_selector_leaves_out_is_made_up_for(runtime: Runtime) -> None:
    source = await start(
        runtime,
        Source,
        dispatcher=BroadcastDispatcher,
        limit=1000,
        demand="accumulate",
    )
    all_of_them = await start(runtime, Sink, subscribe_to=[source.pid])
    options = {"max_demand": 10, "selector": lambda event: event % 10 == 0}
    few = await start(runtime, Sink, subscribe_to=[(source.pid, options)])
    await stage.demand(source.pid, "forward", caller=runtime.root)
    await settle()
    assert events_of(few) == list(range(0, 1000, 10))
    assert events_of(all_of_them) == list(range(1000))
    assert source.took("info") == []


async def test_what_a_hash_drops_is_made_up_for(runtime: Runtime) -> None:
    dispatcher = PartitionDispatcher(partitions=["odd", "even"], hash=by_parity)
    source = await start(runtime, Source, dispatcher=dispatcher, limit=600)
    sinks = []
    for name in ("odd", "even"):
        options = {"max_demand": 4, "partition": name}
        target = (source.pid, options)
        sinks.append(await start(runtime, Sink, subscribe_to=[target]))
    await settle()
    odd, even = (events_of(sink) for sink in sinks)
    assert odd == [event for event in range(600) if event % 3 and event % 2]
    assert even == [event for event in range(600) if event % 3 and not event % 2]
    assert source.took("info") == []


async def test_a_selector_that_fails_costs_only_its_consumer(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    source = await start(runtime, Source, dispatcher=BroadcastDispatcher, limit=100)
    picky, plain = Hand(runtime), Hand(runtime)
    wrong = await picky.subscribe(source.pid, selector=lambda event: event["missing"])
    right = await plain.subscribe(source.pid)
    await picky.ask(source.pid, wrong, 2)
    await plain.ask(source.pid, right, 4)
    ((kind, reason),) = picky.read()
    assert (kind, reason[0]) == (Atom("cancel"), Atom("python"))
    assert plain.read() == [[0, 1], [2, 3]]
    assert [to.peer for to in source.subscribers] == [plain.pid]
