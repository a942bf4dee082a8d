"""Messages to Python stages that make no sense, or are those of another framework."""

from __future__ import annotations

from ergopy import Atom

from .python_stages import Adder, Counter, subscribed
from .python_stages import log as log
from .servers import until
from .staged import ASK, CANCEL, SUBSCRIBE, TO_CONSUMER, TO_PRODUCER, cancelled, events
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages

UNKNOWN = (CANCEL, Atom("unknown_subscription"))

TERMS = [1, None, (), [], {}, b"x", 1.5, Atom("x"), {1: [2]}]
SAID = [
    *((ASK,), (ASK, 1, 2), (CANCEL,), (CANCEL, 1, 2), (SUBSCRIBE,), (SUBSCRIBE, None)),
    *((b"ask", 1), (b"cancel", 1), (b"subscribe", None, []), ([1], 2)),
]
COUNTS = [0, -1, -(2**70), 1.5, b"5", Atom("many"), [1], (), None, True]
OPTIONS = [1, None, {}, (1,), [1], [(1, 2)], [(Atom("a"),)], b"max_demand"]
CURRENTS = [1, b"x", (1,), (1, 2, 3), ([], 1), {}]


def for_no_stage(kind):
    """Messages that begin like one of a stage, and are none."""
    yield from (kind, (kind,), (kind, 1), (kind, 1, 2, 3), (kind, 1, (ASK, 1)))
    yield from ((kind, sender, [1]) for sender in (*TERMS, (1,), (1, 2), (1, 2, 3)))


def for_a_consumer(tag, producer, other):
    """What no producer says; *tag* is that of *producer*."""
    yield from for_no_stage(TO_CONSUMER)
    for body in (*TERMS, *SAID):
        if not isinstance(body, list):
            yield (TO_CONSUMER, (producer, tag), body)
    yield from ((TO_CONSUMER, (peer, tag), [9]) for peer in TERMS)
    yield from ((TO_CONSUMER, (other, its), [9]) for its in ([1], {}, {1: []}, -0.0))


def for_a_producer(tag, consumer, other):
    """What no consumer says; *tag* is that of *consumer*."""
    yield from for_no_stage(TO_PRODUCER)
    yield from ((TO_PRODUCER, (consumer, tag), body) for body in (*TERMS, *SAID))
    yield from ((TO_PRODUCER, (consumer, tag), (ASK, count)) for count in COUNTS)
    for body in ((SUBSCRIBE, None, []), (ASK, 1), (CANCEL, 1)):
        yield from ((TO_PRODUCER, (peer, tag), body) for peer in TERMS)
    for its, options in enumerate(OPTIONS):
        yield (TO_PRODUCER, (other, its), (SUBSCRIBE, None, options))
    for its, current in enumerate(CURRENTS, len(OPTIONS)):
        yield (TO_PRODUCER, (other, its), (SUBSCRIBE, current, []))


async def test_events_that_were_not_asked_for_are_cancelled(stages, node, log):
    recorder = await stages.recorder()
    sink, subscription = await subscribed(node, recorder, log)
    await recorder.asked(subscription)
    for tag in (await recorder.monitor(sink), Atom("tag"), (1, 2), b"text"):
        await recorder.give((sink, tag), [1])
        assert await recorder.next() == (TO_PRODUCER, (sink, tag), UNKNOWN)
    await recorder.give(subscription, [2])
    await until(lambda: log.events == [2])


async def test_garbage_harms_no_consumer(stages, node, log, caplog):
    recorder, other = await stages.recorder(), await stages.recorder()
    sink, subscription = await subscribed(node, recorder, log, cancel="temporary")
    await recorder.asked(subscription)
    for message in for_a_consumer(subscription[1], recorder.pid, other.pid):
        await other.send(sink, message)
    for message in for_a_producer(subscription[1], recorder.pid, other.pid):
        await other.send(sink, message)
    await recorder.give(subscription, [1, 2])
    await until(lambda: log.events == [1, 2])
    await node.ping(stages.name)
    assert (await recorder.rest(), log.ended) == ([], [])
    caplog.clear()


