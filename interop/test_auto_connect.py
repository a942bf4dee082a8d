"""Whatever one process does to another connects the two nodes first."""

from __future__ import annotations

import pytest

from ergopy import Atom, Node, NodeDown, Reference
from ergopy.dist.control import REG_SEND
from ergopy.node.dispatch import Dispatcher

from .beam import unique_name
from .servers import inside, local_name, sleeper, until

APART = "ergopy_peer:until(fun() -> not lists:member(Py, nodes(connected)) end)"


@pytest.fixture
async def target(beam):
    """An Erlang process that is registered, and tells what it gets."""
    name = local_name("target")
    source = """
        Pid = spawn(fun Loop() ->
            receive
                {tell, To} -> To ! {got, ergopy_peer:flush()};
                {'$gen_call', From, R} -> gen_server:reply(From, R), Loop()
            end
        end),
        register(Name, Pid),
        Pid
    """
    pid = await beam.run(source, Name=name)
    yield name, pid
    await beam.run("exit(Pid, kill)", Pid=pid)


async def send(proc, name, pid):
    await proc.send(pid, Atom("hello"))


async def send_by_name(proc, name, pid):
    await proc.send((name, pid.node), Atom("hello"))


async def send_nowait(proc, name, pid):
    proc.send_nowait(pid, Atom("hello"))


async def cast(proc, name, pid):
    await proc.cast((name, pid.node), Atom("hello"))


async def call(proc, name, pid):
    assert await proc.call((name, pid.node), Atom("hello")) == "hello"


async def monitor(proc, name, pid):
    await proc.monitor(pid)
    await proc.exit(pid, Atom("hello"))
    assert (await proc.receive(timeout=10)).reason == "hello"


async def monitor_by_name(proc, name, pid):
    ref = await proc.monitor((name, pid.node))
    assert proc.demonitor(ref) is not False


async def link(proc, name, pid):
    proc.trap_exit = True
    await proc.link(pid)
    await proc.exit(pid, Atom("hello"))
    assert (await proc.receive(timeout=10)).reason == "hello"


async def exit_(proc, name, pid):
    await proc.exit(pid, Atom("kill"))


async def spawn(proc, name, pid):
    arguments = [[1, 2]]
    new = await proc.remote_spawn(pid.node, "lists", "sum", arguments)
    assert new.node == pid.node


async def rpc(proc, name, pid):
    assert await proc.node.rpc(pid.node, "erlang", "node", []) == pid.node


async def ping(proc, name, pid):
    assert await proc.node.ping(pid.node)


VERBS = [
    send,
    send_by_name,
    send_nowait,
    cast,
    call,
    monitor,
    monitor_by_name,
    link,
    exit_,
    spawn,
    rpc,
    ping,
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__.strip("_"))
async def test_each_verb_of_python_connects(beam, node, target, verb):
    name, pid = target
    await beam.run(APART, Py=node.name)
    assert node.nodes() == []

    async def act(proc):
        return await verb(proc, name, pid)

    await inside(node, act)
    await until(lambda: node.nodes() == [beam.name])
    alive = "ergopy_peer:until(fun() -> is_process_alive(P) =:= Alive end)"
    ends = verb in (monitor, link, exit_)
    assert await beam.run(alive, P=pid, Alive=not ends)
    if verb in (send, send_by_name, send_nowait):
        assert await node.ping(beam.name)  # what was sent before has arrived there
        tell = "Pid ! {tell, self()}, receive {got, All} -> All end"
        assert await beam.run(tell, Pid=pid) == ["hello"]


BEAM_VERBS = {
    "send": "Pid ! hello",
    "send by name": "{Name, Py} ! hello",
    "cast": "gen_server:cast({Name, Py}, hello)",
    "link": "process_flag(trap_exit, true), link(Pid), exit(Pid, bye), "
    "receive {'EXIT', Pid, bye} -> ok end",
    "monitor": "R = monitor(process, Pid), exit(Pid, bye), "
    "receive {'DOWN', R, _, _, bye} -> ok end",
    "monitor by name": "R = monitor(process, {Name, Py}), exit(Pid, bye), "
    "receive {'DOWN', R, _, _, bye} -> ok end",
    "exit": "exit(Pid, kill)",
    "spawn": "P = spawn(Py, worker, start, []), true = is_pid(P)",
    "call": "{'EXIT', _} = (catch gen_server:call({Name, Py}, x, 200))",
    "monitor_node": "monitor_node(Py, true), "
    "ergopy_peer:until(fun() -> lists:member(Py, nodes()) end)",
    "erpc": "{'EXIT', _} = (catch erpc:call(Py, no, such, []))",
    "rpc": "{badrpc, _} = rpc:call(Py, no, such, [])",
    "group leader": "group_leader(self(), Pid)",
}


