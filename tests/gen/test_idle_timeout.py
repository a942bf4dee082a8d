"""The idle timeout of a server: what sets it, and what ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import Atom, NoReply, Reply
from tests.gen.scripted import begin
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_init_may_set_an_idle_timeout(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    server = await begin(runtime, NoReply(timeout=3))
    await trio.sleep(4)
    assert server.log == [("info", Atom("timeout"))]
    await trio.sleep(4)
    assert len(server.log) == 1


async def test_an_idle_timeout_starts_anew_with_each_message(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    server = await begin(runtime)
    for _ in range(5):
        await server.cast(NoReply(timeout=2))
        await trio.sleep(1.5)
    assert server.log == ["cast"] * 5
    await trio.sleep(1)
    assert server.log[-1] == ("info", Atom("timeout"))


async def test_a_message_ends_the_idle_timeout_unless_it_sets_another(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    server = await begin(runtime)
    await server.cast(NoReply(timeout=2))
    await server.cast(None)
    await trio.sleep(10)
    assert server.log == ["cast", "cast"]


async def test_a_zero_timeout_comes_after_the_messages_that_are_there(
    runtime: Runtime,
) -> None:
    server = await begin(runtime)
    await runtime.root.cast(server.pid, NoReply(timeout=0))
    await runtime.root.cast(server.pid, NoReply(timeout=0))
    await settle()
    assert server.log == ["cast", "cast", ("info", Atom("timeout"))]


async def test_a_message_in_the_moment_of_the_timeout_comes_instead(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    server = await begin(runtime)
    await server.cast(NoReply(timeout=2))
    runtime.timers.start(2, lambda: runtime.root.send_nowait(server.pid, "hello"))
    await trio.sleep(3)
    assert server.log == ["cast", ("info", "hello")]


async def test_a_system_message_does_not_end_the_idle_timeout(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    server = await begin(runtime)
    await server.cast(NoReply(timeout=2))
    await trio.sleep(1)
    await server.send((Atom("system"), (runtime.root.pid, 1), Atom("get_state")))
    await trio.sleep(3)
    assert server.log == ["cast", ("info", Atom("timeout"))]


@pytest.mark.parametrize("make", [NoReply, lambda **o: Reply(1, **o)])
@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_an_idle_timeout_is_a_duration(make: Any, timeout: float) -> None:
    with pytest.raises(ValueError, match="number of seconds"):
        make(timeout=timeout)
