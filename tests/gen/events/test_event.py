"""The owner's side of an event: who may publish, and what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, EventMismatch, EventOwnerError, ProcessConfig, events
from tests.gen.events.kit import HERE
from tests.runtimes import inside, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


@dataclass(frozen=True)
class Price:
    symbol: str
    value: float


async def test_only_the_owner_publishes(serving: Runtime) -> None:
    async def owner(me: Process) -> None:
        prices = await events.register("prices")
        assert prices.owner == me.pid
        done = trio.Event()

        async def helper() -> None:
            await prices.publish(1)
            done.set()

        me.start_soon(helper)
        await done.wait()

        async def other(process: Process) -> None:
            with pytest.raises(EventOwnerError) as caught:
                await prices.publish(2)
            assert caught.value.owner == me.pid
            with pytest.raises(EventOwnerError):
                prices.unregister()

        await inside(serving, other)
        return_to.append(prices)
        await me.receive()

    return_to: list[Any] = []
    process = serving.spawn(owner, ())
    await settle()
    with pytest.raises(EventOwnerError):
        await return_to[0].publish(3)
    assert return_to[0].channel.published == 1
    process.kill()


ACCEPTS = [
    (None, [1, "x", Price("A", 1.0), object()], []),
    (Price, [Price("A", 1.0)], [1, {"symbol": "A"}, None]),
    ((int, Price), [1, Price("A", 1.0)], ["1", 1.5]),
    (lambda value: value > 0, [1, 0.5], [0, -1]),
]


@pytest.mark.parametrize(("accepts", "good", "bad"), ACCEPTS)
async def test_an_event_accepts_what_was_declared(
    serving: Runtime, accepts: Any, good: list[Any], bad: list[Any]
) -> None:
    one = sleeper(serving)
    event = await events.register("e", accepts=accepts, caller=serving.root)
    await events.subscribe("e", caller=one)
    for value in bad:
        with pytest.raises(EventMismatch) as caught:
            await event.publish(value)
        assert caught.value.value is value
        assert isinstance(caught.value, TypeError)
    for value in good:
        await event.publish(value)
    assert [message.value for message in mail(one)] == good


async def test_a_predicate_that_raises_accepts_nothing(serving: Runtime) -> None:
    root = serving.root
    rises = await events.register("e", accepts=lambda v: v["up"], caller=root)
    with pytest.raises(EventMismatch) as caught:
        await rises.publish({})
    assert isinstance(caught.value.__cause__, KeyError)
    answer = await root.call("events", (Atom("publish"), Atom("e"), {}))
    assert answer == (Atom("error"), Atom("mismatch"))
    await rises.publish({"up": True})


@pytest.mark.parametrize(
    "options",
    [{"accepts": 7}, {"accepts": (int, 7)}, {"buffer": -1}, {"buffer": True}],
)
async def test_bad_options_are_refused_before_anybody_is_asked(
    runtime: Runtime, options: Any
) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(options))):
        await events.register("e", caller=runtime.root, **options)
    with pytest.raises(ValueError, match="max_lag"):
        await events.register("e", caller=runtime.root, max_lag=0)


async def test_what_is_known_of_an_event(serving: Runtime) -> None:
    event = await events.register("e", buffer=3, caller=serving.root)
    await event.publish(1)
    assert await events.info("e", caller=serving.root) == {
        "name": "e",
        "owner": serving.root.pid,
        "subscribers": 0,
        "published": 1,
        "missed": 0,
        "buffer": 3,
    }
    assert (event.name, event.node, event.owner) == ("e", HERE, serving.root.pid)
    assert "Event" in repr(event)


async def test_publishing_lets_others_run(serving: Runtime) -> None:
    ran: list[int] = []
    done = trio.Event()

    async def body(me: Process) -> None:
        event = await events.register("e")
        while not ran:
            await event.publish(1)
        done.set()

    async def other(me: Process) -> None:
        ran.append(1)

    serving.spawn(body, ())
    serving.spawn(other, ())
    with trio.fail_after(60):
        await done.wait()


@pytest.mark.parametrize("policy", ["deep", "etf"])
async def test_processes_that_copy_what_they_send_have_events_too(
    serving: Runtime, policy: Any
) -> None:
    async def body(me: Process) -> Any:
        event = await events.register("e", buffer=1)
        await event.publish([1])
        await events.subscribe("e")
        return (await me.receive()).value

    config = ProcessConfig(copy=policy)
    assert await inside(serving, body, config=config) == [1]
