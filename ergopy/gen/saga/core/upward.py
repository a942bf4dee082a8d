"""The result of a transaction: to the saga above, or to the initiator itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....errors import TransactionInProgress
from .. import wire
from . import records, voting
from .actions import Finish, Later, Tell
from .events import OwnResult
from .transaction import DECIDED, FINISHED, WAITING

if TYPE_CHECKING:
    from .actions import Action
    from .events import Final, Logged, SendInterim, SendResult
    from .machine import Machine
    from .transaction import SagaTransaction


def send_result(
    machine: Machine,
    tx: SagaTransaction,
    event: SendResult,
    now: float,
    out: list[Action],
) -> None:
    """Send the result; without two phases a saga in the middle is done with it."""
    if tx.open:
        raise TransactionInProgress(tx, tx.open)
    tx.result = event.value
    tx.state = WAITING
    if tx.parent is None:
        out.append(Later(OwnResult(tx.id)))
    elif tx.two_phase_commit:
        _send(machine, tx, out)
    elif tx.log_size:
        # Whoever gets the result takes over: nothing may be undone here any more.
        tx.state = FINISHED
        tx.told = False
        records.write(tx, (records.FINAL, tx.result), out, "result")
    else:
        _hand_over(machine, tx, now, out)


def logged(
    machine: Machine, tx: SagaTransaction, event: Logged, now: float, out: list[Action]
) -> None:
    """Send the result that was logged."""
    _hand_over(machine, tx, now, out)


def _hand_over(
    machine: Machine, tx: SagaTransaction, now: float, out: list[Action]
) -> None:
    _send(machine, tx, out)
    _be_done(machine, tx, now, out)


def _be_done(
    machine: Machine, tx: SagaTransaction, now: float, out: list[Action]
) -> None:
    tx.state = FINISHED
    tx.told = True
    machine.observe(out, "done", tx)
    machine.end(tx, now, out)


def _send(machine: Machine, tx: SagaTransaction, out: list[Action]) -> None:
    message = wire.result_message(machine.me, tx.id, tx.origin, tx.result)
    out.append(Tell(tx.parent, message))


def send_interim(
    machine: Machine,
    tx: SagaTransaction,
    event: SendInterim,
    now: float,
    out: list[Action],
) -> None:
    """Tell the saga above something; at the initiator there is nobody to tell."""
    if tx.parent is not None:
        message = wire.interim_message(machine.me, tx.id, tx.origin, event.value)
        out.append(Tell(tx.parent, message))


def own_result(
    machine: Machine,
    tx: SagaTransaction,
    event: OwnResult,
    now: float,
    out: list[Action],
) -> None:
    """Have the result of an own transaction: it is decided, or voted on."""
    if tx.canceling:
        return
    if tx.two_phase_commit:
        voting.vote(machine, tx, out)
        return
    if tx.timer is not None:
        tx.timer.cancel()
    tx.state = DECIDED
    if tx.log_size:
        records.write(tx, (records.DECISION, tx.result, []), out, "decision")
    else:
        out.append(Finish(tx))


def final(
    machine: Machine, tx: SagaTransaction, event: Final, now: float, out: list[Action]
) -> None:
    """Have what ``handle_tx_done`` says that all are to get."""
    tx.result = event.value
    if tx.two_phase_commit:
        records.write(tx, (records.FINAL, tx.result), out, "final")
        return
    _be_done(machine, tx, now, out)
