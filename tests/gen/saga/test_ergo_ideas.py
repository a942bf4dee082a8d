"""What the tests of ergo have its sagas do: sums, cancels over four nodes, commits."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from ergopy import (
    Saga,
    SagaCanceled,
    SagaTransaction,
    SagaWorker,
    TransactionInProgress,
)
from ergopy.testing import MemoryNetwork
from tests.gen.saga.parts import Part, answer, sends, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node, WorkerJob
    from ergopy.process.runtime import Runtime
    from tests.gen.saga.parts import Does

NUMBERS = list(range(1000))


@pytest.fixture
async def nodes() -> AsyncIterator[list[Node]]:
    """Four nodes, each of them connected to all others."""
    network = MemoryNetwork()
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(network.node(name)) for name in "abcd"]
        for node in nodes:
            for other in nodes:
                if other is not node:
                    await node.connect(other.name)
        yield nodes


async def rest() -> None:
    """Let all nodes do all that there is to do."""
    for _ in range(10):
        await settle()


def cut(numbers: list[int], size: int) -> list[list[int]]:
    return [numbers[at : at + size] for at in range(0, len(numbers), size)]


async def add(numbers: list[int]) -> int:
    return sum(numbers)


def adds_in_chunks(size: int) -> Does:
    """Make a callback that has each chunk of its numbers added by a job."""

    async def new(part: Part, tx: SagaTransaction, numbers: list[int]) -> None:
        for chunk in cut(numbers, size):
            await part.start_job(tx, chunk, worker=add)

    return new


async def add_up(part: Part, tx: SagaTransaction, *told: Any) -> None:
    """Send the sum of all results, once nothing is open."""
    if not tx.open:
        done = [*tx.jobs.values(), *tx.steps.values()]
        await part.send_result(tx, sum(each.result for each in done))


async def begin_each(part: Part, size: int, **options: Any) -> None:
    for numbers in cut(NUMBERS, size):
        await part.start_transaction(numbers, **options)


@pytest.mark.parametrize(("size", "chunk"), [(10, 5), (100, 1), (100, 100)])
async def test_jobs_add_a_thousand_numbers(
    runtime: Runtime, size: int, chunk: int
) -> None:
    part = await start(runtime, new=adds_in_chunks(chunk), job=add_up)
    await part.do(begin_each, size)
    assert part.words.count("job") == 1000 // chunk
    assert len(part.told("done")) == 1000 // size
    assert sum(part.told("done")) == sum(NUMBERS)
    assert part.is_clean


@pytest.mark.parametrize("two_phase_commit", [False, True])
@pytest.mark.parametrize("size", [10, 100, 1000])
async def test_three_nodes_add_a_thousand_numbers(
    nodes: list[Node], size: int, two_phase_commit: bool
) -> None:
    leaf = await start(nodes[2], new=adds_in_chunks(50), job=add_up)
    middle = await start(nodes[1], new=sends(leaf), result=add_up)
    first = await start(nodes[0], new=sends(middle), result=add_up)
    await first.do(begin_each, size, two_phase_commit=two_phase_commit)
    await rest()
    assert leaf.words.count("job") == max(1000 // size, 1000 // 50)
    assert len(first.told("done")) == 1000 // size
    assert sum(first.told("done")) == sum(NUMBERS)
    for below in middle, leaf:
        assert below.words.count("commit") == (1000 // size) * two_phase_commit
    assert all(part.is_clean for part in (first, middle, leaf))


class Plain(Saga):
    """One that leaves out all callbacks that may be left out."""

    async def handle_tx_new(self, tx: SagaTransaction, value: Any) -> None:
        await self.send_result(tx, value)

    async def handle_call(self, request: bool, from_: Any) -> SagaTransaction:
        return await self.start_transaction(1, two_phase_commit=request)


@pytest.mark.parametrize("two_phase_commit", [False, True])
async def test_a_saga_without_a_last_word_has_its_success_all_the_same(
    runtime: Runtime, two_phase_commit: bool
) -> None:
    pid = await runtime.root.start(Plain)
    tx = await runtime.root.call(pid, two_phase_commit)
    await settle()
    assert tx.is_over
    assert tx.state == ("committed" if two_phase_commit else "done")
    assert tx.result == 1
    assert runtime.find(pid).alive


async def chain_over(nodes: list[Node]) -> list[Part]:
    """Start a saga on each node, that sends what comes on to the next one."""
    parts: list[Part] = []
    for node in reversed(nodes):
        new = {"new": sends(parts[0])} if parts else {}
        parts.insert(0, await start(node, result=answer, **new))
    return parts


@pytest.mark.parametrize("two_phase_commit", [False, True])
@pytest.mark.parametrize("who", [0, 1, 2, 3])
async def test_a_cancel_from_any_of_four_nodes_reaches_all(
    nodes: list[Node], who: int, two_phase_commit: bool
) -> None:
    parts = await chain_over(nodes)
    tx = await parts[0].begin(two_phase_commit=two_phase_commit)
    await rest()
    assert [part.words for part in parts] == [["new"]] * 4
    await parts[who].do(Saga.cancel_transaction, tx.id, "no luck")
    await rest()
    for part in parts:
        assert part.words == ["new", "cancel"]
        assert part.told("cancel") == ["no luck"]
        assert part.is_clean


@pytest.mark.parametrize("end", ["dies", "cancels"])
@pytest.mark.parametrize("two_phase_commit", [False, True])
async def test_a_branch_that_may_fail_is_sent_to_the_fourth_node_again(
    nodes: list[Node], end: str, two_phase_commit: bool
) -> None:
    async def again(part: Part, message: SagaCanceled) -> None:
        assert isinstance(message, SagaCanceled)
        await part.next(message.transaction, fourth.pid, message.step.value)

    fourth = await start(nodes[3], new=answer)
    leaf = await start(nodes[2])
    middle = await start(nodes[1], new=sends(leaf), result=answer)
    new = sends(middle, trap_cancel=True)
    first = await start(nodes[0], new=new, info=again, result=answer)
    tx = await first.begin(101, two_phase_commit=two_phase_commit)
    await rest()
    if end == "dies":
        await first.do(kill, middle)
    else:
        await middle.do(Saga.cancel_transaction, tx.id, "no room")
    await rest()
    assert first.words.count("info") == 1
    assert leaf.words == ["new", "cancel"]
    assert first.told("done") == [101]
    lost, sent_again = tx.steps.values()
    assert (lost.state, sent_again.state) == ("dropped", "completed")
    assert fourth.words.count("commit") == two_phase_commit
    assert all(part.is_clean for part in (first, leaf, fourth))


async def kill(part: Part, other: Part) -> None:
    await part.process.exit(other.pid, "kill")


class Adder(SagaWorker):
    """Adds; it is told of the end if there are two phases."""

    ends: ClassVar[Counter[Any]]

    async def handle_job_start(self, job: WorkerJob) -> None:
        await self.send_result(sum(job.value))

    async def handle_job_commit(self, final: Any) -> None:
        self.ends[final] += 1

    async def handle_job_cancel(self, reason: Any) -> None:
        self.ends[reason] += 1


@pytest.mark.parametrize("over_nodes", [False, True])
@pytest.mark.parametrize("end", ["commit", "cancel"])
async def test_workers_of_all_sagas_learn_of_the_end(
    nodes: list[Node], over_nodes: bool, end: str
) -> None:
    class Worker(Adder):
        ends: ClassVar[Counter[Any]] = Counter()

    async def new(part: Part, tx: SagaTransaction, numbers: list[int]) -> None:
        for chunk in cut(numbers, 100):
            await part.start_job(tx, chunk, worker=Worker)
        if part is first:
            await part.next(tx, leaf.pid, numbers)
        with pytest.raises(TransactionInProgress):
            await part.send_result(tx, "too early")

    async def vote(part: Part, tx: SagaTransaction, result: int) -> None:
        if end == "cancel":
            await part.cancel_transaction(tx, "no luck")

    async def done(part: Part, tx: SagaTransaction, result: int) -> int:
        return 0

    leaf = await start(nodes[over_nodes], new=new, job=add_up, prepare=vote)
    first = await start(nodes[0], new=new, job=add_up, result=add_up, done=done)
    tx = await first.begin(NUMBERS, two_phase_commit=True)
    await rest()
    assert Worker.ends == ({0: 20} if end == "commit" else {"no luck": 20})
    assert leaf.words[-1] == end
    assert tx.is_over
    assert sum(job.result for job in tx.jobs.values()) == sum(NUMBERS)
    assert all(part.is_clean for part in (first, leaf))
