"""What is asked of sagas from outside: what they do, and how much they may do.

``caller=`` is who asks: a process, a behaviour, or a node for a program. By default it
is the process that runs the code. ``dest`` is a saga of ergopy, of this node or another
one: a pid, a name or ``(name, node)``. Do not ask others: one of ergo may end of a call
that it does not know.

Nothing here disturbs the saga, or its callbacks. One that is busy in a callback answers
after that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from ...errors import UnknownTransaction
from ..caller import acting
from . import snapshot
from .arguments import check_limit
from .core.transaction import SagaTransaction
from .following import Following, sagas_of, transaction_at, transactions_in
from .graph import SagaGraph, SagaInfo, SagaStatistics, TransactionInfo
from .requests import (
    INFINITY,
    MAX_TRANSACTIONS,
    SAGA,
    SET_MAX_TRANSACTIONS,
    SHOW,
    STATISTICS,
    TRANSACTION,
)

if TYPE_CHECKING:
    from typing import TypeAlias

    from etf import Reference

    from ...process.process import Process

    AnyTransaction: TypeAlias = "SagaTransaction | TransactionInfo | Reference | str"


@overload
async def show(
    dest: Any,
    tx: None = ...,
    *,
    limit: int = ...,
    timeout: float | None = ...,
    caller: Any = ...,
) -> SagaInfo: ...
@overload
async def show(
    dest: Any,
    tx: AnyTransaction,
    *,
    timeout: float | None = ...,
    caller: Any = ...,
) -> TransactionInfo: ...
async def show(
    dest: Any,
    tx: AnyTransaction | None = None,
    *,
    limit: int = snapshot.LIMIT,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> SagaInfo | TransactionInfo:
    """Return what a saga does now, or what it knows of one transaction.

    ::

        print(await ergopy.saga.show("booking", caller=node))

    Args:
        dest: The saga.
        tx: A transaction, its reference, or how it is printed: ``"TX#3.2.1"``. It may
            be open, or among the last ended ones. None is all of them.
        limit: How many of the open transactions to list then, oldest first, and how
            many ended ones, latest first; at most 10,000. The numbers count all.
        timeout: Seconds; None waits for ever.
        caller: Who asks.

    Raises:
        UnknownTransaction: The saga takes no part in it, or it was over long ago.
        ValueError: *tx* is no transaction; nobody was asked.
        NoProcess, CallTimeout, CallExit, NodeDown: As for :meth:`ergopy.Process.call`.
        etf.MappingError: It is no saga, and answered something else.
    """
    process = acting(caller)
    if tx is None:
        return SagaInfo.from_term(
            await process.call(dest, (SAGA, SHOW, limit), timeout)
        )
    request = (SAGA, TRANSACTION, _which(tx))
    for info in transactions_in(await process.call(dest, request, timeout)):
        return info
    raise UnknownTransaction(tx)


async def graph(
    dest: Any,
    tx: AnyTransaction,
    *,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> SagaGraph:
    """Return a transaction with all sagas that take part in it, each below its parent.

    *dest* is asked first. Other sagas are never asked, but their nodes, which tell what
    their sagas know. A step to a saga of ergo, or to another node that tells nothing or
    cannot be reached, says so (``unseen``); that is no error.

    It is put together from what each node knew when it was asked, not at one moment:
    below a saga that waits for a result there may be one that has sent it.

    Args:
        dest: A saga that takes part in it.
        tx: The transaction, its reference, or how it is printed.
        timeout: Seconds for each node; a node that does not answer is asked once.
        caller: Who asks.

    Raises:
        UnknownTransaction, ValueError, NoProcess and others: As for :func:`show`.
    """
    process = acting(caller)
    info = await show(dest, tx, timeout=timeout, caller=process)
    following = Following(process, info.id, timeout)
    following.learn([info])
    await following.ask(info.saga.node)
    return following.graph()


async def which(
    node: str | None = None,
    *,
    limit: int = snapshot.LIMIT,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> list[SagaInfo]:
    """Return all sagas of a node, with what they do; ``ergopy saga show``.

    No saga is asked, so that this also shows one that hangs in a callback.

    Args:
        node: Its name; None is this one.
        limit: How many transactions to list of each; see :func:`show`.
        timeout: Seconds; None waits for ever.
        caller: Who asks.

    Raises:
        RpcError: The node shows nothing (``is_undefined``), or cannot be reached.
    """
    process = acting(caller)
    return await sagas_of(process, _name(process, node), limit, timeout)


async def graphs(
    node: str | None,
    tx: AnyTransaction,
    *,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> list[SagaGraph]:
    """Return the graph of a transaction that some saga of a node takes part in.

    It may be that of two, if *tx* is printed text: these are told apart only by the
    nodes that have started them. Empty if no saga there knows it (any more). As
    :func:`graph` and :func:`which` for the rest.
    """
    process, which = acting(caller), _which(tx)
    name = _name(process, node)
    known = await transaction_at(process, name, which, timeout)
    found = []
    for id in dict.fromkeys(info.id for info in known):
        following = Following(process, id, timeout)
        await following.ask(name)
        found.append(following.graph())
    return found


async def statistics(
    dest: Any, *, timeout: float | None = 5.0, caller: Any = None
) -> SagaStatistics:
    """Return the numbers of a saga. As :func:`show` for the rest."""
    answer = await acting(caller).call(dest, (SAGA, STATISTICS), timeout)
    return SagaStatistics.from_term(answer)


async def max_transactions(
    dest: Any, *, timeout: float | None = 5.0, caller: Any = None
) -> int | None:
    """Return in how many transactions a saga takes part at most; None is any number."""
    answer = await acting(caller).call(dest, (SAGA, MAX_TRANSACTIONS), timeout)
    return None if answer == INFINITY else int(answer)


async def set_max_transactions(
    dest: Any,
    limit: int | None,
    *,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> None:
    """Let a saga take part in so many transactions; ``SetMaxTransactions`` of ergo.

    Those that it has stay, also if they are more. None is any number; in ergo that is
    0, which lets no more in here.

    Raises:
        ValueError: *limit* is no number; nobody was asked.
    """
    check_limit(limit)
    told = INFINITY if limit is None else limit
    request = (SAGA, SET_MAX_TRANSACTIONS, told)
    await acting(caller).call(dest, request, timeout)


def _name(process: Process, node: str | None) -> str:
    return process.runtime.name if node is None else node


def _which(tx: AnyTransaction) -> Reference | str:
    if isinstance(tx, SagaTransaction | TransactionInfo):
        return tx.id
    return snapshot.which(tx)
