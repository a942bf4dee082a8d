"""Configured processes, tagged links and environments, as a BEAM meets them."""

from __future__ import annotations

import pytest
import trio

import ergopy
from ergopy import Atom, GenServer, NotPermitted, ProcessConfig

from .beam import BeamError
from .servers import inside, sleeper, until


async def test_the_tag_of_a_link_stays_here(beam, node):
    async def body(proc):
        proc.trap_exit = True
        pid = await beam.run("spawn(fun() -> receive X -> exit(X) end end)")
        await proc.link(pid, tag=("worker", 3))
        await proc.send(pid, Atom("oops"))
        message = await proc.receive(timeout=5)
        return tuple(message) == (Atom("EXIT"), pid, Atom("oops")), message.tag

    assert await inside(node, body) == (True, ("worker", 3))


async def test_a_remote_spawn_is_tagged_by_a_second_link(beam, node):
    async def body(proc):
        proc.trap_exit = True
        pid = await proc.remote_spawn(beam.name, "timer", "sleep", [60_000], link=True)
        await proc.link(pid, tag="mine")
        await beam.run("exit(Pid, kill)", Pid=pid)
        message = await proc.receive(timeout=5)
        return message.reason, message.tag, proc.links

    assert await inside(node, body) == ("killed", "mine", {})


async def test_a_node_that_is_lost_is_told_with_the_tag(new_beam, node):
    peer = new_beam()
    await node.connect(peer.name)

    async def body(proc):
        proc.trap_exit = True
        pid = await peer.run("spawn(fun() -> timer:sleep(60000) end)")
        await proc.link(pid, tag="far")
        await peer.run("erlang:disconnect_node(Py)", Py=node.name)
        message = await proc.receive(timeout=5)
        return message.reason, message.tag

    assert await inside(node, body) == ("noconnection", "far")


async def test_a_beam_sees_why_a_process_with_a_lifetime_ended(beam, node):
    node.provide_spawn("short", sleeper, config=ProcessConfig(lifetime=0.1))
    source = """
        {_, Ref} = spawn_monitor(Py, short, start, []),
        receive {'DOWN', Ref, _, _, Reason} -> Reason after 5000 -> nothing end
    """
    assert await beam.run(source, Py=node.name) == ("shutdown", "lifetime")


async def test_a_program_is_started_with_its_rights_and_variables(beam, node):
    async def program(proc, to):
        refused = []
        for verb in (proc.spawn(sleeper), proc.call(("rex", beam.name), 1)):
            try:
                await verb
            except NotPermitted as error:
                refused.append(Atom(error.what))
        await node.send(to, (refused, proc.env["level"]))

    node.env["level"] = 1
    config = ProcessConfig(
        may_spawn=False, may_distribute=False, environment={"level": 2}
    )
    node.provide_spawn("bound", program, config=config)
    source = """
        spawn(Py, bound, start, [self()]),
        receive X -> X after 5000 -> nothing end
    """
    answer = await beam.run(source, Py=node.name)
    assert answer == ([Atom("may_spawn"), Atom("may_distribute")], 2)


async def test_a_server_that_may_not_distribute_still_answers_a_beam(beam, node):
    class Server(GenServer):
        async def handle_call(self, request, from_):
            return request

    await node.start(Server, name="server", config=ProcessConfig(may_distribute=False))
    call = "gen_server:call({server, Py}, hello)"
    assert await beam.run(call, Py=node.name) == "hello"


async def test_a_full_node_is_a_system_limit_for_a_beam(beam, node):
    node.provide_spawn("sleeper", sleeper)
    node.runtime.max_processes = len(node.runtime.processes) + 1
    source = "spawn_link(Py, sleeper, start, []), spawn_link(Py, sleeper, start, [])"
    with pytest.raises(BeamError) as caught:
        await beam.run(source, Py=node.name)
    assert caught.value.reason == "system_limit"


@pytest.mark.parametrize("copy", ["deep", "etf"])
async def test_a_node_that_copies_messages_talks_to_a_beam_as_ever(
    beam, node_options, copy
):
    class Server(GenServer):
        async def handle_call(self, request, from_):
            return [request, request]

    options = {**node_options, "copy": copy}
    async with ergopy.Node(**options) as node:
        await node.start(Server, name="server")
        source = 'gen_server:call({server, Py}, #{a => <<"b">>})'
        answer = await beam.run(source, Py=node.name)
        assert answer == [{Atom("a"): b"b"}] * 2
        assert await node.ping(beam.name)
        text = "x" if copy == "deep" else b"x"
        assert await node.call("server", "x") == [text, text]


async def test_a_scope_that_needs_a_process_of_a_beam_ends_with_that(beam, node):
    ended = []

    class Child(GenServer):
        async def init(self):
            self.process.trap_exit = True

        async def terminate(self, reason):
            ended.append(reason)

    async def body(proc):
        proc.trap_exit = True
        pid = await beam.run("spawn(fun() -> timer:sleep(60000) end)")
        async with proc.scope() as scope:
            await scope.start(Child)
            await proc.link(pid, tag="needed")
            await beam.run("exit(Pid, oops)", Pid=pid)
            return (await proc.receive(timeout=5)).tag

    assert await inside(node, body) == "needed"
    await until(lambda: ended == ["shutdown"])


async def test_children_of_a_scope_may_live_on_a_beam(beam, node):
    async def body(proc):
        async with proc.scope() as scope:
            pid = await scope.start(("timer", "sleep"), 60_000, node=beam.name)
            alive = await beam.run("is_process_alive(Pid)", Pid=pid)
        with trio.fail_after(5):
            while await beam.run("is_process_alive(Pid)", Pid=pid):
                pass
        return alive

    assert await inside(node, body) is True
