from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Atom, Down, Exit, Pid, testing
from ergopy.process.calls import Call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    MakeNode = Callable[..., Awaitable[ergopy.Node]]
    Pair = tuple[ergopy.Node, ergopy.Node]


@pytest.fixture(params=["loopback", "memory"])
async def pair(
    request: pytest.FixtureRequest, make_node: MakeNode
) -> AsyncIterator[Pair]:
    """Run two nodes that are not connected yet, on each kind of network."""
    if request.param == "loopback":
        yield await make_node(), await make_node()
    else:
        async with testing.node_pair() as nodes:
            yield nodes


async def test_a_call_by_name_and_by_pid_is_answered(pair: Pair, echo: Any) -> None:
    here, there = pair
    pid = await there.start(echo, name="echo")
    assert await here.call(("echo", there.name), (Atom("x"), [1, 2.5])) == (
        "x",
        [1, 2.5],
    )
    assert await here.call(pid, b"by pid") == b"by pid"
    assert here.nodes() == [there.name]
    assert there.nodes() == [here.name]


def _calls(here: ergopy.Node, there: ergopy.Node) -> list[Any]:
    """Return what waits for an answer from the other node."""
    monitors = here.connections.peer(there.name).monitors.values()
    return [record for record in monitors if isinstance(record, Call)]


async def test_nothing_is_left_in_any_table_after_calls(pair: Pair, echo: Any) -> None:
    here, there = pair
    await there.start(echo, name="echo")
    for number in range(50):
        assert await here.call(("echo", there.name), number) == number
    with pytest.raises(ergopy.CallTimeout):
        await here.call(("echo", there.name), Atom("wait"), timeout=0.01)
    # A last round trip, behind which every demonitor has arrived.
    await here.call(("echo", there.name), 1)
    assert await there.call("echo", 1) == 1
    assert not here.runtime.aliases
    # Services of the two nodes watch each other.
    assert not _calls(here, there)
    server = there.runtime.names["echo"]
    watches = there.connections.peer(here.name).watches.values()
    assert not [watch for watch in watches if watch.process is server]
    assert not server.watchers


async def test_a_crash_during_the_call_reaches_the_caller_as_a_term(
    pair: Pair, echo: Any
) -> None:
    here, there = pair
    await there.start(echo, name="echo")
    with pytest.raises(ergopy.CallExit) as caught:
        await here.call(("echo", there.name), Atom("crash"))
    kind, name, message, frames = caught.value.reason
    assert (kind, name, message) == ("python", b"builtins.ValueError", b"as you wish")
    assert frames
    assert all(isinstance(frame, bytes) for frame in frames)


async def test_a_call_to_nobody_says_noproc(pair: Pair) -> None:
    here, there = pair
    with pytest.raises(ergopy.NoProcess):
        await here.call(("nobody", there.name), 1)
    old = Pid(there.name, 1000, 0, there.creation)
    with pytest.raises(ergopy.NoProcess):
        await here.call(old, 1)


async def test_a_call_to_a_node_that_is_not_there_says_so(
    make_node: MakeNode,
) -> None:
    here = await make_node()
    with pytest.raises(ergopy.NodeDown):
        await here.call(("x", "absent@127.0.0.1"), 1)
    with pytest.raises(ergopy.NodeNotFound):
        await here.connect("absent@127.0.0.1")
    assert await here.ping("absent@127.0.0.1") is False


async def test_an_unsendable_request_raises_and_leaves_nothing(
    pair: Pair, echo: Any
) -> None:
    import etf

    here, there = pair
    await there.start(echo, name="echo")
    await here.connect(there.name)
    with pytest.raises(etf.EncodeError):
        await here.call(("echo", there.name), object())
    assert not here.runtime.aliases
    assert not here.connections.peer(there.name).monitors
    assert await here.call(("echo", there.name), 1) == 1


async def test_casts_and_messages_arrive_in_order(pair: Pair, echo: Any) -> None:
    here, there = pair
    pid = await there.start(echo, name="echo")
    for number in range(200):
        if number % 2:
            await here.cast(("echo", there.name), number)
        else:
            here.send_nowait(pid, number)
    assert await here.call(pid, Atom("seen")) == list(range(200))


