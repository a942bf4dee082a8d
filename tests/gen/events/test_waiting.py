"""Waiting for an event that is not registered yet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from ergopy import CallTimeout, EventError, Events, events
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_who_starts_early_waits_for_an_event(
    serving: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    root = serving.root
    waited = []

    async def wait(name: str) -> None:
        await events.wait_for(name, caller=root)
        waited.append((trio.current_time(), name))

    async with trio.open_nursery() as nursery:
        for name in "one", "one", "two":
            nursery.start_soon(wait, name)
        await trio.sleep(1)
        await events.register("one", caller=root)
        await trio.sleep(1)
        await events.register("two", caller=root)
    assert waited == [(1, "one"), (1, "one"), (2, "two")]
    await events.wait_for("one", timeout=0.1, caller=root)
    with pytest.raises(CallTimeout):
        await events.wait_for("three", timeout=1, caller=root)


async def test_only_so_many_wait_and_who_gave_up_is_not_counted(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    root = runtime.root
    await root.start(Events, name="events", max_events=1)
    with trio.move_on_after(1):
        await events.wait_for("one", caller=root)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(events.wait_for, "one", caller=root))
        await settle()
        with pytest.raises(EventError, match="system_limit"):
            await events.wait_for("two", caller=root)
        await events.register("one", caller=root)


async def test_room_for_who_waits_is_free_again_when_they_have_their_event(
    runtime: Runtime,
) -> None:
    root = runtime.root
    await root.start(Events, name="events", max_events=2)
    for name in "a", "b", "c":
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(partial(events.wait_for, name, caller=root))
            await settle()
            with pytest.raises(EventError, match="system_limit"):
                await events.wait_for("another", caller=root)
            (await events.register(name, caller=root)).unregister()
