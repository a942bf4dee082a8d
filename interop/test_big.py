"""Binaries from a byte to megabytes: fragments of 64 KiB, one sender and several."""

from __future__ import annotations

import hashlib
import random

import pytest

from ergopy import Atom, Exit

from .servers import Desk, until

FRAGMENT = 65536
EDGES = [FRAGMENT * n + d for n in (1, 2) for d in (-200, -64, -1, 0, 1, 200)]
SIZES = [0, 1, 255, 256, 1460, 32768, *EDGES, 1 << 20, 5 << 20]


@pytest.mark.parametrize("size", SIZES)
async def test_binary_from_the_beam_arrives_whole_and_comes_back(
    beam, node, desk, size
):
    source = """
        Data = rand:bytes(Size),
        Data =:= gen_server:call({desk, Py}, {echo, Data}, 15000)
    """
    assert await beam.run(source, Py=node.name, Size=size) is True


@pytest.mark.parametrize("size", SIZES)
async def test_binary_from_python_arrives_whole_and_comes_back(node, server, size):
    data = random.Random(size).randbytes(size)
    assert await node.call(server, (Atom("echo"), data), timeout=15) == data


async def test_every_size_around_a_fragment_edge_arrives(beam, node):
    class Digest(Desk):
        async def handle_call(self, request, from_):
            return hashlib.md5(request).digest()

    await node.start(Digest, name="digest")
    source = """
        Base = rand:bytes(65536 + 40),
        [Size || Size <- lists:seq(65536 - 240, 65536 + 40, 7),
            Data <- [binary:part(Base, 0, Size)],
            erlang:md5(Data) =/= gen_server:call({digest, Py}, Data)]
    """
    assert await beam.run(source, Py=node.name) == []


async def test_interleaved_fragments_of_many_senders_arrive_whole(beam, node, desk):
    # Each worker waits for its own answer, so several messages are always in pieces.
    source = """
        Host = self(),
        Pids = [spawn_link(fun() ->
            Data = rand:bytes(150000 + N),
            Right = [Data =:= gen_server:call({desk, Py}, {echo, Data}, 15000)
                     || _ <- lists:seq(1, 5)],
            Host ! {self(), lists:all(fun(R) -> R end, Right)}
        end) || N <- lists:seq(1, 12)],
        [receive {Pid, Right} -> Right end || Pid <- Pids]
    """
    assert await beam.run(source, Py=node.name) == [True] * 12


async def test_small_calls_pass_between_big_ones(beam, node, desk):
    source = """
        Host = self(),
        Big = spawn_link(fun() ->
            Data = rand:bytes(2000000),
            Host ! {self(), [Data =:= gen_server:call({desk, Py}, {echo, Data}, 15000)
                             || _ <- lists:seq(1, 4)]}
        end),
        Small = ergopy_peer:calls({desk, Py}, 4, 100, 15000),
        {Small, receive {Big, Right} -> Right end}
    """
    assert await beam.run(source, Py=node.name) == (400, [True] * 4)


async def test_python_processes_send_big_terms_at_once(beam, node, server):
    answers = []

    async def ask(proc, number):
        data = random.Random(number).randbytes(300_000 + number)
        answers.append(await proc.call(server, (Atom("echo"), data), 15) == data)

    for number in range(8):
        await node.spawn(ask, number)
    await until(lambda: len(answers) == 8)
    assert all(answers)


async def test_big_exit_reason_and_spawn_arguments_arrive_whole(beam, node):
    async def bulky(proc):
        await proc.receive()
        raise Exit(b"x" * 200_000)

    pid = await node.spawn(bulky)
    source = """
        Ref = monitor(process, Pid),
        Pid ! go,
        receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
    """
    assert await beam.run(source, Pid=pid) == b"x" * 200_000
