"""A connection is lost again and again: one of each signal per loss, no residue."""

from __future__ import annotations

import pytest
import trio

from ergopy import (
    Atom,
    Down,
    ExitMessage,
    Node,
    NodeDown,
    NodeDownMessage,
    NodeUpMessage,
)

from .servers import until

LOSSES = 20
LOST = Atom("noconnection")

# A process that ties itself to what it is told to, and hands out what it got.
TIED = """
    spawn(fun() ->
        process_flag(trap_exit, true),
        net_kernel:monitor_nodes(true, [{node_type, all}]),
        Loop = fun Loop(Mail) ->
            receive
                {tie, Pid, Py, Whom} ->
                    Ref = monitor(process, Pid),
                    Name = monitor(process, {kept, Py}),
                    link(Pid),
                    true = monitor_node(Py, true),
                    Whom ! {tied, Ref, Name},
                    Loop(Mail);
                {request, Py, Whom} ->
                    Whom ! {requested, spawn_request(Py, not_there, at_all, [], [])},
                    Loop(Mail);
                {tell, Whom} ->
                    Info = process_info(self(), [links, monitors]),
                    Whom ! {told, lists:reverse(Mail), Info},
                    Loop([]);
                Message -> Loop([Message | Mail])
            end
        end,
        Loop([])
    end)
"""
TELL = "Tied ! {tell, self()}, receive {told, Mail, Info} -> {Mail, Info} end"


class Tied:
    """The same in Python: does what it is told, and keeps what it gets."""

    def __init__(self) -> None:
        self.mail = []
        self.orders, self.take = trio.open_memory_channel(0)

    async def __call__(self, proc):
        proc.trap_exit = True
        proc.monitor_nodes(node_type="all")
        proc.start_soon(self.obey, proc)
        while True:
            message = await proc.receive()
            if isinstance(message, ExitMessage) and message.reason == "shutdown":
                return
            self.mail.append(message)

    async def obey(self, proc):
        async for order, done in self.take:
            done.append(await order(proc))

    async def do(self, order):
        done = []
        await self.orders.send((order, done))
        await until(lambda: done)
        return done[0]


async def keeper(proc):
    """Live on, whatever happens to those linked to it."""
    proc.trap_exit = True
    while True:
        message = await proc.receive()
        if isinstance(message, ExitMessage) and message.reason == "shutdown":
            return


@pytest.mark.parametrize("who", ["the BEAM disconnects", "Python disconnects"])
async def test_each_loss_is_told_once_and_leaves_nothing(beam, node_options, who):
    async with Node(**node_options, hidden=True) as node:
        tied = Tied()
        await node.spawn(tied)
        kept = await node.spawn(keeper, name="kept")
        there = await beam.run(TIED)
        lives_on = "process_flag(trap_exit, true), receive stop -> ok end"
        target = await beam.run(f"spawn(fun() -> {lives_on} end)")
        name = Atom(f"target_{node.port}")
        await beam.run("register(N, P)", N=name, P=target)
        for _ in range(LOSSES):
            await one_loss(beam, node, who, tied, kept, there, target, name)
        peer = node.connections.peer(beam.name)
        for table in (peer.links, peer.monitors, peer.watches, peer.spawns):
            assert not table
        assert not node.runtime.find(kept).links
        assert not node.runtime.find(kept).watchers
        await beam.run("[exit(P, kill) || P <- [A, B]]", A=there, B=target)


async def one_loss(beam, node, who, tied, kept, there, target, name):
    tied.mail.clear()

    async def tie(proc):
        refs = [await proc.monitor(target), await proc.monitor((name, beam.name))]
        await proc.link(target)
        proc.monitor_node(beam.name)
        return refs

    refs = await tied.do(tie)
    assert await node.ping(beam.name)
    source = "Tied ! {tie, Pid, Py, self()}, receive {tied, R, N} -> {R, N} end"
    theirs = await beam.run(source, Tied=there, Pid=kept, Py=node.name)
    await beam.run("net_adm:ping(Py)", Py=node.name)
    up = [m for m in tied.mail if isinstance(m, NodeUpMessage)]
    assert len(up) == 1
    tied.mail.clear()
    await beam.run(TELL, Tied=there)
    failures = []
    if who == "Python disconnects":

        async def ask(proc):
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def spawn():
                    try:
                        await proc.remote_spawn(beam.name, "timer", "sleep", [9999])
                    except NodeDown as error:
                        failures.append(error)

                while not node.connections.peer(beam.name).spawns:
                    # The answer may be as near as the next turn but one.
                    await trio.lowlevel.checkpoint()
                node.disconnect(beam.name)
            return True

        await tied.do(ask)
        assert len(failures) == 1
    else:
        request = """
            Tied ! {request, Py, self()},
            receive {requested, Id} -> Id end,
            erlang:disconnect_node(Py),
            Id
        """
        theirs = (*theirs, await beam.run(request, Tied=there, Py=node.name))
    await until(lambda: len(tied.mail) >= 5)
    assert sorted(map(repr, tied.mail)) == sorted(
        map(
            repr,
            [
                ExitMessage(target, LOST),
                Down(refs[0], target, LOST),
                Down(refs[1], (name, beam.name), LOST),
                NodeDownMessage(beam.name),
                NodeDownMessage(beam.name, [(Atom("node_type"), Atom("hidden"))]),
            ],
        )
    )
    source = "ergopy_peer:until(fun() -> not lists:member(Py, nodes(connected)) end)"
    await beam.run(source, Py=node.name)
    expected = ["DOWN", "DOWN", "EXIT", "nodedown", "nodedown"]
    if who != "Python disconnects":
        expected.append("spawn_reply")
    # They come after nodes/1 knows of the loss, and nothing comes after them.
    kinds = []
    with trio.fail_after(10):
        while len(kinds) < len(expected):
            await beam.run("timer:sleep(30)")
            mail, info = await beam.run(TELL, Tied=there)
            mail = [m for m in mail if m[1] in (node.name, kept, *theirs)]
            kinds += [str(m[0]) for m in mail]
    assert sorted(kinds) == sorted(expected)
    assert info == [(Atom("links"), []), (Atom("monitors"), [])]
