"""How a subscription of a Python consumer to a producer on a BEAM ends."""

from __future__ import annotations

import pytest

from ergopy import Atom

from .python_stages import Log, Sink, answer, do, subscribed
from .python_stages import log as log
from .servers import until
from .staged import CANCEL, TO_PRODUCER, atoms
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages

UNKNOWN = (CANCEL, Atom("unknown_subscription"))
REASONS = [
    "normal",
    "shutdown",
    ("shutdown", "restart"),
    ("shutdown", b"text"),
    "oops",
    b"a text",
    list(b"a charlist"),
    ("badmatch", [("file", 1)]),
    {"a": [1, 2.5]},
    42,
    [],
]


def fate(cancel, reason):
    """What becomes of a consumer: the reason that it ends with, or None."""
    clean = reason in ("normal", "shutdown") or reason[:1] == ("shutdown",)
    stays = cancel == "temporary" or (cancel == "transient" and clean)
    return None if stays else atoms(reason)


@pytest.mark.parametrize("cancel", ["permanent", "transient", "temporary"])
async def test_a_producer_cancels(stages, node, cancel):
    for reason in REASONS:
        log = Log()
        recorder = await stages.recorder()
        sink, subscription = await subscribed(node, recorder, log, cancel=cancel)
        await recorder.asked(subscription)
        monitor = await recorder.monitor(sink)
        await recorder.give(subscription, (CANCEL, atoms(reason)))
        expected = fate(cancel, reason if isinstance(reason, (str, tuple)) else ("x",))
        if expected is None:
            await until(lambda seen=log: seen.ended)
            assert await do(node, sink, lambda stage: answer(stage.subscriptions)) == []
        else:
            (down,) = await recorder.take(1)
            assert down[1] == monitor
            assert down[4] == atoms(reason)
        assert log.ended == [(Atom("cancel"), atoms(reason))]


@pytest.mark.parametrize("cancel", ["permanent", "transient", "temporary"])
async def test_a_producer_ends(stages, node, cancel):
    for reason in REASONS[:5]:
        log = Log()
        recorder, watcher = await stages.recorder(), await stages.recorder()
        sink, _ = await subscribed(node, recorder, log, cancel=cancel)
        await watcher.monitor(sink)
        await recorder.exit(reason)
        expected = fate(cancel, reason)
        if expected is None:
            await until(lambda seen=log: seen.ended)
            assert await do(node, sink, lambda stage: answer(stage.subscriptions)) == []
        else:
            assert (await watcher.next())[4] == expected
        assert log.ended == [(Atom("down"), atoms(reason))]


async def test_a_consumer_cancels(stages, node, log):
    recorder = await stages.recorder()
    sink, subscription = await subscribed(node, recorder, log, cancel="transient")
    await recorder.asked(subscription)
    reason = (Atom("shutdown"), 1)
    await do(node, sink, lambda stage: stage.cancel(log.subscription, reason))
    assert await recorder.next() == (TO_PRODUCER, subscription, (CANCEL, reason))
    # It takes events until that is answered.
    await recorder.give(subscription, [1])
    await until(lambda: log.events == [1])
    await recorder.give(subscription, (CANCEL, reason))
    await until(lambda: log.ended == [(Atom("cancel"), reason)])
    # Now it is nobody's.
    await recorder.give(subscription, [2])
    assert await recorder.next() == (TO_PRODUCER, subscription, UNKNOWN)
    assert log.events == [1]


async def test_a_consumer_cancels_for_any_reason(stages, node, log):
    recorder = await stages.recorder()
    sink = await node.start(Sink, log)
    for reason in map(atoms, REASONS):
        await do(node, sink, lambda it: it.subscribe(recorder.pid, cancel="temporary"))
        subscription, _, _ = await recorder.subscribed()
        await recorder.asked(subscription)
        await do(node, sink, lambda it, why=reason: it.cancel(log.subscription, why))
        assert await recorder.next() == (TO_PRODUCER, subscription, (CANCEL, reason))
        await recorder.give(subscription, (CANCEL, reason))
    await until(lambda: len(log.ended) == len(REASONS))
    assert log.ended == [(Atom("cancel"), atoms(reason)) for reason in REASONS]


async def test_a_name_that_nobody_has_is_a_producer_that_is_gone(stages, node, log):
    nobody = (Atom("nobody"), stages.name)
    await node.start(Sink, log, [(nobody, {"cancel": "temporary"})])
    await until(lambda: log.ended == [(Atom("down"), Atom("noproc"))])


async def test_a_node_that_is_killed_ends_the_subscription(new_stages, node, log):
    other = new_stages()
    producer = await other.producer()
    sink = await node.start(Sink, log, [(producer.pid, {"cancel": "temporary"})])
    await until(lambda: len(log.events) > 10_000)
    other.beam.kill9()
    await until(lambda: log.ended)
    assert log.ended == [(Atom("down"), Atom("noconnection"))]
    assert log.events == list(range(1, len(log.events) + 1))
    assert await do(node, sink, lambda stage: answer(stage.subscriptions)) == []


async def test_after_a_cut_a_consumer_subscribes_again(stages, node, log):
    producer = await stages.producer()
    sink = await node.start(Sink, log, [(producer.pid, {"cancel": "temporary"})])
    await until(lambda: len(log.events) > 5_000)
    await stages.beam.run("erlang:disconnect_node(Py)", Py=node.name)
    await until(lambda: log.ended)
    assert log.ended == [(Atom("down"), Atom("noconnection"))]
    seen = len(log.events)
    await do(
        node, sink, lambda stage: stage.subscribe(producer.pid, cancel="temporary")
    )
    await until(lambda: len(log.events) > seen + 5_000)
    await do(node, sink, lambda stage: stage.cancel(log.subscription))
    await until(lambda: len(log.ended) == 2)
    # Each once and in order; what was on the way to the old subscription is lost.
    assert log.events == sorted(set(log.events))
    sent = dict(await producer.call("sent"))
    runs = [run for _, runs in sorted(sent.items(), key=lambda i: i[1]) for run in runs]
    first, second = runs
    assert second[0] == first[1] + 1
    got = [event for event in log.events if event >= second[0]]
    assert got == list(range(second[0], second[1] + 1))