@pytest.mark.parametrize("what", BEAM_VERBS)
async def test_each_verb_of_a_beam_connects(beam, node, what):
    name = local_name("here")
    pid = await node.spawn(sleeper, name=name)
    node.provide_spawn("worker", sleeper)
    await beam.run(APART, Py=node.name)
    await beam.run(f"{BEAM_VERBS[what]}, ok", Pid=pid, Name=name, Py=node.name)
    await until(lambda: node.nodes() == [beam.name])


@pytest.mark.parametrize("dialler", ["beam", "python"])
@pytest.mark.parametrize("hidden", [False, True], ids=["visible", "hidden"])
async def test_a_beam_says_things_unasked_on_a_visible_connection_only(
    new_beam, node_options, dialler, hidden, monkeypatch
):
    arrived = []
    deliver = Dispatcher.deliver

    def spy(self, packets):
        arrived.extend(control[3] for control, _ in packets if control[0] == REG_SEND)
        deliver(self, packets)

    monkeypatch.setattr(Dispatcher, "deliver", spy)
    beam = new_beam()
    async with Node(**node_options, hidden=hidden) as node:
        marks = []

        async def mark(proc):
            marks.append(await proc.receive())

        await node.spawn(mark, name="mark")
        if dialler == "python":
            await node.connect(beam.name)
        else:
            assert await beam.run("net_kernel:connect_node(Py)", Py=node.name)
        await beam.run("erlang:send({mark, Py}, here)", Py=node.name)
        await until(lambda: marks)
        if hidden:
            assert arrived == ["mark"]
        else:
            await until(lambda: {"rex", "global_name_server"} <= set(arrived))


@pytest.mark.parametrize("dialler", ["beam", "python"])
@pytest.mark.parametrize("here", [False, True], ids=["visible", "hidden"])
@pytest.mark.parametrize("there", [False, True], ids=["to visible", "to hidden"])
async def test_both_list_the_connection_as_the_same_kind(
    new_beam, node_options, dialler, here, there
):
    beam = new_beam(args=("-hidden",) if there else ())
    async with Node(**node_options, hidden=here) as node:
        if dialler == "python":
            await node.connect(beam.name)
        else:
            assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"
        await until(lambda: node.nodes("connected"))
        both = not here and not there
        assert node.nodes() == ([beam.name] if both else [])
        assert node.nodes("hidden") == ([] if both else [beam.name])
        source = """
            ergopy_peer:until(fun() -> nodes(connected) =/= [] end),
            {nodes(), nodes(hidden), nodes(this)}
        """
        mine = ([node.name], []) if both else ([], [node.name])
        assert await beam.run(source) == (*mine, [beam.name])
        info = "nodes(connected, #{connection_id => true, node_type => true})"
        ((name, theirs),) = await beam.run(info)
        ours = node.nodes("connected", info=True)[beam.name]
        assert name == node.name
        assert theirs[Atom("node_type")] == ours["node_type"]
        assert theirs[Atom("connection_id")] > 0 < ours["connection_id"]


async def test_nobody_is_connected_by_what_waits_for_an_absent_node(beam, node):
    """Each verb ends as on a BEAM, and the next one tries again."""
    absent = Atom(unique_name("absent"))

    async def act(proc):
        proc.trap_exit = True
        ref = await proc.monitor(("x", absent))
        assert isinstance(ref, Reference)
        assert (await proc.receive(timeout=10)).reason == "noconnection"
        await proc.send(("x", absent), 1)
        await proc.cast(("x", absent), 1)
        with pytest.raises(NodeDown, match="no such name"):
            await proc.call(("x", absent), 1)

    await inside(node, act)
    assert node.nodes("connected") == []
