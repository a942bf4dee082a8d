"""Functions for tasks to run."""

from __future__ import annotations

import trio

from ergopy import Exit

TASKS = "tasks"


async def double(n: int) -> int:
    await trio.lowlevel.checkpoint()
    return 2 * n


async def fail() -> None:
    raise Exit("boom")


async def hang() -> None:
    await trio.sleep_forever()
