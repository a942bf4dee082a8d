"""A saga that is started with something in its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import (
    Atom,
    GenServer,
    MemorySagaLog,
    Reference,
    Saga,
    SagaLog,
    SqliteSagaLog,
    StartError,
)
from ergopy.testing import MemoryNetwork

from .chain import records_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from ergopy import Node, Pid

TX = Reference(Atom("a@memory"), 1, (1, 2, 3))
ORIGIN = Reference(Atom("a@memory"), 1, (1, 2, 4))
STEPS = [Reference(Atom("a@memory"), 1, (7, 7, n)) for n in range(3)]
NAME = "saga a@memory"

BELOW = (Atom("below"), Atom("a@memory"))
ABOVE = (Atom("above"), Atom("a@memory"))

TRANSACTION, STEP, JOB = Atom("transaction"), Atom("step"), Atom("job")
COMPLETED, LOST, UNDONE = Atom("completed"), Atom("lost"), Atom("undone")
VOTING, PREPARED = Atom("voting"), Atom("prepared")
DECISION, FINAL, COMMITTED = Atom("decision"), Atom("final"), Atom("committed")
UNDO = Atom("undo")


class Booking(Saga):
    """Tells a list what it is called with."""

    async def init(self, log: Any, told: list[Any], to: Any = None) -> None:
        self.log, self.told, self.to = log, told, to

    async def handle_tx_new(self, tx: Any, value: Any) -> None:
        if self.to is None:
            await self.send_result(tx, value)
        else:
            await self.next(tx, self.to, value, compensate=self.undo)

    async def handle_tx_result(self, tx: Any, step: Any, result: Any) -> None:
        await self.send_result(tx, result)

    async def handle_tx_prepare(self, tx: Any, result: Any) -> None:
        self.told.append("prepare")

    async def handle_tx_done(self, tx: Any, result: Any) -> Any:
        self.told.append(("done", result))
        return ("final", result)

    async def handle_tx_commit(self, tx: Any, final: Any) -> None:
        self.told.append(("commit", final))

    async def handle_tx_cancel(self, tx: Any, reason: Any) -> None:
        self.told.append(("cancel", reason))

    async def undo(self, tx: Any, step: Any, result: Any) -> None:
        self.told.append(("undo", step.value, result))

    async def handle_call(self, request: Any, from_: Any) -> Any:
        two_phase = request == "two phases"
        await self.start_transaction("trip", two_phase_commit=two_phase)


class Other(GenServer):
    """A saga above or below, that keeps what it is told."""

    async def init(self, told: list[Any]) -> None:
        self.told = told

    async def handle_info(self, message: Any) -> None:
        self.told.append(message)


@pytest.fixture(params=["memory", "sqlite"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> SagaLog:
    if request.param == "memory":
        return MemorySagaLog()
    return SqliteSagaLog(tmp_path / "sagas.db", synchronous="normal")


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with MemoryNetwork().node("a") as node:
        yield node


class Case:
    """A saga that finds records in its log, and those it has to do with."""

    def __init__(self, node: Node, log: SagaLog) -> None:
        self.node = node
        self.log = log
        self.told: list[Any] = []
        self.above: list[Any] = []
        self.below: list[Any] = []

    async def start(self, *records: Any, own: bool = True, two_phase: bool = True):
        self.from_above = await self.node.start(Other, self.above, name="above")
        self.from_below = await self.node.start(Other, self.below, name="below")
        above = Atom("undefined") if own else (self.from_above, ORIGIN)
        first = (TRANSACTION, "trip", 5, 60.0, two_phase, above)
        await self.log.open(NAME)
        for record in (first, *records):
            self.log.append(NAME, TX, record)
        self.log.close(NAME)
        self.pid = await self.node.start(Booking, self.log, self.told, name="saga")

    async def tell(self, who: Pid, ref: Reference, verb: str, value: Any = None):
        nothing = Atom("nil") if value is None else value
        message = (TX, ref, Atom(verb), nothing)
        await self.node.send(self.pid, (Atom("$saga_ergopy"), who, message))

    async def until(self, condition: Callable[[], object]) -> None:
        with trio.fail_after(10):
            while not condition():  # noqa: ASYNC110
                await trio.sleep(0.005)

    async def is_over(self) -> None:
        """Wait until the saga has nothing more to do, and nothing is in the log."""
        with trio.fail_after(10):
            while await self.records():  # noqa: ASYNC110
                await trio.sleep(0.005)
        shown = await ergopy.saga.show("saga", caller=self.node)
        assert not shown.transactions

    async def records(self) -> Any:
        return await records_of(self.log, NAME)


@pytest.fixture
def case(node: Node, log: SagaLog) -> Case:
    return Case(node, log)


def step(number: int, value: Any) -> Any:
    return (STEP, STEPS[number], BELOW, value, UNDO)


def kinds(messages: list[Any]) -> list[Any]:
    """What was sent: the verb of ergopy's messages, the tag of others."""
    return [
        message[2][2] if message[0] == "$saga_ergopy" else message[0]
        for message in messages
    ]


