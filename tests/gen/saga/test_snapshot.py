"""What a saga knows, taken as it is: what means what, and that nothing breaks it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ergopy
import etf
from ergopy.gen.saga import snapshot
from ergopy.gen.saga.core.machine import Machine
from ergopy.gen.saga.core.transaction import SagaJob, SagaStep
from ergopy.gen.saga.jobs import Here
from ergopy.gen.saga.texts import MAX_REASON
from etf import Atom, Pid, Reference
from tests.gen.saga.seeing import SECRET, Part, start, transaction
from tests.runtimes import find, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ergopy.gen.saga.core.transaction import SagaTransaction
    from ergopy.gen.saga.graph import TransactionInfo
    from ergopy.process.runtime import Runtime

ME = Pid("a@h", 4, 0, 1)
OTHER = Pid("b@h", 5, 0, 1)


class Quiet:
    """As much of a saga as is looked at."""

    pid = ME

    def __init__(self) -> None:
        self._machine = Machine(ME)
        self.process: Any = type("Nameless", (), {"names": []})


def seen(tx: SagaTransaction) -> TransactionInfo:
    """Show a transaction; time stands at 100 s."""
    saga: Any = Quiet()
    saga._machine.transactions[tx.id] = tx
    (info,) = snapshot.of_transaction(saga, tx.id)
    return info


@pytest.fixture(autouse=True, scope="module")
def late() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "trio", SimpleNamespace(current_time=lambda: 100.0))
        patch.setattr(snapshot, "time", SimpleNamespace(time=lambda: 1000.0))
        yield


def step_of(tx: SagaTransaction, saga: Any = OTHER, **more: Any) -> SagaStep:
    step = SagaStep(
        Reference("a@h", 1, (len(tx.steps), 7, 7)), tx, saga, SECRET, **more
    )
    step.sent = tx.arrived + 1
    tx.steps = {**tx.steps, step.id: step}
    return step


def test_times_are_those_of_its_own_clock_and_of_the_day() -> None:
    tx = transaction(now=90.0)
    tx.since = 95.0
    step = step_of(tx)
    step.state, step.ended = "completed", 93.5
    info = seen(tx)
    assert (info.started, info.seconds, info.since, info.left) == (990.0, 10, 5, 50)
    assert (info.steps[0].after, info.steps[0].seconds) == (1.0, 2.5)


def test_after_the_vote_no_lifespan_ends_it() -> None:
    tx = transaction()
    tx.state, tx.address = "prepared", (Atom("booking"), Atom("b@h"))
    info = seen(tx)
    assert info.left is None
    assert info.waits_for == ["booking at b@h"]


def test_a_lifespan_without_end_can_be_sent() -> None:
    info = seen(transaction(lifespan=float("inf")))
    assert info.left == 1e12
    etf.encode(info)


def test_a_commit_says_who_has_not_confirmed_it() -> None:
    tx = transaction()
    tx.state = "committed"
    first, second = step_of(tx), step_of(tx)
    second.address = (Atom("hotel"), Atom("b@h"))
    tx.waits = {second.id}
    tx.tries = 3
    info = seen(tx)
    assert info.waits_for == [f"{second} hotel at b@h"]
    assert info.tries == 3
    assert first.id != second.id


def test_a_compensation_that_fails_says_which_one_how_often_and_why() -> None:
    tx = transaction()
    tx.state = "canceled"
    step = step_of(tx, compensate="undo")
    tx.queue, tx.undoing = [step, step_of(tx)], "undo"
    tx.undo_tries, tx.trouble = 4, "RuntimeError: no luck"
    info = seen(tx)
    assert (info.undoing, info.undo_left) == (str(step), 2)
    assert (info.undo_tries, info.trouble) == (4, "RuntimeError: no luck")


def test_one_that_is_over_stands_still() -> None:
    tx = transaction(now=10.0)
    step_of(tx)
    tx.state, tx.ended, tx.since = "canceled", 30.0, 25.0
    info = seen(tx)
    assert (info.over, info.seconds, info.since, info.left) == (True, 20, 5, None)
    assert info.steps[0].seconds == 19.0


@pytest.mark.parametrize(
    ("saga", "text", "node"),
    [
        (OTHER, "<b@h.5.0>", "b@h"),
        (Atom("hotel"), "hotel", "a@h"),
        ("hotel", "hotel", "a@h"),
        ((Atom("hotel"), Atom("c@h")), "hotel at c@h", "c@h"),
        (17, "17", "a@h"),
    ],
)
def test_a_step_says_whom_it_was_sent_to(saga: Any, text: str, node: str) -> None:
    tx = transaction()
    step_of(tx, saga)
    (step,) = seen(tx).steps
    assert (step.saga, step.node) == (text, node)


def test_a_job_says_what_does_it() -> None:
    tx = transaction()
    work = Here(ergopy.SagaWorker, "Part")
    job = SagaJob(Reference("a@h", 1, (1, 1, 1)), tx, SECRET, work=work)
    job.worker = OTHER
    tx.jobs = {job.id: job}
    (info,) = seen(tx).jobs
    assert (info.work, info.worker, info.state) == ("Part", OTHER, "sent")


def test_the_initiator_is_the_last_of_the_parents() -> None:
    assert seen(transaction()).initiator == ME
    above = transaction(parent=OTHER, parents=[OTHER, Pid("c@h", 9, 0, 1)])
    assert seen(above).initiator == Pid("c@h", 9, 0, 1)


def test_of_many_steps_the_first_are_listed_and_the_rest_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snapshot, "MAX_PARTS_OF_ONE", 2)
    tx = transaction()
    first, second, _ = [step_of(tx) for _ in range(3)]
    info = seen(tx)
    assert [step.id for step in info.steps] == [first.id, second.id]
    assert info.more_steps == 1


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


ANYTHING = st.recursive(
    st.none() | st.text() | st.binary() | st.integers() | st.builds(Rude) | st.floats(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner)
    ),
    max_leaves=20,
)


@given(ANYTHING, st.none() | st.text(), ANYTHING)
def test_any_reason_can_be_sent_and_shown(
    reason: Any, trouble: str | None, work: Any
) -> None:
    tx = transaction()
    tx.state, tx.reason, tx.trouble = "canceled", reason, trouble
    job = SagaJob(Reference("a@h", 1, (1, 1, 1)), tx, SECRET, work=work)
    job.reason = reason
    tx.jobs = {job.id: job}
    step_of(tx, work)
    info = seen(tx)
    assert type(info).from_term(etf.decode(etf.encode(info))) == info
    assert all(line.isprintable() for line in str(info).split("\n"))
    info.json()


def test_a_crash_is_shown_without_its_frames() -> None:
    tx = transaction()
    crash = (Atom("python"), b"builtins.ValueError", b"card declined", [b"x.py:1 in f"])
    tx.state, tx.reason = "canceled", crash
    assert seen(tx).reason == "builtins.ValueError: card declined"


def test_a_reason_is_cut() -> None:
    tx = transaction()
    tx.reason = "x" * 10 * MAX_REASON
    assert len(seen(tx).reason or "") == MAX_REASON + 3


def test_no_value_is_shown() -> None:
    tx = transaction()
    tx.result = SECRET
    step = step_of(tx)
    step.result = SECRET
    job = SagaJob(Reference("a@h", 1, (1, 1, 1)), tx, SECRET)
    tx.jobs = {job.id: job}
    info = seen(tx)
    assert SECRET not in info.json()
    assert SECRET.encode() not in etf.encode(info)


@pytest.mark.parametrize("text", ["TX#3.2.1", "3.2.1", b"TX#3.2.1"])
def test_a_transaction_is_found_by_how_it_is_printed(text: Any) -> None:
    tx = transaction((1, 2, 3))
    machine = Machine(ME)
    machine.transactions[tx.id] = tx
    machine.ended.append(transaction((1, 2, 4)))
    assert str(tx) == "TX#3.2.1"
    assert snapshot.find(machine, snapshot.which(text)) == [tx]
    assert snapshot.find(machine, tx.id) == [tx]
    assert snapshot.find(machine, "4.2.1") == [machine.ended[0]]


@pytest.mark.parametrize(
    "wrong", ["", "TX#", "TX#1.x", "1..2", b"\xff", 7, None, "1" * 99, "²"]
)
def test_what_is_no_transaction_is_said_so(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"no transaction|decode"):
        snapshot.which(wrong)


async def test_the_sagas_of_a_node_are_those_that_run(runtime: Runtime) -> None:
    first = await runtime.root.start(Part)
    second = await runtime.root.start(Part)
    assert [saga.pid for saga in snapshot.sagas(runtime)] == [first, second]
    await runtime.root.exit(first, "kill")
    await settle()
    assert [saga.pid for saga in snapshot.sagas(runtime)] == [second]


async def test_one_that_does_not_start_is_none(runtime: Runtime) -> None:
    class Never(Part):
        async def init(self, *args: Any, **options: Any) -> Any:
            return ergopy.Stop("no")

    with pytest.raises(ergopy.StartError):
        await runtime.root.start(Never)
    assert snapshot.sagas(runtime) == []


async def test_numbers_are_counted(runtime: Runtime) -> None:
    pid = await runtime.root.start(Part, name="booking")
    for _ in range(3):
        tx = await start(pid, runtime.root)
    await runtime.root.call(pid, lambda saga: saga.cancel_transaction(tx, "no"))
    await runtime.root.call(pid, lambda saga: saga.send_result(saga.transactions[0], 1))
    await settle()
    (saga,) = snapshot.sagas(runtime)
    numbers = snapshot.statistics(saga._machine)
    assert (numbers.open, numbers.done, numbers.canceled) == (1, 1, 1)
    assert find(runtime, pid).alive
