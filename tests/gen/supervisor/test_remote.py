"""Children on another node: spawned there, linked, restarted, stopped over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    IGNORE,
    Atom,
    ChildSpec,
    Exit,
    GenServer,
    Node,
    StartError,
    Stop,
    Supervisor,
    supervisor,
)
from ergopy.testing import MemoryNetwork, node_pair
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Process

    Pair = tuple[Node, Node]

PROC_LIB = (Atom("proc_lib"), Atom("start_link"))
GEN_SERVER = (Atom("gen_server"), Atom("start_link"))


class Worker(GenServer):
    """Comes up as it is told; its *log* is that of the test."""

    log: list[Any]

    async def init(self, name: str, how: str = "ok") -> Any:
        self.name = name
        self.trap_exit = True
        self.log.append(("up", name))
        match how:
            case "ignore":
                return IGNORE
            case "stop":
                return Stop("unfit")
            case "hang":
                await trio.sleep_forever()
        return None

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case "who":
                return self.process.parent, self.process.dictionary
        raise Exit(request)

    async def terminate(self, reason: Any) -> None:
        self.log.append(("down", self.name, reason))


@pytest.fixture
async def network() -> MemoryNetwork:
    return MemoryNetwork()


@pytest.fixture
async def pair(network: MemoryNetwork, log: list[Any]) -> AsyncIterator[Pair]:
    async with node_pair(network=network) as (here, there):
        provide(there, log)
        yield here, there


@pytest.fixture
def log() -> list[Any]:
    return []


def provide(node: Node, log: list[Any]) -> None:
    made = type("Made", (Worker,), {"log": log})

    async def plain(process: Process, name: str) -> None:
        log.append(("up", name))
        await trio.sleep_forever()

    node.provide_spawn("worker", made, "init")
    node.provide_spawn("plain", plain)


def remote(node: Node, name: str, *how: str, **options: Any) -> ChildSpec:
    """Specify a behaviour on another node that says when it is up."""
    args = [Atom("worker"), Atom("init"), [Atom(name), *map(Atom, how)]]
    return ChildSpec(PROC_LIB, *args, id=name, node=node.name, **options)


async def child(node: Node, name: str) -> Any:
    rows = await supervisor.which_children("sup", caller=node)
    (row,) = [row for row in rows if row.id == name]
    return row


async def test_a_behaviour_over_there_says_when_it_is_up(
    pair: Pair, log: list[Any]
) -> None:
    here, there = pair
    sup = await here.start(Supervisor, [remote(there, "a")], name="sup")
    assert log == [("up", "a")]
    pid = (await child(here, "a")).pid
    assert pid.node == there.name
    assert (await supervisor.count_children("sup", caller=here)).active == 1
    parent, dictionary = await here.call(pid, Atom("who"))
    assert parent == sup
    assert dictionary["$ancestors"][0] == sup
    assert dictionary["$initial_call"] == ("worker", "init", 1)


async def test_a_plain_function_over_there_is_up_at_once(
    pair: Pair, log: list[Any]
) -> None:
    here, there = pair
    spec = ChildSpec(("plain", "run"), Atom("p"), id="p", node=there.name)
    await here.start(Supervisor, [spec], name="sup")
    await settle()
    assert log == [("up", "p")]
    pid = (await child(here, "p")).pid
    await here.exit(pid, "kill")
    await settle()
    assert (await child(here, "p")).pid not in (pid, None)


async def test_it_is_restarted_and_stopped_over_the_wire(
    pair: Pair, log: list[Any]
) -> None:
    here, there = pair
    await here.start(Supervisor, [remote(there, "a")], name="sup")
    first = (await child(here, "a")).pid
    await here.send(first, (Atom("EXIT"), first, 1))
    await here.exit(first, "kill")
    await settle()
    second = (await child(here, "a")).pid
    assert second != first
    await supervisor.terminate_child("sup", "a", caller=here)
    assert log == [("up", "a"), ("up", "a"), ("down", "a", "shutdown")]
    assert await supervisor.restart_child("sup", "a", caller=here)
    await here.stop("sup")
    assert log[-1] == ("down", "a", "shutdown")
    assert not there.runtime.root.links


@pytest.mark.parametrize(("how", "reason"), [("stop", "unfit"), ("hang", "timeout")])
async def test_a_start_that_fails_over_there_fails_here(
    pair: Pair, log: list[Any], autojump_clock: Any, how: str, reason: str
) -> None:
    here, there = pair
    before = len(there.runtime.processes)
    with pytest.raises(StartError) as caught:
        await here.start(Supervisor, [remote(there, "a", how, init_timeout=3)])
    assert caught.value.reason == (
        "shutdown",
        ("failed_to_start_child", "a", reason),
    )
    await settle()
    assert len(there.runtime.processes) == before


async def test_an_ignore_over_there_is_one_here(pair: Pair) -> None:
    here, there = pair
    await here.start(Supervisor, [remote(there, "a", "ignore")], name="sup")
    assert (await child(here, "a")).pid is None


async def test_what_is_not_provided_over_there_is_undef(pair: Pair) -> None:
    here, there = pair
    args = [Atom("nothing"), Atom("init"), []]
    spec = ChildSpec(PROC_LIB, *args, id="a", node=there.name)
    with pytest.raises(StartError) as caught:
        await here.start(Supervisor, [spec])
    assert caught.value.reason[1][2][0] == "undef"


async def test_gen_server_start_link_comes_to_the_module_it_names(
    pair: Pair, log: list[Any]
) -> None:
    here, there = pair
    args = [(Atom("local"), Atom("wk")), "worker", Atom("g"), []]
    spec = ChildSpec(GEN_SERVER, *args, id="g", node=there.name)
    await here.start(Supervisor, [spec], name="sup")
    assert log == [("up", "g")]
    assert there.whereis("wk") == (await child(here, "g")).pid


async def test_a_lost_node_is_noconnection_and_the_child_comes_back_with_it(
    log: list[Any], autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Restarts fail and count while the node is away, with pauses in between."""
    network = MemoryNetwork()
    async with network.node("a") as here:
        async with network.node("b") as there:
            provide(there, log)
            await here.start(Supervisor, [remote(there, "a")], name="sup")
        await settle()
        assert (await child(here, "a")).restarting
        await trio.sleep(20)
        assert (await child(here, "a")).restarting
        async with network.node("b") as there:
            provide(there, log)
            await trio.sleep(40)
            assert (await child(here, "a")).pid is not None
            assert log == [("up", "a"), ("down", "a", "shutdown"), ("up", "a")]
    assert "child_terminated: child a" in caplog.text
    assert "start_error: child a" in caplog.text
    assert "noconnection" in caplog.text


