"""The callbacks of a GenServer in a stage, and what all callbacks may return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, CallExit, NoReply, Reply, Stop, on_call, on_cast, sys
from tests.gen.stage.stages import Hand, Sink, Source, Through, ends_of, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


class Open(Source):
    """Emits what it is sent, in any way."""

    lazy = True

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("emit", events):
                await self.emit(events)
                return Reply(len(events), then=["continued"])
            case "stop":
                return Stop("stopped", reply="bye")
        return request

    async def handle_cast(self, request: Any) -> Any:
        return request

    async def handle_continue(self, value: Any) -> Any:
        return value

    async def handle_info(self, message: Any) -> Any:
        self.log.append(("info", message))
        return message if isinstance(message, list | NoReply) else None


async def open_source(runtime: Runtime) -> tuple[Any, Hand, Any]:
    source, hand = await start(runtime, Open), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 100)
    return source, hand, tag


async def test_a_cast_an_info_and_a_continuation_may_emit(runtime: Runtime) -> None:
    source, hand, _ = await open_source(runtime)
    root = runtime.root
    await root.cast(source.pid, ["cast"])
    await root.send(source.pid, ["info"])
    assert await root.call(source.pid, ("emit", ["call"])) == 1
    await settle()
    assert hand.read() == [["cast"], ["info"], ["call"], ["continued"]]


async def test_a_cast_may_continue(runtime: Runtime) -> None:
    source, hand, _ = await open_source(runtime)
    await runtime.root.cast(source.pid, NoReply(then=["later"]))
    await settle()
    assert hand.read() == [["later"]]


async def test_a_call_may_stop_it_with_an_answer(runtime: Runtime) -> None:
    source, *_ = await open_source(runtime)
    reasons = ends_of(source)
    assert await runtime.root.call(source.pid, "stop") == "bye"
    await settle()
    assert reasons == ["stopped"]


@pytest.mark.parametrize("callback", ["demand", "subscribe", "cancel"])
async def test_any_callback_of_a_producer_may_set_an_idle_timeout(
    runtime: Runtime, callback: str, autojump_clock: object
) -> None:
    async def idle(self: Any, *args: Any) -> Any:
        return NoReply(timeout=3)

    kind = type("Idle", (Source,), {f"handle_{callback}": idle, "lazy": True})
    source, hand = await start(runtime, kind), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    if callback != "subscribe":
        await hand.ask(source.pid, tag, 1)
    if callback == "cancel":
        await hand.to_producer(source.pid, tag, (Atom("cancel"), 1))
    began = trio.current_time()
    await trio.sleep(10)
    assert (source.took("info"), began) == ([("timeout",)], 0)


async def test_handle_events_may_set_an_idle_timeout(
    runtime: Runtime, autojump_clock: object
) -> None:
    class Idle(Sink):
        async def handle_events(self, events: list[Any], to: Any) -> Any:
            return NoReply(timeout=3, then="soon")

        async def handle_continue(self, value: Any) -> Any:
            self.log.append(("continue", value))
            return NoReply(timeout=2)

    hand = Hand(runtime)
    sink = await start(runtime, Idle, subscribe_to=[hand.pid])
    await hand.to_consumer(sink.pid, sink.subscriptions[0].tag, [1])
    await trio.sleep(1.9)
    assert (sink.took("continue"), sink.took("info")) == ([("soon",)], [])
    await trio.sleep(0.2)
    assert sink.took("info") == [("timeout",)]


async def test_a_request_of_genstage_may_end_in_a_timeout_too(
    runtime: Runtime, autojump_clock: object
) -> None:
    class Idle(Source):
        async def handle_demand(self, demand: int) -> Any:
            return NoReply(timeout=1)

    source, hand = await start(runtime, Idle, demand="accumulate"), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 1)
    request = (Atom("$demand"), Atom("forward"))
    assert await runtime.root.call(source.pid, request) == "ok"
    await trio.sleep(2)
    assert source.took("info") == [("timeout",)]


async def test_handlers_may_be_typed(runtime: Runtime) -> None:
    class Typed(Source):
        @on_cast
        async def push(self, number: int) -> list[int]:
            return [number]

        @on_call
        async def count(self) -> int:
            return self.buffered

    source = await start(runtime, Typed)
    await runtime.root.cast(source.pid, (Atom("push"), 7))
    await runtime.root.cast(source.pid, (Atom("push"), Atom("wrong")))
    assert await runtime.root.call(source.pid, Atom("count")) == 1


async def test_a_request_that_makes_no_sense_is_answered(runtime: Runtime) -> None:
    source = await start(runtime, Source)
    for request in [(Atom("$demand"), Atom("later")), (Atom("$subscribe"),)]:
        answer = await runtime.root.call(source.pid, request)
        assert answer == (Atom("error"), (Atom("bad_request"), request))
    assert await runtime.root.call(source.pid, ("$demand", 1)) == ("$demand", 1)


async def test_sys_shows_what_a_stage_is(runtime: Runtime) -> None:
    source = await start(runtime, Source)
    through = await start(runtime, Through, subscribe_to=[source.pid])
    sink = await start(runtime, Sink, subscribe_to=[through.pid])
    await settle()
    shown = []
    for stage in (source, through, sink):
        status = await sys.get_status(stage.pid, caller=runtime.root)
        shown.append({str(name): value for name, value in status[3][4][-1][1]})
    assert shown == [
        {
            "Stage": "producer",
            "Dispatcher": "DemandDispatcher",
            "Consumers": [through.pid],
            "Buffer size": 0,
        },
        {
            "Stage": "producer_consumer",
            "Dispatcher": "DemandDispatcher",
            "Producers": [source.pid],
            "Consumers": [sink.pid],
            "Buffer size": 0,
        },
        {"Stage": "consumer", "Producers": [through.pid]},
    ]


async def test_a_suspended_stage_handles_nothing(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await sys.suspend(source.pid, caller=runtime.root)
    await hand.ask(source.pid, tag, 1)
    assert hand.read() == []
    await sys.resume(source.pid, caller=runtime.root)
    await settle()
    assert hand.read() == [[0]]


async def test_who_calls_a_stage_that_crashes_hears_of_it(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(Source):
        async def handle_demand(self, demand: int) -> Any:
            raise ValueError("no")

    source, hand = await start(runtime, Wrong, demand="accumulate"), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 1)
    with pytest.raises(CallExit):
        await runtime.root.call(source.pid, (Atom("$demand"), Atom("forward")))
    assert "ValueError: no" in caplog.text


async def test_a_stop_that_comes_in_a_helper_task_ends_the_stage_in_order(
    runtime: Runtime,
) -> None:
    ended: list[Any] = []

    class Unwilling(Source):
        async def handle_demand(self, demand: int) -> Any:
            return Stop("unwilling")

        async def terminate(self, reason: Any) -> None:
            ended.append(reason)

    source, hand = await start(runtime, Unwilling, demand="accumulate"), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.ask(source.pid, tag, 1)
    reasons = ends_of(source)
    source.start_soon(source.resume_demand)
    await settle()
    assert (ended, reasons) == (["unwilling"], ["unwilling"])
