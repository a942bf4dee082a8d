"""Why a transaction is cancelled: the texts, and the errors that they mean."""

from __future__ import annotations

from typing import Any, Final

from ....errors import EndOfLifespan, NextTimeout, TransactionCanceled
from ....errors.text import shown

EXCEED_TX_LIMIT: Final = "exceed_tx_limit"
LOOP_DETECTED: Final = "loop_detected"
UNKNOWN: Final = "unknown or canceled tx"
LIFESPAN: Final = "lifespan"
"""What ergo says, which its sagas do not pass on."""
END_OF_LIFESPAN: Final = "end of lifespan"
NOT_DONE: Final = "asked for a vote before the result"
PRESUMED: Final = "nothing was decided"
RESTARTED: Final = "restarted"

_TIMED_OUT: Final = "timed out"
_MAX_NAME = 200


def next_timeout(saga: Any) -> str:
    """Say that *saga* gave no result in time."""
    return f"next saga {_name(saga)} {_TIMED_OUT}"


def job_timeout(job: Any) -> str:
    """Say that a job gave no result in time."""
    return f"{job} {_TIMED_OUT}"


def next_down(saga: Any) -> str:
    """Say that *saga*, below, is gone."""
    return f"next saga {_name(saga)} is down"


def parent_down(saga: Any) -> str:
    """Say that *saga*, above, is gone."""
    return f"parent saga {_name(saga)} is down"


def error_of(reason: Any) -> type[TransactionCanceled]:
    """Return the error that a verb raises after a cancel with that reason."""
    if isinstance(reason, str):
        if reason in (LIFESPAN, END_OF_LIFESPAN):
            return EndOfLifespan
        if reason.startswith("next saga ") and reason.endswith(_TIMED_OUT):
            return NextTimeout
    return TransactionCanceled


def _name(saga: Any) -> str:
    match saga:
        case str():
            text = str(saga)
        case (str() as name, str() as node):
            text = f"{name!s} at {node!s}"
        case _:
            text = shown(saga)
    return text[:_MAX_NAME]
