"""What a saga of one's own says: its options, and what it does when."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ..server import GenServer

if TYPE_CHECKING:
    from pathlib import Path

    from .core.transaction import SagaJob, SagaStep, SagaTransaction
    from .log import SagaLog
    from .worker import SagaWorker

MAX_TRANSACTIONS = 100_000


class SagaCallbacks(GenServer):
    """The part of a saga that is overridden, but for ``handle_job_failed``."""

    max_transactions: int | None = MAX_TRANSACTIONS
    """In how many transactions it takes part at most; None is any number. A further one
    is refused. ``init`` may set it, :meth:`set_max_transactions` later. 0, any number,
    in ergo."""

    worker: type[SagaWorker] | None = None
    """What :meth:`start_job` starts unless it is told; ``init`` may set it."""

    log: SagaLog | str | Path | None = None
    """Where it keeps what has to outlive it: a path, or a :class:`ergopy.SagaLog`. None
    is a file of the node if the saga is started under a name, else memory. It is only
    touched by transactions with two phases, and steps with ``compensate=``."""

    history: int = 100
    """How many transactions that are over it remembers, to be looked at. With
    their values and results: if these are large, fewer are better."""

    events: Any = None
    """The name of an event that it publishes what happens under; see
    :class:`ergopy.SagaEvent`. None is none."""

    _callbacks = GenServer._callbacks | {
        "handle_tx_new",
        "handle_tx_result",
        "handle_tx_interim",
        "handle_tx_prepare",
        "handle_tx_done",
        "handle_tx_commit",
        "handle_tx_cancel",
        "handle_job_result",
        "handle_job_interim",
        "handle_job_failed",
    }

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # One with a typo would never be called, and nothing be undone.
        for name in vars(cls).keys() - cls._callbacks:
            if name.startswith(("handle_tx_", "handle_job_")):
                meant = get_close_matches(name, cls._callbacks, 1)
                hint = f"; did you mean {meant[0]}?" if meant else ""
                raise TypeError(f"{cls.__qualname__}.{name}: no such callback{hint}")

    async def handle_tx_new(self, tx: SagaTransaction, value: Any) -> Any:
        """Begin with a transaction that came from another saga, or was started here."""
        raise NotImplementedError(f"no handle_tx_new for {tx}")

    async def handle_tx_result(
        self, tx: SagaTransaction, step: SagaStep, result: Any
    ) -> Any:
        """Take the result of a saga; *step* is what :meth:`next` returned."""
        raise NotImplementedError(f"no handle_tx_result for {tx}")

    async def handle_tx_interim(
        self, tx: SagaTransaction, step: SagaStep, value: Any
    ) -> Any:
        """Take what a saga tells before its result."""

    async def handle_tx_prepare(self, tx: SagaTransaction, result: Any) -> Any:
        """Vote, with two phases: after this a restart must not change anything.

        To refuse: ``await self.cancel_transaction(tx, reason)`` in here. *result* is
        what this saga has sent; at the initiator it is that of all. It is called only
        where the way from the initiator has sagas of ergopy on it; ergo has no such
        thing.
        """

    async def handle_tx_done(self, tx: SagaTransaction, result: Any) -> Any:
        """Have the result of a transaction that was started here; it can not fail now.

        With two phases what this returns is the *final* value that all get with the
        commit: *result*, unless overridden. In ergo an error here is a last veto, and
        the default is one; here that is :meth:`handle_tx_prepare`.
        """
        return result

    async def handle_tx_commit(self, tx: SagaTransaction, final: Any) -> Any:
        """Learn that a transaction with two phases, started elsewhere, is committed."""

    async def handle_tx_cancel(self, tx: SagaTransaction, reason: Any) -> Any:
        """Undo what this saga did; *reason* is a text, or a term of the peer.

        Compensations (``compensate=``) run after it.
        """

    async def handle_job_result(
        self, tx: SagaTransaction, job: SagaJob, result: Any
    ) -> Any:
        """Take the result of a job."""
        raise NotImplementedError(f"no handle_job_result for {job}")

    async def handle_job_interim(
        self, tx: SagaTransaction, job: SagaJob, value: Any
    ) -> Any:
        """Take what a job tells before its result."""
