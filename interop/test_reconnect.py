"""Either side dies or leaves, and comes back as somebody new."""

from __future__ import annotations

import operator
import os

import pytest
import trio

from epmd import lookup
from ergopy import Atom, Node, NodeDown, NoProcess

from . import raw
from .beam import BeamError, Epmd
from .servers import Desk, inside, start_program, until

START = "{ok, Pid} = ergopy_peer_server:start(server), Pid"
LISTED = "ergopy_peer:until(fun() -> lists:member(Py, nodes()) end)"
# A BEAM that has not seen the end yet calls over the old connection.
GONE = "ergopy_peer:until(fun() -> not lists:member(Py, nodes()) end)"


async def test_killed_beam_is_down_and_its_next_incarnation_is_reached(new_beam, node):
    beam = new_beam()
    old = await beam.run(START)
    server = ("server", beam.name)
    assert await node.call(server, (Atom("add"), 1)) == 1
    beam.kill9()
    await until(lambda: not node.nodes())
    with pytest.raises(NodeDown):
        await node.call(server, Atom("value"))
    beam.launch()
    await beam.up()
    new = await beam.run(START)
    assert await node.call(server, Atom("value")) == 0
    assert new.creation != old.creation
    with pytest.raises(NoProcess):
        await node.call(old, Atom("value"))


async def test_call_in_flight_is_node_down_when_the_beam_is_killed(new_beam, node):
    beam = new_beam()
    await beam.run(START)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def call():
            with pytest.raises(NodeDown):
                await node.call(("server", beam.name), Atom("never"), timeout=None)

        count = "length(element(2, process_info(whereis(server), monitored_by)))"
        await beam.run(f"ergopy_peer:until(fun() -> {count} =:= 1 end)")
        beam.kill9()


async def test_monitors_and_links_fire_when_the_beam_is_killed(new_beam, node):
    beam = new_beam()
    pid = await beam.run(START)

    async def watch(proc):
        proc.trap_exit = True
        await proc.monitor(pid)
        await proc.monitor(("server", beam.name))
        await proc.link(pid)
        await proc.call(pid, Atom("value"))
        beam.kill9()
        return [await proc.receive(timeout=5) for _ in range(3)]

    messages = await inside(node, watch)
    assert sorted(message[0] for message in messages) == ["DOWN", "DOWN", "EXIT"]
    assert all(message.reason == "noconnection" for message in messages)


async def test_restarted_python_node_is_another_incarnation(beam, node_options):
    async with Node(**node_options) as first:
        old = await first.start(Desk, 1, name="desk")
        source = "gen_server:call({desk, Py}, value)"
        assert await beam.run(source, Py=first.name) == 1
        creation = first.creation
    await beam.run(GONE, Py=Atom(node_options["name"]))
    async with Node(**node_options) as second:
        new = await second.start(Desk, 2, name="desk")
        assert second.creation != creation
        assert await beam.run(source, Py=second.name) == 2
        assert old != new
        for dead in ("gen_server:call(Pid, value, infinity)", "gen_server:stop(Pid)"):
            with pytest.raises(BeamError) as caught:
                await beam.run(dead, Pid=old)
            assert "noproc" in repr(caught.value.reason)
        await beam.run("Pid ! stray, exit(Pid, kill)", Pid=old)
        assert await beam.run(source, Py=second.name) == 2


async def test_python_node_comes_back_while_the_beam_watches(beam, node_options):
    name = Atom(node_options["name"])
    for value in range(4):
        async with Node(**node_options) as node:
            await node.start(Desk, value, name="desk")
            source = """
                Ref = monitor(process, {desk, Py}),
                {gen_server:call({desk, Py}, value), Ref}
            """
            assert (await beam.run(source, Py=name))[0] == value
        await beam.run(GONE, Py=name)
    assert await beam.run("net_adm:ping(Py)", Py=name) == "pang"


