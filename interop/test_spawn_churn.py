"""Spawn requests by the hundred, and connections that end in the middle of them."""

from __future__ import annotations

from collections import Counter

import pytest
import trio

from ergopy import Atom, Down, Exit, ExitMessage

from .servers import all_sleepers_end, inside, sleeper, until

REQUESTS = 200


async def brief(proc):
    """End at once, with a reason."""
    raise Exit(Atom("brief"))


def residue(node, beam):
    """What the node still holds because of the BEAM."""
    peer = node.connections.peer(beam.name)
    return [*peer.watches, *peer.monitors, *peer.links, *peer.spawns]


async def test_a_thousand_short_lives_are_told_once_each(beam, node):
    node.provide_spawn("brief", brief)
    source = """
        process_flag(trap_exit, true),
        Ids = [spawn_request(Py, brief, start, [], [link, monitor])
               || _ <- lists:seq(1, 1000)],
        Pids = [receive {spawn_reply, Id, ok, Pid} -> Pid end || Id <- Ids],
        [receive {'DOWN', Id, process, _, brief} -> ok end || Id <- Ids],
        [receive {'EXIT', Pid, brief} -> ok end || Pid <- Pids],
        {length(lists:usort(Pids)), ergopy_peer:flush(50),
         process_info(self(), [links, monitors])}
    """
    before = len(node.runtime.processes)
    count, left, held = await beam.run(source, Py=node.name)
    assert (count, left) == (1000, [])
    assert [items for _, items in held] == [[], []]
    assert len(node.runtime.processes) == before
    assert not residue(node, beam)


async def test_a_thousand_short_lives_on_the_beam_are_told_once_each(beam, node):
    async def ask(proc):
        proc.trap_exit = True
        refs = [
            await proc.spawn_request(
                beam.name, "erlang", "exit", [Atom("brief")], link=True, monitor=True
            )
            for _ in range(1000)
        ]
        got = [await proc.receive(timeout=10) for _ in range(3000)]
        assert await proc.rpc(beam.name, "erlang", "node") == beam.name
        return refs, got, proc.message_count(), dict(proc.links)

    refs, got, left, links = await inside(node, ask)
    pids = {message[1]: message[3] for message in got if message[0] == "spawn_reply"}
    assert pids.keys() == set(refs)
    kinds = Counter(message[0] for message in got)
    assert kinds == {"spawn_reply": 1000, "DOWN": 1000, "EXIT": 1000}
    seen = set()
    for message in got:
        match message:
            case Down(ref=ref, pid=pid):
                assert pids[ref] == pid
                assert ref in seen
            case ExitMessage(pid=pid):
                assert pid in seen
            case (_, ref, _, pid):
                seen |= {ref, pid}
    assert (left, links) == (0, {})
    assert not residue(node, beam)


@pytest.mark.parametrize("delay", [0, 1, 5])
async def test_each_request_of_the_beam_survives_a_lost_connection_once(
    beam, node, delay
):
    """Each is told either that it failed, or that it ran and was lost; never both."""
    node.provide_spawn("sleeper", sleeper)
    source = """
        process_flag(trap_exit, true),
        pong = net_adm:ping(Py),
        Ids = [spawn_request(Py, sleeper, start, [], [link, monitor])
               || _ <- lists:seq(1, Count)],
        receive after Delay -> ok end,
        true = erlang:disconnect_node(Py),
        [receive
             {spawn_reply, Id, error, noconnection} -> failed;
             {spawn_reply, Id, ok, Pid} ->
                 receive {'DOWN', Id, process, Pid, noconnection} -> ok end,
                 receive {'EXIT', Pid, noconnection} -> ok end,
                 ran
         end || Id <- Ids],
        ergopy_peer:flush(50)
    """
    before = len(node.runtime.processes)
    left = await beam.run(source, Py=node.name, Count=REQUESTS, Delay=delay)
    assert left == []
    await until(lambda: len(node.runtime.processes) == before)
    assert not residue(node, beam)


async def test_each_request_of_ours_survives_a_lost_connection_once(beam, node):
    async def ask(proc):
        proc.trap_exit = True
        forever = [Atom("infinity")]
        refs = [
            await proc.spawn_request(
                beam.name, "timer", "sleep", forever, link=True, monitor=True
            )
            for _ in range(REQUESTS)
        ]
        first = [await proc.receive(timeout=5) for _ in range(REQUESTS // 2)]
        node.disconnect(beam.name)
        # Whatever is to come has come when the node is asked something else.
        await trio.lowlevel.checkpoint()
        return refs, first + [await proc.receive() for _ in range(proc.message_count())]

    await node.connect(beam.name)
    refs, got = await inside(node, ask)
    for ref in refs:
        mine = [m for m in got if isinstance(m, Down) and m.ref == ref]
        ((_, _, kind, result),) = [m for m in got if m[:2] == ("spawn_reply", ref)]
        if kind == "ok":
            assert [m.reason for m in mine] == ["noconnection"]
            exits = [m for m in got if isinstance(m, ExitMessage) and m.pid == result]
            assert [m.reason for m in exits] == ["noconnection"]
        else:
            assert result == "noconnection"
            assert mine == []
    await all_sleepers_end(beam)
    assert not node.connections.peer(beam.name).spawns
