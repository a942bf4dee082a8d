"""The stages that the other chapters run on a BEAM, with each other."""

from __future__ import annotations

import pytest

from .staged import ASK, CANCEL, SUBSCRIBE, TO_CONSUMER, TO_PRODUCER, atoms, events
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages


async def test_a_consumer_gets_all_that_a_producer_has(stages):
    producer = await stages.producer(last=100_000)
    consumer = await stages.consumer(producer.pid)
    assert await consumer.got(100_000) == [(1, 100_000)]
    assert await producer.call("sent") == [(await consumer.tag(), [(1, 100_000)])]


async def test_what_one_consumer_gets_no_other_does(stages):
    producer = await stages.producer(last=1000, demand="accumulate")
    small = await stages.consumer(producer.pid, max_demand=10)
    large = await stages.consumer(producer.pid, max_demand=100)
    await producer.cast(("$demand", "forward"))
    source = """
        Count = fun(Pid) -> gen_server:call(Pid, count) end,
        ergopy_peer:until(fun() -> Count(Small) + Count(Large) =:= 1000 end),
        Runs = gen_server:call(Small, got) ++ gen_server:call(Large, got),
        lists:sort(lists:append([lists:seq(First, Last) || {First, Last} <- Runs]))
    """
    events = await stages.beam.run(source, Small=small.pid, Large=large.pid)
    assert events == list(range(1, 1001))


async def test_who_is_owed_most_is_served_first(stages):
    producer = await stages.producer(last=0)
    small, large = await stages.recorder(), await stages.recorder()
    tags = [await one.subscribe(producer.pid) for one in (small, large)]
    await small.ask(producer.pid, tags[0], 2)
    await large.ask(producer.pid, tags[1], 5)
    await producer.cast(("push", [1, 2, 3, 4, 5, 6]))
    assert await large.next() == events((producer.pid, tags[1]), 1, 2, 3, 4, 5)
    assert await small.next() == events((producer.pid, tags[0]), 6)


async def test_a_pipeline_over_two_nodes_keeps_the_order(stages, new_stages):
    other = new_stages()
    producer = await stages.producer(last=100_000)
    middle = await other.producer_consumer(producer.pid, add=1)
    consumer = await stages.consumer(middle.pid)
    assert await consumer.got(100_000) == [(2, 100_001)]


async def test_a_consumer_asks_for_all_and_then_as_it_handles(stages):
    recorder = await stages.recorder()
    consumer = await stages.consumer(recorder.pid, max_demand=10, min_demand=5)
    tag = await consumer.tag()
    subscription = (consumer.pid, tag)
    assert await recorder.take(2) == [
        (
            TO_PRODUCER,
            subscription,
            (SUBSCRIBE, None, atoms([("max_demand", 10), ("min_demand", 5)])),
        ),
        (TO_PRODUCER, subscription, (ASK, 10)),
    ]
    for given, asked in ([1, 2, 3, 4], None), ([5], 5), (list(range(6, 16)), 5):
        await recorder.give(subscription, given)
        if asked:
            assert await recorder.asked(subscription) == asked
    assert await recorder.asked(subscription) == 5
    assert await consumer.got(15) == [(1, 15)]
    assert await recorder.rest() == []


async def test_a_consumer_does_not_take_what_it_has_no_subscription_for(stages):
    recorder = await stages.recorder()
    consumer = await stages.consumer()
    tag = await recorder.monitor(consumer.pid)
    await recorder.give((consumer.pid, tag), [1])
    refusal = (TO_PRODUCER, (consumer.pid, tag), (CANCEL, "unknown_subscription"))
    assert await recorder.next() == refusal
    assert await consumer.call("got") == []


async def test_a_producer_refuses_what_it_does_not_know(stages):
    producer = await stages.producer()
    recorder = await stages.recorder()
    tag = await recorder.monitor(producer.pid)
    await recorder.ask(producer.pid, tag, 5)
    sender = (producer.pid, tag)
    unknown = (TO_CONSUMER, sender, (CANCEL, "unknown_subscription"))
    assert await recorder.next() == unknown
    await recorder.subscribe(producer.pid, tag=tag)
    await recorder.subscribe(producer.pid, tag=tag)
    duplicated = (TO_CONSUMER, sender, (CANCEL, "duplicated_subscription"))
    assert await recorder.next() == duplicated
    # The first one stands.
    await recorder.ask(producer.pid, tag, 2)
    assert await recorder.next() == (TO_CONSUMER, sender, [1, 2])


@pytest.mark.parametrize(
    ("cancel", "reason", "stays"),
    [
        ("permanent", "normal", False),
        ("transient", "shutdown", True),
        ("transient", ("shutdown", 1), True),
        ("transient", "other", False),
        ("temporary", "other", True),
    ],
)
async def test_what_the_end_of_a_subscription_means(stages, cancel, reason, stays):
    recorder = await stages.recorder()
    consumer = await stages.consumer(recorder.pid, cancel=cancel)
    subscription, _, _ = await recorder.subscribed()
    await recorder.asked(subscription)
    await recorder.monitor(consumer.pid)
    await recorder.give(subscription, (CANCEL, atoms(reason)))
    if stays:
        assert await consumer.call("ends") == [reason]
    else:
        assert (await recorder.next())[4] == reason


async def test_a_stream_takes_as_many_as_it_wants(stages):
    producer = await stages.producer()
    events = await stages.stream(producer.pid, 25, max_demand=10)
    assert events[:25] == list(range(1, 26))
    assert await producer.call("consumers") == []
