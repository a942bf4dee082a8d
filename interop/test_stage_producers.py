"""Python producers for consumers on a BEAM, seen from there message by message."""

from __future__ import annotations

import pytest

from ergopy import Atom

from .python_stages import Counter, Source, do
from .python_stages import log as log
from .servers import until
from .staged import TO_CONSUMER, atoms, cancelled, events, keywords
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages


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