async def test_step_without_a_result_is_undone(case: Case) -> None:
    await case.start(step(0, "hotel"))
    await case.is_over()
    assert case.told == [("cancel", "restarted"), ("undo", "hotel", None)]


async def test_steps_are_undone_in_reverse_order_of_completion(case: Case) -> None:
    await case.start(
        step(0, "hotel"),
        step(1, "flight"),
        (JOB, STEPS[2], "card", UNDO),
        (COMPLETED, STEPS[1], {"seat": "7a"}),
        (COMPLETED, STEPS[2], b"paid"),
    )
    await case.is_over()
    assert case.told == [
        ("cancel", "restarted"),
        ("undo", "hotel", None),
        ("undo", "card", b"paid"),
        ("undo", "flight", {"seat": "7a"}),
    ]


async def test_what_is_undone_is_not_undone_again(case: Case) -> None:
    await case.start(step(0, "hotel"), step(1, "flight"), (UNDONE, STEPS[1]))
    await case.is_over()
    assert case.told == [("cancel", "restarted"), ("undo", "hotel", None)]


async def test_one_that_had_not_voted_cancels(case: Case) -> None:
    await case.start((VOTING,), own=False)
    await case.is_over()
    assert case.told == [("cancel", "restarted")]


async def test_one_that_had_voted_asks_and_commits(case: Case) -> None:
    below = [(STEPS[0], BELOW, True)]
    await case.start((PREPARED, ABOVE, "result", below), own=False)
    await case.until(lambda: case.above)
    assert kinds(case.above) == ["ask"]
    await case.tell(case.from_above, ORIGIN, "commit", "final")
    await case.until(lambda: case.below)
    assert kinds(case.above) == ["ask", "ack"]
    assert kinds(case.below) == ["commit"]
    assert case.told == [("commit", "final")]
    await case.tell(case.from_below, STEPS[0], "ack")
    await case.is_over()


async def test_one_that_had_voted_asks_and_cancels(case: Case) -> None:
    prepared = (PREPARED, ABOVE, "result", [(STEPS[0], BELOW, True)])
    steps = step(0, "hotel"), (COMPLETED, STEPS[0], "room")
    await case.start(*steps, prepared, own=False)
    await case.until(lambda: case.above)
    cancel = (Atom("$saga_cancel"), case.from_above, (TX, ORIGIN, "no"))
    await case.node.send(case.pid, cancel)
    await case.is_over()
    assert case.told == [("cancel", "no"), ("undo", "hotel", "room")]


async def test_decision_is_told_after_the_last_word(case: Case) -> None:
    await case.start((DECISION, "result", [(STEPS[0], BELOW, True)]))
    await case.until(lambda: case.below)
    assert case.told == [("done", "result")]
    (message,) = case.below
    assert message[2] == (TX, STEPS[0], "commit", ("final", "result"))
    # It is told again if it does not answer, and by a saga that lives in its place.
    await case.until(lambda: len(case.below) == 2)
    await case.tell(case.from_below, STEPS[0], "ack")
    await case.is_over()


