"""Who is subscribed to a producer: how it begins, and how it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import (
    Atom,
    BroadcastDispatcher,
    MailboxLimit,
)
from tests.gen.stage.stages import (
    GEN_PRODUCER,
    Hand,
    Source,
    ask,
    assert_serves,
    cancel,
    keywords,
    start,
)
from tests.runtimes import idle, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

NORMAL, DOWN, CANCEL = Atom("normal"), Atom("down"), Atom("cancel")


async def test_a_consumer_that_cancels_is_told_and_forgotten(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.to_producer(source.pid, tag, cancel(("any", 1)))
    assert hand.read(tag) == [cancel(("any", 1))]
    assert source.took("cancel") == [((hand.pid, tag), (CANCEL, ("any", 1)))]
    assert source.subscribers == []
    await hand.ask(source.pid, tag, 1)
    assert hand.read(tag) == [cancel(Atom("unknown_subscription"))]


async def test_the_end_of_a_consumer_ends_its_subscriptions(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tags = [await hand.subscribe(source.pid) for _ in range(2)]
    await runtime.root.exit(hand.pid, Atom("boom"))
    await settle()
    assert source.took("cancel") == [
        ((hand.pid, tag), (DOWN, Atom("boom"))) for tag in tags
    ]
    assert source.subscribers == []


async def test_a_producer_may_end_a_subscription_itself(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tag = await hand.subscribe(source.pid)

    async def part(self: Source) -> Any:
        (consumer,) = self.subscribers
        assert await self.cancel(consumer, "enough")
        assert not await self.cancel(consumer, "enough")

    await hand.send(source.pid, ("run", part))
    assert hand.read(tag) == [cancel(Atom("enough"))]
    assert source.took("cancel") == [((hand.pid, tag), (CANCEL, Atom("enough")))]


async def test_what_handle_cancel_emits_is_for_the_others(runtime: Runtime) -> None:
    class Generous(Source):
        async def handle_cancel(self, to: Any, reason: Any) -> Any:
            return ["legacy"]

    source = await start(runtime, Generous, lazy=True)
    leaver, stayer = Hand(runtime), Hand(runtime)
    leaving = await leaver.subscribe(source.pid)
    staying = await stayer.subscribe(source.pid)
    await leaver.ask(source.pid, leaving, 5)
    await stayer.ask(source.pid, staying, 1)
    await leaver.to_producer(source.pid, leaving, cancel(NORMAL))
    assert leaver.read() == [cancel(NORMAL)]
    assert stayer.read() == [["legacy"]]


async def test_demand_of_one_who_left_is_not_passed_on_twice(runtime: Runtime) -> None:
    source = await start(runtime, Source, lazy=True)
    leaver, heir = Hand(runtime), Hand(runtime)
    leaving = await leaver.subscribe(source.pid)
    await leaver.ask(source.pid, leaving, 5)
    await leaver.to_producer(source.pid, leaving, cancel(NORMAL))
    tag = await heir.subscribe(source.pid)
    await heir.ask(source.pid, tag, 7)
    assert source.demands == [5, 2]


async def test_a_tag_that_is_taken_is_refused(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    source, hand, other = await start(runtime, Source), Hand(runtime), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await other.to_producer(source.pid, tag, (Atom("subscribe"), None, []))
    assert other.read() == [cancel(Atom("duplicated_subscription"))]
    await hand.ask(source.pid, tag, 1)
    assert hand.read() == [[0]]
    assert "is there already" in caplog.text


async def test_one_process_may_subscribe_several_times(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    first, second = [await hand.subscribe(source.pid) for _ in range(2)]
    await hand.ask(source.pid, first, 1)
    await hand.ask(source.pid, second, 2)
    assert (hand.process.message_count(), hand.read(second)) == (2, [[1, 2]])


TAGS: list[Any] = [1, 1.0, True, Atom("tag"), b"tag", [1, 2], {Atom("a"): [1]}, None]


async def test_a_tag_is_any_term(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tags = [*TAGS, (hand.new_tag(), hand.new_tag())]
    for tag in tags:
        await hand.to_producer(source.pid, tag, (Atom("subscribe"), None, []))
    assert len(source.subscribers) == len(tags)
    for number, tag in enumerate(tags):
        await hand.ask(source.pid, tag, 1)
        assert [repr(said[1][1]) for said in hand.process.messages()] == [repr(tag)]
        assert hand.read() == [[number]]
    for tag in tags:
        await hand.to_producer(source.pid, tag, cancel(NORMAL))
    assert (len(hand.read()), source.subscribers) == (len(tags), [])


@pytest.mark.parametrize("current", ["pair", "unknown", "charlist", "garbage"])
async def test_a_subscription_may_take_the_place_of_another(
    runtime: Runtime, current: str
) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    old = await hand.subscribe(source.pid)
    replaced: dict[str, Any] = {
        "pair": (old, Atom("replaced")),
        "unknown": (hand.new_tag(), Atom("replaced")),
        "charlist": [],
        "garbage": ([1], {}),
    }
    new = await hand.subscribe(source.pid, replaced[current])
    gone = [cancel(Atom("replaced"))] if current == "pair" else []
    assert hand.read(old) == gone
    assert len(source.subscribers) == (1 if gone else 2)
    await hand.ask(source.pid, new, 1)
    assert hand.read(new) == [[0]]


async def test_there_is_an_end_to_how_many_may_subscribe(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source, max_subscribers=1), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.subscribe(source.pid)
    assert hand.read() == [cancel(Atom("system_limit"))]
    await hand.to_producer(source.pid, tag, cancel(NORMAL))
    hand.read()
    await assert_serves(runtime, source)


async def test_one_that_is_replaced_makes_room(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source, max_subscribers=1), Hand(runtime)
    old = await hand.subscribe(source.pid)
    new = await hand.subscribe(source.pid, (old, NORMAL))
    assert (hand.read(old), hand.read(new)) == ([cancel(NORMAL)], [])
    assert [to.tag for to in source.subscribers] == [new]


async def test_handle_subscribe_is_told_the_options(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tag = await hand.subscribe(source.pid, max_demand=3, color=b"red")
    assert source.took("subscribe") == [
        ((hand.pid, tag), {"max_demand": 3, "color": b"red"})
    ]


async def test_handle_subscribe_may_turn_a_consumer_away(runtime: Runtime) -> None:
    class Picky(Source):
        async def handle_subscribe(self, to: Any, options: Any) -> Any:
            if not options:
                await self.cancel(to, "no options")

    source, hand = await start(runtime, Picky), Hand(runtime)
    await hand.subscribe(source.pid)
    assert hand.read() == [cancel(Atom("no options"))]
    tag = await hand.subscribe(source.pid, max_demand=1)
    await hand.ask(source.pid, tag, 1)
    assert hand.read() == [[0]]


async def test_a_dispatcher_may_refuse_a_consumer(runtime: Runtime) -> None:
    source = await start(runtime, Source, dispatcher=BroadcastDispatcher())
    hand = Hand(runtime)
    await hand.subscribe(source.pid)
    await hand.subscribe(source.pid)
    assert hand.read() == [cancel(Atom("already_subscribed"))]
    assert len(source.subscribers) == 1


async def test_each_stage_has_a_dispatcher_of_its_own(runtime: Runtime) -> None:
    pattern = BroadcastDispatcher()
    one = await start(runtime, Source, dispatcher=pattern)
    two = await start(runtime, Source, dispatcher=pattern)
    hand = Hand(runtime)
    for source in (one, two):
        tag = await hand.subscribe(source.pid)
        await hand.ask(source.pid, tag, 1)
        assert hand.read() == [[0]]


async def test_a_consumer_whose_mailbox_is_full_is_parted_with(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    source, hand = await start(runtime, Source), Hand(runtime)
    full = await full_mailbox(runtime)
    tag = runtime.root.new_ref()
    message = (GEN_PRODUCER, (full, tag), (Atom("subscribe"), None, keywords()))
    await hand.send(source.pid, message)
    await hand.send(source.pid, (GEN_PRODUCER, (full, tag), ask(1)))
    assert source.took("cancel") == [((full, tag), (DOWN, Atom("mailbox_full")))]
    await assert_serves(runtime, source)


async def full_mailbox(runtime: Runtime) -> Any:
    """Start a process whose mailbox refuses what comes."""
    limit = MailboxLimit(1, "raise")
    process = runtime.spawn(idle, (), mailbox=limit)
    await runtime.root.send(process.pid, "first")
    return process.pid
