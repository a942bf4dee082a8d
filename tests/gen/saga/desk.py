"""A saga with jobs, and a worker, that do what the test says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy.gen.saga.saga import Saga
from ergopy.gen.saga.worker import SagaWorker
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ergopy import Process
    from ergopy.gen.saga.core.transaction import SagaJob, SagaTransaction
    from ergopy.gen.saga.worker import WorkerJob

    Script = Callable[["Desk"], Awaitable[Any]]


class Worker(SagaWorker):
    """Does what the value of its job is: a function, if it is one."""

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log = [] if log is None else log

    async def handle_job_start(self, job: WorkerJob) -> Any:
        return await job.value(self)

    async def handle_job_cancel(self, reason: Any) -> None:
        self.log.append(("cancel", reason))

    async def handle_job_commit(self, final: Any) -> None:
        self.log.append(("commit", final))

    async def handle_worker_terminate(self, reason: Any) -> None:
        self.log.append(("terminate", reason))


class Desk(Saga):
    """A saga that says what it hears of its jobs, and whose test says what it does."""

    tx: SagaTransaction
    job: SagaJob

    def __init__(self, script: Script, desks: list[Desk]) -> None:
        self._script = script
        desks.append(self)
        self.heard: list[Any] = []
        self.canceled: Any = None
        self.final: Any = None

    async def handle_tx_new(self, tx: SagaTransaction, value: Any) -> None:
        self.tx = tx
        await self._script(self)

    async def handle_tx_cancel(self, tx: SagaTransaction, reason: Any) -> None:
        self.canceled = reason

    async def handle_tx_done(self, tx: SagaTransaction, result: Any) -> Any:
        self.final = f"final {result}"
        return self.final

    async def handle_job_result(
        self, tx: SagaTransaction, job: SagaJob, result: Any
    ) -> None:
        self.heard.append(("result", result))

    async def handle_job_interim(
        self, tx: SagaTransaction, job: SagaJob, value: Any
    ) -> None:
        self.heard.append(("interim", value))

    async def handle_job_failed(
        self, tx: SagaTransaction, job: SagaJob, reason: Any
    ) -> None:
        self.heard.append(("failed", reason))

    async def handle_cast(self, request: Any) -> None:
        await request(self)

    async def undo(self, tx: SagaTransaction, job: SagaJob, result: Any) -> None:
        self.heard.append(("undo", result))

    async def do(self, function: Script) -> None:
        """Have the saga call ``function(self)`` in a callback."""
        await self.process.runtime.root.cast(self.pid, function)
        await settle()

    async def finish(self) -> None:
        """Send the result of the transaction."""
        await self.do(lambda self: self.send_result(self.tx, "ok"))

    async def give_up(self) -> None:
        """Cancel the transaction."""
        await self.do(lambda self: self.cancel_transaction(self.tx, "why"))

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left of any transaction, and no worker lives."""
        machine = self._machine
        tables = machine.transactions, machine.jobs, machine.workers
        its = [self.process.links, machine.deadlines, *tables]
        return not any(map(len, its))

    def reason(self) -> Any:
        """Return why the one job has failed."""
        [(what, reason)] = self.heard
        assert what == "failed"
        return reason


async def open_desk(
    starter: Process, script: Script, kind: type[Desk] | None = None, **options: Any
) -> Desk:
    """Start a saga, and a transaction with *options*, which begins with *script*."""
    desks: list[Desk] = []
    pid = await starter.start(kind or Desk, script=script, desks=desks)
    [desk] = desks
    await starter.cast(pid, lambda self: self.start_transaction("value", **options))
    await settle()
    return desk


def job(value: Any = None, **options: Any) -> Script:
    """Make a script that starts one job."""

    async def script(desk: Desk) -> None:
        desk.job = await desk.start_job(desk.tx, value, **options)

    return script
