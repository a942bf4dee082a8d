"""How a subscription of a consumer on a BEAM to a Python producer ends."""

from __future__ import annotations

import pytest

from ergopy import Atom

from .python_stages import Counter, Source, answer, do
from .python_stages import log as log
from .servers import until
from .staged import atoms, cancelled, events, keywords, only_lost
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages

REASONS = [
    "normal",
    "shutdown",
    ("shutdown", ("a", b"b")),
    "oops",
    b"a text",
    list(b"a charlist"),
    ("badmatch", [("file", 1)]),
    {"a": [1, 2.5]},
    2**70,
    [],
    None,
]


async def test_a_consumer_cancels_for_any_reason(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    for reason in REASONS:
        tag = await recorder.subscribe(counter)
        await recorder.cancel(counter, tag, atoms(reason))
        assert await recorder.next() == cancelled((counter, tag), reason)
    assert log.ended == [(Atom("cancel"), atoms(reason)) for reason in REASONS]


async def test_a_producer_cancels_for_any_reason(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    for reason in map(atoms, REASONS):
        tag = await recorder.subscribe(counter)
        await recorder.ask(counter, tag, 1)
        await recorder.next()
        await do(node, counter, lambda it, why=reason: it.cancel(log.subscription, why))
        assert await recorder.next() == cancelled((counter, tag), reason)
    assert log.ended == [(Atom("cancel"), atoms(reason)) for reason in REASONS]


@pytest.mark.parametrize(
    ("cancel", "reason", "stays"),
    [
        ("permanent", "normal", False),
        ("permanent", ("shutdown", 1), False),
        ("transient", "normal", True),
        ("transient", "shutdown", True),
        ("transient", ("shutdown", 1), True),
        ("transient", ("oops", b"text"), False),
        ("temporary", ("oops", b"text"), True),
    ],
)
async def test_a_producer_cancels(stages, node, log, cancel, reason, stays):
    counter = await node.start(Counter, log, 10)
    consumer = await stages.consumer(counter, cancel=cancel)
    recorder = await stages.recorder()
    monitor = await recorder.monitor(consumer.pid)
    assert await consumer.got(10) == [(1, 10)]
    await do(node, counter, lambda stage: stage.cancel(log.subscription, atoms(reason)))
    if stays:
        await node.ping(stages.name)
        assert await consumer.call("ends") == [atoms(reason)]
    else:
        down = await recorder.next()
        assert (down[1], down[4]) == (monitor, atoms(reason))
    assert log.ended == [(Atom("cancel"), atoms(reason))]
    assert await do(node, counter, lambda stage: answer(stage.subscribers)) == []


async def test_a_consumer_that_ends_is_forgotten(stages, node, log):
    counter = await node.start(Counter, log)
    recorder, other = await stages.recorder(), await stages.recorder()
    tag = await recorder.subscribe(counter)
    kept = await other.subscribe(counter)
    await recorder.ask(counter, tag, 1)
    await recorder.next()
    await recorder.exit(("shutdown", b"text"))
    await until(lambda: log.ended)
    assert log.ended == [(Atom("down"), atoms(("shutdown", b"text")))]
    await other.ask(counter, kept, 1)
    assert await other.next() == events((counter, kept), 2)


async def test_what_a_dead_consumer_asked_for_goes_to_others(stages, node, log):
    source = await node.start(Source, log)
    recorder, other = await stages.recorder(), await stages.recorder()
    tag = await recorder.subscribe(source)
    await recorder.ask(source, tag, 10)
    await until(lambda: log.demands == [10])
    await recorder.exit("normal")
    await until(lambda: log.ended)
    kept = await other.subscribe(source)
    await other.ask(source, kept, 15)
    # Ten of them were asked of the stage before.
    await until(lambda: log.demands == [10, 5])
    await do(node, source, lambda stage: stage.emit(list(range(20))))
    assert await other.next() == events((source, kept), *range(15))
    assert await do(node, source, lambda stage: answer(stage.buffered)) == 5


async def test_a_node_that_is_killed_takes_its_consumers_along(
    stages, new_stages, node, log
):
    other = new_stages()
    counter = await node.start(Counter, log, 10)
    await other.consumer(counter)
    consumer = await stages.consumer()
    await until(lambda: log.demands)
    other.beam.kill9()
    await until(lambda: log.ended)
    assert log.ended == [(Atom("down"), Atom("noconnection"))]
    # What it had asked for and has not got is the next one's.
    await do(node, counter, lambda stage: more(stage, 30))
    await consumer.cast(("$subscribe", None, counter, keywords({"max_demand": 20})))
    assert await consumer.got(20) == [(11, 30)]


async def more(stage, last):
    stage.last = last
    await stage.emit(await stage.handle_demand(990))


async def test_after_a_cut_a_consumer_subscribes_again(stages, node, log):
    counter = await node.start(Counter, log)
    consumer = await stages.consumer(counter, cancel="temporary", retry=10)
    await consumer.got(5_000)
    node.disconnect(stages.name)
    await until(lambda: len(log.opened) == 2)
    assert log.ended == [(Atom("down"), Atom("noconnection"))]
    sent = log.left[0]
    assert only_lost(await consumer.got(sent + 5_000), sent, 1000)
    await consumer.kill()
    await until(lambda: len(log.ended) == 2)
