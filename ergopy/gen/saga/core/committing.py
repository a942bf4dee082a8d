"""The two phases: votes, the decision, and that all learn of it.

Nothing is decided unless all have said yes, and a decision is in the log before anybody
hears of it. So whoever asks about a transaction that its saga does not know may take it
for cancelled: *presumed abort*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Pid

from .. import wire
from . import cancelling, jobs, reasons, records
from .actions import Call, Finish, Tell
from .events import Called, TryAgain, Voted
from .transaction import COMMITTED, COMPLETED, DECIDED, PREPARED, VOTING

if TYPE_CHECKING:
    from .actions import Action
    from .events import Ack, Ask, Commit, Decide, Logged, Prepare, Vote
    from .machine import Machine
    from .transaction import SagaTransaction

PATIENCE = 5.0
"""Seconds after its vote that a saga asks what has been decided."""
MOST_PATIENCE = 60.0
"""Seconds between two tries, in the end."""
MAX_TRIES_UNNAMED = 20
"""How often one without a name is told of a commit that it does not confirm."""


def prepare(
    machine: Machine, tx: SagaTransaction, event: Prepare, now: float, out: list[Action]
) -> None:
    """Be asked for a vote, having sent the result."""
    tx.address = event.address
    vote(machine, tx, out)


def prepare_early(
    machine: Machine, tx: SagaTransaction, event: Prepare, now: float, out: list[Action]
) -> None:
    """Be asked before there is a result: by a saga that does not do as it should."""
    cancelling.cancel(machine, tx, reasons.NOT_DONE, now, out)


def prepare_again(
    machine: Machine, tx: SagaTransaction, event: Prepare, now: float, out: list[Action]
) -> None:
    """Say again what the vote was, if it has been given."""
    if not tx.unsafe:
        out.append(Tell(event.sender, wire.vote(machine.me, tx.id, tx.origin)))


def prepare_unknown(
    machine: Machine, event: Prepare, now: float, out: list[Action]
) -> None:
    """Vote no: whatever was done here is lost, or was cancelled."""
    message = wire.cancel_message(machine.me, event.id, event.origin, reasons.UNKNOWN)
    out.append(Tell(event.sender, message))


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
        final(machine, tx, event, now, out)


def prepared(
    machine: Machine, tx: SagaTransaction, event: Logged, now: float, out: list[Action]
) -> None:
    """Vote yes, now that a restart would not change that."""
    tx.unsafe = False
    out.append(Tell(tx.parent, wire.vote(machine.me, tx.id, tx.origin)))
    machine.observe(out, "prepared", tx)
    try_later(machine, tx, now + PATIENCE)


def decide(
    machine: Machine, tx: SagaTransaction, event: Decide, now: float, out: list[Action]
) -> None:
    """Learn that it is committed."""
    if event.origin != tx.origin:
        return
    tx.result = event.final
    tx.state = COMMITTED
    tx.unsafe = True
    machine.let_go(tx, out)
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


def backoff(tries: int) -> float:
    """Say for how many seconds to wait before one more try."""
    return min(2.0 ** min(tries, 10), MOST_PATIENCE)


def ask(
    machine: Machine,
    tx: SagaTransaction,
    event: Any,
    now: float,
    out: list[Action],
) -> None:
    """Be in doubt, and ask the saga above what was decided."""
    if tx.address.__class__ is Pid:
        # After a restart, or the loss of the connection, it may be dead.
        machine.hold(tx, tx.address, out)
    out.append(
        Tell(tx.address, wire.ask(machine.me, tx.id, tx.origin, machine.address))
    )
    try_later(machine, tx, now + backoff(tx.tries))
    tx.tries += 1
    machine.observe(out, "asking", tx)


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
        step = tx.steps[id]
        if tx.tries > MAX_TRIES_UNNAMED and step.address.__class__ is Pid:
            tx.waits.discard(id)
            machine.observe(out, "lost", tx, step)
            continue
        message = wire.decide(machine.me, tx.id, id, tx.result)
        out.append(Tell(step.address, message))
    if tx.waits:
        try_later(machine, tx, now + backoff(tx.tries))
    end_if_known(machine, tx, now, out)


def answer(
    machine: Machine, tx: SagaTransaction, event: Ask, now: float, out: list[Action]
) -> None:
    """Tell one in doubt of the commit, if it is safe."""
    if note_address(machine, tx, event, now, out) and not tx.unsafe:
        message = wire.decide(machine.me, tx.id, event.origin, tx.result)
        out.append(Tell(event.sender, message))


def note(
    machine: Machine, tx: SagaTransaction, event: Ask, now: float, out: list[Action]
) -> None:
    """Take note of where one in doubt is; it will be told when that is known."""
    note_address(machine, tx, event, now, out)


def note_address(
    machine: Machine, tx: SagaTransaction, event: Ask, now: float, out: list[Action]
) -> bool:
    """Do that; return whether it takes part: one that was dropped does not."""
    step = tx.steps.get(event.origin)
    if step is None or step.state is not COMPLETED:
        answer_unknown(machine, event, now, out)
        return False
    step.address, step.peer = event.address, event.sender
    return True


def answer_unknown(machine: Machine, event: Ask, now: float, out: list[Action]) -> None:
    """Tell one in doubt that nothing was decided, and nothing will be."""
    message = wire.cancel_message(machine.me, event.id, event.origin, reasons.PRESUMED)
    out.append(Tell(event.sender, message))


def answer_canceled(
    machine: Machine, tx: SagaTransaction, event: Ask, now: float, out: list[Action]
) -> None:
    """Tell one in doubt that the transaction was cancelled."""
    message = wire.cancel_message(machine.me, tx.id, event.origin, tx.reason)
    out.append(Tell(event.sender, message))
