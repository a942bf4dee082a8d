"""What has to hold when a simulation is over."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ergopy.gen.saga.core import records
from ergopy.gen.saga.core.transaction import COMPLETED, DROPPED

if TYPE_CHECKING:
    from ergopy.gen.saga.core.transaction import SagaTransaction

    from .peer import Peer
    from .simulation import World

CANCEL = "cancel"
COMMIT = "commit"
DONE = "done"

_SUCCESS = {"handle_tx_done": DONE, "handle_tx_commit": COMMIT}
_OUTCOMES = {**_SUCCESS, "handle_tx_cancel": CANCEL}


def assert_nothing_is_left(world: World) -> None:
    """No entry, monitor, timer, worker or record is left of anything."""
    assert_tables_are_empty(world)
    assert not any(world.disks)


def assert_tables_are_empty(world: World) -> None:
    """The same, but for the records of sagas that nobody has started again."""
    for peer in world.peers:
        machine = peer.machine
        if peer.alive:
            assert machine.transactions == {}
            assert machine.steps == {}
            assert machine.jobs == {}
            assert machine.workers == {}
            assert machine.watched == {}
            assert machine.deadlines.live == 0
    assert world.monitors == {}
    assert world.workers == {}


def outcome(peer: Peer, tx: SagaTransaction) -> str:
    """Return what became of a transaction at one saga, that was not killed."""
    key = tx.key
    seen = [what for what, of, _ in peer.world.seen[peer.number] if of == key]
    done = "handle_tx_done" if tx.is_own else "done"
    found = [
        {done: DONE}.get(what) or _OUTCOMES[what]
        for what in seen
        if what in (done, "handle_tx_commit", "handle_tx_cancel")
    ]
    parts = Counter(tx.id for tx in peer.took)[tx.id]
    assert len(found) == parts, f"{peer.number} took part {parts} times, saw {found}"
    # It took part more than once if it was done with it before: the last is this one.
    ended = [other for other in peer.took if other.id == tx.id]
    return found[[other is tx for other in ended].index(True)]


def assert_outcomes_fit(world: World) -> None:
    """All saw one end, and the right one: a step's saga that of the transaction."""
    taken = {}
    for peer in world.peers:
        for tx in peer.took:
            result = outcome(peer, tx)
            assert (result == CANCEL) == (tx.state == "canceled")
            assert (result == COMMIT) == (tx.state == "committed" and not tx.is_own)
            taken[tx.origin] = result
    for peer in world.peers:
        for tx in peer.took:
            for step in tx.steps.values():
                _fit(tx, step, taken.get(step.id))


def _fit(tx: SagaTransaction, step: Any, below: str | None) -> None:
    if step.state is COMPLETED:
        good = COMMIT if tx.two_phase_commit else DONE
        is_canceled = tx.state == "canceled" and tx.two_phase_commit
        assert below == (CANCEL if is_canceled else good)
    else:
        assert step.state is DROPPED
        # A result that has crossed the cancel was handed over.
        assert below in (
            {CANCEL, None} if tx.two_phase_commit else {CANCEL, DONE, None}
        )


def assert_undone(world: World) -> None:
    """What had to be undone was undone, once and in order, after the callback."""
    for peer in world.peers:
        for tx in {tx.id: tx for tx in peer.took}.values():
            if Counter(other.id for other in peer.took)[tx.id] == 1:
                _undone(world, peer, tx)


def _undone(world: World, peer: Peer, tx: SagaTransaction) -> None:
    key = tx.key
    parts: list[Any] = [*tx.steps.values(), *tx.jobs.values()]
    needed = {
        part.id
        for part in parts
        if part.compensate is not None
        and part.id not in world.refused
        and (tx.state == "canceled" or part.state is DROPPED)
    }
    tried = world.undone.get((peer.number, key), [])
    worked = [part for part, works in tried if works]
    assert Counter(part.id for part in worked) == Counter(needed)
    assert [part for part, _ in groupby(part for part, _ in tried)] == worked
    seen = world.seen[peer.number]
    alone = [
        part
        for what, of, part in seen
        if of == key and what in ("dropped", "job_failed")
    ]
    orders = [part.order or 1_000 for part in worked if part not in alone]
    assert orders == sorted(orders, reverse=True)
    if tx.state == "canceled":
        mine = [(what, part) for what, of, part in seen if of == key]
        end = mine.index(("handle_tx_cancel", None))
        early = [part for what, part in mine[:end] if what == "undo"]
        assert all(part in alone for part in early)


def assert_agreed(world: World) -> None:
    """Of a transaction with two phases all that is known is one and the same end.

    This holds over any crash: a saga that was killed may see its end twice, but not
    both ends; and whoever took part in what was committed has learned of that.
    """
    keys = {key for seen in world.seen for _, key, _ in seen}
    for key in keys:
        ends = [
            {_OUTCOMES[what] for what, of, _ in seen if of == key and what in _OUTCOMES}
            for seen in world.seen
        ]
        took = [
            any(of == key and what == "handle_tx_new" for what, of, _ in seen)
            for seen in world.seen
        ]
        if any(end & {DONE, COMMIT} for end in ends):
            for end, was_there in zip(ends, took, strict=True):
                assert len(end) == was_there, f"{key}: {ends}"
                assert CANCEL not in end, f"{key}: {ends}"


def assert_undone_or_done(world: World) -> None:
    """Over any crash: what was sent with a compensation was undone, or is for good."""
    for number, step in world.sent:
        if step.compensate is None or step.id in world.refused:
            continue
        key = step.transaction.key
        seen = {what for what, of, _ in world.seen[number] if of == key}
        worked = {part.id for part, works in world.undone[number, key] if works}
        # Without two phases a result that is in the log is for the saga above to undo.
        if seen & {"handle_tx_done", "handle_tx_commit", "done", records.FINAL}:
            assert step.id not in worked or step.state is DROPPED
        else:
            assert step.id in worked, f"{step} of {number} was not undone"
