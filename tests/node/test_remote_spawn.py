"""Processes that we start on another node, or on this one as if it were another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy import Atom, Down, Exit, ExitMessage
from ergopy.dist.flags import OFFERED_VISIBLE, Flag
from ergopy.errors import NodeDown, StartError
from ergopy.node.exports import Exports
from ergopy.node.patience import Patience
from ergopy.node.remote_spawn import Wanted, remote_spawn, spawn_here
from ergopy.process.links import LINKED
from tests.node.fakes import PEER, THEIRS, FakePeer
from tests.node.wanted import ABANDONED, KILL, LINK, MONITOR, OOPS, F, M, wanted
from tests.runtimes import inside, mail, settle

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


class Asking:
    """A process of ours that starts one over there, and waits."""

    def __init__(self, fake: FakePeer, runtime: Runtime) -> None:
        self.fake = fake
        self.runtime = runtime
        self.caller: Process | None = None

    async def start(self, flags: int = 0, timeout: float | None = 5.0) -> Any:
        """Return pid, reference, links and monitors, once there is an answer."""

        async def body(process: Process) -> Any:
            self.caller = process
            process.trap_exit = True
            pid, ref = await remote_spawn(
                process, self.fake.peer, wanted(flags), Patience(timeout)
            )
            return pid, ref, dict(process.links), dict(process.monitors)

        return await inside(self.runtime, body)

    async def request(self) -> tuple[Any, ...]:
        await settle()
        (request,) = self.fake.sent()
        assert request[0] == 29
        return request

    async def answer(self, result: Any, flags: int = 0) -> tuple[Any, ...]:
        request = await self.request()
        self.fake.peer.spawns.pop(request[1].words).spawned(flags, result)
        return request


@pytest.fixture
async def asking(fake: FakePeer, runtime: Runtime) -> Asking:
    return Asking(fake, runtime)


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
async def test_a_process_over_there_is_asked_for_with_its_options(
    asking: Asking, flags: int
) -> None:
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def check() -> None:
            await settle()
            (request,) = asking.fake.wire.sent
            caller = asking.caller
            assert caller is not None
            pid, leader, options = caller.pid, caller.group_leader, wanted(flags)[3]
            assert request == (29, request[1], pid, leader, (M, F, 1), options, [1])
            await asking.answer(THEIRS, flags)

        pid, ref, links, monitors = await asking.start(flags)
    assert pid == THEIRS
    assert links == ({THEIRS: LINKED} if flags & 1 else {})
    assert list(monitors) == ([ref] if flags & 2 else [])


@pytest.mark.parametrize("reason", ["badopt", "system_limit", "notsup"])
async def test_a_refusal_is_an_error_with_its_reason(
    asking: Asking, reason: str
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asking.answer, Atom(reason))
        with pytest.raises(StartError) as caught:
            await asking.start()
    assert caught.value.reason == reason
    assert "worker:start/1 on peer@test" in str(caught.value)


async def test_the_loss_of_the_node_is_an_error(asking: Asking) -> None:
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def cut() -> None:
            await settle()
            asking.fake.peer.lost()

        with pytest.raises(NodeDown):
            await asking.start(3)
    asking.fake.assert_nothing_is_kept()


async def test_a_node_that_cannot_spawn_says_notsup(asking: Asking) -> None:
    asking.fake.connect(OFFERED_VISIBLE & ~Flag.SPAWN)
    with pytest.raises(StartError) as caught:
        await asking.start()
    assert caught.value.reason == Atom("notsup")
    assert asking.fake.sent() == []


async def test_one_timeout_covers_the_connection_and_the_answer(
    runtime: Runtime, autojump_clock: trio.testing.MockClock
) -> None:
    asking = Asking(FakePeer(runtime), runtime)
    began = trio.current_time()
    for _ in range(2):
        with pytest.raises(StartError) as caught:
            await asking.start(timeout=3.0)
        assert caught.value.reason == Atom("timeout")
        asking.fake.connect()
    assert trio.current_time() - began == pytest.approx(6.0)


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("end", "reason"),
    [("timeout", ABANDONED), ("cancel", ABANDONED), ("exit", OOPS), ("kill", "killed")],
)
async def test_a_late_answer_takes_back_what_was_set_up(
    asking: Asking,
    autojump_clock: trio.testing.MockClock,
    flags: int,
    end: str,
    reason: Atom,
) -> None:
    scope = trio.CancelScope()

    async def body(process: Process) -> None:
        with scope:
            try:
                way = asking.fake.peer
                await remote_spawn(process, way, wanted(flags), Patience(1.0))
            except StartError:
                assert end == "timeout"
        await trio.sleep_forever()

    caller = asking.runtime.spawn(body, ())
    await settle()
    if end == "timeout":
        await trio.sleep(2.0)
    elif end == "cancel":
        scope.cancel()
    else:
        caller.exit_from(THEIRS, KILL if end == "kill" else OOPS, link=False)
    await settle()
    request = await asking.answer(THEIRS, flags)
    expected: list[Any] = []
    if flags & 2:
        expected.append((20, caller.pid, THEIRS, request[1]))
    if flags & 1:
        expected.append((24, caller.pid, THEIRS, reason))
    assert asking.fake.sent() == expected
    asking.fake.assert_nothing_is_kept()
    assert not mail(caller)


async def test_a_node_starts_its_own_programs_without_a_connection(
    runtime: Runtime,
) -> None:
    exports = Exports()

    async def program(process: Process, value: Any) -> None:
        raise Exit(value)

    exports.provide("worker", program, "start")

    async def body(process: Process) -> None:
        process.trap_exit = True
        over = Wanted(M, F, [Atom("over")], [MONITOR, LINK])
        pid, ref = spawn_here(process, exports, over)
        assert ref is not None
        other, none = spawn_here(process, exports, Wanted(M, Atom("x"), [], [LINK]))
        assert none is None
        got = [await process.receive() for _ in range(3)]
        assert ExitMessage(pid, Atom("over")) in got
        assert Down(ref, pid, Atom("over")) in got
        assert ExitMessage(other, (Atom("undef"), [(M, "x", [], [])])) in got
        assert not mail(process)

    await inside(runtime, body)
    assert PEER not in runtime.names


async def test_a_node_refuses_its_own_programs_as_it_would_a_peer(
    runtime: Runtime,
) -> None:
    with pytest.raises(StartError) as caught:
        spawn_here(runtime.root, Exports(), Wanted(M, F, [], [Atom("x")]))
    assert caught.value.reason == "badopt"


async def test_a_node_that_stops_refuses_its_own_programs(runtime: Runtime) -> None:
    runtime.closing = True
    with pytest.raises(NodeDown):
        spawn_here(runtime.root, Exports(), Wanted(M, F, [], []))
