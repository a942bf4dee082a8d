"""Processes that one side starts on the other."""

from __future__ import annotations

import pytest

from ergopy import Atom, Exit, NodeDown

from .servers import Desk, inside, sleeper


async def greeter(proc, to, word):
    """Say something and end."""
    await proc.send(to, (word, proc.pid))
    raise Exit(Atom("said"))


@pytest.fixture
async def providing(node):
    """The node, which lets others start ``greeter`` and ``sleeper``."""
    node.provide_spawn("greeter", greeter)
    node.provide_spawn("sleeper", sleeper)
    return node


async def test_beam_spawns_what_is_provided(beam, providing):
    source = """
        Pid = spawn(Py, greeter, start, [self(), hello]),
        receive {hello, Pid} -> node(Pid) end
    """
    assert await beam.run(source, Py=providing.name) == providing.name


async def test_spawn_monitor_tells_the_end(beam, providing):
    source = """
        {Pid, Ref} = erlang:spawn_monitor(Py, greeter, start, [self(), hello]),
        receive {hello, Pid} -> ok end,
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Py=providing.name) == "said"


async def test_spawn_link_links(beam, providing):
    source = """
        process_flag(trap_exit, true),
        Pid = spawn_link(Py, sleeper, start, []),
        Pid ! {exit, linked},
        receive {'EXIT', Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Py=providing.name) == "linked"


async def test_spawn_request_is_answered_without_being_asked_twice(beam, providing):
    source = """
        process_flag(trap_exit, true),
        Id = spawn_request(Py, greeter, start, [self(), hello], [monitor, link]),
        Pid = receive {spawn_reply, Id, ok, P} -> P end,
        [receive {'DOWN', Id, process, Pid, Reason} -> Reason end,
         receive {'EXIT', Pid, Reason2} -> Reason2 end]
    """
    assert await beam.run(source, Py=providing.name) == ["said", "said"]


@pytest.mark.parametrize("mfa", ["os, cmd, [[]]", "greeter, start, [1]"])
async def test_what_is_not_provided_is_undef(beam, node, mfa):
    source = f"""
        {{Pid, Ref}} = erlang:spawn_monitor(Py, {mfa}),
        receive {{'DOWN', Ref, process, Pid, Reason}} -> Reason end
    """
    reason, [(module, function, args, _)] = await beam.run(source, Py=node.name)
    assert reason == "undef"
    assert mfa.startswith(f"{module}, {function}")
    assert len(args) == 1


async def test_fun_of_the_beam_is_not_run(beam, node):
    source = """
        {Pid, Ref} = erlang:spawn_monitor(Py, fun() -> halt() end),
        receive {'DOWN', Ref, process, Pid, Reason} -> element(1, Reason) end
    """
    assert await beam.run(source, Py=node.name) == "undef"


async def test_unknown_option_is_badopt(beam, providing):
    source = """
        Id = spawn_request(Py, sleeper, start, [], [{unknown, option}]),
        receive {spawn_reply, Id, error, Why} -> Why end
    """
    assert await beam.run(source, Py=providing.name) == "badopt"


async def test_provided_behaviour_is_a_server(beam, node):
    node.provide_spawn("desk", Desk)
    source = """
        Pid = spawn(Py, desk, start, [5]),
        gen_server:call(Pid, value)
    """
    assert await beam.run(source, Py=node.name) == 5


async def test_python_spawns_on_the_beam(beam, node):
    async def ask(proc):
        pid = await node.remote_spawn(
            beam.name, "erlang", "send", [proc.pid, Atom("hello")]
        )
        return pid, await proc.receive(timeout=5)

    pid, message = await inside(node, ask)
    assert pid.node == beam.name
    assert message == "hello"


async def test_python_spawns_with_a_monitor(beam, node):
    async def ask(proc):
        pid, ref = await node.remote_spawn(
            beam.name, "erlang", "exit", [Atom("early")], monitor=True, caller=proc
        )
        return pid, ref, await proc.receive(timeout=5)

    pid, ref, down = await inside(node, ask)
    assert (down.ref, down.pid, down.reason) == (ref, pid, "early")


async def test_python_spawns_with_a_link(beam, node):
    async def ask(proc):
        proc.trap_exit = True
        pid = await node.remote_spawn(
            beam.name, "erlang", "exit", [Atom("early")], link=True, caller=proc
        )
        return pid, await proc.receive(timeout=5)

    pid, message = await inside(node, ask)
    assert (message.pid, message.reason) == (pid, "early")


async def test_python_spawns_an_unknown_function(beam, node):
    async def ask(proc):
        await node.remote_spawn(
            beam.name, "no_such", "function", [1], monitor=True, caller=proc
        )
        return await proc.receive(timeout=5)

    reason, [(module, function, args, _)] = (await inside(node, ask)).reason
    assert reason == "undef"
    assert (module, function, args) == ("no_such", "function", [1])


async def test_python_spawns_on_an_absent_node(node):
    with pytest.raises(NodeDown):
        await node.remote_spawn("nobody@127.0.0.1", "erlang", "node")


async def test_group_leader_of_a_spawned_process_is_no_hindrance(beam, node):
    """It prints to its group leader, which is on our node."""

    async def ask(proc):
        await node.remote_spawn(
            beam.name, "io", "format", [b"printed~n"], monitor=True, caller=proc
        )
        return await proc.receive(timeout=5)

    assert (await inside(node, ask)).reason == "normal"