async def test_last_word_is_not_asked_for_again(case: Case) -> None:
    below = [(STEPS[0], BELOW, True)]
    await case.start((DECISION, "result", below), (FINAL, "last word"))
    await case.until(lambda: case.below)
    await case.tell(case.from_below, STEPS[0], "ack")
    await case.is_over()
    assert case.told == []
    assert case.below[0][2][3] == "last word"


async def test_commit_is_done_again_and_passed_on(case: Case) -> None:
    prepared = (PREPARED, ABOVE, "result", [(STEPS[0], BELOW, True)])
    await case.start(prepared, (COMMITTED, "final"), own=False)
    await case.until(lambda: case.below)
    await case.tell(case.from_below, STEPS[0], "ack")
    await case.is_over()
    assert case.told == [("commit", "final")]


async def test_step_that_was_lost_is_undone_in_a_commit_too(case: Case) -> None:
    await case.start(
        step(0, "hotel"),
        (LOST, STEPS[0]),
        (DECISION, "result", []),
        (FINAL, "final"),
    )
    await case.is_over()
    assert case.told == [("undo", "hotel", None)]


async def test_result_that_was_handed_over_is_not_undone(case: Case) -> None:
    steps = step(0, "hotel"), (COMPLETED, STEPS[0], "room")
    await case.start(*steps, (FINAL, "result"), own=False, two_phase=False)
    await case.is_over()
    assert case.told == []


async def test_result_of_one_phase_is_given_again(case: Case) -> None:
    steps = step(0, "hotel"), (COMPLETED, STEPS[0], "room")
    await case.start(*steps, (DECISION, "result", []), two_phase=False)
    await case.is_over()
    assert case.told == [("done", "result")]


async def test_transactions_are_there_before_the_first_message(
    node: Node, log: SagaLog
) -> None:
    seen = []

    class Early(Booking):
        async def handle_continue(self, term: Any) -> None:
            seen.extend(tx.state for tx in self.transactions)

        async def init(self, *args: Any) -> Any:
            await super().init(*args)
            return ergopy.NoReply(then="look")

    case = Case(node, log)
    await log.open(NAME)
    above = Atom("undefined")
    log.append(NAME, TX, (TRANSACTION, "trip", 5, 60.0, True, above))
    log.append(NAME, TX, (DECISION, "result", []))
    log.close(NAME)
    await node.start(Early, log, case.told, name="saga")
    await case.is_over()
    assert seen == ["decided"]
    assert case.told == [("done", "result")]


async def test_method_that_is_gone_is_waited_for(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    hotel = (STEP, STEPS[0], BELOW, "hotel", Atom("undo_as_it_was_called"))
    await case.start(hotel)
    await case.until(lambda: "undo_as_it_was_called" in caplog.text)
    shown = await ergopy.saga.show("saga", caller=case.node)
    assert "undo_as_it_was_called" in str(shown)
    assert await case.records()
    # A saga that has it again undoes the step.
    await case.node.exit(case.pid, "kill")

    class Mended(Booking):
        undo_as_it_was_called = Booking.undo

    await case.until(lambda: case.node.whereis("saga") is None)
    await case.node.start(Mended, case.log, case.told, name="saga")
    await case.is_over()
    assert case.told[-1] == ("undo", "hotel", None)


@pytest.mark.parametrize(
    "records",
    [
        [step(0, "hotel")],
        [(TRANSACTION, "trip", 5, 60.0, True, 7), (Atom("newer"), 1)],
        [(TRANSACTION, "trip", 5, 60.0, True, 7), (UNDONE, STEPS[0])],
        [(TRANSACTION,)],
        [17],
    ],
    ids=["no first", "unknown", "of nothing", "short", "number"],
)
async def test_records_without_sense_do_not_let_it_start(
    node: Node, records: list[Any]
) -> None:
    log = MemorySagaLog()
    for record in records:
        log.append(NAME, TX, record)
    with pytest.raises(StartError, match=r"SagaLogError.*records of"):
        await node.start(Booking, log, [], name="saga")
    assert node.whereis("saga") is None
