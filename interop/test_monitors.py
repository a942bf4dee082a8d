"""Monitors and links across the connection."""

from __future__ import annotations

import pytest

from ergopy import Atom, Exit

from .servers import inside, sleeper, until

DOWN = """
    Ref = monitor(process, Dest),
    Dest ! Message,
    receive {'DOWN', Ref, process, Who, Reason} -> {Who, Reason} end
"""


@pytest.mark.parametrize("reason", [Atom("normal"), Atom("oops"), (Atom("a"), [1])])
async def test_beam_is_told_the_exit_reason_of_a_python_process(beam, node, reason):
    pid = await node.spawn(sleeper)
    answer = await beam.run(DOWN, Dest=pid, Message=(Atom("exit"), reason))
    assert answer == (pid, reason)


async def test_return_is_normal(beam, node):
    pid = await node.spawn(sleeper)
    assert await beam.run(DOWN, Dest=pid, Message=Atom("stop")) == (pid, "normal")


async def test_exception_is_readable_as_a_reason(beam, node):
    pid = await node.spawn(sleeper)
    _, reason = await beam.run(DOWN, Dest=pid, Message=Atom("raise"))
    assert reason[:3] == ("python", b"builtins.KeyError", b"'wanted'")
    assert any(b"sleeper" in frame for frame in reason[3])


async def test_monitor_by_name_tells_name_and_node(beam, node):
    await node.spawn(sleeper, name="sleepy")
    dest = (Atom("sleepy"), node.name)
    answer = await beam.run(DOWN, Dest=dest, Message=Atom("stop"))
    assert answer == (dest, "normal")


async def test_monitor_by_name_stays_with_the_process_it_found(beam, node):
    first = await node.spawn(sleeper, name="sleepy")
    await beam.run("monitor(process, {sleepy, Py}), net_adm:ping(Py)", Py=node.name)
    node.unregister("sleepy")
    await node.spawn(sleeper, name="sleepy")
    source = """
        Ref = monitor(process, First),
        First ! stop,
        receive {'DOWN', Ref, _, _, R} -> R end
    """
    assert await beam.run(source, First=first) == "normal"
    assert node.whereis("sleepy") is not None


async def test_monitor_of_nobody_fires_with_noproc(beam, node):
    source = """
        Ref = monitor(process, {nobody, Py}),
        receive {'DOWN', Ref, process, Who, Reason} -> {Who, Reason} end
    """
    answer = await beam.run(source, Py=node.name)
    assert answer == (("nobody", node.name), "noproc")


async def test_monitor_of_a_dead_pid_fires_with_noproc(beam, node):
    pid = await node.spawn(sleeper)
    await beam.run(DOWN, Dest=pid, Message=Atom("stop"))
    assert await beam.run(DOWN, Dest=pid, Message=Atom("stop")) == (pid, "noproc")


async def test_demonitored_process_ends_in_silence(beam, node):
    pid = await node.spawn(sleeper)
    source = """
        Keep = monitor(process, Pid),
        Drop = monitor(process, Pid),
        demonitor(Drop),
        Pid ! stop,
        receive {'DOWN', Keep, _, _, _} -> ergopy_peer:flush(30) end
    """
    assert await beam.run(source, Pid=pid) == []


async def test_two_monitors_of_one_process_fire_both(beam, node):
    pid = await node.spawn(sleeper)
    source = """
        Refs = [monitor(process, Pid) || _ <- [1, 2]],
        Pid ! {exit, twice},
        [receive {'DOWN', Ref, _, _, R} -> R end || Ref <- Refs]
    """
    assert await beam.run(source, Pid=pid) == ["twice", "twice"]


async def test_python_is_told_the_exit_reason_of_a_beam_process(beam, node):
    pid = await beam.run("spawn(fun() -> receive go -> exit({why, 1}) end end)")

    async def watch(proc):
        ref = await proc.monitor(pid)
        await proc.send(pid, Atom("go"))
        return ref, await proc.receive(timeout=5)

    ref, down = await inside(node, watch)
    assert (down.ref, down.pid, down.reason) == (ref, pid, ("why", 1))


async def test_python_monitors_by_name(beam, node, server):
    async def watch(proc):
        await proc.monitor(server)
        with pytest.raises(Exception, match="bye"):
            await proc.call(server, (Atom("exit"), Atom("bye")))
        return await proc.receive(timeout=5)

    down = await inside(node, watch)
    assert (down.pid, down.reason) == (server, "bye")


async def test_python_monitor_of_nobody_is_noproc(beam, node):
    async def watch(proc):
        await proc.monitor(("nobody", beam.name))
        return await proc.receive(timeout=5)

    down = await inside(node, watch)
    assert (down.pid, down.reason) == (("nobody", beam.name), "noproc")


async def test_python_monitor_of_an_absent_node_is_noconnection(node):
    async def watch(proc):
        await proc.monitor(("nobody", "nobody@127.0.0.1"))
        return await proc.receive(timeout=10)

    down = await inside(node, watch)
    assert down.reason == "noconnection"


