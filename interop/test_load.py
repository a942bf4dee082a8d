"""Many callers, long streams: every answer right, every message in order."""

from __future__ import annotations

import pytest
import trio

from ergopy import Atom, Exit

from .servers import inside, until


async def test_hundred_beam_callers_get_five_thousand_right_answers(beam, node, desk):
    source = "ergopy_peer:calls({desk, Py}, 100, 50, 15000)"
    assert await beam.run(source, Py=node.name) == 5000


async def test_hundred_python_callers_get_five_thousand_right_answers(node, server):
    right = []

    async def ask(proc, worker):
        for n in range(50):
            request = (Atom("echo"), (worker, n))
            right.append(await proc.call(server, request, 15) == (worker, n))

    for worker in range(100):
        await node.spawn(ask, worker)
    await until(lambda: len(right) == 5000)
    assert all(right)


@pytest.mark.parametrize("how", ["name", "pid"])
async def test_ten_thousand_messages_from_the_beam_arrive_in_order(beam, node, how):
    async def take(proc):
        node.register("inbox", proc.pid)
        dest = proc.pid if how == "pid" else (Atom("inbox"), node.name)
        await beam.run("ergopy_peer:count(Dest, 10000)", Dest=dest)
        return [await proc.receive(timeout=10) for _ in range(10_001)]

    assert await inside(node, take) == [*range(1, 10_001), "done"]


async def test_ten_thousand_messages_to_the_beam_arrive_in_order(beam, node):
    source = """
        register(ordered, self()),
        ergopy_peer:collect(done) =:= lists:seq(1, 10000)
    """
    answers = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def collect():
            answers.append(await beam.run(source))

        await beam.run("ergopy_peer:until(fun() -> whereis(ordered) =/= undefined end)")

        async def count(proc):
            for n in range(1, 10_001):
                await proc.send(("ordered", beam.name), n)
            await proc.send(("ordered", beam.name), Atom("done"))

        await inside(node, count)
    assert answers == [True]


async def test_casts_are_counted_exactly(beam, node, desk):
    source = """
        [gen_server:cast({desk, Py}, {add, 1}) || _ <- lists:seq(1, 10000)],
        gen_server:call({desk, Py}, value, 15000)
    """
    assert await beam.run(source, Py=node.name) == 10_000


async def test_beam_is_not_starved_while_python_floods_it(beam, node, server):
    values = []

    async def flood(proc):
        for _ in range(3000):
            await proc.cast(server, (Atom("add"), 1))
        values.append(await proc.call(server, Atom("value")))

    await node.spawn(flood)
    assert await beam.run("net_adm:ping(Py)", Py=node.name) == "pong"
    await until(lambda: values == [3000])


async def test_thousand_monitors_and_processes_come_and_go(beam, node):
    node.provide_spawn("child", _child)
    source = """
        Refs = [element(2, erlang:spawn_monitor(Py, child, start, [N]))
                || N <- lists:seq(1, 1000)],
        [receive {'DOWN', Ref, process, _, R} -> R end || Ref <- Refs]
            =:= lists:seq(1, 1000)
    """
    before = node.statistics().processes
    assert await beam.run(source, Py=node.name) is True
    assert node.statistics().processes == before


async def _child(proc, number):
    raise Exit(number)
