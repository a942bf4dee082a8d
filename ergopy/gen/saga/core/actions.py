"""What a saga's machine wants done, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from etf import Pid, Reference

    from .transaction import SagaJob, SagaStep, SagaTransaction


class Tell(NamedTuple):
    """Send a message to a saga or a worker."""

    dest: Any
    message: Any


class Later(NamedTuple):
    """Take an event in a step of its own: a message from the saga to itself."""

    event: Any


class Watch(NamedTuple):
    """Monitor a saga that transactions wait for."""

    pid: Pid


class Unwatch(NamedTuple):
    """Stop that: none waits for it any more."""

    pid: Pid


class Demonitor(NamedTuple):
    """Stop the monitor that is a step's reference."""

    ref: Reference


class Call(NamedTuple):
    """Call ``handle_...``; then take *then*, if it is there."""

    callback: str
    args: tuple[Any, ...]
    then: Any = None


class Finish(NamedTuple):
    """Call ``handle_tx_done``, and take what it returns as ``Final``."""

    transaction: SagaTransaction


class Undo(NamedTuple):
    """Run the compensation of a step or job; then take ``Undone``."""

    transaction: SagaTransaction
    step: SagaStep | SagaJob


class Log(NamedTuple):
    """Write a record; when it is safe take *then*, if it is there."""

    id: Reference
    record: Any
    then: Any = None


class Forget(NamedTuple):
    """The records of the transaction are not needed any more."""

    id: Reference


class Launch(NamedTuple):
    """Start a worker for a job; then take ``Launched``, or ``NotLaunched``."""

    job: SagaJob


class Dismiss(NamedTuple):
    """Unlink a worker, and end it if *reason* is one."""

    worker: Pid
    reason: Any = None


class Observe(NamedTuple):
    """Something that an observer may want to know."""

    kind: str
    transaction: SagaTransaction
    step: SagaStep | SagaJob | None
    detail: Any


Action: TypeAlias = (
    Tell | Later | Watch | Unwatch | Demonitor | Call | Finish | Undo
    | Log | Forget | Launch | Dismiss | Observe
)  # fmt: skip
