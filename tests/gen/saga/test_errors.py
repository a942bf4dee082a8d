"""Every named error of sagas: a verb that raises it, and what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    EndOfLifespan,
    HopLimitExceeded,
    NextTimeout,
    Reference,
    ResultAlreadySent,
    Saga,
    SagaError,
    SagaLogError,
    SagaNotAllowed,
    SqliteSagaLog,
    TooManyTransactions,
    TransactionCanceled,
    TransactionInProgress,
    UnknownJob,
    UnknownSaga,
    UnknownTransaction,
)
from ergopy.errors import sagas
from tests.gen.saga.parts import Part, start

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from ergopy.process.runtime import Runtime

    Fails = Callable[[Part, Part], Awaitable[BaseException]]

STRANGE = Reference("a@memory", 1, (1, 2, 3))
TX = r"TX#\d+\.\d+\.\d+"

ERRORS = {
    error
    for error in vars(sagas).values()
    if isinstance(error, type) and issubclass(error, SagaError)
} - {SagaError}


async def unknown_transaction(part: Part, leaf: Part) -> BaseException:
    return await part.refuses(UnknownTransaction, Saga.send_result, STRANGE, 1)


async def canceled(part: Part, leaf: Part) -> BaseException:
    tx = await part.begin()
    await part.do(Saga.cancel_transaction, tx, "no luck")
    return await part.refuses(TransactionCanceled, Saga.send_result, tx, 1)


async def end_of_lifespan(part: Part, leaf: Part) -> BaseException:
    tx = await part.begin(lifespan=2)
    await trio.sleep(3)
    return await part.refuses(EndOfLifespan, Saga.send_result, tx, 1)


async def next_timeout(part: Part, leaf: Part) -> BaseException:
    tx = await part.begin()
    await part.do(Saga.next, tx, "leaf", 1, timeout=2)
    await trio.sleep(3)
    return await part.refuses(NextTimeout, Saga.send_result, tx, 1)


async def in_progress(part: Part, leaf: Part) -> BaseException:
    tx = await part.begin()
    await part.do(Saga.next, tx, "leaf", 1)
    return await part.refuses(TransactionInProgress, Saga.send_result, tx, 1)


async def already_sent(part: Part, leaf: Part) -> BaseException:
    tx = await part.begin(two_phase_commit=True)
    await part.do(Saga.next, tx, "leaf", 1)
    (below,) = leaf.transactions
    await leaf.do(Saga.send_result, below, 1)
    return await leaf.refuses(ResultAlreadySent, Saga.send_result, below, 1)


async def not_allowed(part: Part, leaf: Part) -> BaseException:
    tx = await part.begin()
    return await part.refuses(SagaNotAllowed, Saga.start_job, tx, 1)


async def hop_limit(part: Part, leaf: Part) -> BaseException:
    tx = await part.begin(hop_limit=0)
    return await part.refuses(HopLimitExceeded, Saga.next, tx, "leaf", 1)


async def too_many(part: Part, leaf: Part) -> BaseException:
    part.set_max_transactions(0)
    return await part.refuses(TooManyTransactions, Saga.start_transaction, 1)


async def unknown_saga(part: Part, leaf: Part) -> BaseException:
    tx = await part.begin()
    return await part.refuses(UnknownSaga, Saga.next, tx, "nobody", 1)


async def unknown_job(part: Part, leaf: Part) -> BaseException:
    return await part.refuses(UnknownJob, Saga.cancel_job, STRANGE)


RAISED: dict[type[SagaError], tuple[Fails, str]] = {
    UnknownTransaction: (unknown_transaction, "this saga does not know Reference"),
    TransactionCanceled: (canceled, f"^{TX} was cancelled: no luck$"),
    EndOfLifespan: (end_of_lifespan, f"^{TX}: end of lifespan$"),
    NextTimeout: (next_timeout, f"^{TX} was cancelled: next saga leaf timed out$"),
    TransactionInProgress: (in_progress, f"^{TX} waits for 1 "),
    ResultAlreadySent: (already_sent, f"^the result of {TX} was sent already$"),
    SagaNotAllowed: (not_allowed, f"^{TX}: .*no worker"),
    HopLimitExceeded: (hop_limit, f"^{TX} may not go to a further saga$"),
    TooManyTransactions: (too_many, "^there are 0 transactions already$"),
    UnknownSaga: (unknown_saga, "^there is no saga 'nobody'$"),
    UnknownJob: (unknown_job, "^there is no Reference"),
}


def test_each_error_is_raised_by_something() -> None:
    # That of the log has a test of its own.
    assert set(RAISED) == ERRORS - {SagaLogError}


@pytest.mark.parametrize("error", RAISED, ids=lambda error: error.__name__)
async def test_a_verb_says_why_it_did_nothing(
    runtime: Runtime, autojump_clock: trio.abc.Clock, error: type[SagaError]
) -> None:
    leaf = await start(runtime, name="leaf")
    part = await start(runtime)
    fails, text = RAISED[error]
    raised = await fails(part, leaf)
    assert type(raised) is error
    assert re.search(text, str(raised))


async def test_a_log_that_cannot_be_used_says_where_it_is(tmp_path: Path) -> None:
    with pytest.raises(SagaLogError, match=str(tmp_path)) as caught:
        await SqliteSagaLog(tmp_path).open("saga")
    assert caught.value.path == tmp_path


def only(kind: type[Any]) -> set[Any]:
    return {error for error in ERRORS if issubclass(error, kind)}


def test_whoever_catches_a_cancel_catches_the_reasons_of_time_as_well() -> None:
    assert only(TransactionCanceled) == {
        TransactionCanceled,
        EndOfLifespan,
        NextTimeout,
    }
