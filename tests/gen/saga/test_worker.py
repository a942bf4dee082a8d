"""The life of a SagaWorker, beside a process that only looks like a saga."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    Exit,
    MailboxFull,
    MailboxLimit,
    ResultAlreadySent,
    SagaNotAllowed,
    Stop,
    TransactionCanceled,
)
from ergopy.gen.saga import wire
from ergopy.gen.saga.jobs import Here
from ergopy.gen.saga.worker import SagaWorker
from etf import Atom, Charlist, Reference
from tests.runtimes import settle, sleeper

if TYPE_CHECKING:
    from ergopy import Pid, Process
    from ergopy.gen.saga.worker import WorkerJob
    from ergopy.process.runtime import Runtime

NORMAL = Atom("normal")


class Worker(SagaWorker):
    """Says all that it hears of, and does what the test says."""

    def __init__(self, *, traps: bool = False) -> None:
        self.heard: list[Any] = []
        self._traps = traps

    async def init(self) -> None:
        self.trap_exit = self._traps

    async def handle_job_start(self, job: WorkerJob) -> Any:
        self.heard.append(("start", job))
        if callable(job.value):
            return await job.value(self)
        return None

    async def handle_job_cancel(self, reason: Any) -> None:
        self.heard.append(("cancel", reason))

    async def handle_job_commit(self, final: Any) -> None:
        self.heard.append(("commit", final))

    async def handle_worker_terminate(self, reason: Any) -> None:
        self.heard.append(("terminate", reason))

    async def handle_cast(self, request: Any) -> Any:
        return await request(self)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return request

    async def handle_info(self, message: Any) -> None:
        self.heard.append(("info", message))


class Desk:
    """A stand-in for a saga: it is linked to one worker, and reads no mail."""

    def __init__(
        self, saga: Process, *, two_phases: bool = False, **options: Any
    ) -> None:
        self.saga = saga
        self.runtime = saga.runtime
        self.two_phases = two_phases
        self.worker = Worker(**options)
        self.pid: Pid = Here(lambda: self.worker, "worker").begin(saga)
        self.id = saga.new_ref()
        self.tx = saga.new_ref()

    async def tell(self, message: Any) -> None:
        self.runtime.root.send_one(self.pid, message)
        await settle()

    async def start(self, value: Any = "work") -> None:
        me, key = self.saga.pid, "key"
        await self.tell(
            wire.job_start(me, self.id, self.tx, key, value, self.two_phases)
        )

    async def cancel(self, reason: Any = "why", id: Reference | None = None) -> None:
        await self.tell(wire.job_cancel(self.saga.pid, id or self.id, reason))

    async def commit(self, final: Any = "final") -> None:
        await self.tell(wire.job_commit(self.saga.pid, self.id, final))

    async def do(self, function: Any) -> None:
        """Have the worker call ``function(worker)`` in a callback."""
        await self.runtime.root.cast(self.pid, function)
        await settle()

    @property
    def got(self) -> list[Any]:
        """What has come of the worker: results, interims, and the reason of its end."""
        return [self._read(message) for message in self.saga.messages()]

    def _read(self, message: Any) -> Any:
        match message:
            case ("EXIT", self.pid, reason):
                return "end", reason
            case (tag, self.pid, (self.id, value)):
                return str(tag).rpartition("_")[2], value
        return message

    @property
    def works(self) -> bool:
        return self.runtime.find(self.pid) is not None


@pytest.fixture
async def desk(runtime: Runtime) -> Desk:
    return Desk(sleeper(runtime, trap=True))


@pytest.fixture
async def desk2(runtime: Runtime) -> Desk:
    """The same, with two phases."""
    return Desk(sleeper(runtime, trap=True), two_phases=True)


async def send_result(worker: Worker) -> None:
    await worker.send_result("done")


async def send_interim(worker: Worker) -> None:
    await worker.send_interim("half")


async def send_both(worker: Worker) -> None:
    await send_interim(worker)
    await send_result(worker)


async def test_a_worker_sends_its_result_and_ends(desk: Desk) -> None:
    await desk.start(send_both)
    assert desk.got == [("interim", "half"), ("result", "done"), ("end", NORMAL)]
    assert desk.worker.heard[1:] == [("terminate", NORMAL)]


async def test_the_result_may_be_sent_from_a_later_callback(desk: Desk) -> None:
    await desk.start()
    assert desk.got == []
    assert desk.works
    await desk.do(send_result)
    assert desk.got == [("result", "done"), ("end", NORMAL)]


async def test_the_result_may_be_sent_from_a_helper_task(desk: Desk) -> None:
    async def begin(worker: Worker) -> None:
        worker.start_soon(send_result, worker)

    await desk.start(begin)
    assert desk.got == [("result", "done"), ("end", NORMAL)]


async def test_a_worker_knows_its_job(desk2: Desk) -> None:
    value = object()
    await desk2.start(value)
    [(_, job)] = desk2.worker.heard
    assert (job.id, job.transaction.id) == (desk2.id, desk2.tx)
    assert job.value is value
    assert job.two_phase_commit
    numbers = "{2}.{1}.{0}".format(*desk2.id.words)
    assert str(job) == f"Job#{numbers}"
    assert str(job.transaction).startswith("TX#")
    assert job.key.startswith("py@test/7/")
    assert job.key != job.transaction.key


async def test_with_two_phases_a_worker_waits_for_the_commit(desk2: Desk) -> None:
    await desk2.start(send_result)
    assert desk2.got == [("result", "done")]
    await desk2.commit()
    assert desk2.got[1:] == [("end", NORMAL)]
    assert desk2.worker.heard[1:] == [("commit", "final"), ("terminate", NORMAL)]


async def test_with_two_phases_a_worker_may_have_to_cancel_instead(desk2: Desk) -> None:
    await desk2.start(send_result)
    await desk2.cancel()
    assert desk2.got[1:] == [("end", NORMAL)]
    assert desk2.worker.heard[1:] == [("cancel", "why"), ("terminate", NORMAL)]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (Charlist("why"), "why"),
        (b"why", "why"),
        ([119, 104, 121], "why"),
        (Atom("why"), "why"),
        ((Atom("why"), 1), (Atom("why"), 1)),
    ],
)
async def test_a_reason_that_is_a_text_is_a_str(
    desk: Desk, sent: Any, read: Any
) -> None:
    await desk.start()
    await desk.tell((wire.JOB_CANCEL, desk.saga.pid, (desk.id, sent)))
    assert desk.worker.heard[1] == ("cancel", read)
    assert type(desk.worker.heard[1][1]) is type(read)


async def test_there_is_one_result(desk2: Desk) -> None:
    await desk2.start(send_result)

    async def again(worker: Worker) -> None:
        for verb in worker.send_result, worker.send_interim:
            with pytest.raises(ResultAlreadySent):
                await verb("more")

    await desk2.do(again)
    assert desk2.got == [("result", "done")]
    assert desk2.works


async def test_nothing_can_be_sent_before_there_is_a_job(desk: Desk) -> None:
    async def early(worker: Worker) -> None:
        for verb in worker.send_result, worker.send_interim:
            with pytest.raises(SagaNotAllowed, match="no job yet"):
                await verb("early")

    await desk.do(early)
    assert desk.works


@pytest.mark.parametrize("work", ["nothing", send_result])
async def test_after_a_cancel_nothing_can_be_sent(
    desk2: Desk, monkeypatch: pytest.MonkeyPatch, work: Any
) -> None:
    reasons: list[Any] = []

    async def cancel(worker: Worker, reason: Any) -> None:
        for verb in worker.send_result, worker.send_interim:
            with pytest.raises(TransactionCanceled) as caught:
                await verb("late")
            reasons.append(caught.value.reason)

    monkeypatch.setattr(Worker, "handle_job_cancel", cancel)
    await desk2.start(work)
    await desk2.cancel()
    assert reasons == ["why", "why"]
    assert ("end", NORMAL) in desk2.got


async def test_a_cancel_is_felt_while_the_work_goes_on(desk: Desk) -> None:
    go_on = trio.Event()

    async def work(worker: Worker) -> None:
        await go_on.wait()
        await worker.send_interim("half")

    await desk.start(work)
    await desk.cancel()
    assert desk.works
    go_on.set()
    await settle()
    # The error of the verb was not caught, and is no failure.
    assert desk.got == [("end", NORMAL)]
    assert desk.worker.heard[1:] == [("cancel", "why"), ("terminate", NORMAL)]


async def test_an_error_of_that_name_without_a_cancel_is_a_failure(desk: Desk) -> None:
    async def work(worker: Worker) -> None:
        raise TransactionCanceled("another one", "why")

    await desk.start(work)
    [(_, reason)] = desk.got
    assert reason[1].endswith(b"TransactionCanceled")


async def test_an_exception_is_the_reason_of_the_end(desk: Desk) -> None:
    async def fail(worker: Worker) -> None:
        raise KeyError("no such thing")

    await desk.start(fail)
    [(_, reason)] = desk.got
    assert reason[:3] == (Atom("python"), b"builtins.KeyError", b"'no such thing'")
    assert desk.worker.heard[1:] == [("terminate", reason)]


async def test_a_callback_may_say_stop(desk: Desk) -> None:
    async def stop(worker: Worker) -> Any:
        return Stop("enough")

    await desk.start(stop)
    assert desk.got == [("end", Atom("enough"))]


async def test_a_cancel_may_end_with_another_reason(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancel(worker: Worker, reason: Any) -> Any:
        return Stop("not undone")

    monkeypatch.setattr(Worker, "handle_job_cancel", cancel)
    await desk.start()
    await desk.cancel()
    assert desk.got == [("end", Atom("not undone"))]


async def test_a_result_that_was_refused_can_be_sent_again(runtime: Runtime) -> None:
    async def read_one(process: Process) -> None:
        await refusal.wait()
        await process.receive()
        room.set()
        await trio.sleep_forever()

    refusal, room = trio.Event(), trio.Event()
    desk = Desk(runtime.spawn(read_one, (), mailbox=MailboxLimit(1, policy="raise")))

    async def refused(worker: Worker) -> None:
        desk.saga.deliver("full")
        with pytest.raises(MailboxFull):
            await worker.send_result("lost")
        refusal.set()
        await room.wait()
        await worker.send_result("done")

    await desk.start(refused)
    assert desk.got == [("result", "done")]
    assert not desk.works


@pytest.mark.parametrize("reason", ["boom", "normal"])
@pytest.mark.parametrize("traps", [False, True])
async def test_a_worker_ends_with_its_saga(
    runtime: Runtime, reason: str, traps: bool
) -> None:
    async def live(process: Process) -> None:
        await over.wait()
        raise Exit(reason)

    over = trio.Event()
    desk = Desk(runtime.spawn(live, ()), two_phases=True, traps=traps)
    await desk.start(send_result)
    assert desk.works
    over.set()
    await settle()
    assert not desk.works
    # A signal that is not trapped ends a server at once, as in OTP.
    in_order = traps or reason == "normal"
    heard = [("terminate", Atom(reason))] if in_order else []
    assert desk.worker.heard[1:] == heard


async def test_what_is_not_about_its_job_is_an_info(desk2: Desk) -> None:
    await desk2.start(send_result)
    strange: list[Any] = [
        wire.job_cancel(desk2.saga.pid, desk2.tx, "another job"),
        wire.job_commit(desk2.saga.pid, desk2.tx, "another job"),
        wire.job_start(desk2.saga.pid, desk2.tx, desk2.tx, "key", "second", False),
        (wire.JOB_CANCEL, "no pid", (desk2.id, "why")),
        (wire.JOB_CANCEL, desk2.saga.pid, (desk2.id, "why", "too long")),
        (wire.JOB_COMMIT, desk2.saga.pid, "no tuple"),
        (b"$saga_job_cancel", desk2.saga.pid, (desk2.id, "why")),
        ("a", "b"),
        "text",
    ]
    for message in strange:
        await desk2.tell(message)
    assert desk2.worker.heard[1:] == [("info", message) for message in strange]
    await desk2.commit()
    assert desk2.worker.heard[-2] == ("commit", "final")


async def test_a_start_that_is_none_is_an_info(desk: Desk) -> None:
    bad = (wire.JOB_START, desk.saga.pid, (desk.id, "no ref", "key", "value", False))
    await desk.tell(bad)
    assert desk.worker.heard == [("info", bad)]


async def test_a_worker_is_a_server_as_well(desk: Desk) -> None:
    assert await desk.runtime.root.call(desk.pid, "ping") == "ping"


async def test_the_callbacks_of_a_worker_are_coroutine_functions() -> None:
    with pytest.raises(TypeError, match="handle_job_commit has to be an 'async def'"):

        class Plain(SagaWorker):
            def handle_job_commit(self, final: Any) -> None:  # type: ignore[override]
                pass
