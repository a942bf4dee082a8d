"""The second phase: all learn of the commit, and confirm it.

Those who do not are told again, as often as it takes. A saga of ergo is told once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Pid

from .. import wire
from . import cancelling, jobs, records
from .actions import Call, Tell
from .deadlines import backoff
from .events import Called, TryAgain
from .transaction import COMMITTED, COMPLETED

if TYPE_CHECKING:
    from .actions import Action
    from .events import Ack, Commit, Decide, Logged, ParentDown
    from .machine import Machine
    from .transaction import SagaTransaction


def decide(
    machine: Machine, tx: SagaTransaction, event: Decide, now: float, out: list[Action]
) -> None:
    """Learn that it is committed."""
    if event.origin != tx.origin:
        return
    tx.result = event.final
    tx.state = COMMITTED
    tx.unsafe = True
    # After a restart of the saga above it is this one that waits to be told.
    tx.parent = event.sender
    records.write(tx, (records.COMMITTED, tx.result), out, "committed")


def decide_again(
    machine: Machine, tx: SagaTransaction, event: Decide, now: float, out: list[Action]
) -> None:
    """Confirm once more."""
    if not tx.unsafe:
        out.append(Tell(event.sender, wire.ack(machine.me, tx.id, event.origin)))


def decide_unknown(
    machine: Machine, event: Decide, now: float, out: list[Action]
) -> None:
    """Confirm what was done with before: the first confirmation was lost."""
    out.append(Tell(event.sender, wire.ack(machine.me, event.id, event.origin)))


def committed(
    machine: Machine, tx: SagaTransaction, event: Logged, now: float, out: list[Action]
) -> None:
    """Confirm a commit that is safe here, pass it on, and do it."""
    tx.unsafe = False
    out.append(Tell(tx.parent, wire.ack(machine.me, tx.id, tx.origin)))
    commit(machine, tx, now, out)


def final(
    machine: Machine, tx: SagaTransaction, event: Any, now: float, out: list[Action]
) -> None:
    """Tell all below of the commit: at the initiator, after its last word."""
    tx.state = COMMITTED
    tx.told = True
    _pass_on(machine, tx, now, out)
    machine.observe(out, "commit", tx, None, tx.result)
    end_if_known(machine, tx, now, out)


def commit_as_ergo(
    machine: Machine, tx: SagaTransaction, event: Commit, now: float, out: list[Action]
) -> None:
    """Commit as a saga of ergo above says, which nobody has to confirm."""
    if event.origin != tx.origin:
        return
    tx.result = event.final
    tx.state = COMMITTED
    tx.canceling = False
    if tx.log_size:
        # Nothing may be undone after a restart.
        records.write(tx, (records.COMMITTED, tx.result), out, "committed_as_ergo")
    else:
        commit(machine, tx, now, out)


def committed_as_ergo(
    machine: Machine, tx: SagaTransaction, event: Logged, now: float, out: list[Action]
) -> None:
    """Pass on a commit that is safe here, and do it."""
    commit(machine, tx, now, out)


def commit(
    machine: Machine, tx: SagaTransaction, now: float, out: list[Action]
) -> None:
    """Pass a commit on, and call the callback."""
    _pass_on(machine, tx, now, out)
    machine.observe(out, "commit", tx, None, tx.result)
    out.append(Call("handle_tx_commit", (tx, tx.result), Called(tx.id)))


def _pass_on(
    machine: Machine, tx: SagaTransaction, now: float, out: list[Action]
) -> None:
    machine.release(tx, out)
    jobs.commit_all(machine, tx, tx.result, now, out)
    me, final = machine.me, tx.result
    tx.waits = set()
    tx.tries = 0
    for step in tx.steps.values():
        if step.state is not COMPLETED:
            continue
        if step.joined:
            tx.waits.add(step.id)
            out.append(Tell(step.peer, wire.decide(me, tx.id, step.id, final)))
        else:
            message = wire.commit_message(me, tx.id, step.id, final)
            out.append(Tell(step.peer, message))
    if tx.waits:
        try_later(machine, tx, now + 1.0)


def called(
    machine: Machine, tx: SagaTransaction, event: Called, now: float, out: list[Action]
) -> None:
    """Have called ``handle_tx_commit``."""
    tx.told = True
    end_if_known(machine, tx, now, out)


def acked(
    machine: Machine, tx: SagaTransaction, event: Ack, now: float, out: list[Action]
) -> None:
    """Have a commit confirmed."""
    tx.waits.discard(event.origin)
    end_if_known(machine, tx, now, out)


def end_if_known(
    machine: Machine, tx: SagaTransaction, now: float, out: list[Action]
) -> None:
    """Let the transaction go when all know of the commit."""
    if tx.told and not tx.waits:
        machine.end(tx, now, out)


def try_later(machine: Machine, tx: SagaTransaction, at: float) -> None:
    """Try again at that time, in the place of an earlier plan."""
    if tx.timer is not None:
        tx.timer.cancel()
    tx.timer = machine.deadlines.start(at, TryAgain(tx.id))


def tell_again(
    machine: Machine,
    tx: SagaTransaction,
    event: TryAgain,
    now: float,
    out: list[Action],
) -> None:
    """Tell those of the commit who have not confirmed it."""
    tx.tries += 1
    for id in sorted(tx.waits, key=lambda ref: ref.words):
        address = tx.steps[id].address
        if address.__class__ is Pid:
            # It has no name: if it is dead it never comes back.
            machine.hold(tx, address, out)
        out.append(Tell(address, wire.decide(machine.me, tx.id, id, tx.result)))
    if tx.waits:
        try_later(machine, tx, now + backoff(tx.tries))


def child_down(
    machine: Machine,
    tx: SagaTransaction,
    event: ParentDown,
    now: float,
    out: list[Action],
) -> None:
    """Give up one below that has not confirmed the commit, and is dead.

    If only the connection is lost it may be in doubt: it has to be told, or would take
    the transaction for cancelled.
    """
    if event.reason == cancelling.NOCONNECTION:
        return
    for id in [id for id in tx.waits if tx.steps[id].address == event.pid]:
        tx.waits.discard(id)
        machine.observe(out, "lost", tx, tx.steps[id])
    end_if_known(machine, tx, now, out)
