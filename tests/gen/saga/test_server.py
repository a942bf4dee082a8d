"""A saga is a server: what it shares with those, and classes of sagas."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import (
    NOREPLY,
    Atom,
    CallExit,
    CallTimeout,
    GenServer,
    Saga,
    SagaCanceled,
    StateMachine,
    on_call,
    on_info,
    sys,
)
from ergopy.testing import MemoryNetwork
from tests.gen.saga.parts import Part, answer, chain, sends, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node, SagaTransaction
    from ergopy.process.runtime import Runtime


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with MemoryNetwork().node("a") as node:
        yield node


async def test_a_suspended_saga_goes_on_where_it_was(node: Node) -> None:
    first, leaf = await chain(node, 2)
    await sys.suspend(leaf.pid, caller=node)
    await first.begin()
    assert (first.words, leaf.words) == (["new"], [])
    await sys.resume(leaf.pid, caller=node)
    await settle()
    assert first.told("done") == ["work"]


async def test_a_transaction_that_has_ended_meanwhile_harms_nobody(
    node: Node, autojump_clock: trio.abc.Clock
) -> None:
    first, leaf = await chain(node, 2)
    leaf.does["new"] = sends()
    first.does["result"] = sends(leaf)
    tx = await first.begin("work", lifespan=2)
    await sys.suspend(first.pid, caller=node)
    await leaf.do(Saga.send_result, tx.id, "done")
    await trio.sleep(10)
    await sys.resume(first.pid, caller=node)
    await settle()
    assert first.words == ["new", "result", "cancel"]
    assert first.told("cancel") == ["end of lifespan"]
    assert first.is_clean


async def test_sys_shows_and_traces_a_saga(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    first, leaf = await chain(node, 2)
    leaf.does["new"] = sends()
    first.tx = await first.begin("work")  # type: ignore[attr-defined]
    state = await sys.get_state(first.pid, caller=node)
    etf.encode(state)
    assert state["tx"] is first.transactions[0]
    etf.encode(await sys.get_status(first.pid, caller=node))
    await sys.log(first.pid, True, caller=node)
    await sys.trace(first.pid, True, caller=node)
    await first.begin("more", two_phase_commit=True)
    await first.do(Saga.cancel_transaction, first.transactions[1])
    etf.encode(await sys.log(first.pid, caller=node))
    assert first.told("cancel") == ["canceled"]


async def test_a_state_that_is_changed_from_outside_goes_on(node: Node) -> None:
    first, leaf = await chain(node, 2)

    def change(saga: Saga) -> None:
        saga.set_max_transactions(1)

    await sys.replace_state(first.pid, change, caller=node)
    leaf.does["new"] = sends()
    await first.begin()
    with pytest.raises(CallExit, match="overloaded"):
        await first.begin()


class Typed(Part):
    """Has typed handlers beside the callbacks of a saga."""

    @on_call
    async def book(self, city: str) -> str:
        await self.start_transaction(city)
        return "begun"

    @on_info
    async def lost(self, message: SagaCanceled) -> None:
        self.heard.append(("lost", message.reason))


async def test_typed_handlers_stand_beside_its_callbacks(runtime: Runtime) -> None:
    async def refuse(part: Part, tx: SagaTransaction, value: Any) -> None:
        await part.cancel_transaction(tx, f"no room in {value}")

    leaf = await start(runtime, new=refuse)
    box: list[Part] = []
    does = {"new": sends(leaf, trap_cancel=True)}
    pid = await runtime.root.start(Typed, box=box, does=does)
    assert await runtime.root.call(pid, (Atom("book"), "Bern")) == "begun"
    await settle()
    assert box[0].heard[1:] == [("lost", "no room in Bern")]
    await runtime.root.send(pid, "another")
    await settle()
    assert box[0].told("info") == ["another"]


async def test_calls_and_casts_that_it_does_not_know_are_those_of_a_server(
    runtime: Runtime,
) -> None:
    class Bare(Saga):
        async def handle_tx_new(self, tx: SagaTransaction, value: Any) -> None:
            """Leave it open."""

    for ask in runtime.root.call, runtime.root.cast:
        pid = await runtime.root.start(Bare)
        ref = await runtime.root.monitor(pid)
        if ask == runtime.root.call:
            with pytest.raises(CallExit, match="no handle_call"):
                await ask(pid, Atom("what"))
        else:
            await ask(pid, Atom("what"))
        await settle()
        assert runtime.find(pid) is None
        runtime.root.demonitor(ref)


async def test_a_saga_with_enough_to_do_refuses_and_goes_on(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(Part):
        max_transactions = 1

        async def handle_cast(self, request: Any) -> None:
            await self.start_transaction(request)

    leaf = await start(runtime)
    box: list[Part] = []
    does = {"new": sends(leaf), "result": answer}
    pid = await runtime.root.start(Full, box=box, does=does)
    tx = await box[0].begin()
    with pytest.raises(CallExit, match="overloaded"):
        await box[0].begin()
    await runtime.root.cast(pid, "more")
    await settle()
    assert "there are 1 transactions already" in caplog.text
    await leaf.do(Saga.send_result, tx.id, "done")
    await runtime.root.cast(pid, "again")
    await settle()
    assert box[0].words == ["new", "result", "done", "new"]


async def test_a_call_to_a_saga_may_be_answered_at_the_end(runtime: Runtime) -> None:
    class Orders(Part):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            self.asked = from_
            await self.start_transaction(request)
            return NOREPLY

        async def handle_tx_done(self, tx: SagaTransaction, result: Any) -> None:
            await self.reply(self.asked, result)

    leaf = await start(runtime, new=answer)
    box: list[Part] = []
    does = {"new": sends(leaf), "result": answer}
    pid = await runtime.root.start(Orders, box=box, does=does)
    assert await runtime.root.call(pid, "a book") == "a book"
    leaf.does["new"] = sends()
    with pytest.raises(CallTimeout):
        await runtime.root.call(pid, "a piano", 0.01)


async def test_a_saga_may_derive_from_a_saga(runtime: Runtime) -> None:
    class Base(Saga):
        max_transactions: int | None = 1

        async def init(self, heard: list[str]) -> None:
            self.heard = heard

        async def handle_call(self, request: Any, from_: Any) -> None:
            await self.start_transaction(request, two_phase_commit=True)

        async def handle_tx_new(self, tx: SagaTransaction, value: Any) -> None:
            self.heard.append("new")
            await self.send_result(tx, value)

        async def handle_tx_prepare(self, tx: SagaTransaction, result: Any) -> None:
            self.heard.append("prepare")

    class Derived(Base):
        max_transactions = 2

        async def handle_tx_done(self, tx: SagaTransaction, result: Any) -> None:
            self.heard.append("done")

    class Mixed(Base):
        async def handle_tx_new(self, tx: SagaTransaction, value: Any) -> None:
            self.heard.append("mixed")
            await super().handle_tx_new(tx, value)

    for cls, expected in [
        (Base, ["new", "prepare"]),
        (Derived, ["new", "prepare", "done"]),
        (Mixed, ["mixed", "new", "prepare"]),
    ]:
        heard: list[str] = []
        pid = await runtime.root.start(cls, heard)
        for _ in range(2):
            await runtime.root.call(pid, "work")
            await settle()
        assert heard == expected * 2


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("handle_tx_canceled", "handle_tx_cancel"),
        ("handle_tx_resutl", "handle_tx_result"),
        ("handle_job_results", "handle_job_result"),
        ("handle_tx_rollback", ""),
    ],
)
async def test_a_callback_that_does_not_exist_is_told_when_the_class_is_made(
    name: str, meant: str
) -> None:
    async def callback(self: Any, tx: Any, value: Any) -> None:
        """Never called."""

    with pytest.raises(TypeError, match=f"{name}.*{meant}"):
        type("Trip", (Saga,), {name: callback})
    # Only of sagas is it known what they may have.
    type("Other", (GenServer,), {name: callback})
    type("Other", (StateMachine,), {name: callback})


async def test_the_callbacks_of_a_saga_are_coroutine_functions() -> None:
    with pytest.raises(TypeError, match="handle_tx_new has to be an 'async def'"):

        class Plain(Saga):
            def handle_tx_new(self, tx: Any, value: Any) -> Any:
                """Never called."""


async def test_what_nobody_cares_for_is_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    class Careless(Part):
        handle_info = Saga.handle_info  # type: ignore[assignment]

    leaf = await start(runtime)
    box: list[Part] = []
    does = {"new": sends(leaf, trap_cancel=True)}
    await runtime.root.start(Careless, box=box, does=does)
    tx = await box[0].begin()
    with caplog.at_level(logging.ERROR):
        await leaf.do(Saga.cancel_transaction, tx.id, "no room")
    assert "unexpected message" in caplog.text
    assert "no room" in caplog.text
    assert tx.state == "open"
