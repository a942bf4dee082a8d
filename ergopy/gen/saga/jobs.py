"""Starting the worker of a job: a class, a function, or a program of another node.

Nothing here waits for a worker to be up: its ``init`` may take long, and so may another
node. It is linked to the saga from before its first step. What it is to do it is told
by the machine, when that hears that it is there.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ...errors import SystemLimit
from ...process import reasons
from ...process.atoms import ANCESTORS, OK, SYSTEM_LIMIT
from ...process.start import lineage
from .core.events import Launched, NotLaunched
from .function_worker import FunctionWorker
from .worker import SagaWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Pid

    from ...process.process import Process
    from .core.transaction import SagaJob
    from .saga import Saga

START = "start"
"""The function of a program that is named by its module alone."""


class Here(NamedTuple):
    """A worker of this node."""

    make: Callable[[], SagaWorker]
    name: str

    def __str__(self) -> str:
        return self.name

    def begin(self, saga: Process) -> Pid:
        """Start it, linked to *saga*, and return its pid before its first step."""
        worker = self.make()
        runtime = saga.runtime
        process = runtime.create(worker.enter, parent=saga, label=self.name)
        process.dictionary[ANCESTORS] = lineage(saga)
        saga.link_nowait(process.pid)
        runtime.begin(process, worker.enter, ((),))
        return process.pid


class There(NamedTuple):
    """A program that a node provides: a worker's class, or one that acts like it."""

    node: str
    module: str
    function: str

    def __str__(self) -> str:
        return f"{self.module}:{self.function} on {self.node}"


Work: TypeAlias = Here | There


def work_for(saga: Saga, worker: Any, node: str | None, value: Any) -> Work | None:
    """Return what is to do a job: see ``Saga.start_job``. None if nothing is.

    Raises:
        TypeError: *worker* is nothing that can do it.
        etf.EncodeError: *value* cannot be sent to *node*.
    """
    if node is not None:
        return _there(saga, worker, node, value)
    worker = saga.worker if worker is None else worker
    if worker is None:
        return None
    program = worker
    while isinstance(program, partial):
        program = program.func
    name = str(getattr(program, "__qualname__", program))
    if isinstance(program, type):
        if not issubclass(program, SagaWorker):
            raise TypeError(f"worker= is a SagaWorker or a function, not {program!r}")
        return Here(worker, name)
    if not callable(program):
        raise TypeError(f"worker= is a SagaWorker or a function, not {program!r}")
    return Here(partial(FunctionWorker, worker), name)


def _there(saga: Saga, worker: Any, node: str, value: Any) -> There:
    if isinstance(worker, str):
        worker = (worker, START)
    match worker:
        case (str() as module, str() as function):
            pass
        case _:
            raise TypeError(
                "with node= worker= is the name of a program that is provided there, "
                f"or (module, function), not {worker!r}"
            )
    runtime = saga.process.runtime
    if not runtime.is_local(node):
        runtime.remote_node(node).encode(value)
    return There(node, module, function)


async def launch(saga: Saga, job: SagaJob) -> None:
    """Start the worker of a job.

    The machine hears of it by ``Launched``; by ``NotLaunched`` if that cannot be, or by
    the answer of another node: see :func:`answered`.
    """
    work: Work = job.work
    try:
        if isinstance(work, There):
            await saga.spawn_request(*work, link=True, reply_tag=job)
            return
        worker = work.begin(saga.process)
    except SystemLimit:
        saga._later(NotLaunched(job.id, SYSTEM_LIMIT))
    except Exception as error:
        saga._later(NotLaunched(job.id, reasons.from_exception(error)))
    else:
        await saga._take(Launched(job.id, worker))


async def answered(saga: Saga, answer: tuple[SagaJob, Any, Any, Any]) -> None:
    """Take the answer of another node, ``(job, reference, ok | error, result)``."""
    job, _, kind, result = answer
    if kind is OK:
        await saga._take(Launched(job.id, result))
    else:
        await saga._take(NotLaunched(job.id, result))
