"""Processes that Python starts on a BEAM."""

from __future__ import annotations

import pytest

from ergopy import Atom, Down, ExitMessage, NameTaken, NodeDown, StartError
from ergopy.process.links import is_active

from .servers import all_sleepers_end, inside, local_name, until


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


@pytest.mark.parametrize(
    "option",
    [
        ("priority", "high"),
        ("min_heap_size", 10_000),
        ("fullsweep_after", 3),
        ("message_queue_data", "off_heap"),
        ("max_heap_size", {"size": 1_000_000, "kill": True, "error_logger": False}),
    ],
)
async def test_options_reach_the_beam(beam, node, option):
    async def ask(proc):
        pid = await proc.remote_spawn(
            beam.name, "timer", "sleep", [Atom("infinity")], options=[option], link=True
        )
        item = Atom(option[0])
        if option[0] in ("min_heap_size", "max_heap_size", "fullsweep_after"):
            source = "{_, I} = process_info(Pid, garbage_collection), I"
            info = dict(await beam.run(source, Pid=pid))
            got = info[item]
        else:
            source = "{_, V} = process_info(Pid, Item), V"
            got = await beam.run(source, Pid=pid, Item=item)
        proc.unlink(pid)
        await proc.exit(pid, Atom("kill"))
        return got

    got = await inside(node, ask)
    wanted = option[1]
    if isinstance(wanted, dict):
        assert {key: got[key] for key in wanted} == wanted
    elif option[0] == "min_heap_size":
        assert got >= wanted
    else:
        assert got == wanted


@pytest.mark.parametrize("option", ["nonsense", ("priority", 7), ("reply", "no")])
async def test_option_that_the_beam_does_not_take_is_badopt(beam, node, option):
    with pytest.raises(StartError) as caught:
        await node.remote_spawn(beam.name, "erlang", "node", options=[option])
    assert caught.value.reason == "badopt"


async def test_request_is_answered_by_messages_in_order(beam, node):
    async def ask(proc):
        proc.trap_exit = True
        ref = await proc.spawn_request(
            beam.name, "erlang", "exit", [Atom("early")], link=True, monitor=True
        )
        return ref, [await proc.receive(timeout=5) for _ in range(3)]

    ref, [answer, *rest] = await inside(node, ask)
    tag, request, kind, pid = answer
    assert (tag, request, kind) == ("spawn_reply", ref, "ok")
    assert pid.node == beam.name
    assert Down(ref, pid, Atom("early")) in rest
    assert ExitMessage(pid, Atom("early")) in rest


@pytest.mark.parametrize(
    ("reply", "expected"),
    [("yes", 2), ("no", 0), ("success_only", 1), ("error_only", 1)],
)
async def test_reply_says_which_answers_come(beam, node, reply, expected):
    async def ask(proc):
        for options in [], ["nonsense"]:
            await proc.spawn_request(
                beam.name,
                "erlang",
                "send",
                [proc.pid, Atom("ran")],
                options=options,
                reply=reply,
                reply_tag=(Atom("my"), Atom("tag")),
            )
        assert await proc.rpc(beam.name, "erlang", "node") == beam.name
        await proc.receive(lambda message: message == "ran", timeout=5)
        return [await proc.receive() for _ in range(proc.message_count())]

    got = await inside(node, ask)
    assert len(got) == expected
    assert all(message[0] == ("my", "tag") for message in got)


async def test_abandoned_request_leaves_nothing_on_the_beam(beam, node):
    async def ask(proc):
        ref = await proc.spawn_request(
            beam.name, "timer", "sleep", [Atom("infinity")], link=True, monitor=True
        )
        abandoned = proc.spawn_request_abandon(ref)
        again = proc.spawn_request_abandon(ref)
        assert await proc.rpc(beam.name, "erlang", "node") == beam.name
        return abandoned, again, proc.message_count(), dict(proc.links)

    assert await inside(node, ask) == (True, False, 0, {})
    await all_sleepers_end(beam)
    assert not node.connections.peer(beam.name).spawns


async def test_request_to_a_lost_node_is_answered_once(new_beam, node):
    beam = new_beam()

    async def ask(proc):
        await node.connect(beam.name)
        beam.pause()
        refs = [await proc.spawn_request(beam.name, "erlang", "node") for _ in range(5)]
        beam.kill9()
        got = [await proc.receive(timeout=10) for _ in refs]
        return refs, got, proc.message_count()

    refs, got, left = await inside(node, ask)
    assert got == [("spawn_reply", ref, "error", "noconnection") for ref in refs]
    assert left == 0


async def test_named_process_has_its_name_before_it_runs(beam, node):
    name = local_name("named")

    async def ask(proc):
        pid, ref = await proc.remote_spawn(
            beam.name,
            "erlang",
            "send",
            [proc.pid, Atom("ran")],
            name=name,
            monitor=True,
        )
        first = [await proc.receive(timeout=5) for _ in range(2)]
        pid2 = await proc.remote_spawn(
            beam.name, "timer", "sleep", [Atom("infinity")], name=name, link=True
        )
        found = await beam.run("whereis(Name)", Name=name)
        with pytest.raises(NameTaken) as caught:
            await proc.remote_spawn(
                beam.name, "erlang", "halt", name=name, link=True, monitor=True
            )
        assert proc.message_count() == 0
        linked = [pid for pid, state in proc.links.items() if is_active(state)]
        assert linked == [pid2]
        proc.trap_exit = True
        await beam.run("exit(whereis(Name), oops)", Name=name)
        ended = await proc.receive(timeout=5)
        return pid, ref, first, pid2 == found, caught.value.name, ended, pid2

    pid, ref, first, same, taken, ended, pid2 = await inside(node, ask)
    assert first == ["ran", Down(ref, pid, Atom("normal"))]
    assert same
    assert taken == name
    assert ended == ExitMessage(pid2, Atom("oops"))
    peer = node.connections.peer(beam.name)
    await until(lambda: not peer.monitors)
    assert not peer.spawns


async def test_unknown_function_with_a_name_is_undef(beam, node):
    async def ask(proc):
        name = local_name("undef")
        await proc.remote_spawn(
            beam.name, "no_such", "function", [1], name=name, monitor=True
        )
        return await proc.receive(timeout=5)

    reason, [(module, function, args, _), *_] = (await inside(node, ask)).reason
    assert (reason, module, function, args) == ("undef", "no_such", "function", [1])


@pytest.mark.parametrize("name", [None, "x"])
async def test_bad_option_is_badopt_with_a_name_and_without(beam, node, name):
    with pytest.raises(StartError) as caught:
        await node.remote_spawn(
            beam.name, "erlang", "node", options=["nonsense"], name=name
        )
    assert caught.value.reason == "badopt"


async def test_proc_lib_start_on_the_beam_is_acknowledged(beam, node):
    """The mirror of a BEAM that supervises Python, by hand."""

    async def ask(proc):
        init = [Atom("gen_server"), proc.pid, proc.pid]
        init += [Atom("ergopy_peer_server"), 5, []]
        args = [proc.pid, [], Atom("gen"), Atom("init_it"), init]
        pid = await proc.remote_spawn(beam.name, "proc_lib", "init_p", args, link=True)
        assert await proc.receive(timeout=5) == ("ack", pid, ("ok", pid))
        value = await proc.call(pid, Atom("value"))
        proc.trap_exit = True
        await proc.exit(pid, Atom("shutdown"))
        return value, (await proc.receive(timeout=5)).reason

    assert await inside(node, ask) == (5, "shutdown")
