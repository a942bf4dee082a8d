"""Undoing what was done: ``compensate=``."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import trio

from ergopy import NoReply, Saga, SagaJob, Stop
from tests.gen.saga.parts import Part, answer, sends, start
from tests.runtimes import Ends, settle

if TYPE_CHECKING:
    import pytest

    from ergopy import SagaTransaction
    from ergopy.process.runtime import Runtime


async def silent(part: Part, tx: SagaTransaction, value: Any) -> None:
    """Leave the transaction open."""


def to(*leaves: Part, **options: Any) -> Any:
    """Send it to each, with a compensation, and the number of the leaf as value."""

    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        for number, leaf in enumerate(leaves):
            await part.next(tx, leaf.pid, number, compensate="undo", **options)

    return new


async def test_steps_are_undone_the_last_one_first(runtime: Runtime) -> None:
    leaves = [await start(runtime) for _ in range(3)]
    first = await start(runtime, new=to(*leaves))
    tx = await first.begin()
    for leaf in leaves[1], leaves[2], leaves[0]:
        await leaf.do(Saga.send_result, tx.id, leaves.index(leaf))
    first.heard.clear()
    await first.do(Saga.cancel_transaction, tx)
    assert first.words == ["cancel", "undo", "undo", "undo"]
    assert first.told("undo") == [0, 2, 1]
    assert [step.value for _, step, _ in first.heard[1:]] == [0, 2, 1]
    assert first.is_clean
    assert tx.is_over


async def test_what_is_not_known_is_undone_before_what_is(runtime: Runtime) -> None:
    leaves = [await start(runtime) for _ in range(3)]
    first = await start(runtime, new=to(*leaves))
    tx = await first.begin()
    await leaves[1].do(Saga.send_result, tx.id, "done")
    await first.do(Saga.cancel_transaction, tx)
    assert [(step.value, result) for what, step, *[result] in undone(first)] == [
        (2, None),
        (0, None),
        (1, "done"),
    ]


def undone(part: Part) -> list[Any]:
    return [entry for entry in part.heard if entry[0] == "undo"]


async def test_a_step_that_its_own_saga_has_cancelled_is_not_undone(
    runtime: Runtime,
) -> None:
    leaves = [await start(runtime) for _ in range(2)]
    first = await start(runtime, new=to(*leaves))
    tx = await first.begin()
    await leaves[0].do(Saga.cancel_transaction, tx.id)
    assert [step.value for _, step, _ in undone(first)] == [1]
    assert first.is_clean


async def test_a_lost_step_that_was_trapped_is_undone_at_once(
    runtime: Runtime,
) -> None:
    leaves = [await start(runtime) for _ in range(2)]
    first = await start(runtime, new=to(*leaves, trap_cancel=True))
    tx = await first.begin()
    await runtime.root.exit(leaves[0].pid, "kill")
    await settle()
    assert first.words == ["new", "info", "undo"]
    assert tx.state == "open"
    await leaves[1].do(Saga.send_result, tx.id, "done")
    await first.do(Saga.send_result, tx, "done")
    assert first.words[-1] == "done"
    assert first.is_clean


async def test_nothing_is_undone_after_a_success(runtime: Runtime) -> None:
    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=to(leaf), result=answer)
    await first.begin()
    assert first.words == ["new", "result", "done"]
    assert first.is_clean


async def test_a_saga_in_the_middle_undoes_as_well(runtime: Runtime) -> None:
    leaf = await start(runtime, new=answer)
    middle = await start(runtime, new=to(leaf))
    other = await start(runtime)
    first = await start(runtime, new=sends(middle, other))
    tx = await first.begin()
    await other.do(Saga.cancel_transaction, tx.id, "no room")
    assert middle.words == ["new", "result", "cancel", "undo"]
    assert middle.is_clean


async def test_a_saga_in_the_middle_that_is_done_undoes_nothing(
    runtime: Runtime,
) -> None:
    leaf = await start(runtime, new=answer)
    middle = await start(runtime, new=to(leaf), result=answer)
    first = await start(runtime, new=to(middle))
    tx = await first.begin()
    assert first.words == ["new", "result"]
    await first.do(Saga.cancel_transaction, tx)
    assert middle.words == ["new", "result"]
    assert first.words == ["new", "result", "cancel", "undo"]
    assert middle.is_clean


async def test_what_fails_is_tried_again_after_longer_and_longer_pauses(
    runtime: Runtime,
    autojump_clock: trio.abc.Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    times: list[float] = []

    async def undo(part: Part, step: Any, result: Any) -> None:
        times.append(trio.current_time())
        if len(times) < 9:
            raise RuntimeError("not now")

    leaves = [await start(runtime, new=answer) for _ in range(2)]
    first = await start(runtime, new=to(*leaves), undo=undo)
    tx = await first.begin()
    await first.do(Saga.cancel_transaction, tx)
    assert (tx.state, tx.is_over) == ("canceled", False)
    await first.refuses(Exception, Saga.send_result, tx, "no")
    await trio.sleep(1000)
    pauses = [round(after - before) for before, after in itertools.pairwise(times)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 0]
    order = [step.value for _, step, _ in undone(first)]
    assert order == [order[0]] * 9 + [1 - order[0]]
    assert first.is_clean
    assert caplog.text.count("RuntimeError: not now") == 8


async def test_an_own_end_of_the_saga_is_not_taken_for_a_failure(
    runtime: Runtime,
) -> None:
    async def undo(part: Part, step: Any, result: Any) -> Any:
        return Stop("enough")

    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=to(leaf), undo=undo)
    ends = Ends(first.process)
    tx = await first.begin()
    await first.do(Saga.cancel_transaction, tx)
    await settle()
    assert ends.reasons == ["enough"]


async def test_a_saga_that_stops_with_the_cancel_undoes_first(
    runtime: Runtime,
) -> None:
    async def cancel(part: Part, tx: SagaTransaction, reason: Any) -> Any:
        return Stop("no more")

    leaves = [await start(runtime, new=answer) for _ in range(2)]
    first = await start(runtime, new=to(*leaves), cancel=cancel)
    ends = Ends(first.process)
    tx = await first.begin()
    await first.do(Saga.cancel_transaction, tx)
    assert first.words[-4:] == ["cancel", "undo", "undo", "terminate"]
    assert ends.reasons == ["no more"]


async def test_a_compensation_may_steer_the_server(runtime: Runtime) -> None:
    async def undo(part: Part, step: Any, result: Any) -> Any:
        return NoReply(then="undone")

    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=to(leaf), undo=undo)
    tx = await first.begin()
    await first.do(Saga.cancel_transaction, tx)
    assert first.words[-2:] == ["undo", "continue"]


async def test_a_job_is_undone_like_a_step(runtime: Runtime) -> None:
    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        job = await part.start_job(tx, 5, worker=double, compensate="undo")
        assert isinstance(job, SagaJob)

    first = await start(runtime, new=new)
    tx = await first.begin()
    await settle()
    assert first.told("job") == [10]
    await first.do(Saga.cancel_transaction, tx)
    assert first.heard[-1] == ("undo", next(iter(tx.jobs.values())), 10)
    assert first.is_clean


async def double(value: int) -> int:
    return 2 * value


async def test_a_job_that_is_cancelled_is_undone_after_the_callback(
    runtime: Runtime,
) -> None:
    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        job = await part.start_job(tx, 5, worker=trio.sleep, compensate="undo")
        await settle()
        await part.cancel_job(job)
        assert part.words == ["new"]

    first = await start(runtime, new=new)
    await first.begin()
    await settle()
    await settle()
    assert first.words == ["new", "undo"]


async def test_a_compensation_of_two_phases_runs_if_it_is_cancelled_in_the_vote(
    runtime: Runtime,
) -> None:
    async def refuse(part: Part, tx: SagaTransaction, result: Any) -> None:
        await part.cancel_transaction(tx, "no")

    leaf = await start(runtime, new=answer)
    first = await start(runtime, new=to(leaf), result=answer, prepare=refuse)
    await first.begin(two_phase_commit=True)
    assert first.words == ["new", "result", "prepare", "cancel", "undo"]
    assert leaf.words[-1] == "cancel"
    assert first.is_clean
    assert leaf.is_clean