async def test_send_nowait_connects_and_keeps_order(pair: Pair, echo: Any) -> None:
    here, there = pair
    await there.start(echo, name="echo")
    for number in range(20):
        here.send_nowait(("echo", there.name), number)
    assert await here.call(("echo", there.name), Atom("seen")) == list(range(20))


async def test_a_message_to_a_list_of_destinations_reaches_all(
    pair: Pair, echo: Any
) -> None:
    here, there = pair
    pids = [await there.start(echo) for _ in range(3)]
    await here.send([*pids, ("nobody", there.name)], b"all")
    for pid in pids:
        assert await here.call(pid, Atom("seen")) == [b"all"]


async def test_a_lost_connection_ends_calls_monitors_and_links_once(
    pair: Pair, echo: Any
) -> None:
    here, there = pair
    pid = await there.start(echo, name="echo")
    got: list[Any] = []

    async def watcher(proc: ergopy.Process) -> None:
        proc.trap_exit = True
        ref = await proc.monitor(pid)
        await proc.link(pid)
        got.append(await proc.receive())
        got.append(await proc.receive())
        with pytest.raises(ergopy.ReceiveTimeout):
            await proc.receive(timeout=0)
        assert got == [
            (Atom("EXIT"), pid, Atom("noconnection")),
            Down(ref, pid, Atom("noconnection")),
        ]

    watching = await here.spawn(watcher)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cut_when_linked, here, there, pid)
        with pytest.raises(ergopy.NodeDown):
            await here.call(("echo", there.name), Atom("wait"))
    await _gone(here, watching)
    assert len(got) == 2
    assert here.nodes() == []


async def _cut_when_linked(here: ergopy.Node, there: ergopy.Node, pid: Pid) -> None:
    server = there.runtime.find(pid)
    assert server is not None
    while not (server.links and len(server.watchers) == 2):
        await trio.lowlevel.checkpoint()
    here.disconnect(there.name)


async def _gone(node: ergopy.Node, pid: Pid) -> None:
    while node.runtime.find(pid) is not None:
        await trio.lowlevel.checkpoint()


async def test_a_remote_monitor_fires_with_the_reason(pair: Pair, echo: Any) -> None:
    here, there = pair
    await there.start(echo, name="echo")
    got: list[Any] = []

    async def watcher(proc: ergopy.Process) -> None:
        ref = await proc.monitor(("echo", there.name))
        missing = await proc.monitor(("nobody", there.name))
        got.append(await proc.receive(lambda m: m.ref == missing))
        await proc.stop(("echo", there.name), "shutdown")
        got.append(await proc.receive(lambda m: m.ref == ref))

    await _gone(here, await here.spawn(watcher))
    assert [down.reason for down in got] == ["noproc", "shutdown"]
    assert [down.pid for down in got] == [
        ("nobody", there.name),
        ("echo", there.name),
    ]


async def test_exit_signals_cross_nodes(pair: Pair) -> None:
    here, there = pair
    ended: list[Any] = []

    async def sleeper(proc: ergopy.Process) -> None:
        await trio.sleep_forever()

    async def linked(proc: ergopy.Process, to: Pid) -> None:
        proc.trap_exit = True
        await proc.link(to)
        await proc.exit(to, "enough")
        ended.append(await proc.receive())

    victim = await there.spawn(sleeper)
    await _gone(here, await here.spawn(linked, victim))
    assert ended == [(Atom("EXIT"), victim, Atom("enough"))]
    assert there.runtime.find(victim) is None


async def test_kill_arrives_as_killed(pair: Pair) -> None:
    here, there = pair
    got: list[Any] = []

    async def sleeper(proc: ergopy.Process) -> None:
        proc.trap_exit = True
        await trio.sleep_forever()

    async def killer(proc: ergopy.Process, to: Pid) -> None:
        await proc.monitor(to)
        await proc.exit(to, "kill")
        got.append(await proc.receive())

    victim = await there.spawn(sleeper)
    await _gone(here, await here.spawn(killer, victim))
    assert got[0].reason == "killed"