async def test_lost_connection_fires_the_monitors_of_both_sides(beam, node):
    pid = await node.spawn(sleeper)
    server = await beam.run("spawn(fun() -> receive stop -> ok end end)")
    seen = []

    async def watch(proc):
        await proc.monitor(server)
        seen.append("watching")
        seen.append(await proc.receive())

    await node.spawn(watch)
    await until(lambda: seen)
    source = """
        Ref = monitor(process, Pid),
        pong = net_adm:ping(Py),
        erlang:disconnect_node(Py),
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Pid=pid, Py=node.name) == "noconnection"
    await until(lambda: len(seen) == 2)
    assert seen[1].reason == "noconnection"
    await beam.run("Pid ! stop", Pid=server)


LINKED = """
    process_flag(trap_exit, true),
    link(Pid),
    Pid ! Message,
    receive {'EXIT', Pid, Reason} -> Reason end
"""


@pytest.mark.parametrize("reason", [Atom("normal"), Atom("oops"), Atom("kill")])
async def test_linked_beam_process_gets_the_exit_of_a_python_process(
    beam, node, reason
):
    pid = await node.spawn(sleeper)
    message = (Atom("exit"), reason)
    assert await beam.run(LINKED, Pid=pid, Message=message) == reason


async def test_link_to_a_dead_python_pid_is_an_exit_noproc(beam, node):
    pid = await node.spawn(sleeper)
    await beam.run(DOWN, Dest=pid, Message=Atom("stop"))
    source = """
        process_flag(trap_exit, true),
        link(Pid),
        receive {'EXIT', Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Pid=pid) == "noproc"


async def test_beam_process_takes_its_linked_python_process_with_it(beam, node):
    pid = await node.spawn(sleeper)
    source = """
        Ref = monitor(process, Pid),
        spawn(fun() -> link(Pid), exit(together) end),
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Pid=pid) == "together"


async def test_trapping_python_process_gets_the_exit_as_a_message(beam, node):
    async def trap(proc):
        proc.trap_exit = True
        source = "Host = spawn(fun() -> link(Pid), exit({gone, 1}) end), Host"
        other = await beam.run(source, Pid=proc.pid)
        return other, await proc.receive(timeout=5)

    other, message = await inside(node, trap)
    assert (message.pid, message.reason) == (other, ("gone", 1))


@pytest.mark.parametrize(
    ("signal", "outcome"),
    [("oops", "oops"), ("kill", "killed"), ("shutdown", "shutdown")],
)
async def test_exit_signal_ends_a_python_process(beam, node, signal, outcome):
    pid = await node.spawn(sleeper)
    source = """
        Ref = monitor(process, Pid),
        exit(Pid, Signal),
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Pid=pid, Signal=Atom(signal)) == outcome


async def test_exit_signal_normal_is_ignored(beam, node, desk):
    source = "exit(Pid, normal), gen_server:call(Pid, value)"
    assert await beam.run(source, Pid=desk) == 0


async def test_unlinked_python_process_survives(beam, node):
    pid = await node.spawn(sleeper)
    source = """
        Ref = monitor(process, Pid),
        {_, Mon} = spawn_monitor(fun() -> link(Pid), unlink(Pid), exit(alone) end),
        receive {'DOWN', Mon, _, _, alone} -> ok end,
        Pid ! stop,
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Pid=pid) == "normal"


async def test_repeated_link_and_unlink_ends_as_the_last_one_says(beam, node):
    pid = await node.spawn(sleeper)
    source = """
        process_flag(trap_exit, true),
        [begin link(Pid), unlink(Pid) end || _ <- lists:seq(1, 200)],
        link(Pid),
        Pid ! {exit, last},
        receive {'EXIT', Pid, Reason} -> {Reason, ergopy_peer:flush(20)} end
    """
    assert await beam.run(source, Pid=pid) == ("last", [])


async def test_python_links_to_a_beam_process_and_is_taken_along(beam, node):
    other = await beam.run("spawn(fun() -> receive go -> exit(together) end end)")

    async def link_and_wait(proc):
        await proc.link(other)
        await proc.send(other, Atom("go"))
        await proc.receive()

    pid = await node.spawn(link_and_wait)

    async def watch(proc):
        await proc.monitor(pid)
        return await proc.receive(timeout=5)

    # Whether the end came before the monitor or after it.
    assert (await inside(node, watch)).reason in ("together", "noproc")


async def test_python_takes_its_linked_beam_process_with_it(beam, node):
    source = """
        register(taken, spawn(fun() -> receive never -> ok end end)),
        whereis(taken)
    """
    other = await beam.run(source)

    async def link_and_fail(proc):
        await proc.link(other)
        raise Exit(Atom("together"))

    await node.spawn(link_and_fail)
    await beam.run("ergopy_peer:until(fun() -> whereis(taken) =:= undefined end)")


async def test_python_links_to_a_dead_beam_pid(beam, node):
    source = """
        {Pid, Ref} = spawn_monitor(fun() -> ok end),
        receive {'DOWN', Ref, _, _, _} -> Pid end
    """
    other = await beam.run(source)

    async def link(proc):
        proc.trap_exit = True
        await proc.link(other)
        return await proc.receive(timeout=5)

    message = await inside(node, link)
    assert (message.pid, message.reason) == (other, "noproc")


async def test_python_sends_exit_signals(beam, node):
    source = """
        Host = self(),
        {Pid, Ref} = spawn_monitor(fun() -> receive never -> ok end end),
        {desk, Py} ! {stop_it, Pid},
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """

    async def stopper(proc):
        while True:
            _, pid = await proc.receive()
            await proc.exit(pid, Atom("kill"))

    await node.spawn(stopper, name="desk")
    assert await beam.run(source, Py=node.name) == "killed"
