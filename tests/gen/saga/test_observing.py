"""What a saga tells of, as it happens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
import etf
from ergopy import EventMessage, Events, events
from ergopy.gen.saga import SagaEvent, observing
from ergopy.testing import node_pair
from etf import Atom
from tests.gen.saga.seeing import SECRET, Part, start
from tests.runtimes import Ends, find, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ergopy.process.runtime import Runtime

Clock = trio.testing.MockClock


class Listener(ergopy.GenServer):
    """Keeps what comes."""

    async def init(self, node: str | None = None) -> None:
        self.heard: list[Any] = []
        await events.subscribe("bookings", node)

    async def handle_info(self, message: Any) -> None:
        self.heard.append(message)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.heard


async def heard(listener: Any, caller: Any) -> list[SagaEvent]:
    await settle()
    messages = await caller.call(listener, "heard")
    values = [m.value for m in messages if isinstance(m, EventMessage)]
    return [SagaEvent.from_term(value) for value in values]


async def cancel(part: Part) -> None:
    (tx,) = part.transactions
    await part.cancel_transaction(tx, "no luck")


async def test_a_subscriber_hears_of_what_happens_in_order(runtime: Runtime) -> None:
    root = runtime.root
    await root.start(Events, name="events")
    leaf = await root.start(Part, result=SECRET, interim=SECRET, name="leaf")
    top = await root.start(Part, steps=["leaf"], events="bookings", name="top")
    listener = await root.start(Listener)
    tx = await start(top, root)
    told = await heard(listener, root)
    assert [event.kind for event in told] == [
        *("started", "hop", "interim", "result", "done")
    ]
    assert {(event.transaction, event.saga, event.name) for event in told} == {
        (tx.id, top, "top")
    }
    (step,) = tx.steps
    assert [event.step for event in told] == [None, step, step, step, None]
    assert [event.detail for event in told] == [None, "leaf", None, None, None]
    assert leaf != top


async def test_a_cancel_says_why(runtime: Runtime) -> None:
    root = runtime.root
    await root.start(Events, name="events")
    pid = await root.start(Part, events="bookings")
    listener = await root.start(Listener)
    await start(pid, root)
    await root.call(pid, cancel)
    assert [(e.kind, e.detail) for e in await heard(listener, root)] == [
        ("started", None),
        ("cancel", "no luck"),
    ]


async def test_a_compensation_that_fails_is_told_and_so_is_one_that_works(
    runtime: Runtime, autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = runtime.root
    await root.start(Events, name="events")
    await root.start(Part, result=1, name="near")
    await root.start(Part, name="far")
    steps, undo = ["near", "far"], Part.undo
    pid = await root.start(Part, steps=steps, events="bookings", compensate=undo)
    listener = await root.start(Listener)
    tx = await start(pid, root)
    await settle()

    async def lucky(part: Part) -> None:
        async def undo(*args: Any) -> None:
            tries.append(args)
            if len(tries) == 1:
                raise RuntimeError("no luck")

        tries: list[Any] = []
        monkeypatch.setattr(part, "undo", undo)

    await root.call(pid, lucky)
    await root.call(pid, cancel)
    await trio.sleep(5)
    (near, far) = tx.steps
    told = await heard(listener, root)
    assert [(e.kind, e.step, e.detail) for e in told[-4:]] == [
        ("cancel", None, "no luck"),
        ("undo_failed", far, "RuntimeError: no luck"),
        ("undone", far, None),
        ("undone", near, None),
    ]


async def test_one_of_another_node_gets_a_map(autojump_clock: Clock) -> None:
    async with node_pair() as (a, b):
        for node in (a, b):
            await node.start(Events, name="events")
        pid = await a.start(Part, result=SECRET, events="bookings", name="top")
        listener = await b.start(Listener, a.name)
        tx = await start(pid, a)
        await a.ping(b.name)
        told = await heard(listener, b)
        assert [event.kind for event in told] == ["started", "done"]
        (first, *_) = await b.call(listener, "heard")
        assert first.value[Atom("kind")] == Atom("started")
        assert first.value[Atom("transaction")] == tx.id
        assert first.value[Atom("name")] == b"top"


async def test_no_value_is_ever_told(runtime: Runtime) -> None:
    root = runtime.root
    await root.start(Events, name="events")
    await root.start(Part, result=SECRET, interim=SECRET, name="leaf")
    top = await root.start(Part, steps=["leaf"], events="bookings")
    listener = await root.start(Listener)
    await start(top, root, two_phase_commit=True)
    told = await heard(listener, root)
    assert "commit" in [event.kind for event in told]
    assert SECRET.encode() not in etf.encode(told)


async def test_with_no_subscriber_nothing_is_made(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = runtime.root
    monkeypatch.setattr(observing, "SagaEvent", None)
    await root.start(Events, name="events")
    pid = await root.start(Part, result=1, events="bookings")
    tx = await start(pid, root)
    await settle()
    assert tx.state == "done"


async def test_a_saga_without_an_event_does_not_look(runtime: Runtime) -> None:
    pid = await runtime.root.start(Part)

    async def observed(part: Part) -> bool:
        return part._machine.observed

    assert not await runtime.root.call(pid, observed)


async def test_the_event_ends_with_the_saga(runtime: Runtime) -> None:
    root = runtime.root
    await root.start(Events, name="events")
    pid = await root.start(Part, events="bookings")
    assert await events.which(caller=root) == ["bookings"]
    await root.exit(pid, "kill")
    await settle()
    assert await events.which(caller=root) == []


async def test_a_second_one_of_that_name_does_not_start(runtime: Runtime) -> None:
    root = runtime.root
    await root.start(Events, name="events")
    await root.start(Part, events="bookings")
    with pytest.raises(ergopy.StartError) as caught:
        await root.start(Part, events="bookings")
    assert "EventTaken" in str(caught.value)


async def test_without_an_event_server_it_does_not_start(runtime: Runtime) -> None:
    with pytest.raises(ergopy.StartError) as caught:
        await runtime.root.start(Part, events="bookings")
    assert "NoProcess" in str(caught.value)


async def test_when_the_event_server_comes_back_so_does_the_event(
    runtime: Runtime, autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    root = runtime.root
    server = await root.start(Events, name="events")
    pid = await root.start(Part, events="bookings")
    ends = Ends(find(runtime, pid))
    await root.exit(server, "kill")
    await start(pid, root)
    # The first try is in vain, and said so; the second one, two seconds later, is not.
    await trio.sleep(1.5)
    assert "has no event bookings, and will try again" in caplog.text
    await root.start(Events, name="events")
    await trio.sleep(2)
    listener = await root.start(Listener)
    await start(pid, root)
    assert [event.kind for event in await heard(listener, root)] == ["started"]
    assert ends.reasons == []


async def test_the_end_of_another_event_is_for_the_callbacks(runtime: Runtime) -> None:
    class Curious(Part):
        async def handle_info(self, message: Any) -> None:
            seen.append(message)

    seen: list[Any] = []
    root = runtime.root
    await root.start(Events, name="events")
    other = await events.register("other", caller=root)
    pid = await root.start(Curious, events="bookings")

    async def listen(part: Part) -> None:
        await events.subscribe("other")

    await root.call(pid, listen)
    other.unregister()
    await settle()
    assert [message.name for message in seen] == ["other"]


@pytest.fixture
def debugging() -> Iterator[None]:
    logger = logging.getLogger("ergopy.saga.events")
    logger.setLevel(logging.DEBUG)
    yield
    logger.setLevel(logging.NOTSET)


async def test_at_level_debug_each_is_a_line_of_the_log(
    runtime: Runtime, debugging: None, caplog: pytest.LogCaptureFixture
) -> None:
    pid = await runtime.root.start(Part, result=SECRET, name="top")
    tx = await start(pid, runtime.root)
    await settle()
    lines = [r.getMessage() for r in caplog.records if r.name == "ergopy.saga.events"]
    assert lines == [f"{tx} at top started", f"{tx} at top done"]
