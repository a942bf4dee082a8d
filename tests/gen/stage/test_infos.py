"""Infos that wait behind events are limited, wherever they wait."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, PartitionDispatcher, Producer, StageError, stage
from tests.gen.stage.stages import Hand, Source, Through, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

REFUSED = (Atom("error"), Atom("system_limit"))


class Held(Source):
    """It has emitted one event, which nobody wants yet."""

    max_infos = 2


async def buffering(runtime: Runtime) -> Held:
    source: Held = await start(runtime, Held, lazy=True)
    await source.emit(["event"])
    return source


async def pausing(runtime: Runtime) -> Held:
    source: Held = await start(runtime, Held, lazy=True, demand="accumulate")
    await source.emit(["event"])
    return source


async def partitioned(runtime: Runtime) -> Held:
    """The event is in the queue of a partition, not in the buffer."""

    def by_name(event: Any) -> Any:
        return event, "held"

    dispatcher = PartitionDispatcher(["held", "idle"], hash=by_name)
    source: Held = await start(runtime, Held, lazy=True, dispatcher=dispatcher)
    idle = Hand(runtime)
    tag = await idle.subscribe(source.pid, partition=Atom("idle"))
    await idle.ask(source.pid, tag, 1)
    await source.emit(["event"])
    assert source.buffered == 0
    return source


async def passing(runtime: Runtime) -> Any:
    """The event came from a producer, and waits for demand."""
    above = Hand(runtime)
    through = await start(
        runtime, Through, max_infos=2, subscribe_to=[(above.pid, {"min_demand": 0})]
    )
    tag = next(iter(through.subscriptions)).tag
    await above.to_consumer(through.pid, tag, ["event"])
    return through


async def want(runtime: Runtime, producer: Any) -> None:
    """Take the event."""
    if isinstance(producer, Producer):
        await producer.resume_demand()
    hand = Hand(runtime)
    tag = await hand.subscribe(producer.pid, partition=Atom("held"))
    await hand.ask(producer.pid, tag, 1)
    await settle()


@pytest.mark.parametrize("holding", [buffering, pausing, partitioned, passing])
async def test_more_than_so_many_are_refused(
    runtime: Runtime, holding: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    source = await holding(runtime)
    for message in ("first", "second"):
        await stage.sync_info(source.pid, message, caller=runtime.root)
    with pytest.raises(StageError) as refused:
        await stage.sync_info(source.pid, "third", caller=runtime.root)
    assert refused.value.reason == "system_limit"
    await stage.async_info(source.pid, "fourth", caller=runtime.root)
    await settle()
    assert source.took("info") == []
    await want(runtime, source)
    assert source.took("info") == [("first",), ("second",)]


@pytest.mark.parametrize("holding", [buffering, pausing, partitioned, passing])
async def test_there_is_room_again_when_they_have_come(
    runtime: Runtime, holding: Any
) -> None:
    source = await holding(runtime)
    await stage.sync_info(source.pid, "first", caller=runtime.root)
    await stage.sync_info(source.pid, "second", caller=runtime.root)
    await want(runtime, source)
    for number in range(5):
        await stage.sync_info(source.pid, number, caller=runtime.root)
    await settle()
    assert source.took("info")[2:] == [(number,) for number in range(5)]


async def test_a_beam_is_told_of_the_limit(runtime: Runtime) -> None:
    source = await buffering(runtime)
    source.max_infos = 0
    request = (Atom("$info"), Atom("any"))
    assert await runtime.root.call(source.pid, request) == REFUSED


async def test_a_flood_is_logged_once(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    source = await buffering(runtime)
    for number in range(10):
        await stage.async_info(source.pid, number, caller=runtime.root)
    await settle()
    assert caplog.text.count("refuses an info") == 1
    await want(runtime, source)
    assert source.took("info") == [(0,), (1,)]


async def test_without_events_there_is_no_limit(runtime: Runtime) -> None:
    source = await start(runtime, Held)
    for number in range(5):
        await stage.async_info(source.pid, number, caller=runtime.root)
    await settle()
    assert len(source.took("info")) == 5
