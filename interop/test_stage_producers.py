"""Python producers for consumers on a BEAM, seen from there message by message."""

from __future__ import annotations

import pytest

import ergopy
from ergopy import Atom

from .python_stages import Counter, Log, Source, answer, do
from .servers import until
from .staged import (
    ASK,
    CANCEL,
    SUBSCRIBE,
    TO_CONSUMER,
    TO_PRODUCER,
    atoms,
    keywords,
    only_lost,
)
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages


@pytest.fixture
def log():
    return Log()


def cancelled(subscription, reason):
    return (TO_CONSUMER, subscription, (CANCEL, atoms(reason)))


def events(subscription, *given):
    return (TO_CONSUMER, subscription, list(given))


@pytest.mark.parametrize(
    "options",
    [{}, {"max_demand": 7}, {"max_demand": 100, "min_demand": 99}, {"min_demand": 0}],
)
async def test_a_consumer_gets_all_events_in_order(stages, node, log, options):
    counter = await node.start(Counter, log, 20_000)
    consumer = await stages.consumer(counter, **options)
    assert await consumer.got(20_000) == [(1, 20_000)]
    most = options.get("max_demand", 1000)
    assert max(log.demands) <= most
    assert 20_000 <= sum(log.demands) <= 20_000 + most


async def test_consumers_share_the_events(stages, node, log):
    options = {"demand": "accumulate"}
    counter = await node.start(Counter, log, 10_000, options)
    consumers = [await stages.consumer(counter, max_demand=n) for n in (1, 50, 1000)]
    await until(lambda: len(log.opened) == 3)
    await do(node, counter, lambda stage: stage.resume_demand())
    source = """
        ergopy_peer:until(fun() ->
            lists:sum([gen_server:call(P, count) || P <- Pids]) >= 10000
        end),
        [gen_server:call(P, got) || P <- Pids]
    """
    runs = await stages.beam.run(source, Pids=[stage.pid for stage in consumers])
    assert all(runs)
    got = [n for part in runs for first, last in part for n in range(first, last + 1)]
    assert sorted(got) == list(range(1, 10_001))
    for part in runs:
        assert part == sorted(part)


