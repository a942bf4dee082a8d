"""What the end of a subscription, or of its producer, does to a consumer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, NoProcess, StageError, StartError, stage
from tests.gen.stage.stages import (
    Hand,
    Sink,
    Source,
    ask,
    cancel,
    ends_of,
    keywords,
    start,
)
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

NORMAL, SHUTDOWN = Atom("normal"), Atom("shutdown")
REASONS: list[tuple[Any, bool]] = [
    (NORMAL, True),
    (SHUTDOWN, True),
    ((SHUTDOWN, Atom("left")), True),
    ((SHUTDOWN, 1, 2), False),
    (Atom("boom"), False),
    (("any", 1), False),
    (b"normal", False),
    ([98, 111], False),
    ({}, False),
    (None, False),
    (7, False),
]
MODES = ["permanent", "transient", "temporary"]


@pytest.mark.parametrize(("reason", "clean"), REASONS, ids=repr)
@pytest.mark.parametrize("mode", MODES)
async def test_a_cancel_of_the_producer(
    runtime: Runtime,
    mode: str,
    reason: Any,
    clean: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    hand = Hand(runtime)
    sink = await start(runtime, Sink, subscribe_to=[(hand.pid, {"cancel": mode})])
    reasons = ends_of(sink)
    (subscription,) = sink.subscriptions
    await hand.to_consumer(sink.pid, subscription.tag, cancel(reason))
    ends = mode == "permanent" or (mode == "transient" and not clean)
    assert sink.took("canceled") == [(subscription, ("cancel", reason))]
    assert reasons == ([reason] if ends else [])
    assert ends or sink.subscriptions == []


@pytest.mark.parametrize("reason", [Atom("boom"), NORMAL, SHUTDOWN], ids=str)
@pytest.mark.parametrize("mode", MODES)
async def test_the_end_of_the_producer(
    runtime: Runtime, mode: str, reason: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    source = await start(runtime, Source)
    sink = await start(runtime, Sink, subscribe_to=[(source.pid, {"cancel": mode})])
    reasons = ends_of(sink)
    (subscription,) = sink.subscriptions
    await runtime.root.stop(source.pid, reason)
    await settle()
    ends = mode == "permanent" or (mode == "transient" and reason == "boom")
    assert sink.took("canceled") == [(subscription, ("down", reason))]
    assert reasons == ([reason] if ends else [])


async def test_already_subscribed_ends_nobody(runtime: Runtime) -> None:
    hand = Hand(runtime)
    sink = await start(runtime, Sink, subscribe_to=[hand.pid])
    (subscription,) = sink.subscriptions
    reason = Atom("already_subscribed")
    await hand.to_consumer(sink.pid, subscription.tag, cancel(reason))
    assert (sink.process.alive, sink.subscriptions) == (True, [])


async def test_a_cancel_under_an_unknown_tag_is_dropped(runtime: Runtime) -> None:
    hand = Hand(runtime)
    sink = await start(runtime, Sink, subscribe_to=[hand.pid])
    await hand.to_consumer(sink.pid, hand.new_tag(), cancel(Atom("boom")))
    assert (sink.process.alive, len(sink.subscriptions)) == (True, 1)


async def test_it_asks_the_producer_to_end_a_subscription(runtime: Runtime) -> None:
    hand = Hand(runtime)
    sink = await start(
        runtime, Sink, subscribe_to=[(hand.pid, {"cancel": "temporary"})]
    )
    (subscription,) = sink.subscriptions
    hand.read()
    assert await sink.cancel(subscription, ("done", 1))
    assert hand.read() == [cancel(("done", 1))]
    # What is under way is handled still.
    await hand.to_consumer(sink.pid, subscription.tag, [1])
    assert sink.batches == [[1]]
    await hand.to_consumer(sink.pid, subscription.tag, cancel(("done", 1)))
    assert sink.subscriptions == []
    await hand.to_consumer(sink.pid, subscription.tag, [2])
    assert sink.batches == [[1]]


async def test_what_it_does_at_the_end_may_change(runtime: Runtime) -> None:
    hand = Hand(runtime)
    sink = await start(runtime, Sink, subscribe_to=[hand.pid])
    (subscription,) = sink.subscriptions
    with pytest.raises(ValueError, match="cancel="):
        sink.set_cancel(subscription, "sometimes")
    assert sink.set_cancel(subscription, "temporary")
    await hand.to_consumer(sink.pid, subscription.tag, cancel(Atom("boom")))
    assert sink.process.alive


async def test_a_subscription_takes_the_place_of_another(runtime: Runtime) -> None:
    source = await start(runtime, Source, lazy=True)
    sink = await start(
        runtime, Sink, subscribe_to=[(source.pid, {"cancel": "temporary"})]
    )
    (old,) = sink.subscriptions
    new = await sink.subscribe(
        source.pid, max_demand=4, replacing=(old, "renewed"), cancel="temporary"
    )
    await settle()
    assert sink.subscriptions == [new]
    assert sink.took("canceled") == [(old, ("cancel", Atom("renewed")))]
    assert source.took("cancel") == [((sink.pid, old.tag), ("cancel", "renewed"))]
    # The producer owes a thousand, so that nothing is asked of it anew.
    assert source.demands == [1000]
    await source.emit(list(range(9)))
    await settle()
    assert sink.batches == [[0, 1], [2, 3], [4, 5], [6, 7], [8]]


@pytest.mark.parametrize("mode", MODES)
async def test_a_producer_that_is_not_there(
    runtime: Runtime, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"cancel": mode}
    if mode == "temporary":
        sink = await start(runtime, Sink, subscribe_to=[("nobody", options)])
        assert sink.subscriptions == []
        assert await sink.subscribe("nobody", **options) not in sink.subscriptions
        return
    with pytest.raises(StartError) as info:
        await start(runtime, Sink, subscribe_to=[("nobody", options)])
    assert info.value.reason == "noproc"
    assert "nobody" in caplog.text
    assert "no such process" in caplog.text
    sink = await start(runtime, Sink)
    with pytest.raises(NoProcess):
        await sink.subscribe("nobody", **options)
    assert sink.process.alive


async def test_a_producer_that_has_just_ended_is_a_down(runtime: Runtime) -> None:
    source = await start(runtime, Source)
    await runtime.root.stop(source.pid)
    options = {"cancel": "temporary"}
    sink = await start(runtime, Sink, subscribe_to=[(source.pid, options)])
    await settle()
    assert [reason for _, reason in sink.took("canceled")] == [("down", "noproc")]


async def test_told_to_subscribe_to_nobody_it_answers_and_ends(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    sink = await start(runtime, Sink)
    reasons = ends_of(sink)
    await stage.sync_subscribe(sink.pid, "nobody", caller=runtime.root)
    await settle()
    assert reasons == ["noproc"]
    assert "nobody" in caplog.text
    assert "no such process" in caplog.text


BAD: list[tuple[dict[str, Any], str]] = [
    ({"max_demand": 0}, "max_demand="),
    ({"max_demand": -1}, "max_demand="),
    ({"max_demand": 1.5}, "max_demand="),
    ({"max_demand": True}, "max_demand="),
    ({"max_demand": b"10"}, "max_demand="),
    ({"max_demand": 2**59}, "max_demand="),
    ({"min_demand": -1}, "min_demand="),
    ({"max_demand": 5, "min_demand": 5}, "min_demand="),
    ({"min_demand": 1000}, "min_demand="),
    ({"cancel": "never"}, "cancel="),
    ({"cancel": 1}, "cancel="),
]


@pytest.mark.parametrize(("options", "problem"), BAD, ids=str)
async def test_options_that_make_no_sense(
    runtime: Runtime, options: dict[str, Any], problem: str
) -> None:
    hand = Hand(runtime)
    with pytest.raises(StartError, match=problem):
        await start(runtime, Sink, subscribe_to=[hand.pid, (hand.pid, options)])
    sink = await start(runtime, Sink)
    with pytest.raises(ValueError, match=problem):
        await sink.subscribe(hand.pid, **options)
    with pytest.raises(ValueError, match=problem):
        await stage.sync_subscribe(sink.pid, hand.pid, caller=runtime.root, **options)
    request = (Atom("$subscribe"), None, hand.pid, keywords(**options))
    error, (bad_opts, text) = await runtime.root.call(sink.pid, request)
    assert (error, bad_opts) == ("error", "bad_opts")
    assert problem in text.decode()
    assert (hand.read(), sink.process.alive) == ([], True)


@pytest.mark.parametrize("to", [1, b"name", (), {}, ("global", "name")], ids=repr)
async def test_a_destination_that_is_none(runtime: Runtime, to: Any) -> None:
    sink = await start(runtime, Sink)
    with pytest.raises(StageError) as info:
        await stage.sync_subscribe(sink.pid, to, caller=runtime.root)
    assert info.value.reason[0] == "bad_opts"
    assert sink.process.alive


async def test_in_init_one_sets_subscribe_to(runtime: Runtime) -> None:
    class Hasty(Sink):
        async def init(self) -> None:
            await self.subscribe("somebody")

    with pytest.raises(StartError, match="sets subscribe_to"):
        await start(runtime, Hasty)


async def test_the_producers_go_in_order(runtime: Runtime) -> None:
    hands = [Hand(runtime) for _ in range(3)]
    sink = await start(runtime, Sink, subscribe_to=[hand.pid for hand in hands])
    assert [to.peer for to in sink.subscriptions] == [hand.pid for hand in hands]
    for hand in hands:
        assert hand.read()[-1] == ask(1000)
