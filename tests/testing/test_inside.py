"""Code that runs as a process."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import testing


async def test_it_returns_and_raises_what_the_process_does(node: ergopy.Node) -> None:
    async def divide(process: ergopy.Process, a: int, b: int) -> Any:
        return process.pid, a // b

    pid, result = await testing.inside(node, divide, 7, 2)
    assert (pid.node, result) == (node.name, 3)
    assert node.runtime.find(pid) is None
    with pytest.raises(ZeroDivisionError):
        await testing.inside(node, divide, 7, 0)


async def test_a_process_that_is_ended_is_told_from_one_that_is_slow(
    node: ergopy.Node, autojump_clock: Any
) -> None:
    async def sleep(process: ergopy.Process, killed: bool) -> None:
        if killed:
            process.kill()
        await trio.sleep_forever()

    for killed, how in ((True, "ended from outside"), (False, "too long")):
        with pytest.raises(AssertionError, match=how):
            await testing.inside(node, sleep, killed, timeout=30)
