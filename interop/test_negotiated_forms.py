"""Connections with fewer flags: each form of packets and operations with a real BEAM.

A BEAM offers all flags, so a Python node leaves some out; what both offer decides.
"""

from __future__ import annotations

import hashlib

import pytest
import trio

from ergopy import Atom, Down, ExitMessage, Node
from ergopy.dist.flags import Flag, offered

from .servers import Desk, inside, sleeper, until

NO_CACHE, NO_FRAGMENTS = Flag.DIST_HDR_ATOM_CACHE, Flag.FRAGMENTS
# A BEAM that may send fragments cuts the old operations anywhere, which nobody can
# read: FRAGMENTS counts on EXIT_PAYLOAD, and no release has one without the other.
OLD = Flag.SEND_SENDER | Flag.EXIT_PAYLOAD | Flag.ALTACT_SIG | NO_FRAGMENTS
FORMS = {
    "everything": Flag(0),
    "header without cache": NO_CACHE,
    "cache without fragments": NO_FRAGMENTS,
    "pass-through": NO_CACHE | NO_FRAGMENTS,
    "old operations": OLD,
    "oldest": OLD | NO_CACHE,
}
SIZES = [0, 1000, 65_536, 200_000, 3_000_000]


@pytest.fixture(params=FORMS.values(), ids=FORMS)
async def plain(request, node_options, monkeypatch):
    """A node that offers less."""

    def fewer(*, hidden: bool = False) -> Flag:
        return offered(hidden=hidden) & ~request.param

    monkeypatch.setattr("ergopy.node.connections.offered", fewer)
    async with Node(**node_options) as node:
        yield node


async def test_calls_of_any_size_are_answered_both_ways(beam, plain):
    await plain.start(Desk, name="desk")
    source = """
        Data = binary:copy(<<"0123456789">>, Size div 10),
        Term = {echo, [Data, 'an atom', Data]},
        element(2, Term) =:= gen_server:call({desk, Py}, Term, 15000)
    """
    for size in SIZES:
        assert await beam.run(source, Py=plain.name, Size=size) is True
        data = hashlib.shake_128(b"x").digest(size)
        sent = [data, Atom("an atom"), {Atom("key"): data}]
        got = await plain.rpc(beam.name, "lists", "reverse", [sent], timeout=15)
        assert got == sent[::-1]


async def test_links_monitors_and_exits_have_their_reasons_both_ways(beam, plain):
    reason = (Atom("why"), [b"x" * 70_000, Atom("so")])
    pid = await plain.spawn(sleeper)
    watching = """
        process_flag(trap_exit, true),
        link(Pid),
        Ref = monitor(process, Pid),
        None = monitor(process, {nobody, Py}),
        receive {'DOWN', None, process, {nobody, Py}, noproc} -> ok end,
        exit(Pid, Reason),
        receive {'EXIT', Pid, R1} -> ok end,
        receive {'DOWN', Ref, process, Pid, R2} -> ok end,
        unlink(Pid),
        {R1 =:= Reason, R2 =:= Reason, erlang:process_info(self(), message_queue_len)}
    """
    seen = await beam.run(watching, Pid=pid, Py=plain.name, Reason=reason)
    assert seen == (True, True, (Atom("message_queue_len"), 0))

    async def watch(proc):
        proc.trap_exit = True
        pid = await beam.run("spawn(fun() -> receive {die, R} -> exit(R) end end)")
        await proc.link(pid)
        ref = await proc.monitor(pid)
        await proc.send(pid, (Atom("die"), reason))
        got = [await proc.receive(timeout=10), await proc.receive(timeout=10)]
        assert got == [ExitMessage(pid, reason), Down(ref, pid, reason)]

    await inside(plain, watch)


async def test_streams_arrive_whole_and_in_order(beam, plain):
    got = []

    async def take(proc):
        while len(got) < 1000:
            got.append(await proc.receive())

    await plain.spawn(take, name="inbox")
    source = """
        [{inbox, Py} ! {N, binary:copy(<<N:16>>, 1 + (N rem 10) * 5000)}
         || N <- lists:seq(1, 1000)],
        ok
    """
    await beam.run(source, Py=plain.name)
    with trio.fail_after(20):
        await until(lambda: len(got) == 1000)
    for n, (number, data) in enumerate(got, 1):
        assert number == n
        assert data == n.to_bytes(2, "big") * (1 + n % 10 * 5000)


async def test_a_program_is_spawned_with_its_link(beam, plain):
    plain.provide_spawn("sleeper", sleeper)
    source = """
        process_flag(trap_exit, true),
        Pid = spawn_link(Py, sleeper, start, []),
        Pid ! {exit, {with, reasons}},
        receive {'EXIT', Pid, R} -> R end
    """
    assert await beam.run(source, Py=plain.name) == (Atom("with"), Atom("reasons"))
