"""A hundred megabytes in one message, both ways, with little more memory than that."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import trio

from ergopy import Atom

from .servers import until

SIZE = 100 << 20
LONG = 50


class Memory:
    """How much more memory this process had, at most, since the beginning."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak
        self._before = self._field("VmRSS")

    def growth(self) -> float:
        return (self._field("VmHWM") - self._before) / SIZE

    def _field(self, name: str) -> int:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
        raise LookupError(name)


async def test_python_sends_it_with_one_more_copy(beam, node):
    digests = []
    data = b"abcd" * (SIZE // 4)
    source = """
        register(large, self()),
        receive {data, Data} -> erlang:md5(Data) after 40000 -> timeout end
    """
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def receive():
            digests.append(await beam.run(source, LONG))

        await beam.run("ergopy_peer:until(fun() -> whereis(large) =/= undefined end)")
        memory = Memory()
        await node.send(("large", beam.name), (Atom("data"), data))
        numbers = node.statistics().connections[beam.name]
        assert numbers.signals_out < 20
        while not digests:  # noqa: ASYNC110 - the answer of another program
            await trio.sleep(0.01)
        assert memory.growth() < 2
    numbers = node.statistics().connections[beam.name]
    assert numbers.fragments_out == SIZE // 65536 + 1
    assert digests == [hashlib.md5(data).digest()]


async def test_python_receives_it_with_two_more_copies(beam, node):
    digests = []

    async def take(proc):
        data = await proc.receive()
        growth = memory.growth()
        digests.append((len(data), hashlib.md5(data).digest()))
        assert growth < 3.3, growth

    source = """
        Data = binary:copy(<<"abcd">>, Size div 4),
        Inbox ! Data,
        erlang:md5(Data)
    """
    inbox = await node.spawn(take)
    await node.connect(beam.name)
    memory = Memory()
    digest = await beam.run(source, LONG, Inbox=inbox, Size=SIZE)
    await until(lambda: digests)
    assert digests == [(SIZE, digest)]
    assert memory.growth() < 3.3


@pytest.mark.parametrize("size", [150_000, 1 << 20, 20 << 20])
async def test_terms_of_many_parts_arrive_whole(beam, node, desk, server, size):
    """A piece may end anywhere: in a number, a name, or the length of something."""
    term = [
        (n, Atom(f"part{n % 300}"), float(n), b"x" * (n % 50))
        for n in range(size // 60)
    ]
    assert await node.call(server, (Atom("echo"), term), 40) == term
    source = "gen_server:call({desk, Py}, {echo, Term}, 40000) =:= Term"
    assert await beam.run(source, LONG, Py=node.name, Term=term) is True
