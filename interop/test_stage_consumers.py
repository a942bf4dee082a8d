"""Python consumers of producers on a BEAM, seen from there message by message."""

from __future__ import annotations

import math

import pytest

from ergopy import Atom

from .python_stages import Sink, answer, do, subscribed
from .python_stages import log as log
from .servers import until
from .staged import CANCEL, keywords
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages

HUGE = 2**59 - 1


async def end_of(recorder, pid, cause):
    """Why the process ends that *cause*, a coroutine, ends."""
    monitor = await recorder.monitor(pid)
    await cause
    message = await recorder.next()
    assert message[:4] == (Atom("DOWN"), monitor, Atom("process"), pid)
    return message[4]


@pytest.mark.parametrize(
    "options",
    [{}, {"max_demand": 7}, {"max_demand": 100, "min_demand": 99}, {"min_demand": 0}],
)
async def test_all_events_of_a_producer_come_in_order(stages, node, log, options):
    producer = await stages.producer(last=20_000)
    await node.start(Sink, log, [(producer.pid, options)])
    await until(lambda: len(log.events) == 20_000)
    assert log.events == list(range(1, 20_001))
    most = options.get("max_demand", 1000)
    least = options.get("min_demand", most // 2)
    assert max(log.batches) <= most - least


async def test_a_demand_without_limit_is_one_ask(stages, node, log):
    producer = await stages.producer(demand="accumulate")
    sink = await node.start(Sink, log, [(producer.pid, {"max_demand": math.inf})])
    await producer.cast(("push", list(range(10_000))))
    await until(lambda: len(log.events) == 10_000)
    assert log.opened[0][1][Atom("max_demand")] == Atom("infinity")
    assert sink.node == node.name


# max_demand, min_demand, the sizes of what comes, and what is asked for after it.
DEMANDS = {
    "the default": (1000, None, [499, 1, 500, 1000], [[], [500], [500], [500, 500]]),
    "one by one": (1, None, [1, 1, 1], [[1], [1], [1]]),
    "at once": (10, 9, [1, 3], [[1], [1, 1, 1]]),
    "when all came": (10, 0, [4, 5, 1, 10], [[], [], [10], [10]]),
    "in between": (10, 5, [4, 2, 10], [[], [6], [5, 5]]),
    "more than a byte": (300, 299, [2], [[1, 1]]),
    "more than 32 bits": (2**40, 2**40 - 2, [1, 1, 3], [[], [2], [2]]),
    "the largest": (HUGE, HUGE - 1, [2], [[1, 1]]),
}


@pytest.mark.parametrize("case", DEMANDS)
async def test_demand_as_the_producer_sees_it(stages, node, log, case):
    most, least, sizes, asked = DEMANDS[case]
    options = {"max_demand": most}
    if least is not None:
        options["min_demand"] = least
    recorder = await stages.recorder()
    _, subscription = await subscribed(node, recorder, log, **options)
    assert await recorder.asked(subscription) == most
    for size, expected in zip(sizes, asked, strict=True):
        before = len(log.events)
        await recorder.give(subscription, list(range(size)))
        seen = [await recorder.asked(subscription) for _ in expected]
        assert seen == expected
        await until(lambda n=before + size: len(log.events) == n)
    await node.ping(stages.name)
    assert await recorder.rest() == []


async def test_a_manual_subscription_asks_for_what_it_is_told_to(stages, node, log):
    recorder = await stages.recorder()
    sink, subscription = await subscribed(node, recorder, log, "manual")
    for count in (1, 255, 256, 300, 65_536, 2**31 + 1, 2**32 + 1, HUGE):
        assert await do(
            node, sink, lambda stage, n=count: stage.ask(log.subscription, n)
        )
        assert await recorder.asked(subscription) == count
    await recorder.give(subscription, [1, 2, 3])
    await until(lambda: log.batches == [3])
    await node.ping(stages.name)
    assert await recorder.rest() == []


async def test_demand_is_switched_while_events_come(stages, node, log):
    recorder = await stages.recorder()
    sink, subscription = await subscribed(node, recorder, log, max_demand=10)
    assert await recorder.asked(subscription) == 10

    def switched(mode):
        return do(node, sink, lambda stage: stage.set_mode(log.subscription, mode))

    await switched("manual")
    await recorder.give(subscription, [1] * 8)
    await until(lambda: len(log.events) == 8)
    await do(node, sink, lambda stage: stage.ask(log.subscription, 3))
    assert await recorder.asked(subscription) == 3
    # Five are to come by now.
    await switched("automatic")
    assert await recorder.asked(subscription) == 5
    await recorder.give(subscription, [2] * 5)
    assert await recorder.asked(subscription) == 5


async def test_options_reach_the_producer(stages, node, log):
    recorder = await stages.recorder()
    extra = {
        "partition": "odd",
        "note": b"text",
        "max_demand": 5,
        "cancel": "temporary",
    }
    await subscribed(node, recorder, log, **extra)
    assert log.opened[0][1] == {
        Atom("partition"): Atom("odd"),
        Atom("note"): b"text",
        Atom("max_demand"): 5,
        Atom("cancel"): Atom("temporary"),
    }


async def test_a_consumer_has_several_subscriptions_to_one_producer(stages, node, log):
    recorder = await stages.recorder()
    to = [(recorder.pid, {"max_demand": n, "cancel": "temporary"}) for n in (1, 2, 3)]
    sink = await node.start(Sink, log, to)
    tags = []
    for n in (1, 2, 3):
        subscription, _, options = await recorder.subscribed()
        assert options[Atom("max_demand")] == n
        assert await recorder.asked(subscription) == n
        tags.append(subscription)
    assert len(set(tags)) == 3
    await recorder.give(tags[1], (CANCEL, Atom("enough")))
    await recorder.give(tags[2], [1, 2])
    assert await recorder.asked(tags[2]) == 2
    await recorder.give(tags[0], [3])
    assert await recorder.asked(tags[0]) == 1
    assert log.events == [1, 2, 3]
    left = await do(node, sink, lambda stage: answer(stage.subscriptions))
    assert [s.tag for s in left] == [tags[0][1], tags[2][1]]


async def test_a_consumer_replaces_a_subscription(stages, node, log):
    recorder = await stages.recorder()
    sink, old = await subscribed(node, recorder, log, cancel="temporary")
    await recorder.asked(old)

    async def again(stage):
        replacing = (log.subscription, "resubscribed")
        return await stage.subscribe(recorder.pid, replacing=replacing, max_demand=5)

    new = await do(node, sink, again)
    subscription, current, _ = await recorder.subscribed()
    assert current == (old[1], Atom("resubscribed"))
    assert subscription == (sink, new.tag)
    assert await recorder.asked(subscription) == 5
    await recorder.give(old, (CANCEL, Atom("resubscribed")))
    await recorder.give(subscription, [1, 2])
    await until(lambda: log.events == [1, 2])
    assert log.ended == [(Atom("cancel"), Atom("resubscribed"))]


async def test_a_producer_is_found_by_its_name(stages, node, log):
    await stages.producer(name="named", last=100)
    named = (Atom("named"), stages.name)
    sink = await node.start(Sink, log, [named])
    await until(lambda: len(log.events) == 100)
    source = "exit(whereis(named), kill)"
    recorder = await stages.recorder()
    assert await end_of(recorder, sink, stages.beam.run(source)) == "killed"


KINDS = [
    0,
    -1,
    255,
    2**31,
    2**70,
    -(2**70),
    1.5,
    b"",
    b"binary",
    list(b"charlist"),
    [],
    [1, 2, 3],
    [1, [2, [3]]],
    (),
    (1, (b"x", Atom("y"))),
    {},
    {Atom("key"): [1], b"other": {1: 2}},
    Atom("atom"),
    True,
    None,
]


async def test_events_are_any_terms(stages, node, log):
    recorder = await stages.recorder()
    _, subscription = await subscribed(node, recorder, log)
    await recorder.give(subscription, [*KINDS, recorder.pid, subscription[1]])
    await until(lambda: len(log.events) == len(KINDS) + 2)
    assert log.events == [*KINDS, recorder.pid, subscription[1]]


async def test_small_integers_that_come_as_a_string_are_events(stages, node, log):
    recorder = await stages.recorder()
    sink, subscription = await subscribed(node, recorder, log)
    source = """
        <<131, 107, _/binary>> = term_to_binary([1, 2, 255]),
        Give = fun(Events) -> P ! {'$gen_consumer', {R, T}, Events} end,
        Give([1, 2, 255]),
        Give("text")
    """
    names = {"P": sink, "R": recorder.pid, "T": subscription[1]}
    await stages.beam.run(source, **names)
    await until(lambda: len(log.events) == 7)
    assert log.events == [1, 2, 255, *b"text"]
    assert all(type(event) is int for event in log.events)


async def test_an_empty_list_is_no_event(stages, node, log):
    recorder = await stages.recorder()
    _, subscription = await subscribed(node, recorder, log, max_demand=2)
    assert await recorder.asked(subscription) == 2
    await recorder.give(subscription, [])
    await recorder.give(subscription, [1])
    assert await recorder.asked(subscription) == 1
    assert (log.events, log.batches) == ([1], [1])


async def test_events_in_excess_are_handled_and_not_asked_for_again(
    stages, node, log, caplog
):
    recorder = await stages.recorder()
    _, subscription = await subscribed(node, recorder, log, max_demand=4)
    assert await recorder.asked(subscription) == 4
    await recorder.give(subscription, list(range(10)))
    assert [await recorder.asked(subscription) for _ in "ab"] == [2, 2]
    await until(lambda: log.events == list(range(10)))
    await node.ping(stages.name)
    assert await recorder.rest() == []
    assert "6 events more than it asked for" in caplog.text
    caplog.clear()


async def test_a_beam_asks_a_consumer_to_subscribe(stages, node, log):
    producer = await stages.producer(last=10)
    sink = await node.start(Sink, log)
    source = "gen_server:call(Sink, {'$subscribe', nil, To, Options})"
    request = {"Sink": sink, "To": producer.pid}
    options = keywords({"max_demand": 3, "cancel": "temporary"})
    ok, tag = await stages.beam.run(source, **request, Options=options)
    assert ok == "ok"
    await until(lambda: len(log.events) == 10)
    assert log.subscription.tag == tag
    assert await producer.call("consumers") == [tag]
    error, (kind, _) = await stages.beam.run(
        source, **request, Options=keywords({"max_demand": 0})
    )
    assert (error, kind) == ("error", "bad_opts")
    await stages.beam.run(
        "gen_server:cast(Sink, {'$subscribe', {Tag, replaced}, To, Options})",
        **request,
        Tag=tag,
        Options=options,
    )
    await until(lambda: log.ended == [(Atom("cancel"), Atom("replaced"))])
    await until(lambda: len(log.opened) == 2)


async def test_a_beam_asks_a_consumer_what_it_asks_any_stage(stages, node, log):
    sink = await node.start(Sink, log)
    source = """
        ok = gen_server:call(Sink, {'$info', {note, 1}}),
        ok = gen_server:cast(Sink, {'$info', {note, 2}}),
        ok = gen_server:cast(Sink, {note, 3}),
        echo = gen_server:call(Sink, echo),
        gen_server:call(Sink, '$estimate_buffered_count')
    """
    assert await stages.beam.run(source, Sink=sink) == 0
    notes = [(Atom("note"), n) for n in (1, 2, 3)]
    await until(lambda: sorted(log.infos) == notes)


UNKNOWN = (CANCEL, Atom("unknown_subscription"))
