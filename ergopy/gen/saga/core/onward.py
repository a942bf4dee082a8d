"""A transaction on its way through further sagas: steps, and what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import wire
from . import cancelling, reasons, records
from .actions import Tell
from .events import StepLate
from .transaction import COMPLETED, SENT

if TYPE_CHECKING:
    from .actions import Action
    from .events import Interim, Joined, Logged, NextStep, Result
    from .machine import Machine
    from .transaction import SagaStep, SagaTransaction


def send(
    machine: Machine,
    tx: SagaTransaction,
    event: NextStep,
    now: float,
    out: list[Action],
) -> None:
    """Send a transaction to a further saga; one with a compensation is logged first."""
    step = event.step
    if not tx.steps:
        tx.steps = {}
    tx.steps[step.id] = machine.steps[step.id] = step
    tx.open += 1
    step.sent = now
    if step.timeout is not None:
        late = StepLate(step.id)
        step.timer = machine.deadlines.start(now + step.timeout, late)
    if step.compensate is None:
        _send(machine, tx, step, now, out)
    else:
        records.write(tx, records.step(step), out, "step", step.id)


def logged(
    machine: Machine, tx: SagaTransaction, event: Logged, now: float, out: list[Action]
) -> None:
    """Send what was logged, if it is still wanted."""
    step = None if event.of is None else machine.steps.get(event.of)
    if step is not None and step.state is SENT:
        _send(machine, tx, step, now, out)


def _send(
    machine: Machine,
    tx: SagaTransaction,
    step: SagaStep,
    now: float,
    out: list[Action],
) -> None:
    until = tx.deadline if step.timer is None else step.timer.at
    message = wire.next_message(
        machine.me,
        tx.id,
        step.id,
        step.value,
        tx.parents,
        tx.hops_left - 1,
        until - now,
        tx.two_phase_commit,
        # One that has a saga of ergo above must not promise more than that keeps.
        tx.two_phase_commit and (tx.parent is None or tx.capable),
    )
    out.append(Tell(step.peer, message))
    machine.observe(out, "hop", tx, step)


def joined(
    machine: Machine, tx: SagaTransaction, event: Joined, now: float, out: list[Action]
) -> None:
    """Take note that the saga below knows how to prepare."""
    step = tx.steps.get(event.origin)
    if step is not None:
        step.joined = True
        step.peer = event.sender
        step.address = event.address


def result(
    machine: Machine, tx: SagaTransaction, event: Result, now: float, out: list[Action]
) -> None:
    """Take the result of a step; with two phases it stays, until the commit."""
    step = tx.steps.get(event.origin)
    if step is None or step.state is not SENT:
        return
    step.state = COMPLETED
    step.ended = now
    step.peer = event.sender
    tx.open -= 1
    if not tx.two_phase_commit:
        machine.loosen(step, out)
    elif step.timer is not None:
        step.timer.cancel()
        step.timer = None
    records.complete(tx, step, event.value, out)
    machine.observe(out, "result", tx, step, event.value)
    machine.call(out, tx, "handle_tx_result", step, event.value)


def interim(
    machine: Machine, tx: SagaTransaction, event: Interim, now: float, out: list[Action]
) -> None:
    """Take what a step tells before its result."""
    step = machine.steps.get(event.origin)
    if step is None or step.transaction is not tx:
        refuse_interim(machine, event, now, out)
        return
    machine.observe(out, "interim", tx, step, event.value)
    machine.call(out, tx, "handle_tx_interim", step, event.value)


def refuse_interim(
    machine: Machine, event: Interim, now: float, out: list[Action]
) -> None:
    """Let a saga know that nobody waits for what it does."""
    machine.refuse(event, reasons.UNKNOWN, out)


def refuse_late_interim(
    machine: Machine, tx: SagaTransaction, event: Interim, now: float, out: list[Action]
) -> None:
    """Let a saga know that the transaction was cancelled."""
    refuse_interim(machine, event, now, out)


def late(machine: Machine, event: StepLate, now: float, out: list[Action]) -> None:
    """Take the end of a step's time."""
    step = machine.steps.get(event.id)
    if step is not None and step.state is SENT:
        reason = reasons.next_timeout(step.saga)
        cancelling.lose(machine, step, reason, now, out, is_there=True)
