"""Transactions, steps and jobs as objects: equal by their references, and terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import Saga, SagaJob, SagaStep, SagaTransaction
from tests.gen.saga.parts import Part, sends, start
from tests.runtimes import sleeper

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

Handle = SagaTransaction | SagaStep | SagaJob


@pytest.fixture
async def handles(runtime: Runtime) -> list[Handle]:
    """A transaction, a step and a job of it."""

    async def new(part: Part, tx: SagaTransaction, value: Any) -> None:
        await sends(sleeper(runtime).pid)(part, tx, value)
        await part.start_job(tx, value, worker=trio.sleep)

    part = await start(runtime, new=new)
    tx = await part.begin(100)
    return [tx, *tx.steps.values(), *tx.jobs.values()]


async def test_they_print_as_in_ergo(handles: list[Handle]) -> None:
    for handle, kind in zip(handles, ("TX", "Next", "Job"), strict=True):
        numbers = "{2}.{1}.{0}".format(*handle.id.words)
        assert str(handle) == f"{kind}#{numbers}"
        assert repr(handle) == str(handle)


async def test_they_have_a_key_that_says_where_they_were_made(
    handles: list[Handle],
) -> None:
    keys = [handle.key for handle in handles]
    assert len(set(keys)) == 3
    assert all(key.startswith("py@test/7/") for key in keys)


async def test_they_are_equal_to_what_has_the_same_reference(
    runtime: Runtime, handles: list[Handle]
) -> None:
    tx, step, job = handles
    assert isinstance(tx, SagaTransaction)
    same = SagaTransaction(
        tx.id, 1, hops_left=1, lifespan=1, two_phase_commit=False, now=0
    )
    assert tx == same
    assert {tx: "found"}[same] == "found"
    assert tx != step != job
    # A reference is not a handle, though it is taken for one by the verbs.
    assert tx != tx.id
    assert SagaStep(tx.id, tx, None, None) != tx


async def test_as_terms_they_are_their_references(handles: list[Handle]) -> None:
    assert etf.decode(etf.encode(handles)) == [handle.id for handle in handles]


async def test_the_saga_above_and_below_have_the_same_key(runtime: Runtime) -> None:
    leaf = await start(runtime)
    first = await start(runtime, new=sends(leaf))
    tx = await first.begin()
    assert leaf.heard[0][1].key == tx.key


async def test_transactions_is_a_list_of_its_own(runtime: Runtime) -> None:
    part = await start(runtime)
    tx = await part.begin()
    part.transactions.clear()
    assert part.transactions == [tx]
    await part.do(Saga.cancel_transaction, tx)
    assert part.transactions == []
