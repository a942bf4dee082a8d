"""Who hears of the end of an event, of its owner and of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ergopy import Atom, EventUnknown, Exit, NoProcess, events
from tests.gen.events.kit import UNREGISTERED, key
from tests.runtimes import assert_only_the_root, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


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
