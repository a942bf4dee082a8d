"""In doubt: a saga that has voted yes asks what was decided, and is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Pid

from .. import wire
from . import committing, reasons
from .actions import Tell
from .deadlines import backoff
from .transaction import COMPLETED

if TYPE_CHECKING:
    from .actions import Action
    from .events import Ask, Prepare
    from .machine import Machine
    from .transaction import SagaTransaction


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
    committing.try_later(machine, tx, now + backoff(tx.tries))
    tx.tries += 1
    machine.observe(out, "asking", tx)


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
    machine.refuse(event, reasons.PRESUMED, out)


def answer_canceled(
    machine: Machine,
    tx: SagaTransaction,
    event: Ask | Prepare,
    now: float,
    out: list[Action],
) -> None:
    """Tell one in doubt, or one that wants a vote, that it was cancelled."""
    machine.refuse(event, tx.reason, out)
