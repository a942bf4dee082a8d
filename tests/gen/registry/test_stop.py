"""``stop``: unregister first, tell, wait, and kill what does not go."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom
from tests.gen.registry.kit import (
    Worker,
    begin,
    begin_starting,
    clean,
    is_alive,
    pids,
    stuck,
)
from tests.runtimes import find, settle, stubborn


class Slow(Worker):
    async def terminate(self, reason: Any) -> None:
        await trio.sleep(2)


async def test_stop_waits_until_the_process_has_ended(runtime, autojump_clock) -> None:
    registry = await begin(runtime, start=Slow)
    pid = await registry.start("key", "trap")
    began = trio.current_time()
    assert await registry.stop("key") == "shutdown"
    assert trio.current_time() == began + 2
    assert not is_alive(runtime, pid)


async def test_it_is_unregistered_before_it_ends(runtime, autojump_clock) -> None:
    registry = await begin(runtime, start=Slow)
    first = await registry.start("key", "trap")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(registry.stop, "key")
        await settle()
        assert is_alive(runtime, first)
        assert registry.lookup("key") is None
        second = await registry.start("key")
    assert registry.lookup("key") == second


@pytest.mark.parametrize("reason", ["normal", "shutdown", "kill", (Atom("a"), 1)])
@pytest.mark.parametrize("how", [None, "trap"])
async def test_a_behaviour_that_the_registry_started_ends_with_the_reason(
    runtime, how: Any, reason: Any
) -> None:
    registry = await begin_starting(runtime)
    pid = await registry.start("key", how)
    if reason == "normal" and how is None:
        # As exit/2 has it: normal is no reason to end for one that does not trap.
        with pytest.raises(ergopy.CallTimeout):
            await registry.stop("key", reason, timeout=0, kill=False)
        assert is_alive(runtime, pid)
        return
    ended = "killed" if reason == "kill" else reason
    assert await registry.stop("key", reason) == ended
    assert not is_alive(runtime, pid)


async def test_a_plain_process_that_traps_is_killed_when_its_time_is_over(
    runtime, autojump_clock
) -> None:
    registry = await begin(runtime, start=stuck)
    pid = await registry.start("key")
    await settle()
    began = trio.current_time()
    assert await registry.stop("key", timeout=3) == "killed"
    assert trio.current_time() == began + 3
    assert not is_alive(runtime, pid)


async def test_a_plain_process_that_traps_lives_if_nobody_waits(runtime) -> None:
    registry = await begin(runtime, start=stuck)
    with clean(registry):
        pid = await registry.start("key")
        await settle()
        assert await registry.stop("key", wait=False) is None
        await settle()
        assert is_alive(runtime, pid)
        assert pid not in registry.process.links
        assert not find(runtime, pid).watchers


async def test_a_plain_process_that_traps_lives_if_it_is_not_to_be_killed(
    runtime, autojump_clock
) -> None:
    registry = await begin(runtime, start=stuck)
    pid = await registry.start("key")
    await settle()
    with pytest.raises(ergopy.CallTimeout):
        await registry.stop("key", timeout=3, kill=False)
    assert is_alive(runtime, pid)
    assert registry.lookup("key") is None
    assert not find(runtime, pid).watchers


async def test_what_ignores_even_a_kill_is_given_up(
    runtime, autojump_clock, caplog
) -> None:
    registry = await begin(runtime)
    process = runtime.spawn(stubborn, (60,))
    registry.register("key", pid=process.pid)
    await settle()
    assert await registry.stop("key", timeout=1) == "shutdown"
    assert not is_alive(runtime, process.pid)
    assert "defunct" in caplog.text


async def test_nobody_there_is_an_error(runtime) -> None:
    registry = await begin_starting(runtime)
    with pytest.raises(ergopy.NotRegistered):
        await registry.stop("key")


async def test_a_start_under_way_is_awaited(runtime, autojump_clock) -> None:
    registry = await begin_starting(runtime)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(registry.start, "key", (Atom("sleep"), 2))
        await settle()
        with pytest.raises(ergopy.CallTimeout):
            await registry.stop("key", timeout=1)
        assert await registry.stop("key") == "shutdown"
    assert registry.lookup("key") is None


async def test_cancelled_it_leaves_the_process_unregistered(
    runtime, autojump_clock
) -> None:
    registry = await begin(runtime, start=stuck)
    pid = await registry.start("key")
    await settle()
    with trio.move_on_after(1):
        await registry.stop("key", timeout=None)
    assert is_alive(runtime, pid)
    assert registry.lookup("key") is None
    assert not find(runtime, pid).watchers


async def test_its_other_keys_go_with_the_process(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    with clean(registry):
        registry.register("one", pid=pid)
        registry.register("two", pid=pid)
        await registry.stop("one")
        assert registry.lookup("two") is None


async def test_stop_and_start_need_unique_keys(runtime) -> None:
    registry = await begin(runtime, keys="duplicate")
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    for verb in (registry.stop, registry.lookup_or_start):
        with pytest.raises(TypeError):
            await verb("key")


async def test_a_cancelled_stop_leaves_no_watch_behind(runtime, autojump_clock) -> None:
    registry = await begin(runtime, start=stuck)
    pid = await registry.start("key")
    await settle()
    process = find(runtime, pid)
    before = set(process.watchers)
    with trio.move_on_after(1):
        await registry.stop("key")
    assert set(process.watchers) == before
    assert registry.lookup("key") is None
    assert is_alive(runtime, pid)