async def test_links_and_monitors_of_the_beam_fire_when_python_leaves(
    beam, node_options
):
    source = """
        process_flag(trap_exit, true),
        link(Pid),
        Ref = monitor(process, Pid),
        Name = monitor(process, {desk, Py}),
        monitor_node(Py, true),
        register(Watcher, self()),
        [receive
            {'EXIT', Pid, _} -> exit;
            {'DOWN', Ref, process, _, _} -> down;
            {'DOWN', Name, process, _, _} -> down_by_name;
            {nodedown, Py} -> nodedown
         end || _ <- lists:seq(1, 4)]
    """
    name = Atom(node_options["name"])
    results = []
    async with trio.open_nursery() as nursery, Node(**node_options) as node:
        pid = await node.start(Desk, name="desk")
        watcher = Atom(f"watcher_{name[3:11]}")

        @nursery.start_soon
        async def watch():
            got = await beam.run(source, Pid=pid, Py=name, Watcher=watcher)
            results.extend(got)

        await beam.run(
            "ergopy_peer:until(fun() -> whereis(W) =/= undefined end)", W=watcher
        )
        # A signal of ours that comes behind its own.
        assert await beam.run("gen_server:call(Pid, value)", Pid=pid) == 0
    assert sorted(results) == ["down", "down_by_name", "exit", "nodedown"]


@pytest.mark.parametrize(
    "cut", ["erlang:disconnect_node(Py)", "erpc:cast(Py, link, cut, [])"]
)
async def test_disconnected_nodes_connect_again_at_once(beam, node, desk, cut):
    node.export("link", {"cut": lambda: node.disconnect(beam.name)})
    source = f"""
        monitor_node(Py, true),
        Value = gen_server:call({{desk, Py}}, value),
        {cut},
        receive {{nodedown, Py}} -> Value end
    """
    for _ in range(5):
        assert await beam.run(source, Py=node.name) == 0


async def test_lost_port_mapper_is_registered_with_again(node_options):
    mapper = Epmd()
    try:
        options = node_options | {"epmd_port": mapper.port, "epmd": "client"}
        async with Node(**options) as node:
            creation = node.creation
            local = node.name.partition("@")[0]
            assert local in mapper.names()
            mapper.stop()
            mapper.start()
            await until(lambda: local in mapper.names())
            assert node.creation == creation
    finally:
        mapper.stop()


async def test_python_takes_the_place_of_a_connection_that_the_beam_still_has(
    beam, epmd, node_options, cookie
):
    """As when a machine lost its power: the other side has seen no end."""
    name = Atom(node_options["name"])
    port = (await lookup(beam.name.partition("@")[0], port=epmd.port)).port
    old = await raw.connect(port, name, cookie)
    # The BEAM lists it a moment after its last word.
    await beam.run(LISTED, Py=name)
    watch = """
        register(Watcher, self()),
        monitor_node(Py, true),
        receive {nodedown, Py} -> seen end
    """
    watcher = Atom(f"watcher_{name[3:11]}")
    seen = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def wait():
            seen.append(await beam.run(watch, Watcher=watcher, Py=name))

        registered = "ergopy_peer:until(fun() -> whereis(W) =/= undefined end)"
        await beam.run(registered, W=watcher)
        async with Node(**node_options) as node:
            await node.start(Desk, 8, name="desk")
            await node.connect(beam.name)
            await raw.until_closed(old)
            assert await beam.run("gen_server:call({desk, Py}, value)", Py=name) == 8
            assert (await beam.run("nodes()")).count(name) == 1
    assert seen == ["seen"]
    await trio.aclose_forcefully(old)


async def test_a_beam_takes_the_place_of_a_connection_that_python_still_has(
    new_beam, node, desk, cookie
):
    beam = new_beam()
    old = await raw.connect(node.port, beam.name, cookie)
    await until(lambda: node.nodes() == [beam.name])
    changes = []
    node.runtime.node_watchers.append(lambda _, up: changes.append(up))
    assert await beam.run("gen_server:call({desk, Py}, value)", Py=node.name) == 0
    await raw.until_closed(old)
    assert changes == [False, True]
    assert await node.ping(beam.name)
    await trio.aclose_forcefully(old)


class Trapping(Desk):
    async def init(self):
        await super().init(0)
        self.trap_exit = True


@pytest.fixture
async def hidden_node(node_options):
    """To which a BEAM says nothing on its own, which would connect again."""
    async with Node(**node_options, hidden=True) as node:
        yield node


