"""Errors of sagas."""

from __future__ import annotations

from typing import Any

from .base import ErgopyError
from .text import MAX_MESSAGE, shown


class SagaError(ErgopyError):
    """A saga did not do what it was asked for; nothing was changed or sent."""


class UnknownTransaction(SagaError):
    """The saga takes no part in that transaction, or not any more.

    ``transaction`` says which.
    """

    def __init__(self, transaction: Any) -> None:
        super().__init__(f"this saga does not know {shown(transaction)}")
        self.transaction = transaction


class TransactionCanceled(SagaError):
    """The transaction was cancelled before.

    ``transaction`` says which, and ``reason`` why: a text, or a term of the peer.
    """

    _says = " was cancelled"

    def __init__(self, transaction: Any, reason: Any) -> None:
        why = reason[:MAX_MESSAGE] if isinstance(reason, str) else shown(reason)
        super().__init__(f"{shown(transaction)}{self._says}: {why}")
        self.transaction = transaction
        self.reason = reason


class EndOfLifespan(TransactionCanceled):
    """Its lifespan was over; or a timeout is asked for that is longer than the rest."""

    # Who asked for too long has cancelled nothing.
    _says = ""


class NextTimeout(TransactionCanceled):
    """A saga that it was sent to did not give a result in time."""


class TransactionInProgress(SagaError):
    """Other sagas or jobs still work for it: there can be no result yet.

    ``transaction`` says which, ``open`` how many.
    """

    def __init__(self, transaction: Any, open: int) -> None:
        super().__init__(f"{shown(transaction)} waits for {open} steps and jobs")
        self.transaction = transaction
        self.open = open


class ResultAlreadySent(SagaError):
    """The result was sent before; there is one. ``what`` is a transaction or job."""

    def __init__(self, what: Any) -> None:
        super().__init__(f"the result of {shown(what)} was sent already")
        self.what = what


class SagaNotAllowed(SagaError):
    """The state of the transaction or job does not allow it; ``why`` says more."""

    def __init__(self, what: Any, why: str) -> None:
        super().__init__(f"{shown(what)}: {why}")
        self.what = what
        self.why = why


class HopLimitExceeded(SagaError):
    """The transaction has gone through as many sagas as it may."""

    def __init__(self, transaction: Any) -> None:
        super().__init__(f"{shown(transaction)} may not go to a further saga")
        self.transaction = transaction


class TooManyTransactions(SagaError):
    """The saga takes part in as many transactions as it may; ``limit`` of them."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"there are {limit} transactions already")
        self.limit = limit


class UnknownSaga(SagaError):
    """Nobody has that name on this node; ``saga`` is what was looked for."""

    def __init__(self, saga: Any) -> None:
        super().__init__(f"there is no saga {shown(saga)}")
        self.saga = saga


class UnknownJob(SagaError):
    """The job is over, was cancelled, or is of another saga; ``job`` says which."""

    def __init__(self, job: Any) -> None:
        super().__init__(f"there is no {shown(job)}")
        self.job = job


class SagaLogError(SagaError):
    """The log of a saga cannot be used; ``path`` is where it is, ``why`` says more."""

    def __init__(self, path: Any, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why
