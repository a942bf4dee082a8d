"""The event server: names, limits, and what a BEAM can ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, CallExit, EventError, Events, EventTaken, EventUnknown, events
from tests.runtimes import inside, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


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


async def test_there_are_only_so_many_events(runtime: Runtime) -> None:
    root = runtime.root
    await root.start(Events, name="events", max_events=1, max_buffer=2)
    with pytest.raises(EventError, match="system_limit"):
        await events.register("e", buffer=3, caller=root)
    await events.register("e", buffer=2, caller=root)
    with pytest.raises(EventError, match="system_limit"):
        await events.register("f", caller=root)


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


@pytest.mark.parametrize("from_", [(), [], b"", {}, 5, Atom("me"), (1, 2, 3), (1, 2)])
async def test_who_asks_in_nobodys_name_ends_no_events(
    serving: Runtime, from_: Any
) -> None:
    await events.register("e", caller=serving.root)
    request = (Atom("subscribe"), Atom("e"))
    await serving.root.send("events", (Atom("$gen_call"), from_, request))
    await settle()
    assert (await events.info("e", caller=serving.root))["subscribers"] == 0


async def test_a_stray_message_ends_nothing(
    serving: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    await serving.root.cast("events", "what")
    await serving.root.send("events", "what")
    assert await events.which(caller=serving.root) == []
    assert len(caplog.records) == 2
