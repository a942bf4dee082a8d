"""A transaction over all its sagas: the nodes are asked, one after the other.

No saga is asked itself, as one that is not of ergopy might end of it. A node is, with
``rpc``: it answers unless it was told not to, and a node that is not of ergopy says
that there is no such function::

    ergopy:sagas()                  its sagas, a list of maps; sagas(Limit) as well
    ergopy:saga_transaction(Tx)     what they know of a transaction, a list of maps

Which steps lead to which sagas the references of the steps tell.

What a peer says may make this ask further nodes, ``MAX_NODES`` at most, each once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, final

import etf
from etf import Reference

from ...errors import ErgopyError, RpcError
from . import snapshot
from .graph import SagaGraph, SagaInfo, StepInfo, TransactionInfo, flat
from .texts import cut, reason_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...process.process import Process

MAX_NODES: Final = 100
"""Nodes that are asked for one graph."""
MAX_SAGAS: Final = 10_000
"""Places in a graph; a node may tell of no more."""
MAX_DEPTH: Final = 50
"""Sagas below each other; those further down are not in a graph."""

MODULE: Final = "ergopy"
SAGAS: Final = "sagas"
TRANSACTION: Final = "saga_transaction"

UNDEFINED: Final = "shows no sagas"
"""What is said of a node that does not answer that."""

_transactions = etf.loader(list[TransactionInfo])


@final
class Following:
    """Asks nodes for one transaction, and puts together what they say.

    Args:
        process: Who asks.
        tx: The transaction.
        timeout: Seconds for each node.
    """

    def __init__(self, process: Process, tx: Reference, timeout: float | None) -> None:
        self._process = process
        self._tx = tx
        self._timeout = timeout
        self._known: dict[Reference, TransactionInfo] = {}
        self._asked: set[str] = set()
        self._silent: dict[str, str] = {}
        self._next: deque[str] = deque()

    def learn(self, infos: Iterable[TransactionInfo]) -> None:
        """Take what sagas know, and where to ask further."""
        for info in infos:
            if info.id != self._tx or len(self._known) >= MAX_SAGAS:
                continue
            # A saga has the transaction once for each step that led to it.
            self._known.setdefault(info.origin or info.id, info)
            self._next.extend(step.node for step in info.steps)
            for pid in (info.saga, info.parent, info.initiator):
                if pid is not None:
                    self._next.append(pid.node)

    async def ask(self, node: str) -> None:
        """Ask a node, and all that it leads to."""
        process = self._process
        self._next.append(node)
        while self._next:
            node = str(self._next.popleft())
            if node in self._asked:
                continue
            if len(self._asked) >= MAX_NODES:
                self._silent.setdefault(node, f"not asked: {MAX_NODES} others were")
                continue
            self._asked.add(node)
            try:
                self.learn(await transaction_at(process, node, self._tx, self._timeout))
            except (ErgopyError, ValueError) as error:
                self._silent[node] = why(error)

    def graph(self) -> SagaGraph:
        """Put together what is known."""
        known = self._known
        led_to = {step.id for info in known.values() for step in info.steps}
        tops = [info for info in known.values() if info.origin not in led_to]
        tops.sort(key=lambda info: (info.origin is not None, info.started))
        left = dict(known)
        roots = tuple(self._grown(top, left, MAX_DEPTH) for top in tops)
        return SagaGraph(self._tx, roots, dict(self._silent))

    def _grown(
        self, info: TransactionInfo, left: dict[Reference, TransactionInfo], depth: int
    ) -> TransactionInfo:
        steps = [self._with_below(step, left, depth - 1) for step in info.steps]
        return replace(info, steps=steps)

    def _with_below(
        self, step: StepInfo, left: dict[Reference, TransactionInfo], depth: int
    ) -> StepInfo:
        if not depth:
            unseen = f"more than {MAX_DEPTH} sagas below each other"
            return replace(step, below=None, unseen=unseen)
        # Each is somewhere once, whatever a node may say.
        below = left.pop(step.id, None)
        if below is not None:
            return replace(step, below=self._grown(below, left, depth), unseen=None)
        unseen = self._silent.get(step.node, "does not know it, or not any more")
        return replace(step, below=None, unseen=f"{step.node} {unseen}")


async def sagas_of(
    process: Process, node: str, limit: int, timeout: float | None
) -> list[SagaInfo]:
    """Ask a node for its sagas.

    Raises:
        ErgopyError: It did not say.
        ValueError: What it said makes no sense.
    """
    if process.runtime.is_local(node):
        return snapshot.all_sagas(process.runtime, limit)
    told = await process.rpc(node, MODULE, SAGAS, [limit], timeout)
    return list(map(SagaInfo.from_term, etf.convert(told, list[Any])))


async def transaction_at(
    process: Process, node: str, tx: Reference | str, timeout: float | None
) -> list[TransactionInfo]:
    """Ask a node for what its sagas know of a transaction; errors are the same."""
    if process.runtime.is_local(node):
        return snapshot.everywhere(process.runtime, tx)
    told = await process.rpc(node, MODULE, TRANSACTION, [tx], timeout)
    return transactions_in(told)


def transactions_in(told: Any) -> list[TransactionInfo]:
    """Read a list of transactions, as a saga or a node has sent it.

    Raises:
        etf.MappingError: It is nothing of that sort.
    """
    return list(map(flat, _transactions(told)))


def why(error: ErgopyError | ValueError) -> str:
    """Say in words why a node has told nothing."""
    if isinstance(error, RpcError):
        if error.is_undefined:
            return UNDEFINED
        return f"no answer: {reason_text(error.reason)}"
    return cut(str(error)) or "no answer"
