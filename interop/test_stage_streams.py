"""Events of a BEAM for plain Trio code, and those of an iterable for a BEAM."""

from __future__ import annotations

import pytest
import trio

from ergopy import Atom, SubscriptionCanceled, stage

from .servers import until
from .staged import ASK, CANCEL, SUBSCRIBE, TO_PRODUCER, keywords
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages


@pytest.mark.parametrize("most", [1, 10, 1000])
async def test_a_loop_gets_the_events_of_a_producer(stages, node, most):
    producer = await stages.producer(last=2500, at_end=("cancel", "normal"))
    got = []
    options = {"max_demand": most, "caller": node}
    async with stage.subscribe(producer.pid, **options) as events:
        async for batch in events:
            got += batch
    assert got == list(range(1, 2501))
    await producer.answers("consumers", [])


async def test_no_more_is_asked_for_than_the_loop_takes(stages, node):
    recorder = await stages.recorder()
    async with stage.subscribe(
        recorder.pid, max_demand=4, min_demand=2, demand=None, caller=node
    ) as events:
        subscription, _, _ = await recorder.subscribed()
        assert await recorder.asked(subscription) == 4
        await recorder.give(subscription, [1, 2, 3, 4])
        assert await anext(events) == [1, 2]
        await node.ping(stages.name)
        # The batch counts as handled when the loop wants the next one.
        assert await recorder.rest() == []
        assert await anext(events) == [3, 4]
        assert await recorder.asked(subscription) == 2
    over = (CANCEL, Atom("normal"))
    assert await recorder.next() == (TO_PRODUCER, subscription, over)


async def test_what_a_producer_sees_of_a_stream_from_first_to_last(stages, node):
    recorder = await stages.recorder()
    async with stage.subscribe(
        recorder.pid, max_demand=9, cancel="permanent", partition="odd", caller=node
    ) as events:
        (tag,) = node.runtime.find(events.pid).monitors
        subscription = (events.pid, tag)
        given = {"max_demand": 9, "cancel": "permanent", "partition": "odd"}
        monitor = await recorder.monitor(events.pid)
        assert await recorder.take(3) == [
            (TO_PRODUCER, subscription, (SUBSCRIBE, None, keywords(given))),
            (TO_PRODUCER, subscription, (ASK, 9)),
            (Atom("$gen_cast"), (Atom("$demand"), Atom("forward"))),
        ]
    over, down = await recorder.take(2)
    assert over == (TO_PRODUCER, subscription, (CANCEL, Atom("normal")))
    assert (down[1], down[4]) == (monitor, "normal")


async def test_a_loop_over_producers_of_two_nodes_outlives_one(
    stages, new_stages, node
):
    other = new_stages()
    first = await stages.producer(last=30_000, at_end=("stop", "normal"))
    second = await other.producer()
    got = {first.pid.node: [], second.pid.node: []}
    killed = False
    async with stage.subscribe(
        [first.pid, (second.pid, {"cancel": "temporary"})], caller=node
    ) as events:
        async for batch in events:
            got[events.subscription.peer.node].extend(batch)
            if not killed and all(got.values()):
                other.beam.kill9()
                killed = True
    assert got[first.pid.node] == list(range(1, 30_001))
    lost = got[second.pid.node]
    assert lost == list(range(1, len(lost) + 1))


@pytest.mark.parametrize("cancel", ["transient", "permanent"])
async def test_a_name_that_nobody_has_over_there_ends_the_loop(stages, node, cancel):
    name = ("nobody", stages.name)
    async with stage.subscribe(name, cancel=cancel, caller=node) as events:
        with pytest.raises(SubscriptionCanceled) as caught:
            await anext(events)
    assert caught.value.reason == "noproc"
    assert caught.value.subscription.peer == name


async def test_a_producer_by_its_name_is_started_by_the_stream(stages, node):
    await stages.producer(name="waiting", demand="accumulate", last=100)
    async with stage.subscribe(("waiting", stages.name), caller=node) as events:
        assert await anext(events) == list(range(1, 101))
    await stages.beam.run("exit(whereis(waiting), kill)")


async def test_a_connection_that_is_cut_ends_the_loop(stages, node):
    producer = await stages.producer(last=100)
    async with stage.subscribe(producer.pid, caller=node) as events:
        assert len(await anext(events)) == 100
        node.disconnect(stages.name)
        with pytest.raises(SubscriptionCanceled) as caught:
            await anext(events)
    assert caught.value.reason == "noconnection"
    await producer.answers("consumers", [])


async def test_a_loop_that_is_left_cancels(stages, node):
    producer = await stages.producer()
    async with stage.subscribe(producer.pid, caller=node) as events:
        async for batch in events:
            assert batch[0] == 1
            break
    await producer.answers("consumers", [])


async def read(producer, node, take):
    async with stage.subscribe(producer.pid, caller=node) as events:
        async for batch in events:
            take(batch)


async def test_a_producer_that_breaks_off_ends_the_loop(stages, node):
    producer = await stages.producer(last=10, at_end=("stop", "wanted"))
    got = []
    with pytest.raises(SubscriptionCanceled):
        await read(producer, node, got.extend)
    assert got == list(range(1, 11))


async def test_a_node_that_is_killed_ends_the_loop(new_stages, node):
    other = new_stages()
    producer = await other.producer()
    got = []

    def take(batch):
        got.extend(batch)
        if len(got) == 10_000:
            other.beam.kill9()

    with trio.fail_after(15), pytest.raises(SubscriptionCanceled):
        await read(producer, node, take)
    assert got == list(range(1, len(got) + 1))


async def test_a_consumer_of_a_beam_gets_the_items_of_an_iterable(stages, node):
    pid = await stage.from_iterable(range(1, 5001), caller=node)
    recorder = await stages.recorder()
    monitor = await recorder.monitor(pid)
    consumer = await stages.consumer(pid, cancel="transient")
    assert await consumer.got(5000) == [(1, 5000)]
    # It ends when all are sent.
    down = await recorder.next()
    assert (down[1], down[4]) == (monitor, "normal")


async def test_an_iterator_is_read_as_it_is_asked_for(stages, node):
    read = []

    async def items():
        for n in range(1, 1000):
            read.append(n)
            yield n

    pid = await stage.from_iterable(items(), caller=node)
    recorder = await stages.recorder()
    tag = await recorder.subscribe(pid)
    for count in (1, 3):
        await recorder.ask(pid, tag, count)
        got = []
        while len(got) < count:
            got += (await recorder.next())[2]
        assert got == read[-count:]
    await node.ping(stages.name)
    assert (await recorder.rest(), read) == ([], [1, 2, 3, 4])


async def test_a_beam_streams_from_an_iterable_as_much_as_it_wants(stages, node):
    pid = await stage.from_iterable(iter(range(10**9)), name="numbers", caller=node)
    taken = await stages.stream(pid, 42, max_demand=10)
    assert taken == list(range(len(taken)))
    # Who comes next has what comes next: what was asked for and not taken is lost.
    following = await stages.stream(pid, 5, max_demand=1)
    assert following == list(range(following[0], following[0] + 5))
    assert following[0] >= len(taken)
    await until(lambda: not node.runtime.find(pid).monitors)


async def test_a_beam_hears_why_an_iterable_failed(stages, node):
    async def items():
        yield 1
        raise LookupError("dry")

    pid = await stage.from_iterable(items(), caller=node)
    kind, (python, name, text, _), got = await stages.stream(pid, 5)
    assert (kind, python, got) == ("down", "python", [1])
    assert (name, text) == (b"builtins.LookupError", b"dry")