@pytest.mark.parametrize(
    ("function", "kind", "reason"),
    [
        ("throws", "throw", (Atom("mine"), 1)),
        ("exits", "exit", Atom("gone")),
        ("absent", "error", Atom("undef")),
    ],
)
async def test_rpc_failures_keep_their_kind(
    pair: Pair, function: str, kind: str, reason: Any
) -> None:
    here, there = pair

    def throws() -> None:
        raise ergopy.Throw((Atom("mine"), 1))

    def exits() -> None:
        raise Exit("gone")

    there.export("m", {"throws": throws, "exits": exits})
    with pytest.raises(ergopy.RpcError) as caught:
        await here.rpc(there.name, "m", function, [])
    assert (caught.value.kind, caught.value.reason) == (kind, reason)


async def test_rpc_runs_exported_functions_only(pair: Pair) -> None:
    here, there = pair

    @there.export("calc")
    def add(a: int, b: int) -> int:
        return a + b

    @there.export("calc")
    async def later(value: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return value

    there.export("calc", {"size": len}, in_thread=True)
    assert await here.rpc(there.name, "calc", "add", [1, 2]) == 3
    assert await here.rpc(there.name, "calc", "later", [b"x"]) == b"x"
    assert await here.rpc(there.name, "calc", "size", [b"four"]) == 4
    for name, args in [("add", [1]), ("nothing", [])]:
        with pytest.raises(ergopy.RpcError) as caught:
            await here.rpc(there.name, "calc", name, args)
        assert caught.value.reason == "undef"
        assert caught.value.stacktrace == [("calc", name, args, [])]
    with pytest.raises(ergopy.RpcError) as caught:
        await here.rpc(there.name, "os", "system", [b"true"])
    assert caught.value.reason == "undef"


async def test_an_rpc_that_takes_too_long_is_given_up_and_leaves_nothing(
    pair: Pair,
) -> None:
    here, there = pair
    there.export("m", {"sleep": trio.sleep_forever})
    with pytest.raises(ergopy.RpcError) as caught:
        await here.rpc(there.name, "m", "sleep", [], timeout=0.05)
    assert (caught.value.kind, caught.value.reason) == ("erpc", "timeout")
    peer = here.connections.peer(there.name)
    # The answer to the request itself may still be on its way.
    with trio.fail_after(30):
        while peer.spawns:  # noqa: ASYNC110
            await trio.sleep(0.001)
    assert not _calls(here, there)


async def test_ping_answers_both_ways_and_for_itself(pair: Pair) -> None:
    here, there = pair
    assert await here.ping(there.name)
    assert await there.ping(here.name)
    assert await here.ping(here.name)


async def test_a_hidden_node_is_in_no_list_but_its_own(make_node: MakeNode) -> None:
    here, hidden = await make_node(), await make_node(hidden=True)
    await here.connect(hidden.name)
    assert here.nodes() == []
    assert here.nodes("hidden") == here.nodes("connected") == [hidden.name]
    assert hidden.nodes("hidden") == [here.name]
    with pytest.raises(ValueError, match="visible"):
        here.nodes("all")


async def test_leaving_a_node_leaves_nothing_running(epmd_port: int) -> None:
    from tests.nodes import Echo, unique_name

    before = trio.lowlevel.current_statistics().tasks_living
    async with ergopy.Node(unique_name(), cookie="c") as node:
        pid = await node.start(Echo)
        assert await node.call(pid, 1) == 1
    assert trio.lowlevel.current_statistics().tasks_living == before
    with pytest.raises(ergopy.ErgopyError, match="not running"):
        node.whereis("x")


async def test_an_error_in_the_body_leaves_the_node_as_it_is(epmd_port: int) -> None:
    from tests.nodes import unique_name

    with pytest.raises(LookupError, match="mine"):
        async with ergopy.Node(unique_name(), cookie="c"):
            raise LookupError("mine")
