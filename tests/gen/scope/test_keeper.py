"""The process behind a scope: when there is one, and what can be seen of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

import ergopy
from ergopy import Atom, NeededChildExited, Scope
from tests.gen.scope.kit import end
from tests.runtimes import Ends, assert_only_the_root, find, idle, inside, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def test_a_scope_without_children_has_no_process(runtime: Runtime) -> None:
    async def body(process: Process) -> int:
        async with Scope(process):
            return len(runtime.processes)

    assert await inside(runtime, body) == 2


async def test_two_starts_at_once_share_one_process_behind_the_scope(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> int:
        async with Scope(process) as scope:

            async def start() -> None:
                await scope.start(idle)

            process.start_soon(start)
            process.start_soon(start)
            await settle()
            assert len(scope.children) == 2
            # The node, the owner, the keeper and the two.
            return len(runtime.processes)

    assert await inside(runtime, body) == 5


async def test_the_owner_is_the_parent_in_a_tree_of_supervisors(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        async with Scope(process) as scope:
            await scope.start(idle, id="worker")
            [keeper] = process.links
            children = await ergopy.supervisor.which_children(keeper)
            return [child.id for child in children], find(runtime, keeper).label

    ids, label = await inside(runtime, body)
    assert ids == ["worker"]
    assert label.startswith("scope of ")


async def test_a_killed_keeper_takes_children_and_owner_along(runtime: Runtime) -> None:
    async def body(process: Process) -> None:
        async with Scope(process) as scope:
            await scope.start(idle)
            await trio.sleep_forever()

    owner = runtime.spawn(body, ())
    ends = Ends(owner)
    await settle()
    [keeper] = owner.links
    await end(runtime, keeper, "kill")
    assert ends.reasons == [Atom("killed")]
    assert_only_the_root(runtime)


async def test_a_trapping_owner_keeps_no_message_of_the_scope_s_end(
    runtime: Runtime,
) -> None:
    async def body(process: Process) -> Any:
        process.trap_exit = True
        async with Scope(process) as scope:
            await scope.start(idle)
        try:
            async with Scope(process) as scope:
                await end(runtime, await scope.start(idle, needed=True))
        except NeededChildExited:
            return process.messages()

    assert await inside(runtime, body) == []
