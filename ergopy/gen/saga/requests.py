"""What any saga is asked from outside, by a call that no callback sees.

::

    {'$saga', show}                     a map: the saga with its transactions
    {'$saga', show, Limit}              with so many of each
    {'$saga', transaction, Tx}          a list of maps: this transaction, at this saga
    {'$saga', statistics}               a map of numbers
    {'$saga', max_transactions}         a number, or infinity
    {'$saga', set_max_transactions, N}  ok

``Tx`` is its reference, or its printed form in a binary. The maps are those of
``graph.py``. What does not make sense is refused as a bad argument, and harms nobody
but who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from etf import Atom

from ...process.atoms import BADARG, OK
from ...process.refusals import refuse
from ..returns import NOREPLY
from . import snapshot

if TYPE_CHECKING:
    from ..server import From
    from .saga import Saga

SAGA: Final = Atom("$saga")
SHOW: Final = Atom("show")
TRANSACTION: Final = Atom("transaction")
STATISTICS: Final = Atom("statistics")
MAX_TRANSACTIONS: Final = Atom("max_transactions")
SET_MAX_TRANSACTIONS: Final = Atom("set_max_transactions")
INFINITY: Final = Atom("infinity")


def is_request(request: Any) -> bool:
    """Tell whether a saga itself answers, and not its callbacks."""
    kind = request[0] if request.__class__ is tuple and request else None
    return kind.__class__ is Atom and kind == SAGA


def answer(saga: Saga, request: Any, from_: From) -> Any:
    """Do what was asked for, and return the answer. Never waits."""
    try:
        return _answer(saga, request)
    except (TypeError, ValueError):
        refuse(saga.process, from_, BADARG)
        return NOREPLY


def _answer(saga: Saga, request: Any) -> Any:
    match request:
        case (_, Atom("show")):
            return snapshot.of_saga(saga)
        case (_, Atom("show"), int(limit)):
            return snapshot.of_saga(saga, limit)
        case (_, Atom("transaction"), tx):
            return snapshot.of_transaction(saga, snapshot.which(tx))
        case (_, Atom("statistics")):
            return snapshot.statistics(saga._machine)
        case (_, Atom("max_transactions")):
            most = saga._machine.max_transactions
            return INFINITY if most is None else most
        case (_, Atom("set_max_transactions"), Atom("infinity") | None):
            saga.set_max_transactions(None)
            return OK
        case (_, Atom("set_max_transactions"), most):
            saga.set_max_transactions(most)
            return OK
    raise ValueError(f"no request to a saga: {request!r}")
