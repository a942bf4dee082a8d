"""The machine: takes an event and the time, and says what is to be done."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, final

from ....errors import (
    EndOfLifespan,
    HopLimitExceeded,
    TransactionCanceled,
    UnknownTransaction,
)
from .. import wire
from . import actions, table
from .deadlines import Deadlines
from .transaction import CANCELED, SagaTransaction

if TYPE_CHECKING:
    from etf import Pid, Reference

    from .actions import Action
    from .transaction import SagaJob, SagaStep


@final
class Machine:
    """The transactions of one saga.

    Args:
        me: The saga.
        address: Where it is to be found after a restart: ``(name, node)``, or its pid.
        overrides: The callbacks that the saga has, of those that may be left out.
        max_transactions: How many it takes part in at most; None is any number.
        history: How many it remembers that are over.
    """

    def __init__(
        self,
        me: Pid,
        address: Any = None,
        *,
        overrides: frozenset[str] = frozenset(("handle_tx_prepare", "handle_tx_done")),
        max_transactions: int | None = None,
        history: int = 100,
    ) -> None:
        self.me = me
        self.address = me if address is None else address
        self.overrides = overrides
        self.max_transactions = max_transactions
        self.observed = False
        """Whether it is to tell of what happens, by ``Observe``."""
        self.transactions: dict[Reference, SagaTransaction] = {}
        self.steps: dict[Reference, SagaStep] = {}
        """The steps that are monitored."""
        self.jobs: dict[Reference, SagaJob] = {}
        """The jobs that have no result yet, or a worker that waits for a commit."""
        self.workers: dict[Pid, SagaJob] = {}
        self.watched: dict[Pid, dict[Reference, SagaTransaction]] = {}
        """The transactions that wait for a saga which is lost if it dies: the one
        above, or one below without a name that has to learn of the commit."""
        self.deadlines = Deadlines()
        self.ended: deque[SagaTransaction] = deque(maxlen=history)
        self.done = 0
        """How many have ended well."""
        self.canceled = 0
        """How many were cancelled."""

    def take(self, event: Any, now: float) -> list[Action]:
        """Take an event; return what is to be done, in order.

        Raises:
            SagaError: It is a verb, and the state does not allow it.
        """
        out: list[Action] = []
        kind = event.__class__
        rows = table.TABLE.get(kind)
        if rows is None:
            table.OTHERS[kind](self, event, now, out)
            return out
        tx = self.transactions.get(event.id)
        if tx is not None:
            state = tx.state
            rows[state](self, tx, event, now, out)
            if tx.state is not state:
                tx.since = now
        else:
            unknown = table.UNKNOWN.get(kind)
            if unknown is not None:
                unknown(self, event, now, out)
        return out

    def find(self, which: SagaTransaction | Reference) -> SagaTransaction:
        """Return the transaction that a verb is about.

        Raises:
            TransactionCanceled: It was cancelled, for another reason, or
            EndOfLifespan, NextTimeout: for that one.
            UnknownTransaction: There is none, or it is over.
        """
        id = which.id if isinstance(which, SagaTransaction) else which
        tx = self.transactions.get(id)
        if tx is None:
            if isinstance(which, SagaTransaction):
                self.check_alive(which)
            raise UnknownTransaction(which)
        self.check_alive(tx)
        return tx

    def recall(self, id: Reference) -> SagaTransaction | None:
        """Return a transaction, also one that is over if it is remembered."""
        tx = self.transactions.get(id)
        if tx is not None:
            return tx
        return next((tx for tx in reversed(self.ended) if tx.id == id), None)

    def check_alive(self, tx: SagaTransaction) -> None:
        """Raise if *tx* was cancelled."""
        if tx.state == CANCELED:
            raise tx.error(tx, tx.reason)
        if tx.canceling:
            raise TransactionCanceled(tx, tx.reason)

    def check_time(
        self, tx: SagaTransaction, timeout: float | None, now: float
    ) -> None:
        """Raise if a step or job may not take so long, or has no time at all."""
        if timeout is not None and not timeout > 0:
            raise ValueError(f"timeout= is a number of seconds, not {timeout!r}")
        if tx.deadline <= now:
            raise EndOfLifespan(tx, "there is no time left")
        if timeout is not None and timeout > tx.deadline - now:
            raise EndOfLifespan(
                tx, f"{tx.deadline - now:.3g} s are left, not {timeout:g}"
            )

    def check_next(
        self, tx: SagaTransaction, timeout: float | None, now: float
    ) -> None:
        """Raise if *tx* may not be sent to a further saga now."""
        table.check_open(self, tx)
        if tx.hops_left < 1:
            raise HopLimitExceeded(tx)
        self.check_time(tx, timeout, now)

    def call(
        self, out: list[Action], tx: SagaTransaction, callback: str, *args: Any
    ) -> None:
        """Call a callback about *tx*, unless the saga itself has just cancelled it."""
        if not tx.canceling:
            out.append(actions.Call(callback, (tx, *args)))

    def refuse(self, event: Any, reason: Any, out: list[Action]) -> None:
        """Tell the saga that has sent *event* that its part of this is cancelled."""
        message = wire.cancel_message(self.me, event.id, event.origin, reason)
        out.append(actions.Tell(event.sender, message))

    def observe(
        self,
        out: list[Action],
        kind: str,
        tx: SagaTransaction,
        step: SagaStep | SagaJob | None = None,
        detail: Any = None,
    ) -> None:
        """Tell of something that happened, if anybody wants to know."""
        if self.observed:
            out.append(actions.Observe(kind, tx, step, detail))

    def end(self, tx: SagaTransaction, now: float, out: list[Action]) -> None:
        """Let a transaction go: nothing of it is left, but a memory.

        One that undoes something stays until that has worked.
        """
        if tx.queue:
            return
        del self.transactions[tx.id]
        tx.ended = now
        self.ended.append(tx)
        if tx.state == CANCELED:
            self.canceled += 1
        else:
            self.done += 1
        self.release(tx, out)
        if tx.log_size:
            out.append(actions.Forget(tx.id))

    def release(self, tx: SagaTransaction, out: list[Action]) -> None:
        """Stop whatever waits for others: timers, and monitors."""
        if tx.timer is not None:
            tx.timer.cancel()
            tx.timer = None
        self.let_go(tx, out)
        for step in tx.steps.values():
            self.loosen(step, out)

    def loosen(self, step: SagaStep, out: list[Action]) -> bool:
        """Stop to wait for the saga of a step; return whether that was so."""
        if step.timer is not None:
            step.timer.cancel()
            step.timer = None
        if self.steps.pop(step.id, None) is None:
            return False
        out.append(actions.Demonitor(step.id))
        return True

    def hold(self, tx: SagaTransaction, pid: Pid, out: list[Action]) -> None:
        """Watch a saga that *tx* waits for; once for all that wait for it."""
        waiting = self.watched.get(pid)
        if waiting is None:
            self.watched[pid] = {tx.id: tx}
            out.append(actions.Watch(pid))
        else:
            waiting[tx.id] = tx
        if pid not in tx.held:
            tx.held += (pid,)

    def let_go(self, tx: SagaTransaction, out: list[Action]) -> None:
        """Stop that, for *tx*."""
        held, tx.held = tx.held, ()
        for pid in held:
            waiting = self.watched.get(pid)
            if waiting is None or tx.id not in waiting:
                continue
            del waiting[tx.id]
            if not waiting:
                del self.watched[pid]
                out.append(actions.Unwatch(pid))
