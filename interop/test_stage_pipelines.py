"""Python and BEAM stages in any order, and the verbs of ``ergopy.stage``."""

from __future__ import annotations

import pytest

from ergopy import Atom, Backoff, ChildSpec, NoProcess, StageError, Supervisor, stage

from .python_stages import Adder, Counter, Log, Sink, Source
from .python_stages import log as log
from .servers import until
from .staged import CANCEL, SUBSCRIBE, TO_CONSUMER, TO_PRODUCER, atoms, only_lost
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages

COUNT = 50_000


@pytest.mark.parametrize("most", [1, 10, 1000])
async def test_python_between_two_stages_of_a_beam(stages, node, log, most):
    count = 500 * most if most < 100 else COUNT
    options = {"max_demand": most}
    producer = await stages.producer(last=count)
    adder = await node.start(Adder, log, [(producer.pid, options)], 5)
    consumer = await stages.consumer(adder, max_demand=most)
    assert await consumer.got(count) == [(6, count + 5)]
    assert log.events == list(range(1, count + 1))


async def test_a_beam_between_two_python_stages(stages, node, log):
    counter = await node.start(Counter, Log(), COUNT)
    middle = await stages.producer_consumer(counter, add=5)
    await node.start(Sink, log, [middle.pid])
    await until(lambda: len(log.events) == COUNT)
    assert log.events == list(range(6, COUNT + 6))


async def test_python_gathers_from_two_nodes(stages, new_stages, node, log):
    other = new_stages()
    evens = await stages.producer(first=1, last=10_000)
    odds = await other.producer(first=20_001, last=30_000)
    adder = await node.start(Adder, Log(), [evens.pid, odds.pid])
    await node.start(Sink, log, [adder])
    await until(lambda: len(log.events) == 20_000)
    assert sorted(log.events) == [*range(1, 10_001), *range(20_001, 30_001)]
    assert [e for e in log.events if e > 20_000] == list(range(20_001, 30_001))


async def test_python_takes_no_more_than_is_wanted_of_it(stages, node, log):
    producer, sink = await stages.recorder(), await stages.recorder()
    options = {"max_demand": 4, "min_demand": 2}
    adder = await node.start(Adder, log, [(producer.pid, options)], 1)
    subscription, _, _ = await producer.subscribed()
    assert await producer.asked(subscription) == 4
    for events in ([1, 2], [3], [4]):
        await producer.give(subscription, events)
    tag = await sink.subscribe(adder)
    await until(lambda: log.opened)
    # Nobody has asked, so nothing is handled.
    assert log.events == []
    await sink.ask(adder, tag, 1)
    assert await sink.next() == (TO_CONSUMER, (adder, tag), [2])
    assert await producer.asked(subscription) == 2
    assert log.events == [1, 2]
    # The other one is in the buffer.
    count = "gen_server:call(P, '$estimate_buffered_count')"
    assert await stages.beam.run(count, P=adder) == 1
    await sink.ask(adder, tag, 3)
    for event in (3, 4, 5):
        assert await sink.next() == (TO_CONSUMER, (adder, tag), [event])
    assert await producer.asked(subscription) == 2
    assert (await producer.rest(), await sink.rest()) == ([], [])


async def test_the_end_of_a_producer_comes_after_its_events(stages, node, log):
    producer, sink = await stages.recorder(), await stages.recorder()
    adder = await node.start(Adder, log, [producer.pid])
    subscription, _, _ = await producer.subscribed()
    await producer.asked(subscription)
    tag = await sink.subscribe(adder)
    await producer.give(subscription, [1, 2, 3])
    await producer.give(subscription, (CANCEL, Atom("done")))
    await until(lambda: log.opened)
    assert (log.events, log.ended) == ([], [])
    await sink.ask(adder, tag, 10)
    assert await sink.next() == (TO_CONSUMER, (adder, tag), [1, 2, 3])
    # The subscription was permanent: its end is the stage's.
    down = await sink.next()
    assert (down[1], down[4]) == (tag, "done")
    assert log.ended == [(Atom("cancel"), Atom("done"))]


async def test_a_supervised_stage_that_is_killed_resumes(stages, node, log):
    producer = await stages.producer(name="source")
    source = (Atom("source"), stages.name)
    to = [(source, {"cancel": "temporary"})]
    child = ChildSpec(Adder, log, to, name="middle")
    backoff = Backoff(first=0.02, factor=1, most=0.02)
    await node.start(Supervisor, [child], backoff=backoff)
    middle = (Atom("middle"), node.name)
    consumer = await stages.consumer(middle, cancel="temporary", retry=20)
    await consumer.got(10_000)
    first = node.whereis("middle")
    await stages.beam.run("exit(P, kill)", P=first)
    await until(lambda: node.whereis("middle") not in (None, first))
    runs = await consumer.got(len(log.events) + 20_000)
    (sent,) = await producer.call("left")
    assert only_lost(runs, sent, 2500)
    assert set(await consumer.call("ends")) <= {"killed", "noproc"}


