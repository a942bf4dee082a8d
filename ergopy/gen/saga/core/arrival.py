"""How a transaction comes to a saga: it is started there, or another one sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....errors import TooManyTransactions
from .. import wire
from . import cancelling, reasons
from .actions import Later, Tell
from .events import Begin, Cancel, LifespanOver, Next, Start
from .transaction import OPEN, SENT, SagaTransaction

if TYPE_CHECKING:
    from .actions import Action
    from .machine import Machine
    from .transaction import SagaStep


def start(machine: Machine, event: Start, now: float, out: list[Action]) -> None:
    """Begin a transaction of this saga's own; its first callback comes by a message."""
    limit = machine.max_transactions
    if limit is not None and len(machine.transactions) >= limit:
        raise TooManyTransactions(limit)
    tx = event.transaction
    tx.parents = [machine.me]
    _enter(machine, tx)
    out.append(Later(Begin(tx.id)))
    machine.observe(out, "started", tx)


def begin(
    machine: Machine, tx: SagaTransaction, event: Begin, now: float, out: list[Action]
) -> None:
    """Call the first callback of an own transaction."""
    machine.call(out, tx, "handle_tx_new", tx.value)


def arrive(machine: Machine, event: Next, now: float, out: list[Action]) -> None:
    """Take part in a transaction that another saga sends."""
    if machine.me in event.parents:
        # It was here, and is over here; those below have not heard of it yet.
        machine.refuse(event, reasons.LOOP_DETECTED, out)
        return
    limit = machine.max_transactions
    if limit is not None and len(machine.transactions) >= limit:
        machine.refuse(event, reasons.EXCEED_TX_LIMIT, out)
        return
    sender = event.sender
    tx = SagaTransaction(
        event.id,
        event.value,
        hops_left=event.hop_limit,
        lifespan=event.lifespan,
        two_phase_commit=event.two_phase_commit,
        now=now,
        origin=event.origin,
        parent=sender,
        parents=[sender, *event.parents],
        capable=event.capable,
    )
    _enter(machine, tx)
    if event.capable and event.two_phase_commit:
        message = wire.joined(machine.me, tx.id, event.origin, machine.address)
        out.append(Tell(sender, message))
    machine.observe(out, "started", tx)
    machine.call(out, tx, "handle_tx_new", tx.value)
    # Behind the callback: one that is done with it then needs no monitor.
    machine.hold(tx, sender, out)


def refuse_loop(
    machine: Machine, tx: SagaTransaction, event: Next, now: float, out: list[Action]
) -> None:
    """Refuse a transaction that came here before, by another way.

    If it comes back from where it was sent, that step is over as well: a saga of ergo
    takes the refusal for the word of the saga above, and does not answer it.
    """
    reason = reasons.LOOP_DETECTED
    machine.refuse(event, reason, out)
    step = _step_to(machine, tx, event)
    if step is not None:
        back = Cancel(event.sender, tx.id, step.id, reason)
        cancelling.told(machine, tx, back, now, out)


def _step_to(machine: Machine, tx: SagaTransaction, event: Next) -> SagaStep | None:
    """Return the step that led to the sender, if that is known."""
    if tx.state is not OPEN or event.parents[0] != machine.me:
        return None
    # One that has joined is of ergopy: it says itself what comes of the refusal.
    waiting = [
        step for step in tx.steps.values() if step.state is SENT and not step.joined
    ]
    for step in waiting:
        if step.peer == event.sender:
            return step
    named = [step for step in waiting if _is_named_at(step, event.sender.node)]
    return named[0] if len(named) == 1 else None


def _is_named_at(step: SagaStep, node: str) -> bool:
    address = step.address
    return address.__class__ is tuple and address[1] == node


def _enter(machine: Machine, tx: SagaTransaction) -> None:
    machine.transactions[tx.id] = tx
    tx.timer = machine.deadlines.start(tx.deadline, LifespanOver(tx.id))
