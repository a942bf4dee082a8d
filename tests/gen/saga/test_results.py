"""Results and interims on their way up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import (
    ResultAlreadySent,
    Saga,
    SagaNotAllowed,
    TransactionInProgress,
    UnknownTransaction,
)
from etf import EncodeError
from tests.gen.saga.parts import Part, answer, chain, sends, start
from tests.runtimes import settle, sleeper

if TYPE_CHECKING:
    from ergopy import SagaTransaction
    from ergopy.process.runtime import Runtime


async def test_a_result_goes_up_from_saga_to_saga(runtime: Runtime) -> None:
    parts = await chain(runtime, 3)
    tx = await parts[0].begin("work")
    assert [part.words for part in parts] == [
        ["new", "result", "done"],
        ["new", "result"],
        ["new"],
    ]
    assert parts[0].told("done") == ["work"]
    assert (tx.state, tx.result, tx.is_over) == ("done", "work", True)
    assert all(part.is_clean for part in parts)


async def test_a_result_is_handed_over_as_it_is(runtime: Runtime) -> None:
    value = object()
    parts = await chain(runtime, 3)
    await parts[0].begin(value)
    assert parts[0].told("done") == [value]
    assert parts[0].told("done")[0] is value


async def test_a_fan_has_a_result_of_each(runtime: Runtime) -> None:
    async def collect(part: Part, tx: SagaTransaction, *told: Any) -> None:
        if not tx.open:
            results = [step.result for step in tx.steps.values()]
            await part.send_result(tx, results)

    leaves = [await start(runtime, new=answer) for _ in range(3)]
    first = await start(runtime, new=sends(*leaves), result=collect)
    await first.begin("work")
    assert first.words == ["new", "result", "result", "result", "done"]
    assert first.told("done") == [["work"] * 3]
    assert first.is_clean


async def test_there_is_no_result_while_others_work(runtime: Runtime) -> None:
    first = await start(runtime, new=sends(sleeper(runtime).pid, sleeper(runtime).pid))
    tx = await first.begin()
    error = await first.refuses(TransactionInProgress, Saga.send_result, tx, "early")
    assert isinstance(error, TransactionInProgress)
    assert (error.transaction, error.open) == (tx, 2)


async def test_there_is_one_result(runtime: Runtime) -> None:
    async def twice(part: Part, tx: SagaTransaction, value: Any) -> None:
        await part.send_result(tx, "first")
        with pytest.raises(ResultAlreadySent) as caught:
            await part.send_result(tx, "second")
        assert caught.value.what == tx

    first = await start(runtime, new=twice)
    await first.begin()
    assert first.told("done") == ["first"]


async def test_with_two_phases_there_is_one_result_until_the_commit(
    runtime: Runtime,
) -> None:
    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=sends(leaf))
    await first.begin(two_phase_commit=True)
    (tx,) = leaf.transactions
    assert tx.state == "waiting"
    await leaf.refuses(ResultAlreadySent, Saga.send_result, tx, "second")
    await leaf.refuses(SagaNotAllowed, Saga.send_interim, tx, "late")
    assert first.told("result") == ["work"]


async def test_without_two_phases_a_saga_forgets_it_with_the_result(
    runtime: Runtime,
) -> None:
    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=sends(leaf))
    await first.begin()
    theirs = leaf.heard[0][1]
    for verb in Saga.send_result, Saga.send_interim, Saga.cancel_transaction:
        await leaf.refuses(UnknownTransaction, verb, theirs, "second")
        await leaf.refuses(UnknownTransaction, verb, theirs.id, "second")


async def test_a_transaction_is_meant_by_its_reference_as_well(
    runtime: Runtime,
) -> None:
    first = await start(runtime)
    tx = await first.begin()
    await first.do(Saga.send_result, tx.id, "done")
    assert first.told("done") == ["done"]


async def test_a_handle_of_another_saga_means_the_same_transaction(
    runtime: Runtime,
) -> None:
    leaf = await start(runtime)
    first = await start(runtime, new=sends(leaf), result=answer)
    tx = await first.begin()
    await leaf.do(Saga.send_result, tx, "done")
    assert first.told("done") == ["done"]
    assert leaf.is_clean


async def test_interims_come_before_the_result(runtime: Runtime) -> None:
    async def slowly(part: Part, tx: SagaTransaction, value: Any) -> None:
        for percent in 50, 100:
            await part.send_interim(tx, percent)
        await part.send_result(tx, "done")

    leaf = await start(runtime, new=slowly)
    first = await start(runtime, new=sends(leaf))
    tx = await first.begin()
    assert first.words == ["new", "interim", "interim", "result"]
    (step,) = tx.steps.values()
    assert first.heard[1] == ("interim", tx, step, 50)


async def test_an_interim_of_the_initiator_has_nobody_to_go_to(
    runtime: Runtime,
) -> None:
    first = await start(runtime)
    tx = await first.begin()
    await first.do(Saga.send_interim, tx, object())
    assert first.words == ["new"]


async def test_the_result_may_be_sent_in_a_later_callback_or_by_a_helper(
    runtime: Runtime,
) -> None:
    async def helped(part: Part, tx: SagaTransaction, value: Any) -> None:
        part.start_soon(answer, part, tx, value)

    leaf = await start(runtime, new=helped)
    first = await start(runtime, new=sends(leaf))
    tx = await first.begin("help")
    assert first.told("result") == ["help"]
    await first.do(answer, tx, "by a call")
    assert first.told("done") == ["by a call"]


async def test_what_has_to_be_written_down_is_a_term(runtime: Runtime) -> None:
    first = await start(runtime, new=sends())
    tx = await first.begin(two_phase_commit=True)
    await first.refuses(EncodeError, Saga.send_result, tx, object())
    await first.do(Saga.send_result, tx, "a term")
    assert first.told("done") == ["a term"]


async def test_a_result_that_is_no_term_does_not_harm_who_can_undo_it(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    value = object()
    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=sends(leaf, compensate="undo"))
    tx = await first.begin("work")
    await leaf.do(trio_noop)
    assert first.told("result") == ["work"]
    leaf.does["new"] = replies(value)
    tx = await first.begin("work")
    assert first.told("result")[1] is value
    assert "is no term" in caplog.text
    await first.do(Saga.cancel_transaction, tx)
    assert first.told("undo") == [value]


async def trio_noop(part: Part) -> None:
    """Have no effect."""


def replies(value: Any) -> Any:
    async def new(part: Part, tx: SagaTransaction, *told: Any) -> None:
        await part.send_result(tx, value)

    return new


async def test_what_strangers_say_of_a_transaction_changes_nothing(
    runtime: Runtime,
) -> None:
    from ergopy.gen.saga import wire

    leaf = await start(runtime)
    first = await start(runtime, new=sends(leaf))
    tx = await first.begin()
    before, ref, stranger = first.facts, runtime.root.new_ref(), runtime.root.pid
    for message in (
        wire.result_message(stranger, tx.id, ref, "forged"),
        wire.result_message(stranger, ref, ref, "forged"),
        wire.commit_message(stranger, tx.id, ref, "forged"),
        wire.cancel_message(stranger, tx.id, ref, "forged"),
        wire.cancel_message(stranger, ref, ref, "forged"),
        wire.vote(stranger, tx.id, ref),
        wire.job_result(stranger, ref, "forged"),
    ):
        await runtime.root.send(first.pid, message)
    await settle()
    assert first.facts == before
    assert first.words == ["new"]


async def test_what_is_no_message_of_sagas_is_an_info(runtime: Runtime) -> None:
    first = await start(runtime)
    ref = runtime.root.new_ref()
    odd: list[Any] = [
        "text",
        (),
        ("$saga_next", first.pid, (ref, ref)),
        ("$saga_result", "nobody", (ref, ref, 1)),
        (ref, "a late answer"),
    ]
    for message in odd:
        await runtime.root.send(first.pid, message)
    await settle()
    assert first.heard == [("info", message) for message in odd]
