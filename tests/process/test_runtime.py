from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import Atom, NameTaken, NotRegistered, Pid, Reference
from ergopy.process import runtime as runtime_module
from ergopy.process.mailbox import REDUCTIONS
from tests.runtimes import assert_only_the_root, idle, inside, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def test_a_name_belongs_to_one_process_until_it_ends(runtime: Runtime) -> None:
    one, two = sleeper(runtime), sleeper(runtime)
    runtime.register("name", one.pid)
    with pytest.raises(NameTaken) as caught:
        runtime.register("name", two.pid)
    assert (caught.value.name, caught.value.owner) == ("name", one.pid)
    await runtime.root.exit(one.pid, "kill")
    await settle()
    assert runtime.whereis("name") is None
    runtime.register("name", two.pid)
    assert runtime.whereis("name") == two.pid


async def test_a_failed_registration_leaves_nothing(runtime: Runtime) -> None:
    one = sleeper(runtime)
    with pytest.raises(ValueError, match="undefined"):
        runtime.register("undefined", one.pid)
    with pytest.raises(NotRegistered):
        runtime.register("ghost", Pid(runtime.name, 999, 0, runtime.creation))
    with pytest.raises(NotRegistered):
        runtime.unregister("ghost")
    assert runtime.names == {}
    assert one.names == ()


async def test_a_process_may_have_several_names_and_gives_all_back(
    runtime: Runtime,
) -> None:
    one = sleeper(runtime, name="a")
    runtime.register("b", one.pid)
    runtime.unregister("a")
    assert runtime.whereis("b") == one.pid
    await runtime.root.exit(one.pid, "kill")
    await settle()
    assert_only_the_root(runtime)


async def test_names_are_atoms(runtime: Runtime) -> None:
    sleeper(runtime, name="plain")
    assert [type(name) for name in runtime.names] == [Atom]


async def test_a_pid_of_another_run_is_nobody_here(runtime: Runtime) -> None:
    one = sleeper(runtime)
    pid = one.pid
    for other in (
        Pid(pid.node, pid.id, pid.serial, pid.creation + 1),
        Pid(pid.node, pid.id, pid.serial + 1, pid.creation),
    ):
        assert runtime.find(other) is None
        await runtime.root.send(other, 1)
    assert mail(one) == []
    assert runtime.find(Pid(*(pid.node, pid.id, pid.serial, pid.creation))) is one


async def test_pids_do_not_repeat_when_the_numbers_do(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_module, "_MAX_ID", 8)
    keep = [sleeper(runtime) for _ in range(3)]
    seen = {process.pid for process in keep}
    for _ in range(20):
        pid = runtime.new_pid()
        assert pid not in seen
        seen.add(pid)


async def test_references_are_all_different(runtime: Runtime) -> None:
    assert len({runtime.new_reference() for _ in range(1000)}) == 1000


async def test_references_do_not_repeat_where_a_word_of_them_is_full(
    runtime: Runtime,
) -> None:
    for full in (2**18, 2**32):
        runtime.references = full - 500
        made = [runtime.new_reference() for _ in range(1000)]
        early = [Reference(ref.node, ref.creation, ref.words) for ref in made]
        runtime.references = 0
        first = [runtime.new_reference() for _ in range(1000)]
        assert len({*early, *first}) == 2000
        assert all(0 <= ref.words[0] < 2**18 for ref in made)


# Fairness: Trio cannot take the CPU away, so the budget has to give it back.


async def progress_of_others(runtime: Runtime, greedy: Any) -> int:
    """Run *greedy* in a process; return how often another task ran meanwhile."""
    turns = 0
    running = True

    async def other() -> None:
        nonlocal turns
        while running:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        await inside(runtime, greedy)
        running = False
    return turns


async def test_a_process_that_is_flooded_lets_others_run(runtime: Runtime) -> None:
    async def greedy(process: Process) -> None:
        for number in range(REDUCTIONS * 5):
            process.deliver(number)
        for _ in range(REDUCTIONS * 5):
            await process.receive()

    assert await progress_of_others(runtime, greedy) >= 4


async def test_a_process_that_only_sends_lets_others_run(runtime: Runtime) -> None:
    target = sleeper(runtime)

    async def greedy(process: Process) -> None:
        for number in range(REDUCTIONS * 5):
            await process.send(target.pid, number)

    assert await progress_of_others(runtime, greedy) >= 4
    assert mail(target) == list(range(REDUCTIONS * 5))


async def test_sending_and_receiving_are_no_checkpoints_by_themselves(
    runtime: Runtime,
) -> None:
    target = sleeper(runtime)

    async def body(process: Process) -> None:
        process.deliver(1)
        with trio.testing.assert_no_checkpoints():
            await process.receive()
            await process.send(target.pid, 1)
            await process.spawn(idle)

    await inside(runtime, body)


async def test_ten_thousand_processes_come_and_go(runtime: Runtime) -> None:
    async def body(process: Process, parent: Pid) -> None:
        await process.send(parent, await process.receive())

    async def parent(process: Process) -> int:
        for number in range(10_000):
            await process.send(await process.spawn(body, process.pid), number)
        return sum([await process.receive() for _ in range(10_000)])

    assert await inside(runtime, parent) == sum(range(10_000))
    await settle()
    assert_only_the_root(runtime)
