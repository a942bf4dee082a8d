"""Much at once, full mailboxes, and that nothing is left."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import MailboxLimit, Saga, SagaCanceled, SagaFailed, SagaTransaction
from tests.gen.saga.parts import Part, answer, chain, sends, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

MANY = 10_000


def timers_of(runtime: Runtime) -> int:
    """Count the timers of the node that have not fired."""
    timers = runtime.timers
    return len(timers._heap) - timers.dead


async def begin_many(part: Part, **options: Any) -> list[SagaTransaction]:
    return [await part.start_transaction(n, **options) for n in range(MANY)]


async def test_ten_thousand_at_once_leave_nothing(runtime: Runtime) -> None:
    first, leaf = await chain(runtime, 2)
    leaf.does["new"] = silent
    before = len(runtime.processes)
    begun = await first.do(begin_many)
    del begun
    assert len(first.transactions) == len(leaf.transactions) == MANY
    # The saga above is watched once for all, one alarm is set at each.
    assert leaf.facts["monitors"] == 1
    assert timers_of(runtime) == 2
    assert len(runtime.processes) == before
    await leaf.do(answer_all)
    assert len(first.told("done")) == MANY
    assert first.is_clean
    assert leaf.is_clean
    assert (len(first._machine.ended), len(leaf._machine.ended)) == (100, 100)


async def silent(part: Part, tx: SagaTransaction, value: Any) -> None:
    """Leave the transaction open."""


async def answer_all(part: Part) -> None:
    for tx in part.transactions:
        await part.send_result(tx, tx.value)


async def test_what_is_over_is_freed(runtime: Runtime) -> None:
    class Value:
        """Something that can be watched."""

    async def init(part: Part) -> None:
        part.history = 0

    parts = await chain(runtime, 3)
    first = await start(runtime, init=init, new=sends(parts[0]), result=answer)
    gone = []
    for _ in range(3):
        value = Value()
        gone.append(weakref.ref(value))
        await first.begin(value)
        del value
    # A server has its last message at hand.
    await first.begin()
    assert first.words.count("done") == 4
    for part in (first, *parts):
        part._machine.ended.clear()
        part.heard.clear()
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3


async def test_a_saga_that_has_ended_is_freed(runtime: Runtime) -> None:
    first, leaf = await chain(runtime, 2)
    leaf.does["new"] = silent
    await first.begin(two_phase_commit=True)
    await runtime.root.stop(first.pid)
    await settle()
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None


async def test_a_full_saga_is_a_lost_step(runtime: Runtime) -> None:
    async def busy(part: Part, tx: SagaTransaction, value: Any) -> None:
        await go_on.wait()

    go_on = trio.Event()
    leaf = await start(runtime, new=busy, mailbox=MailboxLimit(1, policy="raise"))
    first = await start(runtime, new=sends(leaf, trap_cancel=True))
    for _ in range(3):
        await first.begin()
    (message,) = first.told("info")
    assert isinstance(message, SagaCanceled)
    assert message.reason == f"next saga {leaf.pid!r} is down"
    assert first.facts["monitors"] == first.facts["steps"] == 2
    go_on.set()
    await settle()
    assert leaf.words == ["new", "new"]


@pytest.mark.parametrize("two_phase_commit", [False, True])
async def test_a_result_that_nobody_has_room_for_is_told_to_who_sent_it(
    runtime: Runtime, two_phase_commit: bool
) -> None:
    leaf = await start(runtime)
    first = await start(
        runtime, new=sends(leaf), mailbox=MailboxLimit(1, policy="raise")
    )
    tx = await first.begin(two_phase_commit=two_phase_commit)

    async def busy(part: Part) -> None:
        part.process.deliver("noise")
        part.start_soon(leaf.do, Saga.send_result, tx.id, "lost")
        await settle()

    await first.do(busy)
    await settle()
    (message,) = leaf.told("info")
    assert isinstance(message, SagaFailed)
    assert message.transaction == tx
    assert type(message.error).__name__ == "MailboxFull"


async def test_many_cancels_at_the_same_time(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    first, leaf = await chain(runtime, 2)
    leaf.does["new"] = silent

    async def begin(part: Part) -> None:
        for n in range(1000):
            await part.start_transaction(n, lifespan=1 + n % 3)

    await first.do(begin)
    await trio.sleep(10)
    assert first.words.count("cancel") == leaf.words.count("cancel") == 1000
    assert first.is_clean
    assert leaf.is_clean
    assert timers_of(runtime) == 0
