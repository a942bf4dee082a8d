"""The end of a transaction without success: why, who is told, and what is undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Pid

from .. import wire
from ..messages import SagaCanceled
from . import jobs, reasons, records, undoing
from .actions import Call, Later, Tell
from .events import Called, OwnCancel
from .transaction import CANCELED, DROPPED, OPEN, SENT, UNDECIDED

if TYPE_CHECKING:
    from ....errors import TransactionCanceled
    from .actions import Action
    from .events import Cancel, CancelLater, LifespanOver, ParentDown, StepDown
    from .machine import Machine
    from .transaction import SagaStep, SagaTransaction

NOCONNECTION = "noconnection"


def cancel(
    machine: Machine,
    tx: SagaTransaction,
    reason: Any,
    now: float,
    out: list[Action],
    *,
    error: type[TransactionCanceled] | None = None,
    tell_parent: bool = True,
) -> None:
    """Cancel a transaction: tell all who take part, and undo what was done."""
    tx.state, tx.since = CANCELED, now
    tx.reason = reason
    tx.error = error or reasons.error_of(reason)
    me = machine.me
    if tx.parent is not None and tell_parent:
        as_text = _may_be_of_ergo(machine, tx.parent, tx.capable)
        message = wire.cancel_message(me, tx.id, tx.origin, reason, as_text=as_text)
        out.append(Tell(tx.parent, message))
    undo = undoing.needed(tx)
    jobs.cancel_all(machine, tx, reason, now, out)
    for step in tx.steps.values():
        if machine.loosen(step, out):
            as_text = _may_be_of_ergo(machine, step.peer, step.joined)
            message = wire.cancel_message(me, tx.id, step.id, reason, as_text=as_text)
            out.append(Tell(step.peer, message))
        if step.state is SENT:
            _drop(step, reason, now)
    machine.release(tx, out)
    tx.open = 0
    machine.observe(out, "cancel", tx, None, reason)
    tx.queue.extend(undo)
    tx.told = False
    tx.waits = set()
    out.append(Call("handle_tx_cancel", (tx, reason), Called(tx.id)))


def _may_be_of_ergo(machine: Machine, saga: Any, has_told: bool) -> bool:
    if has_told or isinstance(saga, str):
        return False
    node = saga[1] if saga.__class__ is tuple else saga.node
    return bool(node != machine.me.node)


def called(
    machine: Machine, tx: SagaTransaction, event: Called, now: float, out: list[Action]
) -> None:
    """Go on after ``handle_tx_cancel``: undo what was done, or be done."""
    tx.told = True
    undoing.go_on(machine, tx, now, out)


def cancel_later(
    machine: Machine,
    tx: SagaTransaction,
    event: CancelLater,
    now: float,
    out: list[Action],
) -> None:
    """Be told by the saga itself, in a callback: it happens after that."""
    tx.canceling = True
    tx.reason = event.reason
    out.append(Later(OwnCancel(tx.id, event.reason)))


def own(
    machine: Machine,
    tx: SagaTransaction,
    event: OwnCancel,
    now: float,
    out: list[Action],
) -> None:
    """Cancel as the saga itself has said."""
    cancel(machine, tx, event.reason, now, out)


def lifespan_over(
    machine: Machine,
    tx: SagaTransaction,
    event: LifespanOver,
    now: float,
    out: list[Action],
) -> None:
    """Cancel as it has taken too long."""
    cancel(machine, tx, reasons.END_OF_LIFESPAN, now, out)


def parent_down(
    machine: Machine,
    tx: SagaTransaction,
    event: ParentDown,
    now: float,
    out: list[Action],
) -> None:
    """Cancel as nobody is there any more who wants the result."""
    reason = reasons.parent_down(event.pid)
    cancel(machine, tx, reason, now, out, tell_parent=False)


def parent_down_in_doubt(
    machine: Machine,
    tx: SagaTransaction,
    event: ParentDown,
    now: float,
    out: list[Action],
) -> None:
    """Ask the saga above when it is there again; one without a name never will be."""
    if tx.address.__class__ is Pid and event.reason != NOCONNECTION:
        parent_down(machine, tx, event, now, out)


def told(
    machine: Machine, tx: SagaTransaction, event: Cancel, now: float, out: list[Action]
) -> None:
    """Be told to cancel: by the saga above, or by one below."""
    if _is_from_above(tx, event):
        cancel(machine, tx, event.reason, now, out, tell_parent=False)
        return
    step = _step_of(machine, tx, event)
    if step is None:
        return
    _take_back(machine, step, out)
    if step.trap_cancel and tx.state == OPEN:
        _trapped(machine, step, event.reason, now, out)
        return
    _drop(step, event.reason, now)
    cancel(machine, tx, event.reason, now, out)


def told_in_doubt(
    machine: Machine, tx: SagaTransaction, event: Cancel, now: float, out: list[Action]
) -> None:
    """Learn that it was not committed; only the saga above can know.

    One below that cancels now is of ergo, and has promised nothing.
    """
    if _is_from_above(tx, event):
        cancel(machine, tx, event.reason, now, out, tell_parent=False)
        return
    step = _step_of(machine, tx, event)
    if step is not None and not step.joined:
        _take_back(machine, step, out)
        _drop(step, event.reason, now)
        machine.observe(out, "dropped", tx, step, event.reason)


def _is_from_above(tx: SagaTransaction, event: Cancel) -> bool:
    return tx.parent is not None and event.origin == tx.origin


def _step_of(machine: Machine, tx: SagaTransaction, event: Cancel) -> SagaStep | None:
    step = machine.steps.get(event.origin)
    return None if step is None or step.transaction is not tx else step


def _take_back(machine: Machine, step: SagaStep, out: list[Action]) -> None:
    machine.loosen(step, out)
    if step.compensate is not None:
        # Its saga has undone it; nobody shall do so again after a restart.
        records.write(step.transaction, (records.UNDONE, step.id), out)


def lose(
    machine: Machine,
    step: SagaStep,
    reason: Any,
    now: float,
    out: list[Action],
    *,
    is_there: bool,
) -> None:
    """Give up a step that has no result: what it has done is not known.

    Args:
        is_there: Whether its saga can be told.
    """
    tx = step.transaction
    machine.loosen(step, out)
    if is_there:
        message = wire.cancel_message(machine.me, tx.id, step.id, reason)
        out.append(Tell(step.peer, message))
    if not step.trap_cancel or tx.state != OPEN:
        cancel(machine, tx, reason, now, out)
        return
    _trapped(machine, step, reason, now, out)
    undoing.lost(machine, tx, step, now, out)


def _trapped(
    machine: Machine, step: SagaStep, reason: Any, now: float, out: list[Action]
) -> None:
    tx = step.transaction
    if step.state is SENT:
        tx.open -= 1
    _drop(step, reason, now)
    machine.observe(out, "dropped", tx, step, reason)
    if not tx.canceling:
        out.append(Call("handle_info", (SagaCanceled(tx, step, reason),)))


def _drop(step: SagaStep, reason: Any, now: float) -> None:
    step.state = DROPPED
    step.reason = reason
    step.ended = now


def step_down(machine: Machine, event: StepDown, now: float, out: list[Action]) -> None:
    """Take the loss of a saga below; after the votes it does not matter any more."""
    step = machine.steps.pop(event.ref, None)
    if step is None:
        return
    if step.timer is not None:
        step.timer.cancel()
        step.timer = None
    if step.transaction.state in UNDECIDED:
        reason = reasons.next_down(step.saga)
        lose(machine, step, reason, now, out, is_there=False)