async def test_a_hundred_connections_leave_nothing_on_either_side(
    new_beam, hidden_node
):
    """With calls, links and monitors each time, some of which outlive it."""
    node, beam = hidden_node, new_beam()
    desk = await node.start(Trapping, name="desk")
    server = await beam.run("""
        Server = spawn(fun() ->
            process_flag(trap_exit, true),
            Loop = fun Loop() ->
                receive
                    {'$gen_call', From, value} -> gen_server:reply(From, 0);
                    {'EXIT', _, _} -> ok
                end,
                Loop()
            end,
            Loop()
        end),
        register(server, Server),
        Server
    """)
    traffic = """
        process_flag(trap_exit, true),
        Value = gen_server:call({desk, Py}, {echo, N}),
        link(Desk), Ref = monitor(process, {desk, Py}), monitor_node(Py, true),
        gen_server:call({desk, Py}, value),
        case N rem 2 of
            0 -> erlang:disconnect_node(Py);
            1 -> erpc:cast(Py, link, cut, [])
        end,
        receive {'DOWN', Ref, _, _, noconnection} -> ok end,
        receive {nodedown, Py} -> ok end,
        receive {'EXIT', Desk, noconnection} -> Value end
    """
    node.export("link", {"cut": lambda: node.disconnect(beam.name)})
    count = "{erlang:system_info(process_count), erlang:system_info(port_count)}"

    async def depend(proc):
        proc.trap_exit = True
        await proc.monitor(server)
        await proc.link(server)
        assert await proc.call(server, Atom("value")) == 0
        ready.set()
        assert {m.reason for m in [await proc.receive() for _ in range(2)]} == {
            "noconnection"
        }

    def residue():
        processes, peers = node.runtime.processes, node.connections.peers
        return len(processes), len(peers), len(os.listdir("/proc/self/fd"))

    before = None
    residents = len(node.runtime.processes)
    for number in range(100):
        ready = trio.Event()
        await node.spawn(depend)
        await ready.wait()
        options = {"Py": node.name, "Desk": desk, "N": number}
        assert await beam.run(traffic, **options) == number
        await until(lambda: not node.nodes("connected"))
        if before is None:
            await until(lambda: len(node.runtime.processes) <= residents)
            before = residue(), await beam.run(count)
    # Of what was counted first, something may just have been about to end.
    await until(lambda: all(map(operator.le, residue(), before[0])))
    held = (
        "[process_info(P, [links, monitors, monitored_by]) || P <- [whereis(server)]]"
    )
    (info,) = await beam.run(held)
    assert all(value == [] for _, value in info)
    no_more = f"""
        {{Processes, Ports}} = Before,
        ergopy_peer:until(fun() ->
            {{Now, Open}} = {count},
            Now =< Processes andalso Open =< Ports
        end)
    """
    assert await beam.run(no_more, Before=before[1])


async def test_killed_python_node_is_noticed_and_its_successor_reached(
    beam, node_options
):
    who = node_options["name"], node_options["cookie"]
    name = Atom(who[0])
    call = "gen_server:call({desk, Py}, hello)"
    in_flight = """
        Ref = monitor(process, {desk, Py}),
        register(Caller, self()),
        Failed = (catch gen_server:call({desk, Py}, never, infinity)),
        {Failed, receive {'DOWN', Ref, _, _, Reason} -> Reason end}
    """
    caller = Atom(f"caller_{name[3:11]}")
    answers = []
    async with trio.open_nursery() as nursery:
        process = await start_program(nursery, "node.py", *who)
        assert await beam.run(call, Py=name) == "hello"

        @nursery.start_soon
        async def ask():
            answers.append(await beam.run(in_flight, Py=name, Caller=caller))

        await beam.run(
            "ergopy_peer:until(fun() -> whereis(C) =/= undefined end)", C=caller
        )
        assert await beam.run(call, Py=name) == "hello"
        process.kill()
        await until(lambda: answers)
        (kind, (failure, _)), reason = answers[0]
        assert (kind, failure) == ("EXIT", ("nodedown", name))
        assert reason == "noconnection"
        process = await start_program(nursery, "node.py", *who)
        assert await beam.run(call, Py=name) == "hello"
        process.stdin.close()
