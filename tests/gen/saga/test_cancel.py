"""Transactions that come to nothing: who is told, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    Atom,
    EndOfLifespan,
    NextTimeout,
    Saga,
    SagaNotAllowed,
    TransactionCanceled,
    UnknownTransaction,
)
from etf import Charlist, EncodeError
from tests.gen.saga.parts import Part, answer, chain, sends, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import SagaTransaction
    from ergopy.process.runtime import Runtime


async def tree(runtime: Runtime) -> list[Part]:
    """Start an initiator with two sagas below, of which one has two below."""
    leaves = [await start(runtime) for _ in range(3)]
    middle = await start(runtime, new=sends(*leaves[1:]))
    first = await start(runtime, new=sends(leaves[0], middle))
    return [first, middle, *leaves]


@pytest.mark.parametrize("who", range(5))
@pytest.mark.parametrize("two_phase_commit", [False, True])
async def test_whoever_cancels_all_are_told_once(
    runtime: Runtime, who: int, two_phase_commit: bool
) -> None:
    parts = await tree(runtime)
    tx = await parts[0].begin(two_phase_commit=two_phase_commit)
    await parts[who].do(Saga.cancel_transaction, tx.id, "no room")
    for part in parts:
        assert part.words == ["new", "cancel"]
        assert part.told("cancel") == ["no room"]
        assert part.is_clean
    assert (tx.state, tx.reason, tx.is_over) == ("canceled", "no room", True)


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ("a text", "a text"),
        ("", ""),
        ("Zürich \N{SNOWMAN}", "Zürich \N{SNOWMAN}"),
        (Atom("why"), "why"),
        (b"why", "why"),
        (Charlist("why"), "why"),
        ((Atom("no_room"), 5), (Atom("no_room"), 5)),
        (5, 5),
        ({"a": [1.5, None]}, {"a": [1.5, None]}),
    ],
)
async def test_a_reason_that_is_a_text_is_a_str_everywhere(
    runtime: Runtime, given: Any, got: Any
) -> None:
    first, second = await chain(runtime, 2)
    second.does["new"] = sends()
    await first.begin()
    (tx,) = second.transactions
    await second.do(Saga.cancel_transaction, tx, given)
    assert first.told("cancel") == [got]
    assert type(first.told("cancel")[0]) is type(got)


async def test_a_cancel_is_a_message_as_all_others(runtime: Runtime) -> None:
    async def cancel(part: Part, tx: SagaTransaction, value: Any) -> None:
        await part.cancel_transaction(tx, "why")
        await trio.lowlevel.checkpoint()
        assert part.words == ["new"]

    first = await start(runtime, new=cancel)
    await first.begin()
    assert first.words == ["new", "cancel"]


async def test_the_default_reason_says_what_has_happened(runtime: Runtime) -> None:
    first = await start(runtime)
    tx = await first.begin()
    await first.do(Saga.cancel_transaction, tx)
    assert first.told("cancel") == ["canceled"]


async def test_a_reason_is_a_term(runtime: Runtime) -> None:
    first = await start(runtime)
    tx = await first.begin()
    await first.refuses(EncodeError, Saga.cancel_transaction, tx, object())


VERBS: dict[str, Any] = {
    "next": lambda part, tx: part.next(tx, part.pid, "work"),
    "send_result": lambda part, tx: part.send_result(tx, "work"),
    "send_interim": lambda part, tx: part.send_interim(tx, "work"),
    "cancel_transaction": lambda part, tx: part.cancel_transaction(tx),
    "start_job": lambda part, tx: part.start_job(tx, "work", worker=print),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_after_a_cancel_each_verb_says_why(runtime: Runtime, verb: str) -> None:
    first = await start(runtime)
    tx = await first.begin()

    async def just_then(part: Part) -> None:
        await part.cancel_transaction(tx, "why")
        before = part.facts
        with pytest.raises(TransactionCanceled, match="was cancelled: why"):
            await VERBS[verb](part, tx)
        assert part.facts == before

    await first.do(just_then)
    error = await first.refuses(TransactionCanceled, VERBS[verb], tx)
    assert isinstance(error, TransactionCanceled)
    assert (type(error), error.transaction, error.reason) == (
        TransactionCanceled,
        tx,
        "why",
    )
    # Nothing is left that could say why.
    await first.refuses(UnknownTransaction, VERBS[verb], tx.id)


@pytest.mark.parametrize("verb", VERBS)
async def test_after_its_lifespan_each_verb_says_so(
    runtime: Runtime, verb: str, autojump_clock: trio.abc.Clock
) -> None:
    first = await start(runtime)
    tx = await first.begin(lifespan=2)
    await trio.sleep(3)
    assert first.told("cancel") == ["end of lifespan"]
    await first.refuses(EndOfLifespan, VERBS[verb], tx)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("lifespan", EndOfLifespan),
        ("end of lifespan", EndOfLifespan),
        ("next saga somewhere timed out", NextTimeout),
        ("exceed_tx_limit", TransactionCanceled),
        ((1, 2), TransactionCanceled),
    ],
)
async def test_what_others_say_of_time_is_such_an_error(
    runtime: Runtime, reason: Any, error: type[TransactionCanceled]
) -> None:
    first, second = await chain(runtime, 2)
    second.does["new"] = sends()
    tx = await first.begin()
    await second.do(Saga.cancel_transaction, tx.id, reason)
    raised = await first.refuses(error, Saga.send_result, tx, "late")
    assert type(raised) is error


async def test_the_lifespan_ends_it_everywhere(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    parts = await tree(runtime)
    await parts[0].begin(lifespan=1.5)
    await trio.sleep(3)
    for part in parts:
        assert part.told("cancel") == ["end of lifespan"]
        assert part.is_clean


async def test_a_saga_that_was_busy_for_too_long_survives_that(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def too_long(part: Part, tx: SagaTransaction, value: Any) -> None:
        await trio.sleep(value)
        await part.next(tx, leaf.pid, value)

    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=too_long, result=answer)
    late = await first.begin(5, lifespan=2)
    fine = await first.begin(1, lifespan=20)
    await trio.sleep(10)
    assert [(what, tx) for what, tx, *_ in first.heard if what != "new"] == [
        ("cancel", late),
        ("result", fine),
        ("done", fine),
    ]
    assert first.told("cancel") == ["end of lifespan"]
    assert first.is_clean


async def test_a_timeout_that_is_too_long_by_then_ends_the_transaction_alone(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        await trio.sleep(1)
        await part.next(tx, part.pid, value, timeout=5)

    first = await start(runtime, new=new)
    await first.begin(lifespan=5)
    await first.do(answer_none)
    assert first.words == ["new", "cancel"]
    assert first.is_clean


async def answer_none(part: Part) -> None:
    """Have no effect: the callback before it is over then."""


@pytest.mark.parametrize("how", ["raises", "another"])
async def test_an_error_of_that_name_that_no_cancel_has_caused_is_a_crash(
    runtime: Runtime, how: str
) -> None:
    other = await start(runtime)
    theirs = await other.begin()

    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        raise TransactionCanceled(tx if how == "raises" else theirs, "on my own")

    first = await start(runtime, new=new)
    await first.begin()
    assert first.words == ["new", "terminate"]


async def test_a_helper_may_cancel_under_the_feet_of_a_callback(
    runtime: Runtime,
) -> None:
    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        part.start_soon(part.cancel_transaction, tx, "helped")
        await settle()
        await part.next(tx, leaf.pid, value)

    leaf = await start(runtime)
    first = await start(runtime, new=new)
    await first.begin()
    await settle()
    assert first.words == ["new", "cancel"]
    assert leaf.words == []
    assert first.is_clean


async def test_a_handle_tx_cancel_that_goes_on_working_is_a_crash(
    runtime: Runtime,
) -> None:
    async def cancel(part: Part, tx: SagaTransaction, reason: Any) -> None:
        await part.send_result(tx, "after all")

    first = await start(runtime, cancel=cancel)
    tx = await first.begin()
    await first.do(Saga.cancel_transaction, tx)
    assert first.words == ["new", "cancel", "terminate"]


async def test_a_result_that_has_crossed_a_cancel_calls_nothing(
    runtime: Runtime,
) -> None:
    leaf = await start(runtime)
    first = await start(runtime, new=sends(leaf), result=answer)
    tx = await first.begin()

    async def at_the_same_time(part: Part) -> None:
        part.start_soon(leaf.do, Saga.send_result, tx.id, "done")
        await settle()
        await part.cancel_transaction(tx, "why")

    await first.do(at_the_same_time)
    assert first.words == ["new", "cancel"]
    assert first.is_clean


async def test_a_loop_is_refused(runtime: Runtime) -> None:
    first, second = await chain(runtime, 2)
    second.does["new"] = sends(first)
    await first.begin()
    assert first.words == ["new", "cancel"]
    assert first.told("cancel") == second.told("cancel") == ["loop_detected"]
    assert first.is_clean
    assert second.is_clean


async def test_a_saga_may_not_send_to_itself(runtime: Runtime) -> None:
    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        await part.next(tx, part.pid, value)

    first = await start(runtime, new=new)
    await first.begin()
    assert first.told("cancel") == ["loop_detected"]
    assert first.is_clean


async def test_two_ways_to_the_same_saga_are_a_loop(runtime: Runtime) -> None:
    leaf = await start(runtime)
    left, right = [await start(runtime, new=sends(leaf)) for _ in range(2)]
    first = await start(runtime, new=sends(left, right))
    await first.begin()
    for part in first, left, right, leaf:
        assert part.told("cancel") == ["loop_detected"]
        assert part.is_clean


async def test_a_saga_that_takes_part_in_enough_refuses(runtime: Runtime) -> None:
    async def init(part: Part) -> None:
        part.max_transactions = 2

    leaf = await start(runtime, init=init)
    first = await start(runtime, new=sends(leaf))
    for _ in range(3):
        await first.begin()
    assert first.told("cancel") == ["exceed_tx_limit"]
    assert leaf.words == ["new", "new"]
    assert len(first.transactions) == 2


@pytest.mark.parametrize("reason", ["normal", "shutdown", "kill", "because"])
async def test_the_end_of_a_saga_cancels_what_it_took_part_in(
    runtime: Runtime, reason: str
) -> None:
    parts = await tree(runtime)
    first, middle, *leaves = parts
    await first.begin()
    name = repr(middle.pid)
    if reason == "normal":
        await runtime.root.stop(middle.pid)
    else:
        await runtime.root.exit(middle.pid, reason)
        await runtime.root.exit(middle.pid, "kill")
    await settle()
    assert first.told("cancel") == [f"next saga {name} is down"]
    assert leaves[0].told("cancel") == [f"next saga {name} is down"]
    for leaf in leaves[1:]:
        assert leaf.told("cancel") == [f"parent saga {name} is down"]
    assert all(part.is_clean for part in (first, *leaves))


@pytest.mark.parametrize("when", ["waiting", "voting"])
async def test_a_saga_may_cancel_until_all_have_voted(
    runtime: Runtime, when: str
) -> None:
    async def refuse(part: Part, tx: SagaTransaction, result: Any) -> None:
        await part.cancel_transaction(tx, "changed my mind")

    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=sends(leaf))
    tx = await first.begin(two_phase_commit=True)
    if when == "waiting":
        await leaf.do(Saga.cancel_transaction, tx.id, "changed my mind")
    else:
        leaf.does["prepare"] = refuse
        await first.do(Saga.send_result, tx, "done")
    assert first.told("cancel") == leaf.told("cancel") == ["changed my mind"]
    assert "done" not in first.words
    assert first.is_clean
    assert leaf.is_clean


async def test_what_is_decided_cannot_be_cancelled(runtime: Runtime) -> None:
    async def too_late(part: Part, tx: SagaTransaction, told: Any) -> None:
        with pytest.raises(SagaNotAllowed):
            await part.cancel_transaction(tx)

    leaf = await start(runtime, new=answer, commit=too_late)
    first = await start(runtime, new=sends(leaf), result=answer, done=too_late)
    await first.begin(two_phase_commit=True)
    assert (first.words[-1], leaf.words[-1]) == ("done", "commit")
    await first.begin()
    assert first.is_clean
    assert leaf.is_clean
