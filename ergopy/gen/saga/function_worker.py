"""The worker of a job that is a function."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, final

from ...errors import TransactionCanceled
from ...node.exports import is_async
from .worker import SagaWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from .worker import WorkerJob


@final
class FunctionWorker(SagaWorker):
    """Calls a function with the value of its job; what that returns is the result.

    A coroutine function is cancelled when the job is cancelled, or late. A plain one
    runs in a thread, which Python cannot end: it goes on then, nobody waits for it, and
    what it returns is dropped. Meanwhile it takes one of the node's threads.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    async def handle_job_start(self, job: WorkerJob) -> None:
        # Beside the process, which has to hear of a cancel meanwhile.
        self.start_soon(self._work, job.value)

    async def _work(self, value: Any) -> None:
        if is_async(self._function):
            result = await self._function(value)
        else:
            run_sync = self.process.run_sync
            result = await run_sync(self._function, value, abandon_on_cancel=True)
        # If the cancel is here the process is about to end.
        with suppress(TransactionCanceled):
            await self.send_result(result)
