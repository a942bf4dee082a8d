"""Jobs of a real saga: who does them, and what is left when they are over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    IGNORE,
    EndOfLifespan,
    Exit,
    Saga,
    SagaNotAllowed,
    Stop,
    TransactionCanceled,
    TransactionInProgress,
    UnknownJob,
    UnknownTransaction,
)
from etf import Atom
from tests.gen.saga.desk import Desk, Worker, job, open_desk
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def send_result(worker: Worker) -> None:
    await worker.send_interim("half")
    await worker.send_result("done")


async def hang(worker: Worker) -> None:
    await trio.sleep_forever()


async def wait(worker: Worker) -> None:
    """Leave the result for later."""


async def double(value: int) -> int:
    await trio.lowlevel.checkpoint()
    return 2 * value


async def no_end(value: int) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize("two_phases", [False, True])
async def test_a_worker_does_a_job(runtime: Runtime, two_phases: bool) -> None:
    log: list[Any] = []
    script = job(send_result, worker=partial(Worker, log))
    desk = await open_desk(runtime.root, script, two_phase_commit=two_phases)
    assert desk.heard == [("interim", "half"), ("result", "done")]
    assert bool(log) is not two_phases
    await desk.finish()
    assert desk.is_clean
    commit = [("commit", "final ok")] if two_phases else []
    assert log == [*commit, ("terminate", Atom("normal"))]


async def test_the_class_of_the_saga_has_the_worker_that_is_taken(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Desk, "worker", Worker)
    desk = await open_desk(runtime.root, job(send_result))
    assert desk.heard[-1] == ("result", "done")


async def test_a_job_says_who_does_it(runtime: Runtime) -> None:
    desk = await open_desk(runtime.root, job(wait, worker=Worker))
    [worker] = desk.process.links
    assert desk.job.worker == worker
    assert desk.process.runtime.find(worker).label == "Worker"
    assert str(desk.job.work) == "Worker"
    assert str(desk.job).startswith("Job#")


@pytest.mark.parametrize("two_phases", [False, True])
async def test_a_cancel_before_the_worker_is_up_reaches_it_when_it_is(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, two_phases: bool
) -> None:
    up = trio.Event()

    async def init(self: Worker) -> None:
        await up.wait()

    log: list[Any] = []
    monkeypatch.setattr(Worker, "init", init)
    script = job(wait, worker=partial(Worker, log))
    desk = await open_desk(runtime.root, script, two_phase_commit=two_phases)
    # The saga does not wait for it either.
    await desk.give_up()
    assert desk.canceled == "why"
    assert log == []
    up.set()
    await settle()
    assert log == [("cancel", "why"), ("terminate", Atom("normal"))]
    assert desk.is_clean


@pytest.mark.parametrize("two_phases", [False, True])
@pytest.mark.parametrize("alone", [False, True])
async def test_a_cancel_of_one_who_works_tells_it(
    runtime: Runtime, two_phases: bool, alone: bool
) -> None:
    log: list[Any] = []
    script = job(wait, worker=partial(Worker, log))
    desk = await open_desk(runtime.root, script, two_phase_commit=two_phases)
    if alone:
        await desk.do(lambda self: self.cancel_job(self.job, "why"))
        assert desk.canceled is None
        await desk.finish()
    else:
        await desk.give_up()
        assert desk.canceled == "why"
    assert log == [("cancel", "why"), ("terminate", Atom("normal"))]
    assert desk.heard == []
    assert desk.is_clean


async def test_a_cancel_of_one_who_waits_for_the_commit_tells_it(
    runtime: Runtime,
) -> None:
    log: list[Any] = []
    script = job(send_result, worker=partial(Worker, log))
    desk = await open_desk(runtime.root, script, two_phase_commit=True)
    await desk.give_up()
    assert log == [("cancel", "why"), ("terminate", Atom("normal"))]
    assert desk.is_clean


async def test_a_cancel_of_one_who_is_done_tells_nobody(runtime: Runtime) -> None:
    log: list[Any] = []
    desk = await open_desk(runtime.root, job(send_result, worker=partial(Worker, log)))
    await desk.give_up()
    assert log == [("terminate", Atom("normal"))]
    assert desk.is_clean


async def fail(worker: Worker) -> None:
    raise ValueError("bad value")


async def stop(worker: Worker) -> Any:
    return Stop()


@pytest.mark.parametrize(
    ("value", "reason"),
    [(fail, b"builtins.ValueError"), (stop, "no result")],
)
async def test_a_worker_that_ends_without_a_result_has_failed(
    runtime: Runtime, value: Any, reason: Any
) -> None:
    desk = await open_desk(runtime.root, job(value, worker=Worker))
    told = desk.reason()
    assert (told[1] if isinstance(told, tuple) else told) == reason
    await desk.finish()
    assert desk.final == "final ok"
    assert desk.is_clean


@pytest.mark.parametrize(
    ("outcome", "reason"), [(IGNORE, "no result"), (Stop("unfit"), "unfit")]
)
async def test_a_worker_that_does_not_come_up_has_failed(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, outcome: Any, reason: str
) -> None:
    async def init(self: Worker) -> Any:
        return outcome

    monkeypatch.setattr(Worker, "init", init)
    desk = await open_desk(runtime.root, job(wait, worker=Worker))
    assert desk.reason() == reason
    await desk.finish()
    assert desk.is_clean


async def test_a_worker_that_cannot_be_made_has_failed_after_the_callback(
    runtime: Runtime,
) -> None:
    heard: list[Any] = []

    async def script(desk: Desk) -> None:
        tx = desk.tx
        await desk.start_job(tx, wait, worker=partial(Worker, 1, 2, 3))
        heard.extend(desk.heard)

    desk = await open_desk(runtime.root, script)
    assert heard == []
    assert desk.reason()[1] == b"builtins.TypeError"
    await desk.finish()
    assert desk.is_clean


async def test_a_job_for_which_there_is_no_room_has_failed(runtime: Runtime) -> None:
    async def script(desk: Desk) -> None:
        tx = desk.tx
        runtime.max_processes = len(runtime.processes)
        await desk.start_job(tx, wait, worker=Worker)

    desk = await open_desk(runtime.root, script)
    assert desk.reason() == "system_limit"


async def test_a_worker_that_is_late_is_ended(
    runtime: Runtime, autojump_clock: Any
) -> None:
    desk = await open_desk(runtime.root, job(hang, worker=Worker, timeout=5.0))
    assert desk.job.worker is not None
    await trio.sleep(4.9)
    assert desk.heard == []
    await trio.sleep(0.2)
    assert desk.reason() == "lifespan"
    await desk.finish()
    assert desk.is_clean


async def test_a_late_job_cancels_with_a_reason_that_says_so(
    runtime: Runtime, autojump_clock: Any
) -> None:
    class Usual(Desk):
        handle_job_failed = Saga.handle_job_failed

    script = job(hang, worker=Worker, timeout=5.0)
    desk = await open_desk(runtime.root, script, kind=Usual)
    await trio.sleep(5.1)
    assert desk.canceled == f"{desk.job} timed out"
    assert desk.is_clean


async def test_jobs_end_with_the_lifespan_of_their_transaction(
    runtime: Runtime, autojump_clock: Any
) -> None:
    log: list[Any] = []
    script = job(wait, worker=partial(Worker, log))
    desk = await open_desk(runtime.root, script, lifespan=5.0)
    await trio.sleep(5.1)
    assert log == [("cancel", desk.canceled), ("terminate", Atom("normal"))]
    assert desk.canceled == "end of lifespan"
    assert desk.is_clean


async def test_the_verbs_say_what_cannot_be(runtime: Runtime) -> None:
    async def script(desk: Desk) -> None:
        tx = desk.tx
        with pytest.raises(SagaNotAllowed, match="no worker"):
            await desk.start_job(tx, "value")
        with pytest.raises(EndOfLifespan):
            await desk.start_job(tx, "value", worker=Worker, timeout=61.0)
        with pytest.raises(ValueError, match="number of seconds"):
            await desk.start_job(tx, "value", worker=Worker, timeout=-1.0)
        for worker in "name", 5, Desk, int:
            with pytest.raises(TypeError, match="SagaWorker or a function"):
                await desk.start_job(tx, "value", worker=worker)
        for worker in None, Worker, ("module",), ("module", 5):
            with pytest.raises(TypeError, match="name of a program"):
                await desk.start_job(tx, "value", worker=worker, node="b@host")
        assert desk._machine.jobs == {}
        job = await desk.start_job(tx, wait, worker=Worker)
        with pytest.raises(TransactionInProgress):
            await desk.send_result(tx, "early")
        await desk.cancel_job(job.id)
        with pytest.raises(UnknownJob):
            await desk.cancel_job(job)
        await desk.send_result(tx, "result")
        with pytest.raises(SagaNotAllowed, match="its result is sent"):
            await desk.start_job(tx, wait, worker=Worker)

    desk = await open_desk(runtime.root, script)
    assert desk.final == "final result"

    async def too_late(desk: Desk) -> None:
        with pytest.raises(UnknownTransaction):
            await desk.start_job(desk.tx, wait, worker=Worker)

    await desk.do(too_late)


async def test_there_are_no_jobs_for_a_transaction_that_is_cancelled(
    runtime: Runtime,
) -> None:
    async def script(desk: Desk) -> None:
        tx = desk.tx
        await desk.cancel_transaction(tx, "why")
        with pytest.raises(TransactionCanceled):
            await desk.start_job(tx, wait, worker=Worker)

    assert (await open_desk(runtime.root, script)).canceled == "why"


async def test_jobs_are_undone_when_the_transaction_is_cancelled(
    runtime: Runtime,
) -> None:
    desk = await open_desk(runtime.root, job(1, worker=double, compensate="undo"))
    for value, worker in (2, double), (3, no_end):
        await desk.do(job(value, worker=worker, compensate=desk.undo))
    await desk.give_up()
    undone = [result for what, result in desk.heard if what == "undo"]
    assert undone == [None, 4, 2]
    assert desk.is_clean


@pytest.mark.parametrize("how", ["kill", "normal"])
async def test_workers_end_with_their_saga(runtime: Runtime, how: str) -> None:
    desk = await open_desk(runtime.root, job(wait, worker=Worker))
    [worker] = desk.process.links
    if how == "kill":
        desk.process.kill()
    else:
        await runtime.root.stop(desk.pid)
    await settle()
    assert runtime.find(worker) is None


async def test_what_is_no_worker_may_be_linked_to_a_saga(runtime: Runtime) -> None:
    infos: list[Any] = []

    async def script(desk: Desk) -> None:
        async def handle_info(message: Any) -> None:
            infos.append(message.reason)

        async def end(process: Any) -> None:
            raise Exit("friend")

        desk.handle_info = handle_info  # type: ignore[method-assign]
        await desk.spawn(end, link=True)

    await open_desk(runtime.root, script)
    assert infos == ["friend"]
