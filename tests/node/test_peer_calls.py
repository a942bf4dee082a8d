"""Calls to another node: one record each, which leaves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy.errors import CallTimeout, NodeDown
from etf import Atom, ImproperList
from tests.node.fakes import PEER, THEIRS, FakePeer
from tests.runtimes import inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

HI = Atom("hi")


async def test_a_call_is_one_record_that_leaves_nothing(
    fake: FakePeer, runtime: Runtime
) -> None:
    async def answer() -> None:
        await settle()
        monitor, request = fake.sent()
        assert monitor == (19, runtime.root.pid, THEIRS, monitor[3])
        tag = ImproperList([Atom("alias")], monitor[3])
        assert request == (
            22,
            runtime.root.pid,
            THEIRS,
            (Atom("$gen_call"), (runtime.root.pid, tag), HI),
        )
        runtime.aliases[monitor[3].words].deliver((tag, 42))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        assert await runtime.root.call(THEIRS, HI) == 42
    assert [operation[0] for operation in fake.sent()] == [20]
    fake.assert_nothing_is_kept()
    assert not runtime.aliases


async def test_a_call_that_is_given_up_demonitors(
    fake: FakePeer, runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(CallTimeout):
        await runtime.root.call(("bob", PEER), HI)
    with trio.move_on_after(1):
        await runtime.root.call(("bob", PEER), HI)
    assert [operation[0] for operation in fake.sent()] == [19, 6, 20, 19, 6, 20]
    fake.assert_nothing_is_kept()


async def test_a_call_ends_with_the_connection(
    fake: FakePeer, runtime: Runtime
) -> None:
    async def body(process: Process) -> Any:
        return await process.call(THEIRS, HI)

    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def cut() -> None:
            await settle()
            fake.peer.lost()

        with pytest.raises(NodeDown):
            await inside(runtime, body)
    fake.assert_nothing_is_kept()
    assert not runtime.aliases
