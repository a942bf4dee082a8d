"""How a transaction begins at the saga that starts it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    NoReply,
    Saga,
    SagaTransaction,
    StartError,
    TooManyTransactions,
)
from etf import EncodeError
from tests.gen.saga.parts import Part, answer, sends, start
from tests.runtimes import Ends, find, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_the_first_callback_comes_after_the_verb_has_returned(
    runtime: Runtime,
) -> None:
    part = await start(runtime)

    async def begin(part: Part) -> list[Any]:
        await part.start_transaction("work")
        await trio.lowlevel.checkpoint()
        return list(part.heard)

    assert await part.do(begin) == []
    assert part.words == ["new"]


async def test_a_value_is_handed_over_as_it_is(runtime: Runtime) -> None:
    part, value = await start(runtime), object()
    tx = await part.begin(value)
    assert part.heard == [("new", tx, value)]
    assert tx.value is value


async def test_a_transaction_of_its_own_has_all_hops_and_a_minute(
    runtime: Runtime,
) -> None:
    part = await start(runtime)
    tx = await part.begin()
    assert (tx.hops_left, tx.lifespan, tx.two_phase_commit) == (65_535, 60.0, False)
    assert (tx.is_own, tx.parent, tx.state, tx.is_over) == (True, None, "open", False)
    assert tx.deadline == pytest.approx(trio.current_time() + 60, abs=5)
    assert part.transactions == [tx]


async def test_the_options_of_a_transaction_are_honoured(runtime: Runtime) -> None:
    part = await start(runtime)
    tx = await part.begin(hop_limit=3, lifespan=2.5, two_phase_commit=True)
    assert (tx.hops_left, tx.lifespan, tx.two_phase_commit) == (3, 2.5, True)


@pytest.mark.parametrize(
    "option",
    [
        {"hop_limit": -1},
        {"hop_limit": 65_536},
        {"hop_limit": 1.0},
        {"hop_limit": True},
        {"lifespan": 0},
        {"lifespan": -1},
        {"lifespan": math.nan},
        {"lifespan": math.inf},
        {"lifespan": 2**31},
    ],
)
async def test_a_limit_that_makes_no_sense_is_refused(
    runtime: Runtime, option: Any
) -> None:
    part = await start(runtime)
    await part.refuses(ValueError, Saga.start_transaction, "work", **option)


async def test_more_than_max_transactions_are_not_started(runtime: Runtime) -> None:
    part = await start(runtime)
    await part.do(set_limit, 2)
    first, _ = await part.begin(), await part.begin()
    error = await part.refuses(TooManyTransactions, Saga.start_transaction, "third")
    assert isinstance(error, TooManyTransactions)
    assert error.limit == 2
    await part.do(Saga.cancel_transaction, first)
    await part.begin("third")
    assert len(part.transactions) == 2


async def set_limit(part: Part, limit: Any) -> None:
    part.set_max_transactions(limit)


async def test_a_smaller_limit_leaves_those_of_now_alone(runtime: Runtime) -> None:
    part = await start(runtime)
    for _ in range(3):
        await part.begin()
    await part.do(set_limit, 1)
    assert (len(part.transactions), part.max_transactions) == (3, 1)
    await part.refuses(TooManyTransactions, Saga.start_transaction, "fourth")
    await part.do(set_limit, None)
    await part.begin()


@pytest.mark.parametrize("limit", [-1, 1.0, True, "many"])
async def test_a_limit_is_a_number_or_none(runtime: Runtime, limit: Any) -> None:
    part = await start(runtime)
    await part.refuses(ValueError, set_limit, limit)
    assert part.max_transactions == 100_000


async def test_init_may_set_the_options(runtime: Runtime) -> None:
    async def init(part: Part) -> None:
        part.max_transactions = 1
        part.history = 2

    part = await start(runtime, init=init, new=answer)
    await part.begin()
    for _ in range(3):
        await part.begin()
    assert len(part._machine.ended) == 2
    part.does["new"] = sends()
    await part.begin()
    await part.refuses(TooManyTransactions, Saga.start_transaction, "work")


async def test_a_saga_with_a_limit_of_zero_takes_part_in_nothing(
    runtime: Runtime,
) -> None:
    part = await start(runtime)
    await part.do(set_limit, 0)
    await part.refuses(TooManyTransactions, Saga.start_transaction, "work")


@pytest.mark.parametrize(
    ("option", "value"),
    [("max_transactions", -1), ("history", -1), ("log", 5), ("history", "long")],
)
async def test_options_that_make_no_sense_are_a_failed_start(
    runtime: Runtime, option: str, value: Any
) -> None:
    async def init(part: Part) -> None:
        setattr(part, option, value)

    before = len(runtime.processes)
    with pytest.raises(StartError):
        await start(runtime, init=init)
    await settle()
    assert len(runtime.processes) == before


async def test_init_may_start_a_transaction_and_send_it_on(runtime: Runtime) -> None:
    async def init(part: Part) -> None:
        tx = await part.start_transaction("early")
        await part.next(tx, leaf.pid, "early")

    leaf = await start(runtime, new=answer)
    part = await start(runtime, init=init, result=answer)
    await settle()
    assert sorted(part.words) == ["done", "new", "result"]
    assert part.told("done") == ["early"]


async def test_init_may_send_a_step_with_a_compensation(runtime: Runtime) -> None:
    async def init(part: Part) -> None:
        tx = await part.start_transaction("early")
        await part.next(tx, leaf.pid, "early", compensate="undo")

    leaf = await start(runtime, new=answer)
    part = await start(runtime, init=init)
    await settle()
    (tx,) = part.transactions
    await part.do(Saga.cancel_transaction, tx)
    assert part.words[-2:] == ["cancel", "undo"]
    assert part.is_clean


async def test_handle_continue_may_start_a_transaction(runtime: Runtime) -> None:
    async def init(part: Part) -> Any:
        return NoReply(then="begin")

    async def go_on(part: Part, value: Any) -> None:
        await part.start_transaction(value)

    part = await start(runtime, init=init, **{"continue": go_on})
    await settle()
    assert part.words == ["continue", "new"]


async def test_a_transaction_that_is_cancelled_at_once_does_not_begin(
    runtime: Runtime,
) -> None:
    part = await start(runtime)

    async def begin(part: Part) -> SagaTransaction:
        tx = await part.start_transaction("work")
        await part.cancel_transaction(tx, "no, wait")
        return tx

    tx = await part.do(begin)
    assert part.heard == [("cancel", tx, "no, wait")]
    assert part.is_clean


async def test_with_two_phases_the_value_has_to_be_a_term(runtime: Runtime) -> None:
    part = await start(runtime)
    await part.refuses(
        EncodeError, Saga.start_transaction, object(), two_phase_commit=True
    )


async def test_a_saga_says_that_it_needs_a_handle_tx_new(runtime: Runtime) -> None:
    class Bare(Saga):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            await self.start_transaction(request)

    pid = await runtime.root.start(Bare)
    ends = Ends(find(runtime, pid))
    await runtime.root.call(pid, "work")
    await settle()
    ((_, error, *_),) = ends.reasons
    assert error == b"builtins.NotImplementedError"
