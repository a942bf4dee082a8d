"""What a saga's ``handle_info`` is given about its transactions.

Tuples with their parts as attributes, as ``Down`` is one: they match by their class,
``case SagaCanceled(tx, step, reason)``, and ``@on_info`` handlers take them. No limit
of a mailbox keeps them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self, final

from etf import Atom

from ...process.messages import SystemMessage

if TYPE_CHECKING:
    from .core.transaction import SagaStep, SagaTransaction

SAGA_CANCELED: Final = Atom("saga_canceled")
SAGA_FAILED: Final = Atom("saga_failed")


class _OfTransaction(SystemMessage):
    __slots__ = ()

    @property
    def transaction(self) -> SagaTransaction:
        """The transaction."""
        return self[1]  # type: ignore[no-any-return]


@final
class SagaCanceled(_OfTransaction):
    """A step with ``trap_cancel`` is over without a result; the transaction goes on."""

    __slots__ = ()
    __match_args__ = ("transaction", "step", "reason")

    def __new__(
        cls, transaction: SagaTransaction, step: SagaStep, reason: object
    ) -> Self:
        return tuple.__new__(cls, (SAGA_CANCELED, transaction, step, reason))

    @property
    def step(self) -> SagaStep:
        """The step."""
        return self[2]  # type: ignore[no-any-return]

    @property
    def reason(self) -> Any:
        """A text, or a term of the peer."""
        return self[3]


@final
class SagaFailed(_OfTransaction):
    """A message of a transaction could not be sent."""

    __slots__ = ()
    __match_args__ = ("transaction", "step", "error")

    def __new__(
        cls, transaction: SagaTransaction, step: SagaStep | None, error: Exception
    ) -> Self:
        return tuple.__new__(cls, (SAGA_FAILED, transaction, step, error))

    @property
    def step(self) -> SagaStep | None:
        """The step that it was for; None if it was for the saga above."""
        return self[2]  # type: ignore[no-any-return]

    @property
    def error(self) -> Exception:
        """Why it could not: ``MailboxFull``, or it was no term."""
        return self[3]  # type: ignore[no-any-return]