async def test_a_connection_that_breaks_restarts_the_child(
    pair: Pair, network: MemoryNetwork, log: list[Any], autojump_clock: Any
) -> None:
    here, there = pair
    await here.start(Supervisor, [remote(there, "a")], name="sup", intensity=1)
    first = (await child(here, "a")).pid
    network.reset(here, there)
    await trio.sleep(3)
    assert (await child(here, "a")).pid not in (None, first)
    # The other side sees that its parent is gone.
    assert log == [("up", "a"), ("down", "a", "noconnection"), ("up", "a")]


async def test_a_node_that_stays_away_ends_the_supervisor_by_its_intensity(
    log: list[Any], autojump_clock: Any
) -> None:
    network = MemoryNetwork()
    async with network.node("a") as here:
        async with network.node("b") as there:
            provide(there, log)
            await here.start(
                Supervisor, [remote(there, "a")], name="sup", intensity=2, period=100
            )
        await trio.sleep(60)
        assert here.whereis("sup") is None


async def test_what_is_provided_here_is_started_by_its_name(
    pair: Pair, log: list[Any]
) -> None:
    here, _ = pair
    provide(here, log)
    children = [
        ChildSpec(("worker", "init"), Atom("a"), id="a"),
        ChildSpec(("plain", "run"), Atom("p"), id="p"),
        ChildSpec(GEN_SERVER, Atom("worker"), Atom("g"), [], id="g"),
        ChildSpec(PROC_LIB, Atom("worker"), Atom("init"), [Atom("l")], id="l"),
        ChildSpec(("supervisor", "start_link"), "worker", Atom("s"), id="s"),
        ChildSpec(("Elixir.GenServer", "start_link"), "worker", Atom("e"), id="e"),
    ]
    await here.start(Supervisor, children, name="sup")
    await settle()
    assert {entry[1] for entry in log} == {"a", "p", "g", "l", "s", "e"}
    assert (await child(here, "a")).modules == ["worker"]


@pytest.mark.parametrize(
    ("start", "args"),
    [
        (("nobody", "start"), []),
        (("worker", "init"), [1, 2, 3]),
        (GEN_SERVER, [Atom("nobody"), 1, []]),
        (GEN_SERVER, [Atom("worker")]),
        (("os", "cmd"), [b"ls"]),
    ],
)
async def test_what_is_not_provided_here_is_undef(
    pair: Pair, log: list[Any], start: Any, args: list[Any]
) -> None:
    here, _ = pair
    provide(here, log)
    await here.start(Supervisor, name="sup")
    with pytest.raises(StartError) as caught:
        await supervisor.start_child(
            "sup", ChildSpec(start, *args, id="x"), caller=here
        )
    undef = (Atom("undef"), [(*start, args, [])])
    assert caught.value.reason == ("EXIT", undef)
