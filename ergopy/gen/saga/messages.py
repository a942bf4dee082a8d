"""What a saga's ``handle_info`` is given about its transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .core.transaction import SagaStep, SagaTransaction


class SagaCanceled(NamedTuple):
    """A step with ``trap_cancel`` is over without a result; the transaction goes on."""

    transaction: SagaTransaction
    step: SagaStep
    reason: Any
    """A text, or a term of the peer."""


class SagaFailed(NamedTuple):
    """A message of a transaction could not be sent."""

    transaction: SagaTransaction
    step: SagaStep | None
    error: Exception
