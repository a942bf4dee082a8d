"""``shutdown`` and ``ignore``, whatever the task has done before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Exit, Task
from tests.gen.task.kit import fail, hang
from tests.runtimes import assert_only_the_root, inside, mail, settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ergopy.process.runtime import Runtime


async def value() -> str:
    return "done"


async def trap() -> None:
    """Take no notice of an exit signal; the process has to be killed."""
    ergopy.self().trap_exit = True
    await trio.sleep_forever()


async def trap_and_return() -> str:
    me = ergopy.self()
    me.trap_exit = True
    await me.receive()
    return "last words"


async def trap_and_fail() -> None:
    me = ergopy.self()
    me.trap_exit = True
    await me.receive()
    raise Exit("boom")


async def kill_itself() -> None:
    me = ergopy.self()
    await me.exit(me.pid, "kill")


TABLE = [
    # What the task does, how it is ended, what comes of it, and how long that takes.
    (value, 5.0, ("ok", "done"), 0),
    (value, "brutal_kill", ("ok", "done"), 0),
    (fail, 5.0, ("exit", "boom"), 0),
    (fail, "brutal_kill", ("exit", "boom"), 0),
    (hang, 5.0, None, 0),
    (hang, None, None, 0),
    (hang, "brutal_kill", None, 0),
    (trap, 2.0, ("exit", "killed"), 2),
    (trap, 0, ("exit", "killed"), 0),
    (trap, "brutal_kill", None, 0),
    (trap_and_return, 5.0, ("ok", "last words"), 0),
    (trap_and_fail, 5.0, ("exit", "boom"), 0),
    (kill_itself, 5.0, ("exit", "killed"), 0),
    (kill_itself, "brutal_kill", None, 0),
]


@pytest.mark.parametrize("kind", ["process", "program"])
@pytest.mark.parametrize(("work", "how", "outcome", "seconds"), TABLE)
async def test_shutdown_says_how_the_task_ended(
    runtime: Runtime,
    autojump_clock: trio.abc.Clock,
    kind: str,
    work: Callable[..., Awaitable[Any]],
    how: Any,
    outcome: Any,
    seconds: float,
) -> None:
    async def body(me: Any) -> None:
        me.trap_exit = kind == "process"
        task = await Task.async_nolink(work, caller=me)
        await settle()
        began = trio.current_time()
        assert await task.shutdown(how) == outcome
        assert trio.current_time() - began == pytest.approx(seconds)
        assert runtime.find(task.pid) is None  # type: ignore[arg-type]
        await settle()
        assert mail(me) == []

    await (inside(runtime, body) if kind == "process" else body(runtime.root))
    await settle()
    assert_only_the_root(runtime)


async def test_shutdown_unlinks_first(runtime: Runtime) -> None:
    async def body(me: Any) -> Any:
        task = await Task.async_(hang)
        outcome = await task.shutdown()
        await settle()
        return outcome, me.messages()

    assert await inside(runtime, body) == (None, [])


async def test_yield_or_shutdown_is_one_way_to_a_value(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    task = await Task.async_(hang, caller=runtime.root)
    assert (await task.yield_(1) or await task.shutdown()) is None
    task = await Task.async_(value, caller=runtime.root)
    assert (await task.yield_(1) or await task.shutdown()) == ("ok", "done")


async def test_shutdown_after_the_value_finds_nobody(runtime: Runtime) -> None:
    task = await Task.async_(value, caller=runtime.root)
    assert await task.await_() == "done"
    assert await task.shutdown() == ("exit", "noproc")


@pytest.mark.parametrize(
    ("work", "outcome"),
    [(value, ("ok", "done")), (fail, ("exit", "boom")), (hang, None)],
)
async def test_ignore_says_what_there_is_and_lets_go(
    runtime: Runtime, work: Callable[..., Awaitable[Any]], outcome: Any
) -> None:
    async def body(me: Any) -> Any:
        me.trap_exit = True
        task = await Task.async_nolink(work)
        await settle()
        assert await task.ignore() == outcome
        return me.messages(), task.pid

    messages, pid = await inside(runtime, body)
    assert messages == []
    process = runtime.find(pid)
    assert (process is None) == (outcome is not None)


async def test_an_ignored_task_is_linked_no_more(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    ran: list[int] = []

    async def late() -> None:
        await trio.sleep(1)
        ran.append(1)
        raise Exit("unheard")

    async def body(me: Any) -> Any:
        task = await Task.async_(late)
        assert await task.ignore() is None
        await trio.sleep(2)
        return me.messages()

    assert await inside(runtime, body) == []
    assert ran == [1]


async def test_a_cancelled_shutdown_leaves_no_message_behind(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Any) -> Any:
        task = await Task.async_nolink(trap)
        await settle()
        with trio.move_on_after(1):
            await task.shutdown(None)
        await me.exit(task.pid, "kill")
        await settle()
        return [message.ref == task.ref for message in me.messages()]

    assert await inside(runtime, body) == [True]


async def test_a_shutdown_after_the_end_leaves_no_message_behind(
    runtime: Runtime,
) -> None:
    async def body(me: Any) -> Any:
        ends = []
        for work in value, fail:
            task = await Task.async_nolink(work)
            await settle()
            ends.append(await task.shutdown())
        return ends, me.messages()

    ends, left = await inside(runtime, body)
    assert (ends, left) == ([("ok", "done"), ("exit", "boom")], [])
