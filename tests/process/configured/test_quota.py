"""How many processes one and its own may have at a time, and a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import ergopy
from ergopy import GenServer, ProcessConfig, SystemLimit
from ergopy.process.defunct import declare_defunct
from tests.process.configured.kit import configured
from tests.runtimes import find, idle, running, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def test_room_for_processes_is_shared_by_all_below(runtime: Runtime) -> None:
    top = configured(runtime, max_processes=2)
    first = find(runtime, await top.spawn(idle))
    second = find(runtime, await first.spawn(idle))
    for process in (top, first, second):
        with pytest.raises(SystemLimit) as caught:
            await process.spawn(idle)
        assert (caught.value.who, caught.value.limit) == (top.pid, 2)
    await runtime.root.exit(first.pid, "kill")
    await settle()
    await second.spawn(idle)
    with pytest.raises(SystemLimit):
        await top.spawn(idle)


async def test_a_quota_inside_of_another_counts_in_both(runtime: Runtime) -> None:
    top = configured(runtime, max_processes=3)
    inner = find(runtime, await top.spawn(idle, config=ProcessConfig(max_processes=1)))
    await inner.spawn(idle)
    with pytest.raises(SystemLimit) as caught:
        await inner.spawn(idle)
    assert caught.value.who == inner.pid
    await top.spawn(idle)
    with pytest.raises(SystemLimit) as caught:
        await top.spawn(idle)
    assert caught.value.who == top.pid


async def test_a_start_that_fails_gives_its_room_back(runtime: Runtime) -> None:
    class Failing(GenServer):
        async def init(self) -> None:
            raise ergopy.Exit("no")

    top = configured(runtime, max_processes=1)
    await runtime.root.spawn(idle, name="taken")
    for _ in range(3):
        with pytest.raises(ergopy.StartError):
            await top.start(Failing)
        with pytest.raises(ergopy.NameTaken):
            await top.spawn(idle, name="taken")
        await settle()
    await top.spawn(idle)


async def test_one_that_was_declared_defunct_gives_its_room_back_once(
    runtime: Runtime,
) -> None:
    free = trio.Event()

    async def stuck(process: Process) -> None:
        with trio.CancelScope(shield=True):
            await free.wait()

    top = configured(runtime, max_processes=1)
    process = find(runtime, await top.spawn(stuck))
    await settle()
    process.kill()
    declare_defunct(process)
    await top.spawn(idle)
    free.set()
    await settle()
    with pytest.raises(SystemLimit):
        await top.spawn(idle)


async def test_a_node_has_no_more_processes_than_it_may(runtime: Runtime) -> None:
    runtime.max_processes = 3
    one = runtime.spawn(idle, ())
    runtime.spawn(idle, ())
    with pytest.raises(SystemLimit) as caught:
        await one.spawn(idle)
    assert (caught.value.who, caught.value.limit) == ("py@test", 3)
    assert "system_limit" in str(caught.value)
    with pytest.raises(SystemLimit):
        await runtime.root.start(GenServer, name="late")
    assert runtime.whereis("late") is None


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from([None, None, 0, 1, 2, 3])),
        max_size=25,
    )
)
def test_no_quota_is_ever_exceeded(steps: list[tuple[int, int | None]]) -> None:
    """Start below whom the number says, with a quota or without; now and then end."""

    async def main() -> None:
        async with running() as runtime:
            top = configured(runtime, max_processes=4)
            tree: dict[Process, tuple[Process | None, int | None]] = {top: (None, 4)}
            for which, limit in steps:
                alive = [process for process in tree if process.alive]
                if which > 15 and len(alive) > 1:
                    await runtime.root.exit(alive[1].pid, "kill")
                    await settle()
                    continue
                parent = alive[which % len(alive)]
                config = ProcessConfig(max_processes=limit)
                room = all(
                    _below(tree, up) < most for up, most in _quotas(tree, parent)
                )
                try:
                    process = find(runtime, await parent.spawn(idle, config=config))
                except SystemLimit:
                    assert not room
                else:
                    assert room
                    tree[process] = (parent, limit)

    trio.run(main)


def _up(tree: Any, process: Process) -> list[Process]:
    """Whom a process was started by, and so on upwards; also those that have ended."""
    above: list[Process] = []
    starter = tree[process][0]
    while starter is not None:
        above.append(starter)
        starter = tree[starter][0]
    return above


def _below(tree: Any, top: Process) -> int:
    return sum(process.alive and top in _up(tree, process) for process in tree)


def _quotas(tree: Any, parent: Process) -> list[tuple[Process, int]]:
    line = [parent, *_up(tree, parent)]
    return [(p, tree[p][1]) for p in line if tree[p][1] is not None]
