"""The first phase: votes, and what they come to.

Nothing is decided unless all have said yes, and a decision is in the log before anybody
hears of it. So whoever asks about a transaction that its saga does not know may take it
for cancelled: *presumed abort*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import wire
from . import cancelling, committing, reasons, records
from .actions import Call, Finish, Tell
from .events import Voted
from .transaction import COMPLETED, DECIDED, PREPARED, VOTING

if TYPE_CHECKING:
    from .actions import Action
    from .events import Logged, Prepare, Vote
    from .machine import Machine
    from .transaction import SagaTransaction

PATIENCE = 5.0
"""Seconds after its vote that a saga asks what has been decided."""


def prepare(
    machine: Machine, tx: SagaTransaction, event: Prepare, now: float, out: list[Action]
) -> None:
    """Be asked for a vote, having sent the result."""
    if event.origin == tx.origin and not tx.canceling:
        tx.address = event.address
        vote(machine, tx, out)


def prepare_early(
    machine: Machine, tx: SagaTransaction, event: Prepare, now: float, out: list[Action]
) -> None:
    """Be asked before there is a result: by a saga that does not do as it should."""
    if event.origin == tx.origin:
        cancelling.cancel(machine, tx, reasons.NOT_DONE, now, out)


def prepare_again(
    machine: Machine, tx: SagaTransaction, event: Prepare, now: float, out: list[Action]
) -> None:
    """Say again what the vote was, if it has been given."""
    if event.origin == tx.origin and not tx.unsafe:
        out.append(Tell(event.sender, wire.vote(machine.me, tx.id, tx.origin)))


def prepare_unknown(
    machine: Machine, event: Prepare, now: float, out: list[Action]
) -> None:
    """Vote no: whatever was done here is lost, or was cancelled."""
    machine.refuse(event, reasons.UNKNOWN, out)


def vote(machine: Machine, tx: SagaTransaction, out: list[Action]) -> None:
    """Ask all below for their votes, and the callback for that of this saga."""
    tx.state = VOTING
    me, address = machine.me, machine.address
    tx.waits = set()
    for step in tx.steps.values():
        if step.joined and step.state is COMPLETED:
            tx.waits.add(step.id)
            out.append(Tell(step.peer, wire.prepare(me, tx.id, step.id, address)))
    machine.observe(out, "voting", tx)
    if "handle_tx_prepare" in machine.overrides:
        # What it does is followed by a commit or cancel, also after a restart.
        records.write(tx, (records.VOTING,), out, "voting")
    else:
        tx.told = True
        _count(machine, tx, out)


def logged(
    machine: Machine, tx: SagaTransaction, event: Logged, now: float, out: list[Action]
) -> None:
    """Have the saga itself vote."""
    if tx.state == VOTING and not tx.canceling:
        out.append(Call("handle_tx_prepare", (tx, tx.result), Voted(tx.id)))


def voted(
    machine: Machine, tx: SagaTransaction, event: Voted, now: float, out: list[Action]
) -> None:
    """Have the vote of this saga: yes, as it has not cancelled."""
    tx.told = True
    _count(machine, tx, out)


def yes(
    machine: Machine, tx: SagaTransaction, event: Vote, now: float, out: list[Action]
) -> None:
    """Have a vote from below."""
    tx.waits.discard(event.origin)
    _count(machine, tx, out)


def _count(machine: Machine, tx: SagaTransaction, out: list[Action]) -> None:
    if tx.waits or not tx.told or tx.canceling:
        return
    tx.told = False
    if tx.timer is not None:
        tx.timer.cancel()
        tx.timer = None
    below = records.below(tx)
    if tx.parent is None:
        tx.state = DECIDED
        records.write(tx, (records.DECISION, tx.result, below), out, "decision")
    else:
        tx.state = PREPARED
        tx.unsafe = True
        promise = (records.PREPARED, tx.address, tx.result, below)
        records.write(tx, promise, out, "prepared")


def decided(
    machine: Machine, tx: SagaTransaction, event: Any, now: float, out: list[Action]
) -> None:
    """Have decided, for good: the last word is the initiator's."""
    if "handle_tx_done" in machine.overrides or not tx.two_phase_commit:
        out.append(Finish(tx))
    else:
        committing.final(machine, tx, event, now, out)


def prepared(
    machine: Machine, tx: SagaTransaction, event: Logged, now: float, out: list[Action]
) -> None:
    """Vote yes, now that a restart would not change that."""
    tx.unsafe = False
    out.append(Tell(tx.parent, wire.vote(machine.me, tx.id, tx.origin)))
    machine.observe(out, "prepared", tx)
    committing.try_later(machine, tx, now + PATIENCE)