async def test_no_more_is_sent_than_asked_for(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    tag = await recorder.subscribe(counter)
    expected = 1
    for count in (1, 2, 255, 256, 1000, 70_000):
        await recorder.ask(counter, tag, count)
        kind, from_, given = await recorder.next()
        assert (kind, from_) == (TO_CONSUMER, (counter, tag))
        assert given == list(range(expected, expected + count))
        expected += count
    assert log.demands == [1, 2, 255, 256, 1000, 70_000]
    await node.ping(stages.name)
    assert await recorder.rest() == []


@pytest.mark.parametrize("count", [2**31 - 1, 2**31, 2**32 + 1, 2**59 - 1, 2**70])
async def test_a_demand_of_any_size_is_taken(stages, node, log, count):
    source = await node.start(Source, log)
    recorder = await stages.recorder()
    tag = await recorder.subscribe(source)
    await recorder.ask(source, tag, count)
    await until(lambda: log.demands)
    assert log.demands == [min(count, 2**59 - 1)]
    await do(node, source, lambda stage: stage.emit([1, 2]))
    assert await recorder.next() == events((source, tag), 1, 2)


async def test_a_consumer_without_limit_asks_once(stages, node, log):
    source = await node.start(Source, log)
    recorder = await stages.recorder()
    tag = await recorder.subscribe(source, max_demand="infinity")
    await recorder.ask(source, tag, Atom("infinity"))
    await until(lambda: log.demands)
    await do(node, source, lambda stage: stage.emit(list(range(5000))))
    assert await recorder.next() == events((source, tag), *range(5000))


TAGS = [Atom("tag"), 1, 1.0, b"text", "ü".encode(), (1, 2), [1], [], {}, {1: [2]}, -0.0]


async def test_a_tag_is_any_term(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    pair = (await recorder.monitor(counter), await recorder.monitor(counter))
    for tag in (pair, *TAGS):
        await recorder.subscribe(counter, tag=tag)
        await recorder.ask(counter, tag, 1)
        assert (await recorder.next())[:2] == (TO_CONSUMER, (counter, tag))
    assert [subscription.tag for subscription, _ in log.opened] == [pair, *TAGS]


async def test_a_process_without_a_stage_takes_a_stream(stages, node, log):
    counter = await node.start(Counter, log)
    given = await stages.stream(counter, 2500, max_demand=100)
    assert given[:2500] == list(range(1, 2501))
    await until(lambda: log.ended == [(Atom("cancel"), Atom("normal"))])


async def test_options_reach_the_producer(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    given = {"max_demand": 3, "cancel": "temporary", "partition": "odd", "x": b"text"}
    tag = await recorder.subscribe(counter, **given)
    await until(lambda: log.opened)
    subscription, options = log.opened[0]
    assert subscription == (recorder.pid, tag)
    assert options == dict(keywords(given))


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


async def test_a_process_subscribes_several_times(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    first, second = [await recorder.subscribe(counter) for _ in range(2)]
    await recorder.ask(counter, second, 2)
    await recorder.ask(counter, first, 1)
    assert await recorder.take(2) == [
        events((counter, second), 1, 2),
        events((counter, first), 3),
    ]
    await recorder.cancel(counter, first, "normal")
    assert await recorder.next() == cancelled((counter, first), "normal")
    await recorder.ask(counter, second, 1)
    assert await recorder.next() == events((counter, second), 4)


async def test_a_subscription_takes_the_place_of_another(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    old = await recorder.subscribe(counter)
    await recorder.ask(counter, old, 1)
    new = await recorder.subscribe(counter, (old, atoms(("moved", 1))))
    await recorder.ask(counter, new, 1)
    await recorder.ask(counter, old, 1)
    assert await recorder.take(4) == [
        events((counter, old), 1),
        cancelled((counter, old), ("moved", 1)),
        events((counter, new), 2),
        cancelled((counter, old), "unknown_subscription"),
    ]
    assert log.ended == [(Atom("cancel"), (Atom("moved"), 1))]


async def test_a_subscription_in_the_place_of_an_unknown_one(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    nobody = await recorder.monitor(counter)
    tag = await recorder.subscribe(counter, (nobody, Atom("moved")))
    await recorder.ask(counter, tag, 1)
    assert await recorder.next() == events((counter, tag), 1)


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


async def test_a_producer_is_asked_what_any_stage_is(stages, node, log):
    source = await node.start(Source, log)
    recorder = await stages.recorder()
    asked = """
        forward = gen_server:call(P, '$demand'),
        ok = gen_server:cast(P, {'$demand', accumulate}),
        accumulate = gen_server:call(P, '$demand'),
        ok = gen_server:cast(P, {'$demand', forward}),
        forward = gen_server:call(P, '$demand'),
        {error, not_a_consumer} = gen_server:call(P, {'$subscribe', nil, self(), []}),
        0 = gen_server:call(P, '$estimate_buffered_count'),
        ok = gen_server:call(P, {'$info', {note, 1}}),
        ok = gen_server:cast(P, {'$info', {note, 2}}),
        echo = gen_server:call(P, echo)
    """
    assert await stages.beam.run(asked, P=source) == "echo"
    notes = [(Atom("note"), n) for n in (1, 2)]
    await until(lambda: log.infos == notes)
    # What is told to follow events follows them, once they are delivered.
    await do(node, source, lambda stage: stage.emit([1, 2, 3]))
    count = "gen_server:call(P, '$estimate_buffered_count')"
    assert await stages.beam.run(count, P=source) == 3
    await stages.beam.run("ok = gen_server:call(P, {'$info', after_them})", P=source)
    assert log.infos == notes
    tag = await recorder.subscribe(source)
    await recorder.ask(source, tag, 3)
    assert await recorder.next() == events((source, tag), 1, 2, 3)
    await until(lambda: log.infos == [*notes, Atom("after_them")])


async def test_demand_waits_while_it_is_accumulated(stages, node, log):
    counter = await node.start(Counter, log, 100, {"demand": "accumulate"})
    recorder, other = await stages.recorder(), await stages.recorder()
    first = await recorder.subscribe(counter)
    await recorder.ask(counter, first, 2)
    await until(lambda: log.opened)
    second = await other.subscribe(counter)
    await other.ask(counter, second, 2)
    await until(lambda: len(log.opened) == 2)
    assert await stages.beam.run("gen_server:call(P, '$demand')", P=counter)
    assert (log.demands, await recorder.rest()) == ([], [])
    await stages.beam.run("gen_server:cast(P, {'$demand', forward})", P=counter)
    assert await recorder.next() == events((counter, first), 1, 2)
    assert await other.next() == events((counter, second), 3, 4)
    assert log.demands == [2, 2]


KINDS = [
    0,
    255,
    2**31,
    -(2**70),
    1.5,
    b"",
    b"binary",
    list(b"charlist"),
    [],
    [1, [2, [3]]],
    (),
    (1, (b"x", Atom("y"))),
    {Atom("key"): [1], b"other": {1: 2}},
    Atom("atom"),
    True,
    None,
]


async def test_events_are_any_terms(stages, node, log):
    source = await node.start(Source, log)
    recorder = await stages.recorder()
    tag = await recorder.subscribe(source)
    await recorder.ask(source, tag, 100)
    given = [*KINDS, recorder.pid, tag, source]
    await do(node, source, lambda stage: stage.emit(given))
    assert await recorder.next() == events((source, tag), *given)
    # A list of small integers is one on the BEAM, whatever it looks like on the wire.
    await do(node, source, lambda stage: stage.emit([1, 2, 255]))
    assert await recorder.next() == events((source, tag), 1, 2, 255)
    await do(node, source, lambda stage: stage.emit([]))
    await node.ping(stages.name)
    assert await recorder.rest() == []


async def test_garbage_harms_no_subscription(stages, node, log, caplog):
    counter = await node.start(Counter, log)
    recorder, other = await stages.recorder(), await stages.recorder()
    tag = await recorder.subscribe(counter)
    fresh = await other.monitor(counter)
    for message in garbage(recorder.pid, tag, other.pid, fresh):
        await other.send(counter, message)
    await recorder.ask(counter, tag, 2)
    assert await recorder.next() == events((counter, tag), 1, 2)
    assert log.demands == [2]
    assert log.ended == []
    caplog.clear()


def garbage(recorder, tag, other, fresh):
    """Messages that are none of a stage's, or make no sense."""
    yield from (TO_PRODUCER, Atom("$gen_consumer"), (TO_PRODUCER,), (TO_PRODUCER, 1))
    yield from ((TO_PRODUCER, 1, (ASK, 1)), (TO_PRODUCER, (), (ASK, 1)))
    yield from ((TO_PRODUCER, (other, fresh, 1), (ASK, 1)), (TO_PRODUCER, [1], [2]))
    for body in (
        1,
        None,
        (),
        [],
        {},
        b"x",
        (ASK,),
        (CANCEL,),
        (SUBSCRIBE,),
        (ASK, 1, 2),
    ):
        yield (TO_PRODUCER, (recorder, tag), body)
    for count in (0, -1, -(2**70), 1.5, b"5", Atom("many"), [1], (), None, True):
        yield (TO_PRODUCER, (recorder, tag), (ASK, count))
    for peer in (1, b"x", [other], None):
        yield (TO_PRODUCER, (peer, fresh), (SUBSCRIBE, None, []))
        yield (TO_PRODUCER, (peer, fresh), (ASK, 1))
        yield (TO_PRODUCER, (peer, fresh), (CANCEL, 1))
    for number, options in enumerate(
        (1, None, {}, (1,), [1], [(1, 2)], [(Atom("a"),)])
    ):
        yield (TO_PRODUCER, (other, number), (SUBSCRIBE, None, options))
    for number, current in enumerate((1, b"x", (1,), (1, 2, 3), ([], 1), {}), 100):
        yield (TO_PRODUCER, (other, number), (SUBSCRIBE, current, []))
    yield (TO_CONSUMER, (other, tag), [1])
    yield (TO_CONSUMER, (other, tag), (CANCEL, 1))


async def test_a_consumer_of_the_other_framework_is_understood(stages, node, log):
    counter = await node.start(Counter, log)
    recorder = await stages.recorder()
    tag = await recorder.monitor(counter)
    options = [
        (Atom(key), value)
        for key, value in (
            ("min_demand", 1),
            ("max_demand", 2),
            ("cancel", 0),
            ("manual", True),
        )
    ]
    await recorder.tell(counter, tag, (SUBSCRIBE, [], options))
    await recorder.ask(counter, tag, 2)
    assert await recorder.next() == events((counter, tag), 1, 2)
    reason = list(b"resubscribed")
    await recorder.cancel(counter, tag, reason)
    assert await recorder.next() == cancelled((counter, tag), reason)
    assert log.ended == [(Atom("cancel"), reason)]
