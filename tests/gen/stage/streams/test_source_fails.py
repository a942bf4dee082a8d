"""A source that fails when what it gave before has not been sent yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ergopy import Atom, stage
from tests.gen.stage.stages import Hand, cancel
from tests.runtimes import Ends, find, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from ergopy import Pid
    from ergopy.process.runtime import Runtime


async def two_and_a_failure(begin: trio.Event) -> AsyncIterator[int]:
    await begin.wait()
    yield 1
    yield 2
    raise ValueError("dry")


async def asked(runtime: Runtime) -> tuple[Pid, trio.Event, Hand, Any]:
    """Start a producer that is asked for three events, and has none yet."""
    begin, hand = trio.Event(), Hand(runtime)
    source = two_and_a_failure(begin)
    pid = await stage.from_iterable(source, caller=runtime.root, link=False)
    tag = await hand.subscribe(pid)
    await hand.ask(pid, tag, 3)
    return pid, begin, hand, tag


async def test_events_that_nobody_wants_any_more_wait_for_the_next_consumer(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    pid, begin, hand, tag = await asked(runtime)
    await hand.to_producer(pid, tag, cancel(Atom("normal")))
    begin.set()
    await settle()
    reasons = Ends(find(runtime, pid)).reasons
    hand.read()
    tag = await hand.subscribe(pid)
    await hand.ask(pid, tag, 2)
    assert hand.read() == [[1, 2]]
    assert [reason[1] for reason in reasons] == [b"builtins.ValueError"]
    assert "ValueError: dry" in caplog.text


async def test_events_that_are_held_back_go_out_first(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    pid, begin, hand, tag = await asked(runtime)
    await stage.demand(pid, "accumulate", caller=runtime.root)
    await settle()
    begin.set()
    await settle()
    reasons = Ends(find(runtime, pid)).reasons
    await stage.demand(pid, "forward", caller=runtime.root)
    await settle()
    assert hand.read(tag) == [[1, 2]]
    assert [reason[1] for reason in reasons] == [b"builtins.ValueError"]
    assert "ValueError: dry" in caplog.text