async def test_an_improper_list_is_no_events(stages, node, log):
    recorder = await stages.recorder()
    sink, subscription = await subscribed(node, recorder, log)
    source = "P ! {'$gen_consumer', {R, T}, [1 | 2]}"
    await stages.beam.run(source, P=sink, R=recorder.pid, T=subscription[1])
    await recorder.give(subscription, [3])
    await until(lambda: log.events == [3])


async def test_a_producer_that_puts_the_consumer_where_it_belongs(stages, node, log):
    recorder = await stages.recorder()
    sink, subscription = await subscribed(node, recorder, log, max_demand=2)
    assert await recorder.asked(subscription) == 2
    await recorder.send(sink, (TO_CONSUMER, subscription, [1, 2]))
    # Demand goes to the producer all the same.
    assert [await recorder.asked(subscription) for _ in "ab"] == [1, 1]
    assert log.events == [1, 2]
    reason = list(b"resubscribed")
    await recorder.monitor(sink)
    await recorder.send(sink, (TO_CONSUMER, subscription, (CANCEL, reason)))
    assert (await recorder.next())[4] == reason
    assert log.ended == [(Atom("cancel"), reason)]


async def test_an_ask_before_a_subscription_is_refused(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    tag = await recorder.monitor(counter)
    await recorder.ask(counter, tag, 5)
    unknown = cancelled((counter, tag), "unknown_subscription")
    assert await recorder.next() == unknown
    await recorder.subscribe(counter, tag=tag)
    await recorder.ask(counter, tag, 2)
    assert await recorder.next() == events((counter, tag), 1, 2)


async def test_a_second_subscription_under_a_tag_is_refused(stages, node, log, caplog):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    tag = await recorder.subscribe(counter)
    await recorder.subscribe(counter, tag=tag)
    duplicated = cancelled((counter, tag), "duplicated_subscription")
    assert await recorder.next() == duplicated
    # The first one stands.
    await recorder.ask(counter, tag, 2)
    assert await recorder.next() == events((counter, tag), 1, 2)
    assert len(log.opened) == 1
    caplog.clear()


async def test_a_cancel_of_what_is_unknown_is_nothing(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    await recorder.cancel(counter, await recorder.monitor(counter), "normal")
    tag = await recorder.subscribe(counter)
    await recorder.ask(counter, tag, 1)
    assert await recorder.next() == events((counter, tag), 1)
    assert log.ended == []


async def test_garbage_harms_no_producer(stages, node, log, caplog):
    counter = await node.start(Counter, log)
    recorder, other = await stages.recorder(), await stages.recorder()
    tag = await recorder.subscribe(counter)
    for message in for_a_producer(tag, recorder.pid, other.pid):
        await other.send(counter, message)
    for message in for_a_consumer(tag, recorder.pid, other.pid):
        await other.send(counter, message)
    await recorder.ask(counter, tag, 2)
    assert await recorder.next() == events((counter, tag), 1, 2)
    assert (log.demands, log.ended) == ([2], [])
    caplog.clear()


async def test_garbage_harms_no_producer_consumer(stages, node, log, caplog):
    before, after = await stages.recorder(), await stages.recorder()
    other = await stages.recorder()
    adder = await node.start(Adder, log, [before.pid])
    subscription, _, _ = await before.subscribed()
    await before.asked(subscription)
    tag = await after.subscribe(adder)
    for message in for_a_consumer(subscription[1], before.pid, other.pid):
        await other.send(adder, message)
    for message in for_a_producer(tag, after.pid, other.pid):
        await other.send(adder, message)
    await before.give(subscription, [1, 2])
    await after.ask(adder, tag, 2)
    assert await after.next() == events((adder, tag), 1, 2)
    assert (log.events, log.ended) == ([1, 2], [])
    caplog.clear()


async def test_a_consumer_of_the_other_framework_is_understood(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    tag = await recorder.monitor(counter)
    given = {"min_demand": 1, "max_demand": 2, "cancel": 0, "manual": True}
    options = [(Atom(key), value) for key, value in given.items()]
    await recorder.tell(counter, tag, (SUBSCRIBE, [], options))
    await recorder.ask(counter, tag, 2)
    assert await recorder.next() == events((counter, tag), 1, 2)
    reason = list(b"resubscribed")
    await recorder.cancel(counter, tag, reason)
    assert await recorder.next() == cancelled((counter, tag), reason)
    assert log.ended == [(Atom("cancel"), reason)]
