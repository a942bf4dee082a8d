"""Sending a transaction on to another saga: what goes there, and what is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    EndOfLifespan,
    HopLimitExceeded,
    LocalProtocolError,
    NextTimeout,
    Saga,
    SagaCanceled,
    SagaNotAllowed,
    TransactionCanceled,
    UnknownSaga,
    UnknownTransaction,
)
from etf import EncodeError
from tests.gen.saga.parts import Part, answer, chain, sends, start
from tests.runtimes import sleeper

if TYPE_CHECKING:
    from ergopy import SagaTransaction
    from ergopy.process.runtime import Runtime


async def test_the_next_saga_gets_the_very_value(runtime: Runtime) -> None:
    value = object()
    first, second = await chain(runtime, 2)
    second.does["new"] = sends()
    tx = await first.begin(value)
    ((_, theirs, got),) = second.heard
    assert got is value
    assert theirs == tx
    assert theirs is not tx
    assert (theirs.parent, theirs.is_own) == (first.pid, False)


async def test_a_step_says_where_it_went_and_what_came_of_it(runtime: Runtime) -> None:
    first, second = await chain(runtime, 2)
    second.does["new"] = sends()
    tx = await first.begin("work", two_phase_commit=True)
    (step,) = tx.steps.values()
    assert (step.transaction, step.saga, step.value) == (tx, second.pid, "work")
    assert (step.state, step.ended, tx.open) == ("sent", None, 1)
    (theirs,) = second.transactions
    await second.do(Saga.send_result, theirs, "done")
    assert (step.state, step.result, tx.open) == ("completed", "done", 0)
    assert step.ended is not None


async def test_one_hop_is_used_up_at_each_saga(runtime: Runtime) -> None:
    parts = await chain(runtime, 3)
    await parts[0].begin(hop_limit=2)
    assert [part.heard[0][1].hops_left for part in parts] == [2, 1, 0]
    assert parts[0].told("done") == ["work"]


async def test_the_last_hop_cannot_be_followed_by_another(runtime: Runtime) -> None:
    first, second = await chain(runtime, 2)
    second.does["new"] = sends()
    await first.begin(hop_limit=1)
    (tx,) = second.transactions
    await second.refuses(HopLimitExceeded, Saga.next, tx, first.pid, "back")


async def test_the_lifespan_that_is_left_goes_along(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def slowly(part: Part, tx: SagaTransaction, value: Any) -> None:
        await trio.sleep(4)
        await part.next(tx, second.pid, value)
        await part.next(tx, third.pid, value, timeout=2)

    first = await start(runtime, new=slowly)
    second, third = await start(runtime), await start(runtime)
    await first.begin(lifespan=10)
    # Not while the callback runs.
    await first.do(trio_noop)
    assert [part.heard[0][1].lifespan for part in (second, third)] == [6, 2]


async def trio_noop(part: Part) -> None:
    """Have no effect: the callback before it is over then."""


async def test_a_name_that_nobody_has_is_refused(runtime: Runtime) -> None:
    first = await start(runtime)
    tx = await first.begin()
    error = await first.refuses(UnknownSaga, Saga.next, tx, "nobody", "work")
    assert isinstance(error, UnknownSaga)
    assert error.saga == "nobody"


@pytest.mark.parametrize(
    "dest", [None, 5, b"name", [], ("a", "b", "c"), ("name", "no host"), Part, object()]
)
async def test_what_can_be_no_destination_is_refused(
    runtime: Runtime, dest: Any
) -> None:
    first = await start(runtime)
    tx = await first.begin()
    await first.refuses(LocalProtocolError, Saga.next, tx, dest, "work")


@pytest.mark.parametrize("timeout", [0, -1, math.nan])
async def test_a_timeout_that_makes_no_sense_is_refused(
    runtime: Runtime, timeout: float
) -> None:
    first = await start(runtime)
    tx = await first.begin()
    options = {"timeout": timeout}
    await first.refuses(ValueError, Saga.next, tx, first.pid, "work", **options)


async def test_a_timeout_past_the_lifespan_is_refused(runtime: Runtime) -> None:
    first = await start(runtime)
    tx = await first.begin(lifespan=5)
    await first.refuses(EndOfLifespan, Saga.next, tx, first.pid, "work", timeout=6)
    assert tx.state == "open"


class Elsewhere:
    """Somebody with a method of the same name."""

    async def undo(self, tx: Any, step: Any, result: Any) -> None:
        raise NotImplementedError


def plain(tx: Any, step: Any, result: Any) -> None:
    raise NotImplementedError


@pytest.mark.parametrize(
    "compensate",
    ["undoo", "", 5, "told", "heard", plain, Elsewhere().undo, Elsewhere.undo],
)
async def test_a_compensation_is_an_async_method_of_the_saga(
    runtime: Runtime, compensate: Any
) -> None:
    first = await start(runtime)
    tx = await first.begin()
    options = {"compensate": compensate}
    await first.refuses(TypeError, Saga.next, tx, first.pid, "work", **options)
    work = {"worker": print, **options}
    await first.refuses(TypeError, Saga.start_job, tx, "work", **work)


@pytest.mark.parametrize("value", ["a term", object()])
async def test_what_a_log_has_to_keep_is_a_term(runtime: Runtime, value: Any) -> None:
    first = await start(runtime)
    tx = await first.begin(value)
    value = object() if value == "a term" else "a term"
    options = {"compensate": "undo"}
    await first.refuses(EncodeError, Saga.next, tx, first.pid, value, **options)
    work = {"worker": print, **options}
    await first.refuses(EncodeError, Saga.start_job, tx, value, **work)


async def test_with_two_phases_a_value_is_a_term(runtime: Runtime) -> None:
    first = await start(runtime)
    tx = await first.begin(two_phase_commit=True)
    await first.refuses(EncodeError, Saga.next, tx, first.pid, object())


async def test_a_compensation_may_be_named_by_the_method_itself(
    runtime: Runtime,
) -> None:
    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        for undo in part.undo, Part.undo, "undo":
            await part.next(tx, leaf.pid, value, compensate=undo)

    leaf = await start(runtime)
    first = await start(runtime, new=new)
    tx = await first.begin()
    assert [step.compensate for step in tx.steps.values()] == ["undo"] * 3


async def test_nothing_goes_on_after_the_result(runtime: Runtime) -> None:
    first, second = await chain(runtime, 2)
    first.does["new"] = first.does["result"] = sends()
    tx = await first.begin(two_phase_commit=True)

    async def late(part: Part) -> None:
        await part.send_result(tx, "done")
        for verb in part.next(tx, second.pid, 1), part.start_job(tx, 1, worker=print):
            with pytest.raises(SagaNotAllowed):
                await verb

    await first.do(late)
    assert second.heard == []
    assert first.is_clean


async def test_a_transaction_that_is_over_goes_nowhere(runtime: Runtime) -> None:
    first, second = await chain(runtime, 2)
    tx = await first.begin()
    assert (tx.is_over, tx.state) == (True, "done")
    second.heard.clear()
    for which in tx, tx.id:
        await first.refuses(UnknownTransaction, Saga.next, which, second.pid, 1)
    assert second.heard == []


@pytest.mark.parametrize("which", [None, "TX#1.2.3", 5, b"", ()])
async def test_what_is_no_transaction_is_unknown(runtime: Runtime, which: Any) -> None:
    first = await start(runtime)
    tx = await first.begin()
    await first.refuses(UnknownTransaction, Saga.next, which, first.pid, "work")
    await first.do(Saga.next, tx, sleeper(runtime).pid, "work")
    (step,) = tx.steps.values()
    await first.refuses(UnknownTransaction, Saga.next, step, first.pid, "work")


async def test_a_step_that_is_late_cancels_all(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    slow = await start(runtime, name="slow")
    other = await start(runtime)

    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        await part.next(tx, other.pid, value)
        await part.next(tx, "slow", value, timeout=2)

    middle = await start(runtime, new=new)
    first = await start(runtime, new=sends(middle))
    tx = await first.begin()
    await trio.sleep(1.9)
    assert all(part.transactions for part in (first, middle, other, slow))
    await trio.sleep(0.2)
    for part in first, middle, other:
        assert part.told("cancel") == ["next saga slow timed out"]
    # It was told how long it has, and has seen that itself.
    assert slow.told("cancel") == ["end of lifespan"]
    assert all(part.is_clean for part in (first, middle, other, slow))
    error = await first.refuses(NextTimeout, Saga.send_result, tx, "late")
    assert isinstance(error, TransactionCanceled)
    assert error.reason == "next saga slow timed out"


async def test_a_trapped_timeout_ends_that_step_alone(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def again(part: Part, message: SagaCanceled) -> None:
        await part.next(message.transaction, quick.pid, message.step.value)

    slow, quick = await start(runtime), await start(runtime, new=answer)
    new = sends(slow, timeout=1, trap_cancel=True)
    first = await start(runtime, new=new, info=again, result=answer)
    tx = await first.begin("room")
    step = next(iter(tx.steps.values()))
    await trio.sleep(2)
    reason = f"next saga {slow.pid!r} timed out"
    assert first.heard[1] == ("info", SagaCanceled(tx, step, reason))
    assert (step.state, step.reason) == ("dropped", reason)
    assert slow.words == ["new", "cancel"]
    assert first.told("done") == ["room"]
    assert first.is_clean
    assert slow.is_clean


@pytest.mark.parametrize("end", ["cancel", "crash", "exit"])
async def test_a_trapped_loss_ends_that_step_alone(runtime: Runtime, end: str) -> None:
    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        match end:
            case "cancel":
                await part.cancel_transaction(tx, "no room")
            case "crash":
                raise RuntimeError("as you wish")
            case "exit":
                await part.process.exit(part.pid, "kill")

    leaf, fine = await start(runtime, new=new), await start(runtime)
    first = await start(runtime, new=sends(leaf, fine, trap_cancel=True))
    tx = await first.begin()
    (message,) = first.told("info")
    assert isinstance(message, SagaCanceled)
    expected = "no room" if end == "cancel" else f"next saga {leaf.pid!r} is down"
    assert message.reason == expected
    assert (tx.state, tx.open) == ("open", 1)
    assert fine.words == ["new"]


async def test_a_dead_saga_is_a_lost_step(runtime: Runtime) -> None:
    leaf = await start(runtime)
    await runtime.root.stop(leaf.pid)
    first = await start(runtime, new=sends(leaf))
    await first.begin()
    assert first.told("cancel") == [f"next saga {leaf.pid!r} is down"]
    assert first.is_clean


async def test_a_process_that_is_no_saga_is_waited_for_until_it_ends(
    runtime: Runtime,
) -> None:
    process = sleeper(runtime)
    first = await start(runtime, new=sends(process.pid))
    await first.begin()
    (message,) = process.messages()
    assert message[:2] == ("$saga_next", first.pid)
    process.kill()
    await first.do(trio_noop)
    assert first.words == ["new", "cancel"]


async def test_a_helper_may_send_it_on(runtime: Runtime) -> None:
    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        part.start_soon(sends(leaf), part, tx, value)

    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=new, result=answer)
    await first.begin()
    assert first.told("done") == ["work"]
    assert first.is_clean
