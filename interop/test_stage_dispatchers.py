"""Who on a BEAM gets which events of a Python producer."""

from __future__ import annotations

import pytest

import ergopy
from ergopy import Atom

from .python_stages import Counter, Source, do
from .python_stages import log as log
from .servers import until
from .staged import CANCEL, TO_CONSUMER, cancelled, events
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages


class ByParity:
    """Integers by what is left of a division by two."""

    def __call__(self, event):
        return event, "odd" if event % 2 else "even"


async def test_a_consumer_asks_for_a_partition(stages, node, log):
    dispatcher = ergopy.PartitionDispatcher(partitions=["odd", "even"], hash=ByParity())
    source = await node.start(Source, log, 0, {"dispatcher": dispatcher})
    odd = await stages.consumer(source, partition="odd", max_demand=100)
    even = await stages.consumer(source, partition="even", max_demand=100)
    await until(lambda: len(log.opened) == 2)
    await do(node, source, lambda stage: stage.emit(list(range(20))))
    assert await odd.got(10) == [(n, n) for n in range(1, 20, 2)]
    assert await even.got(10) == [(n, n) for n in range(0, 20, 2)]


class EvensOnly:
    """Drops the odd ones."""

    def __call__(self, event):
        return "none" if event % 2 else (event, 0)


@pytest.mark.parametrize("most", [1, 10, 1000])
async def test_dropped_events_are_replaced(stages, node, log, most):
    dispatcher = ergopy.PartitionDispatcher(partitions=1, hash=EvensOnly())
    counter = await node.start(Counter, log, 2000, {"dispatcher": dispatcher})
    consumer = await stages.consumer(counter, partition=0, max_demand=most)
    assert await consumer.got(1000) == [(n, n) for n in range(2, 2001, 2)]


async def test_partitions_without_names_are_those_of_phash2(stages, node, log):
    dispatcher = ergopy.PartitionDispatcher(partitions=3)
    source = await node.start(Source, log, 0, {"dispatcher": dispatcher})
    consumers = [await stages.consumer(source, partition=n) for n in range(3)]
    await until(lambda: len(log.opened) == 3)
    given = [*range(50), *(b"%d" % n for n in range(50)), (1, Atom("x")), [1.5]]
    await do(node, source, lambda stage: stage.emit(given))
    parts = await stages.beam.run(
        "[[E || E <- Events, erlang:phash2(E, 3) =:= N] || N <- [0, 1, 2]]",
        Events=given,
    )
    for consumer, part in zip(consumers, parts, strict=True):
        runs = await consumer.got(len(part))
        got = []
        for first, last in runs:
            got += range(first, last + 1) if type(first) is int else [first]
        assert got == part


@pytest.mark.parametrize("partition", [None, 7, "third"])
async def test_a_partition_that_there_is_not_is_refused(stages, node, log, partition):
    dispatcher = ergopy.PartitionDispatcher(partitions=["odd", "even"], hash=ByParity())
    counter = await node.start(Counter, log, 100, {"dispatcher": dispatcher})
    recorder = await stages.recorder()
    given = {} if partition is None else {"partition": partition}
    tag = await recorder.subscribe(counter, **given)
    kind, from_, (verb, _) = await recorder.next()
    assert (kind, from_, verb) == (TO_CONSUMER, (counter, tag), CANCEL)
    # The producer is none the worse for it.
    for name in ("odd", "even"):
        tag = await recorder.subscribe(counter, partition=name)
        await recorder.ask(counter, tag, 1)
    assert await recorder.take(2)


async def test_a_broadcast_goes_to_all(stages, node, log):
    dispatcher = ergopy.BroadcastDispatcher
    options = {"dispatcher": dispatcher, "demand": "accumulate"}
    counter = await node.start(Counter, log, 5000, options)
    consumers = [await stages.consumer(counter, max_demand=n) for n in (10, 100, 1000)]
    await until(lambda: len(log.opened) == 3)
    await do(node, counter, lambda stage: stage.resume_demand())
    for consumer in consumers:
        assert await consumer.got(5000) == [(1, 5000)]


async def test_a_broadcast_goes_to_a_process_once(stages, node, log):
    options = {"dispatcher": ergopy.BroadcastDispatcher}
    counter = await node.start(Counter, log, 100, options)
    recorder = await stages.recorder()
    first, second = [await recorder.subscribe(counter) for _ in range(2)]
    already = cancelled((counter, second), "already_subscribed")
    assert await recorder.next() == already
    await recorder.ask(counter, first, 2)
    assert await recorder.next() == events((counter, first), 1, 2)


async def test_a_function_of_a_beam_is_no_selector(stages, node, log):
    options = {"dispatcher": ergopy.BroadcastDispatcher}
    counter = await node.start(Counter, log, 100, options)
    recorder = await stages.recorder()
    source = """
        Recorder = 'Elixir.Stages.Recorder',
        Tag = Recorder:act(R, {monitor, To}),
        Opts = [{selector, fun(_) -> true end}],
        Request = {subscribe, nil, Opts},
        Recorder:act(R, {send, To, {'$gen_producer', {R, Tag}, Request}}),
        Tag
    """
    tag = await stages.beam.run(source, R=recorder.pid, To=counter)
    kind, from_, (verb, _) = await recorder.next()
    assert (kind, from_, verb) == (TO_CONSUMER, (counter, tag), CANCEL)
    other = await stages.recorder()
    tag = await other.subscribe(counter)
    await other.ask(counter, tag, 1)
    assert await other.next() == events((counter, tag), 1)
