"""Order under load: a million messages, large ones, and everything else beside it."""

from __future__ import annotations

import random

import trio

from ergopy import Atom, Exit

from .servers import until

MILLION = 1_000_000
LONG = 55


class Traffic:
    """Calls, large and small, both ways, while something else is measured."""

    def __init__(self, beam, node, server) -> None:
        self.beam, self.node, self.server = beam, node, server
        self.done = False
        self.answers = 0

    async def __aenter__(self):
        self._manager = trio.open_nursery()
        nursery = await self._manager.__aenter__()
        nursery.start_soon(self._in)
        nursery.start_soon(self._out, 0, 0.001)
        nursery.start_soon(self._out, 300_000, 0.05)
        return self

    async def __aexit__(self, *error):
        self.done = True
        await self._manager.__aexit__(*error)
        assert self.answers > 10

    async def _in(self):
        # Both calls with many atoms and with large binaries.
        source = """
            Data = binary:copy(<<9>>, 200000),
            Names = [list_to_atom("traffic_" ++ integer_to_list(rand:uniform(5000)))
                     || _ <- lists:seq(1, 100)],
            [Term =:= gen_server:call({desk, Py}, {echo, Term}, 50000)
             || Term <- [Data, Names, Names]]
        """
        while not self.done:
            right = await self.beam.run(source, LONG, Py=self.node.name)
            assert right == [True] * 3
            self.answers += 3

    async def _out(self, size, pause):
        data = random.Random(size).randbytes(size)
        while not self.done:
            answer = await self.node.call(self.server, (Atom("echo"), data), LONG)
            assert answer == data
            self.answers += 1
            await trio.sleep(pause)


async def test_a_million_messages_from_the_beam_arrive_in_order(
    beam, node, desk, server
):
    arrived = []

    async def take(proc):
        for number in range(1, MILLION + 1):
            message = await proc.receive()
            if message != number:
                arrived.append(("bad", number, message))
                return
        arrived.append(await proc.receive())

    inbox = await node.spawn(take)
    async with Traffic(beam, node, server):
        await beam.run("ergopy_peer:count(Dest, N)", LONG, Dest=inbox, N=MILLION)
        with trio.fail_after(LONG):
            while not arrived:  # noqa: ASYNC110 - of another process
                await trio.sleep(0.01)
    assert arrived == ["done"]


async def test_a_million_messages_to_the_beam_arrive_in_order(beam, node, desk, server):
    counted = []

    async def count():
        source = "register(ordered, self()), ergopy_peer:in_order(N)"
        counted.append(await beam.run(source, LONG, N=MILLION))

    async def send(proc):
        dest = ("ordered", beam.name)
        for number in range(1, MILLION + 1):
            await proc.send(dest, number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        await beam.run("ergopy_peer:until(fun() -> whereis(ordered) =/= undefined end)")
        async with Traffic(beam, node, server):
            await node.spawn(send)
            with trio.fail_after(LONG):
                while not counted:  # noqa: ASYNC110 - of another process
                    await trio.sleep(0.01)
    assert counted == [MILLION]


STREAMS = [Atom(f"stream{n}") for n in range(8)]
COUNT, SIZE = 30, 400_000


async def test_streams_of_python_with_large_messages_arrive_whole_and_in_order(
    beam, node
):
    answers = []

    async def collect():
        source = "register(streams, self()), ergopy_peer:streams(Tags, Count, Size)"
        names = {"Tags": STREAMS, "Count": COUNT, "Size": SIZE}
        answers.append(await beam.run(source, LONG, **names))

    async def stream(proc, tag):
        dest = ("streams", beam.name)
        for number in range(1, COUNT + 1):
            size = SIZE if number % 3 == 0 else number
            await proc.send(dest, (tag, number, bytes([number]) * size))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(collect)
        await beam.run("ergopy_peer:until(fun() -> whereis(streams) =/= undefined end)")
        for tag in STREAMS:
            await node.spawn(stream, tag)
    assert answers == [True]


async def test_streams_of_the_beam_with_large_messages_arrive_whole_and_in_order(
    beam, node
):
    following = dict.fromkeys(STREAMS, 1)
    wrong = []

    async def take(proc):
        while not wrong and min(following.values()) <= COUNT:
            tag, number, data = await proc.receive()
            size = SIZE if number % 3 == 0 else number
            if number != following[tag] or data != bytes([number]) * size:
                wrong.append((tag, number, len(data)))
            following[tag] += 1

    inbox = await node.spawn(take)
    source = """
        [spawn(fun() -> ergopy_peer:stream(Inbox, Tag, Count, Size) end) || Tag <- Tags]
    """
    names = {"Tags": STREAMS, "Count": COUNT, "Size": SIZE, "Inbox": inbox}
    await beam.run(source, **names)
    await until(lambda: wrong or min(following.values()) > COUNT)
    assert wrong == []


SIGNALS = """
    register(ordered_signals, self()),
    process_flag(trap_exit, true),
    Next = fun() -> receive M -> M after 20000 -> timeout end end,
    {go, Pid} = Next(),
    Pid ! {start, self()},
    [case Next() of
        {big, Data} -> {big, byte_size(Data)};
        {'EXIT', Pid, Why} when is_binary(Why) -> {exit, byte_size(Why)};
        {'EXIT', Pid, Why} -> {exit, Why};
        Other -> Other
     end || _ <- lists:seq(1, 6)]
"""


async def test_all_signals_of_one_process_keep_their_order_around_a_large_message(
    beam, node
):
    answers = []

    async def speak(proc):
        dest = ("ordered_signals", beam.name)
        await proc.send(dest, (Atom("go"), proc.pid))
        _, listener = await proc.receive()
        await proc.send(dest, 1)
        await proc.send(dest, (Atom("big"), bytes(40 << 20)))
        # None of these waits, and none overtakes it.
        await proc.exit(listener, (Atom("signal"), 1))
        await proc.link(listener)
        await proc.send(dest, 2)
        proc.send_nowait(dest, (Atom("big"), bytes(9 << 20)))
        raise Exit(b"x" * 200_000)

    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def collect():
            answers.append(await beam.run(SIGNALS, LONG))

        source = "fun() -> whereis(ordered_signals) =/= undefined end"
        await beam.run(f"ergopy_peer:until({source})")
        await node.spawn(speak)
    assert answers == [
        [
            1,
            ("big", 40 << 20),
            ("exit", ("signal", 1)),
            2,
            ("big", 9 << 20),
            ("exit", 200_000),
        ]
    ]