async def test_stages_of_a_beam_are_joined_from_python(stages, node):
    producer = await stages.producer(last=1000)
    consumer = await stages.consumer()
    options = {"max_demand": 10, "cancel": "temporary"}
    tag = await stage.sync_subscribe(consumer.pid, producer.pid, caller=node, **options)
    assert await consumer.got(1000) == [(1, 1000)]
    assert await consumer.call("tags") == [tag]
    new = await stage.sync_resubscribe(
        consumer.pid, tag, "moved", producer.pid, caller=node, **options
    )
    await consumer.answers("ends", ["moved"])
    assert await consumer.call("tags") == [new]
    await stage.async_resubscribe(
        consumer.pid, new, atoms(("a", 1)), producer.pid, caller=node, **options
    )
    await consumer.answers("ends", ["moved", atoms(("a", 1))])


async def test_a_python_consumer_is_told_to_subscribe_to_a_beam(stages, node, log):
    producer = await stages.producer(last=100, name="known")
    sink = await node.start(Sink, log)
    known = ("known", str(stages.name))
    tag = await stage.sync_subscribe(sink, known, caller=node)
    await until(lambda: len(log.events) == 100)
    assert log.subscription == ((Atom("known"), stages.name), tag)
    assert await producer.call("consumers") == [tag]


async def test_a_consumer_of_a_beam_is_told_to_subscribe_to_python(stages, node, log):
    await node.start(Counter, log, 100, name="known")
    consumer = await stages.consumer()
    known = ("known", str(node.name))
    tag = await stage.sync_subscribe(consumer.pid, known, caller=node)
    assert await consumer.got(100) == [(1, 100)]
    assert log.subscription == (consumer.pid, tag)


async def test_what_is_no_consumer_does_not_subscribe(stages, node):
    producer = await stages.producer()
    with pytest.raises(StageError) as caught:
        await stage.sync_subscribe(producer.pid, producer.pid, caller=node)
    assert caught.value.reason == "not_a_consumer"
    consumer = await stages.consumer()
    with pytest.raises(ValueError, match="max_demand"):
        await stage.sync_subscribe(
            consumer.pid, producer.pid, max_demand=0, caller=node
        )
    assert await consumer.call("tags") == []
    await consumer.kill()
    with pytest.raises(NoProcess):
        await stage.sync_subscribe(consumer.pid, producer.pid, caller=node)


async def test_the_demand_of_a_producer_on_a_beam_is_held_back(stages, node):
    producer = await stages.producer(last=100, demand="accumulate")
    consumer = await stages.consumer(producer.pid)
    assert await stage.demand(producer.pid, caller=node) == "accumulate"
    assert await consumer.call("count") == 0
    await stage.demand(producer.pid, "forward", caller=node)
    assert await consumer.got(100) == [(1, 100)]
    assert await stage.demand(producer.pid, caller=node) == "forward"
    with pytest.raises(ValueError, match="sideways"):
        await stage.demand(producer.pid, "sideways", caller=node)


async def test_a_stage_on_a_beam_is_informed_and_counted(stages, node):
    producer = await stages.producer(last=0)
    await producer.cast(("push", [1, 2, 3]))
    assert await stage.estimate_buffered_count(producer.pid, caller=node) == 3
    await stage.sync_info(producer.pid, (Atom("note"), 1), caller=node)
    await stage.async_info(producer.pid, b"note", caller=node)
    await producer.answers("infos", [(Atom("note"), 1), b"note"])


async def test_a_process_without_a_stage_asks_and_cancels(stages, node):
    producer = await stages.recorder()

    async def body(process):
        tag = await process.monitor(producer.pid)
        subscription = stage.Subscription(producer.pid, tag)
        request = (SUBSCRIBE, None, [])
        await process.send(producer.pid, (TO_PRODUCER, (process.pid, tag), request))
        await stage.ask(subscription, 300)
        await stage.ask(subscription, 0)
        given = await process.receive()
        await stage.cancel(subscription, "enough")
        return given, await process.receive()

    seen = []

    async def run(process):
        seen.append(await body(process))

    await node.spawn(run)
    subscription, _, _ = await producer.subscribed()
    assert await producer.asked(subscription) == 300
    await producer.give(subscription, [1, 2])
    request = (CANCEL, Atom("enough"))
    assert await producer.next() == (TO_PRODUCER, subscription, request)
    await producer.give(subscription, request)
    await until(lambda: seen)
    sender = (producer.pid, subscription[1])
    expected = (TO_CONSUMER, sender, [1, 2]), (TO_CONSUMER, sender, request)
    assert seen == [expected]


async def test_a_stage_takes_messages_of_the_wrong_role(stages, node, log, caplog):
    recorder = await stages.recorder()
    counter = await node.start(Source, log)
    sink = await node.start(Sink, log)
    tag = await recorder.monitor(sink)
    await recorder.subscribe(sink, tag=tag)
    await recorder.ask(sink, tag, 1)
    await recorder.give((counter, tag), [1])
    await recorder.give((counter, tag), (CANCEL, 1))
    for pid in (counter, sink):
        source = "gen_server:call(P, '$estimate_buffered_count')"
        assert await stages.beam.run(source, P=pid) == 0
    assert await recorder.rest() == []
    assert "not for it" in caplog.text
    caplog.clear()


@pytest.mark.parametrize("kind", [Counter, Adder, Sink])
async def test_sys_shows_a_stage_to_a_beam(stages, node, log, kind):
    pid = await node.start(kind, log)
    source = "{status, P, {module, _}, [_, running | _]} = sys:get_status(P), ok"
    assert await stages.beam.run(source, P=pid) == "ok"
