"""What subscribers of an event get, in which order, and what a slow one misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import (
    Atom,
    EventDown,
    EventError,
    EventLag,
    EventMessage,
    Events,
    LocalProtocolError,
    MailboxLimit,
    events,
)
from tests.gen.events.kit import HERE, UNREGISTERED, key
from tests.runtimes import idle, inside, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Event, Process
    from ergopy.process.runtime import Runtime


async def test_subscribers_get_what_is_published_in_order(serving: Runtime) -> None:
    root = serving.root
    one, two = sleeper(serving), sleeper(serving)
    prices = await events.register("prices", caller=root)
    await prices.publish("nobody hears it")
    for process in one, two:
        await events.subscribe("prices", caller=process)
    for n in range(3):
        await prices.publish(n)
    expected = [(Atom("event"), key("prices"), n) for n in range(3)]
    assert mail(one) == mail(two) == expected


async def test_messages_are_tuples_with_parts(serving: Runtime) -> None:
    message = EventMessage(key("a"), 1)
    assert (message.name, message.node, message.value) == ("a", HERE, 1)
    match message:
        case EventMessage(name, value):
            assert (name, value) == ("a", 1)
    lag = EventLag(key("a"), 3)
    assert tuple(lag) == (Atom("event_lag"), key("a"), 3)
    assert (lag.name, lag.node, lag.missed) == ("a", HERE, 3)
    down = EventDown(key("a"), UNREGISTERED)
    assert tuple(down) == (Atom("event_down"), key("a"), UNREGISTERED)
    assert (down.name, down.node, down.reason) == ("a", HERE, UNREGISTERED)


async def test_late_subscribers_get_the_last_values_first(serving: Runtime) -> None:
    prices = await events.register("prices", buffer=2, caller=serving.root)
    for n in range(4):
        await prices.publish(n)
    late = sleeper(serving)
    await events.subscribe("prices", caller=late)
    await prices.publish(4)
    assert [message.value for message in mail(late)] == [2, 3, 4]


async def test_subscribing_twice_is_subscribing_once(serving: Runtime) -> None:
    prices = await events.register("prices", buffer=1, caller=serving.root)
    await prices.publish(1)
    one = sleeper(serving)
    for _ in range(2):
        await events.subscribe("prices", caller=one)
    await prices.publish(2)
    assert [message.value for message in mail(one)] == [1, 2]
    await events.unsubscribe("prices", caller=one)
    await prices.publish(3)
    await events.unsubscribe("prices", caller=one)
    assert len(mail(one)) == 2


async def test_the_owner_may_subscribe_as_any_other(serving: Runtime) -> None:
    async def body(me: Process) -> Any:
        prices = await events.register("prices")
        await events.subscribe("prices")
        await prices.publish(1)
        return (await me.receive(EventMessage)).value

    assert await inside(serving, body) == 1


async def test_a_program_has_no_mailbox_to_subscribe_with(serving: Runtime) -> None:
    await events.register("e", caller=serving.root)
    with pytest.raises(LocalProtocolError, match="let a process subscribe"):
        await events.subscribe("e", caller=serving.root)


async def test_a_subscriber_that_ends_is_one_no_more(serving: Runtime) -> None:
    one, two = sleeper(serving), sleeper(serving)
    event = await events.register("e", caller=serving.root)
    for process in one, two:
        await events.subscribe("e", caller=process)
    one.kill()
    await settle()
    await event.publish(1)
    assert (await events.info("e", caller=serving.root))["subscribers"] == 1
    two.kill()
    await settle()
    assert len(event.channel) == 0


async def test_an_event_has_so_many_subscribers_and_no_more(runtime: Runtime) -> None:
    root = runtime.root
    await root.start(Events, name="events", max_subscribers=2)
    e = await events.register("e", caller=root)
    one, two, three = (sleeper(runtime) for _ in range(3))
    for process in one, two, one:
        await events.subscribe("e", caller=process)
    with pytest.raises(EventError, match="system_limit"):
        await events.subscribe("e", caller=three)
    await events.unsubscribe("e", caller=one)
    await events.subscribe("e", caller=three)
    await e.publish(1)
    assert (mail(one), len(mail(two)), len(mail(three))) == ([], 1, 1)


async def flood(serving: Runtime, slow: Process, count: int, **options: Any) -> Event:
    """Publish so many values of a new event, of which *slow* has read none."""
    event = await events.register("e", caller=serving.root, **options)
    await events.subscribe("e", caller=slow)
    for n in range(count):
        await event.publish(n)
    return event


async def test_who_is_slow_misses_values_and_is_told_how_many(
    serving: Runtime,
) -> None:
    slow = serving.spawn(idle, ())
    event = await flood(serving, slow, 5, max_lag=2)
    assert [await slow.receive(timeout=0) for _ in range(2)] == [
        (Atom("event"), key("e"), 0),
        (Atom("event"), key("e"), 1),
    ]
    await event.publish(5)
    assert mail(slow) == [
        (Atom("event_lag"), key("e"), 3),
        (Atom("event"), key("e"), 5),
    ]
    assert (await events.info("e", caller=serving.root))["missed"] == 3


async def test_what_was_missed_is_told_before_the_end(serving: Runtime) -> None:
    slow = sleeper(serving)
    event = await flood(serving, slow, 3, max_lag=1)
    event.unregister()
    kinds = [(message[0], message[2]) for message in mail(slow)]
    assert kinds == [("event", 0), ("event_lag", 2), ("event_down", UNREGISTERED)]


async def test_without_a_limit_nobody_misses_anything(serving: Runtime) -> None:
    slow = sleeper(serving)
    await flood(serving, slow, 3000, max_lag=None)
    assert len(mail(slow)) == 3000


@pytest.mark.parametrize("policy", ["raise", "drop_new", "drop_old"])
async def test_a_limit_of_the_mailbox_counts_as_well(
    serving: Runtime, policy: Any
) -> None:
    slow = serving.spawn(idle, (), mailbox=MailboxLimit(2, policy))
    event = await flood(serving, slow, 3)
    assert (await slow.receive())[2] == 0
    await event.publish(3)
    assert (await slow.receive())[2] == 1
    await event.publish(4)
    assert [message[2] for message in mail(slow)] == [2, 4]
    assert slow.dropped == 0


async def test_a_mailbox_without_room_for_both_is_no_error(serving: Runtime) -> None:
    slow = serving.spawn(idle, (), mailbox=MailboxLimit(1, "raise"))
    event = await flood(serving, slow, 3)
    await slow.receive()
    await event.publish(3)
    assert [message[0] for message in mail(slow)] == ["event_lag"]
    event.unregister()
    assert [message[2] for message in mail(slow)] == [2, 1, UNREGISTERED]
