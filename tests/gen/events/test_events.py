"""Events of one node: who publishes, who gets it, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    Atom,
    CallExit,
    CallTimeout,
    EventDown,
    EventError,
    EventLag,
    EventMessage,
    EventMismatch,
    EventOwnerError,
    Events,
    EventTaken,
    EventUnknown,
    Exit,
    LocalProtocolError,
    MailboxLimit,
    NoProcess,
    ProcessConfig,
    events,
)
from tests.runtimes import (
    assert_only_the_root,
    idle,
    inside,
    mail,
    settle,
    sleeper,
)

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

HERE = Atom("py@test")
UNREGISTERED = Atom("unregistered")


@dataclass(frozen=True)
class Price:
    symbol: str
    value: float


def key(name: str) -> Any:
    return (Atom(name), HERE)


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


async def test_a_name_is_taken_while_its_owner_lives(serving: Runtime) -> None:
    owner, root = sleeper(serving), serving.root
    await events.register("e", caller=owner)
    with pytest.raises(EventTaken) as caught:
        await events.register("e", caller=root)
    assert caught.value.owner == owner.pid
    owner.end("gone")
    await settle()
    await events.register("e", caller=root)


async def test_names_are_terms_under_erlang_equality(serving: Runtime) -> None:
    root = serving.root
    names = [1, 1.0, True, b"a", Atom("a"), (1, [2]), {Atom("k"): 1}]
    for name in names:
        await events.register(name, caller=root)
    assert await events.which(caller=root) == names
    with pytest.raises(EventTaken):
        await events.register((1, [2]), caller=root)


async def test_what_is_not_registered_is_unknown(serving: Runtime) -> None:
    one = sleeper(serving)
    with pytest.raises(EventUnknown):
        await events.subscribe("e", caller=one)
    with pytest.raises(EventUnknown):
        await events.info("e", caller=one)
    await events.unsubscribe("e", caller=one)


async def test_the_end_of_an_event_is_told(serving: Runtime) -> None:
    one = sleeper(serving)
    event = await events.register("e", caller=serving.root)
    await events.subscribe("e", caller=one)
    event.unregister()
    assert mail(one) == [(Atom("event_down"), key("e"), UNREGISTERED)]
    assert not event.is_registered
    for use in (event.publish(1), events.subscribe("e", caller=one)):
        with pytest.raises(EventUnknown):
            await use
    with pytest.raises(EventUnknown):
        event.unregister()
    assert not one.watchers


@pytest.mark.parametrize("reason", ["normal", "boom", "killed"])
async def test_the_end_of_the_owner_is_that_of_its_events(
    serving: Runtime, reason: str
) -> None:
    one = sleeper(serving)

    async def body(me: Process) -> None:
        event = await events.register("e", buffer=1)
        await event.publish(1)
        await me.receive()
        raise Exit(reason)

    owner = serving.spawn(body, ())
    await settle()
    await events.subscribe("e", caller=one)
    if reason == "killed":
        owner.kill()
    else:
        owner.deliver("go")
    await settle()
    assert mail(one)[1:] == [(Atom("event_down"), key("e"), Atom(reason))]
    assert await events.which(caller=serving.root) == []


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


async def test_who_is_slow_misses_values_and_is_told_how_many(
    serving: Runtime,
) -> None:
    slow = serving.spawn(idle, ())
    event = await events.register("e", max_lag=2, caller=serving.root)
    await events.subscribe("e", caller=slow)
    for n in range(5):
        await event.publish(n)
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
    event = await events.register("e", max_lag=1, caller=serving.root)
    await events.subscribe("e", caller=slow)
    for n in range(3):
        await event.publish(n)
    event.unregister()
    kinds = [(message[0], message[2]) for message in mail(slow)]
    assert kinds == [("event", 0), ("event_lag", 2), ("event_down", UNREGISTERED)]


async def test_without_a_limit_nobody_misses_anything(serving: Runtime) -> None:
    slow = sleeper(serving)
    event = await events.register("e", max_lag=None, caller=serving.root)
    await events.subscribe("e", caller=slow)
    for n in range(3000):
        await event.publish(n)
    assert len(mail(slow)) == 3000


@pytest.mark.parametrize("policy", ["raise", "drop_new", "drop_old"])
async def test_a_limit_of_the_mailbox_counts_as_well(
    serving: Runtime, policy: Any
) -> None:
    slow = serving.spawn(idle, (), mailbox=MailboxLimit(2, policy))
    event = await events.register("e", caller=serving.root)
    await events.subscribe("e", caller=slow)
    for n in range(3):
        await event.publish(n)
    assert (await slow.receive())[2] == 0
    await event.publish(3)
    assert (await slow.receive())[2] == 1
    await event.publish(4)
    assert [message[2] for message in mail(slow)] == [2, 4]
    assert slow.dropped == 0


async def test_a_mailbox_without_room_for_both_is_no_error(serving: Runtime) -> None:
    slow = serving.spawn(idle, (), mailbox=MailboxLimit(1, "raise"))
    event = await events.register("e", caller=serving.root)
    await events.subscribe("e", caller=slow)
    for n in range(3):
        await event.publish(n)
    await slow.receive()
    await event.publish(3)
    assert [message[0] for message in mail(slow)] == ["event_lag"]
    event.unregister()
    assert [message[2] for message in mail(slow)] == [2, 1, UNREGISTERED]


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_the_end_of_the_server_is_told_to_subscribers_and_owners(
    serving: Runtime, how: str
) -> None:
    one, owner = sleeper(serving), sleeper(serving)
    event = await events.register("e", caller=owner)
    await events.subscribe("e", caller=one)
    if how == "stop":
        await serving.root.stop("events", "shutdown")
    else:
        pid = serving.whereis("events")
        assert pid is not None
        await serving.root.exit(pid, "kill")
        await settle()
    reason = {"stop": Atom("shutdown"), "kill": Atom("killed")}[how]
    assert mail(one) == mail(owner) == [(Atom("event_down"), key("e"), reason)]
    with pytest.raises(EventUnknown):
        event.publish_as(owner.pid, 1)
    with pytest.raises(NoProcess):
        await events.subscribe("e", caller=one)
    assert not one.watchers
    for process in one, owner:
        process.kill()
    await settle()
    assert_only_the_root(serving)


async def test_a_program_has_no_mailbox_to_subscribe_with(serving: Runtime) -> None:
    await events.register("e", caller=serving.root)
    with pytest.raises(LocalProtocolError, match="let a process subscribe"):
        await events.subscribe("e", caller=serving.root)


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


WIRE = [
    ((Atom("register"), Atom("w")), Atom("ok")),
    ((Atom("register"), Atom("w"), {Atom("buffer"): 2}), Atom("ok")),
    ((Atom("publish"), Atom("w"), 1), (Atom("error"), Atom("unknown"))),
    ((Atom("unregister"), Atom("w")), (Atom("error"), Atom("unknown"))),
    ((Atom("subscribe"), Atom("w")), (Atom("error"), Atom("unknown"))),
    ((Atom("unsubscribe"), Atom("w")), (Atom("error"), Atom("unknown"))),
    ((Atom("unsubscribe"), Atom("w"), Atom("n@h")), Atom("ok")),
    ((Atom("info"), Atom("w")), (Atom("error"), Atom("unknown"))),
    ((Atom("wait_for"), Atom("ours")), Atom("ok")),
    (Atom("events"), [Atom("ours")]),
    (
        (Atom("register"), Atom("w"), {Atom("buffer"): 99}),
        (Atom("error"), Atom("system_limit")),
    ),
    ((Atom("publish"), Atom("ours"), b"bad"), (Atom("error"), Atom("mismatch"))),
]


@pytest.mark.parametrize(("request_", "answer"), WIRE)
async def test_what_a_beam_asks_is_answered_in_terms(
    runtime: Runtime, request_: Any, answer: Any
) -> None:
    root = runtime.root
    await root.start(Events, name="events", max_buffer=9)
    await events.register("ours", accepts=int, caller=root)
    assert await root.call("events", request_) == answer


REFUSED = [
    7,
    (Atom("register"), Atom("w"), {Atom("buffer"): -1}),
    (Atom("register"), Atom("w"), {Atom("colour"): 1}),
    (Atom("register"), Atom("w"), []),
    (Atom("subscribe"), Atom("w"), Atom("no_node")),
    (Atom("subscribe"), Atom("w"), 7),
]


@pytest.mark.parametrize("request_", REFUSED)
async def test_what_is_no_request_fails_the_call_and_nothing_else(
    serving: Runtime, request_: Any
) -> None:
    with pytest.raises(CallExit, match="badarg"):
        await serving.root.call("events", request_)
    assert serving.whereis("events") is not None


async def test_a_beam_may_own_an_event(serving: Runtime) -> None:
    async def body(me: Process) -> None:
        async def ask(*request: Any) -> Any:
            return await me.call("events", tuple(request))

        assert await ask(Atom("register"), Atom("w")) == "ok"
        one = sleeper(serving)
        await events.subscribe("w", caller=one)
        assert await ask(Atom("publish"), Atom("w"), 1) == "ok"
        assert [message.value for message in mail(one)] == [1]
        refused = await one.call("events", (Atom("publish"), Atom("w"), 2))
        assert refused == (Atom("error"), (Atom("not_owner"), me.pid))
        taken = await one.call("events", (Atom("register"), Atom("w")))
        assert taken == (Atom("error"), (Atom("taken"), me.pid))
        assert await ask(Atom("unregister"), Atom("w")) == "ok"

    await inside(serving, body)


async def test_there_are_only_so_many_events(runtime: Runtime) -> None:
    root = runtime.root
    await root.start(Events, name="events", max_events=1, max_buffer=2)
    with pytest.raises(EventError, match="system_limit"):
        await events.register("e", buffer=3, caller=root)
    await events.register("e", buffer=2, caller=root)
    with pytest.raises(EventError, match="system_limit"):
        await events.register("f", caller=root)


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
    with trio.fail_after(5):
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


async def test_a_stray_message_ends_nothing(
    serving: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    await serving.root.cast("events", "what")
    await serving.root.send("events", "what")
    assert await events.which(caller=serving.root) == []
    assert len(caplog.records) == 2


async def test_who_starts_early_waits_for_an_event(
    serving: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    root = serving.root
    waited = []

    async def wait(name: str) -> None:
        await events.wait_for(name, caller=root)
        waited.append((trio.current_time(), name))

    async with trio.open_nursery() as nursery:
        for name in "one", "one", "two":
            nursery.start_soon(wait, name)
        await trio.sleep(1)
        await events.register("one", caller=root)
        await trio.sleep(1)
        await events.register("two", caller=root)
    assert waited == [(1, "one"), (1, "one"), (2, "two")]
    await events.wait_for("one", timeout=0.1, caller=root)
    with pytest.raises(CallTimeout):
        await events.wait_for("three", timeout=1, caller=root)


async def test_only_so_many_wait_and_who_gave_up_is_not_counted(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    root = runtime.root
    await root.start(Events, name="events", max_events=1)
    with trio.move_on_after(1):
        await events.wait_for("one", caller=root)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(events.wait_for, "one", caller=root))
        await settle()
        with pytest.raises(EventError, match="system_limit"):
            await events.wait_for("two", caller=root)
        await events.register("one", caller=root)


@pytest.mark.parametrize("from_", [(), [], b"", {}, 5, Atom("me"), (1, 2, 3), (1, 2)])
async def test_who_asks_in_nobodys_name_ends_no_events(
    serving: Runtime, from_: Any
) -> None:
    await events.register("e", caller=serving.root)
    request = (Atom("subscribe"), Atom("e"))
    await serving.root.send("events", (Atom("$gen_call"), from_, request))
    await settle()
    assert (await events.info("e", caller=serving.root))["subscribers"] == 0


async def test_a_predicate_that_raises_accepts_nothing(serving: Runtime) -> None:
    root = serving.root
    rises = await events.register("e", accepts=lambda v: v["up"], caller=root)
    with pytest.raises(EventMismatch) as caught:
        await rises.publish({})
    assert isinstance(caught.value.__cause__, KeyError)
    answer = await root.call("events", (Atom("publish"), Atom("e"), {}))
    assert answer == (Atom("error"), Atom("mismatch"))
    await rises.publish({"up": True})


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


async def test_room_for_who_waits_is_free_again_when_they_have_their_event(
    runtime: Runtime,
) -> None:
    root = runtime.root
    await root.start(Events, name="events", max_events=2)
    for name in "a", "b", "c":
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(partial(events.wait_for, name, caller=root))
            await settle()
            with pytest.raises(EventError, match="system_limit"):
                await events.wait_for("another", caller=root)
            (await events.register(name, caller=root)).unregister()


async def test_an_event_that_is_no_more_is_not_watched_for(serving: Runtime) -> None:
    owner = sleeper(serving)
    watchers = len(owner.watchers)
    event = await events.register("e", caller=owner)
    assert len(owner.watchers) == watchers + 1
    event.unregister_as(owner.pid)
    assert len(owner.watchers) == watchers


async def test_who_is_no_more_owns_no_event(serving: Runtime) -> None:
    owner = sleeper(serving)
    pid = owner.pid
    owner.kill()
    await settle()
    request = (Atom("register"), Atom("e"))
    tag = serving.new_reference()
    await serving.root.send("events", (Atom("$gen_call"), (pid, tag), request))
    assert await events.which(caller=serving.root) == []
