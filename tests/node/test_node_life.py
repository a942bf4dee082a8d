"""Coming up, going down, and what is left of a node then: nothing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import Atom, Down
from ergopy.testing.ports import free_port
from tests.nodes import COOKIE, Echo, tasks, unique_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    MakeNode = Callable[..., Awaitable[ergopy.Node]]


settle = trio.testing.wait_all_tasks_blocked


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def sleep(_: ergopy.Process) -> None:
    await trio.sleep_forever()


async def test_two_nodes_of_one_program_share_nothing(make_node: MakeNode) -> None:
    one, two = await make_node(), await make_node()
    one.export("m", {"f": lambda: 1})
    await one.start(Echo, name="echo")
    await two.start(Echo, name="echo")
    assert await one.call("echo", 1) == 1
    assert await two.call(("echo", one.name), 2) == 2
    assert one.whereis("echo") != two.whereis("echo")
    assert ("m", "f") in one.exports.names()
    assert ("m", "f") not in two.exports.names()
    assert one.runtime is not two.runtime
    assert one.exports.limiter is one.runtime.limiter
    assert one.exports.limiter is not two.exports.limiter


async def test_a_node_can_be_entered_again_and_is_another_incarnation(
    epmd_port: int,
) -> None:
    node = ergopy.Node(unique_name(), cookie=COOKIE)
    node.export("m", {"f": lambda: 1})
    async with node:
        creation, old = node.creation, await node.spawn(sleep)
        node.close()
        await node.wait_closed()
    async with node:
        assert node.creation != creation
        assert node.runtime.find(old) is None
        assert await node.rpc(node.name, "m", "f") == 1
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.wait_closed)
            await settle()
            assert len(nursery.child_tasks) == 1
            node.close()


async def test_a_running_node_cannot_be_entered_again(make_node: MakeNode) -> None:
    node = await make_node()
    with pytest.raises(ergopy.ErgopyError, match="runs already"):
        async with node:
            pass
    assert await node.ping(node.name)


async def test_a_node_that_did_not_come_up_can_be_entered_again(
    make_node: MakeNode,
) -> None:
    name = unique_name()
    node = ergopy.Node(name, cookie=COOKIE)
    async with ergopy.Node(name, cookie=COOKIE):
        with pytest.raises(ergopy.NameTaken):
            await node.__aenter__()
    async with node:
        assert await node.ping(node.name)


async def test_a_node_that_is_down_says_so(epmd_port: int) -> None:
    node = ergopy.Node(unique_name(), cookie=COOKIE)
    for verb in (node.nodes, node.statistics, node.registered):
        with pytest.raises(ergopy.ErgopyError, match="async with"):
            verb()
    assert "down" in repr(node)


@pytest.mark.parametrize("how", ["fails", "is cancelled"])
async def test_a_service_that_does_not_come_up_leaves_nothing_behind(
    make_node: MakeNode, how: str
) -> None:
    other = await make_node()
    await settle()
    before = tasks()
    name = unique_name()
    ports: list[int] = []

    async def first(node: Any) -> None:
        await node.spawn(sleep, name="first")

    async def second(node: Any) -> None:
        ports.append(node.port)
        await node.connect(other.name)
        if how == "fails":
            raise LookupError("mine")
        await trio.sleep_forever()

    options: dict[str, Any] = {"cookie": COOKIE, "listen": free_port()}
    node = ergopy.Node(name, **options, services=[first, second])
    if how == "fails":
        with pytest.raises(LookupError, match="mine"):
            await node.__aenter__()
    else:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.__aenter__)
            while not other.nodes():
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    while other.nodes():
        await trio.lowlevel.checkpoint()
    await settle()
    assert tasks() == before
    assert not is_listening(ports[0])
    await make_node(name)


async def test_cancelling_a_node_that_comes_up_at_any_moment_leaves_nothing(
    epmd_port: int,
) -> None:
    await settle()
    before = tasks()
    for turns in range(1000):
        name = unique_name()
        node = ergopy.Node(name, cookie=COOKIE)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_after, turns, scope)
                async with node:
                    break
        await settle()
        assert tasks() == before
        assert "down" in repr(node)
    else:
        pytest.fail("it never came up")
    assert turns > 5
    await settle()
    assert tasks() == before


async def _cancel_after(turns: int, scope: trio.CancelScope) -> None:
    for _ in range(turns):
        await trio.lowlevel.checkpoint()
    scope.cancel()


async def test_leaving_tells_everybody_who_depends_on_the_node(
    make_node: MakeNode,
) -> None:
    here = await make_node()
    got: list[Any] = []

    async def watch(proc: ergopy.Process, pid: ergopy.Pid) -> None:
        proc.trap_exit = True
        ref = await proc.monitor(pid)
        await proc.link(pid)
        ready.set()
        got.append(await proc.receive())
        got.append(await proc.receive())
        assert Down(ref, pid, Atom("shutdown")) in got
        done.set()

    ready, done = trio.Event(), trio.Event()
    async with ergopy.Node(unique_name(), cookie=COOKIE) as there:
        pid = await there.spawn(sleep)
        await here.spawn(watch, pid)
        await ready.wait()
        while not (there.runtime.processes[pid.id].links):
            await trio.lowlevel.checkpoint()
    await done.wait()
    assert (Atom("EXIT"), pid, Atom("shutdown")) in got
    while here.nodes():
        await trio.lowlevel.checkpoint()


async def test_who_does_not_end_in_time_is_killed(
    epmd_port: int,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def stubborn(proc: ergopy.Process) -> None:
        proc.trap_exit = True
        while True:
            await proc.receive()

    async with ergopy.Node(unique_name(), cookie=COOKIE, epmd="off", grace=3) as node:
        await node.spawn(stubborn)
        await settle()
        left = trio.current_time()
    assert trio.current_time() - left == pytest.approx(3, abs=0.1)
    assert "had to be killed: 1" in caplog.text


async def test_leaving_waits_for_no_attempt_to_connect(
    epmd_port: int, autojump_clock: trio.testing.MockClock
) -> None:
    before = tasks()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        routes = {"silent@127.0.0.1": silent.getsockname()}
        node = ergopy.Node(unique_name(), cookie=COOKIE, epmd="off", routes=routes)
        async with node:
            node.send_nowait(("x", "silent@127.0.0.1"), 1)
            await settle()
            left = trio.current_time()
        assert trio.current_time() - left < 1
    assert tasks() == before


async def test_cancelling_the_program_gives_processes_their_time(
    epmd_port: int, autojump_clock: trio.testing.MockClock
) -> None:
    ended: list[float] = []

    async def careful(proc: ergopy.Process) -> None:
        proc.trap_exit = True
        await proc.receive()
        await trio.sleep(1)
        ended.append(trio.current_time())

    with trio.move_on_after(5):
        async with ergopy.Node(unique_name(), cookie=COOKIE, epmd="off") as node:
            await node.spawn(careful)
            await settle()
            await trio.sleep_forever()
    assert ended == [pytest.approx(6, abs=0.1)]


async def test_what_ends_the_program_goes_through(epmd_port: int) -> None:
    async def fail(_: ergopy.Process) -> None:
        raise KeyboardInterrupt

    before = tasks()

    async def program() -> None:
        async with ergopy.Node(unique_name(), cookie=COOKIE, epmd="off") as node:
            await node.spawn(fail)
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as caught:
        await program()
    assert caught.group_contains(KeyboardInterrupt)
    assert tasks() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"listen": (5, 4)}, "listen="),
        ({"listen": (0, 70000)}, "listen="),
        ({"tls": object()}, "tls="),
        ({"net_ticktime": 0}, "net_ticktime="),
        ({"net_ticktime": float("inf")}, "net_ticktime="),
        ({"setup_time": -1}, "setup_time="),
        ({"high_water": 0}, "high_water="),
        ({"grace": -1}, "grace="),
        ({"cookie": ""}, "cookie"),
        ({"cookies": {"b@h": "ü€"}}, "cookie"),
        ({"allow": "b@h"}, "allow="),
        ({"epmd": "maybe"}, "mode"),
    ],
)
def test_an_impossible_option_says_what_to_write(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises((ValueError, TypeError, ergopy.ErgopyError), match=words):
        ergopy.Node("a@127.0.0.1", **({"cookie": COOKIE} | options))


async def test_a_node_reaches_itself_without_a_connection(make_node: MakeNode) -> None:
    node = await make_node()
    node.export("m", {"f": lambda: 7})

    async def program(proc: ergopy.Process, to: ergopy.Pid) -> None:
        await proc.send(to, b"hello")

    node.provide_spawn("worker", program)
    echo = await node.start(Echo, name="echo")
    await node.connect(node.name)
    assert await node.ping(node.name)
    assert not node.disconnect(node.name)
    assert await node.rpc(node.name, "m", "f") == 7
    await node.remote_spawn(node.name, "worker", "start", [echo])
    assert await node.call(("echo", node.name), 1) == 1
    while await node.call(echo, Atom("seen")) != [b"hello"]:
        await trio.lowlevel.checkpoint()
    assert node.nodes("connected") == []
    assert not node.connections.peers


async def test_the_numbers_of_a_node_are_those_of_now(make_node: MakeNode) -> None:
    here, there = await make_node(services=[]), await make_node()
    assert here.statistics().processes == here.statistics().spawned == 0
    pid = await here.start(Echo)
    await here.connect(there.name)
    numbers = here.statistics()
    assert numbers.processes == numbers.spawned == 1
    assert list(numbers.connections) == [there.name]
    before = numbers.connections[there.name]
    assert await there.call(pid, bytes(1000)) == bytes(1000)
    after = here.statistics().connections[there.name]
    assert after.bytes_in - before.bytes_in > 1000
    assert after.bytes_out - before.bytes_out > 1000
    assert after.queued == 0
    await here.stop(pid)
    here.disconnect(there.name)
    numbers = here.statistics()
    assert (numbers.processes, numbers.spawned, dict(numbers.connections)) == (0, 1, {})


async def test_a_spawn_with_an_impossible_link_starts_nothing(
    make_node: MakeNode,
) -> None:
    node = await make_node(epmd="off")
    wrong: Any = "counter"

    async def never(process: ergopy.Process) -> None:
        raise AssertionError("it was started")

    before = node.statistics().processes
    with pytest.raises(ergopy.LocalProtocolError):
        await node.spawn(never, name="x", link_to=wrong)
    assert node.whereis("x") is None
    assert node.statistics().processes == before


async def test_a_program_ends_a_process_from_outside(make_node: MakeNode) -> None:
    node = await make_node(epmd="off")
    begun, over = trio.Event(), trio.Event()

    async def idle(process: ergopy.Process) -> None:
        begun.set()
        try:
            await process.receive()
        finally:
            over.set()

    pid = await node.spawn(idle)
    await begun.wait()
    await node.exit(pid, "kill")
    await over.wait()
    assert not node.is_process_alive(pid)


async def test_what_fails_a_node_is_raised_where_it_is_left_and_all_ends_in_order(
    epmd_port: int,
) -> None:
    told: list[Any] = []

    class Last(ergopy.GenServer):
        async def init(self) -> None:
            self.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            told.append(reason)

    async def main() -> None:
        async with ergopy.Node(unique_name(), cookie=COOKIE) as node:
            await node.start(Last)
            node.fail(LookupError("first"))
            node.fail(LookupError("second"))
            await trio.sleep_forever()

    with pytest.raises(LookupError, match="first"):
        await main()
    assert told == ["shutdown"]
