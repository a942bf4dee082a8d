"""One call fails while the process that was called lives on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import NOREPLY, Atom, CallExit, CallTimeout, GenServer
from ergopy.process.refusals import is_watched, refuse
from etf import ImproperList
from tests.runtimes import find, inside, mail, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

REASON = (Atom("not_today"), [1])


class Server(GenServer):
    async def init(self) -> None:
        self.kept: list[Any] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        if request == "refuse":
            return refuse(self.process, from_, REASON) and NOREPLY
        self.kept.append(from_)
        return NOREPLY


async def start(runtime: Runtime) -> tuple[Any, Server]:
    made: list[Server] = []

    class Made(Server):
        async def init(self) -> None:
            made.append(self)
            await super().init()

    return await runtime.root.start(Made), made[0]


async def test_a_refused_call_raises_its_reason_and_ends_nobody(
    runtime: Runtime,
) -> None:
    pid, server = await start(runtime)

    async def body(me: Process) -> Any:
        with pytest.raises(CallExit) as caught:
            await me.call(pid, "refuse")
        return caught.value.reason, me.messages()

    assert await inside(runtime, body) == (REASON, [])
    assert server.process.alive
    assert not runtime.aliases
    assert not server.process.watchers


async def test_a_call_that_waits_may_be_refused_later(runtime: Runtime) -> None:
    pid, server = await start(runtime)
    async with trio.open_nursery() as nursery:

        async def call() -> None:
            with pytest.raises(CallExit):
                await runtime.root.call(pid, "wait", None)

        nursery.start_soon(call)
        await settle()
        assert is_watched(server.process, server.kept[0])
        assert refuse(server.process, server.kept[0], REASON)
    assert not is_watched(server.process, server.kept[0])


async def test_who_gave_up_is_watched_no_more(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    pid, server = await start(runtime)
    with pytest.raises(CallTimeout):
        await runtime.root.call(pid, "wait", 1)
    assert not is_watched(server.process, server.kept[0])
    assert not refuse(server.process, server.kept[0], REASON)


@pytest.mark.parametrize(
    "make_tag",
    [lambda ref: ref, lambda ref: ImproperList([Atom("alias")], ref), lambda _: 7],
    ids=["reference", "alias", "number"],
)
async def test_who_does_not_watch_is_answered_with_an_error(
    runtime: Runtime, make_tag: Any
) -> None:
    pid, server = await start(runtime)
    caller = sleeper(runtime)
    tag = make_tag(caller.alias())
    refuse(server.process, (caller.pid, tag), REASON)
    assert mail(caller) == [(tag, (Atom("error"), REASON))]
    assert find(runtime, pid).alive


async def test_a_tag_cannot_name_the_watch_of_another(runtime: Runtime) -> None:
    pid, server = await start(runtime)
    watcher, liar = sleeper(runtime), sleeper(runtime)
    ref = watcher.monitor_nowait(pid)
    assert not refuse(server.process, (watcher.pid, ref), REASON)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runtime.root.call, pid, "wait", None)
        await settle()
        _, tag = server.kept[0]
        assert not is_watched(server.process, (liar.pid, tag))
        assert is_watched(server.process, server.kept[0])
        nursery.cancel_scope.cancel()
    assert [m for m in mail(watcher) if m[0] == "DOWN"] == []


@pytest.mark.parametrize("from_", [None, 7, (), (1, 2), (1, 2, 3)])
async def test_nobody_is_refused_nothing(runtime: Runtime, from_: Any) -> None:
    _, server = await start(runtime)
    assert not is_watched(server.process, from_)
    assert not refuse(server.process, from_, REASON)
