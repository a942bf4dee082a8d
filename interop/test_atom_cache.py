"""Atoms on the wire, both ways: sent once, evicted, long, more than a message can name.

Each answer goes through the cache of the other direction, so every test covers both.
"""

from __future__ import annotations

import random

import pytest
import trio.testing

import etf
from ergopy import Atom
from ergopy.dist.atom_cache import SLOTS

from .servers import inside


def atoms(prefix: str, count: int) -> list[Atom]:
    return [Atom(f"{prefix}_{n}") for n in range(count)]


def apart(prefix: str, count: int) -> list[Atom]:
    """Atoms of which no two have one place in the cache.

    The hash of a text is another one in each run, and so is its place.
    """
    places = {hash(atom) % SLOTS: atom for atom in atoms(prefix, 4 * count)}
    return list(places.values())[:count]


def spent(node, peer) -> int:
    return node.statistics().connections[peer.name].bytes_out


async def test_an_atom_is_written_out_once_for_each_connection(beam, node):
    await beam.run("register(sink, spawn(fun F() -> receive _ -> F() end end))")
    await node.connect(beam.name)
    names = apart("atom_that_is_rather_long", 100)

    async def send_twice(proc):
        costs = []
        for _ in range(2):
            before = spent(node, beam)
            await proc.send(("sink", beam.name), names)
            # It leaves when this step is over.
            await trio.testing.wait_all_tasks_blocked()
            costs.append(spent(node, beam) - before)
        return costs

    first, second = await inside(node, send_twice)
    await beam.run("exit(whereis(sink), kill)")
    assert first > sum(map(len, names))
    assert second < 6 * len(names)


@pytest.mark.parametrize("size", [0, 1, 2, 254, 255, 256, 257, 300, 1000])
async def test_messages_with_any_number_of_atoms_come_back(beam, node, desk, size):
    source = """
        Atoms = [list_to_atom("n" ++ integer_to_list(Size) ++ "_" ++ integer_to_list(N))
                 || N <- lists:seq(1, Size)],
        [gen_server:call({desk, Py}, {echo, Atoms}) =:= Atoms || _ <- lists:seq(1, 3)]
    """
    assert await beam.run(source, Py=node.name, Size=size) == [True] * 3


@pytest.mark.parametrize("size", [0, 1, 2, 254, 255, 256, 257, 300, 1000])
async def test_python_sends_any_number_of_atoms(node, server, size):
    names = atoms(f"p{size}", size)
    for _ in range(3):
        assert await node.call(server, (Atom("echo"), names)) == names


async def test_thousands_of_atoms_evict_each_other(beam, node, desk):
    source = """
        All = list_to_tuple([list_to_atom("evicted_" ++ integer_to_list(N))
                             || N <- lists:seq(1, 5000)]),
        Some = fun() -> [element(rand:uniform(5000), All) || _ <- lists:seq(1, 50)] end,
        Asked = [Some() || _ <- lists:seq(1, 1000)],
        [Atoms || Atoms <- Asked,
                  gen_server:call({desk, Py}, {echo, Atoms}, 15000) =/= Atoms]
    """
    assert await beam.run(source, Py=node.name) == []


async def test_thousands_of_atoms_of_python_evict_each_other(node, server):
    names = atoms("evicted_by_python", 5000)
    chosen = random.Random(5)

    async def ask(proc):
        for _ in range(1000):
            asked = chosen.sample(names, 50)
            assert await proc.call(server, (Atom("echo"), asked)) == asked

    await inside(node, ask)


async def test_long_atoms_travel_beside_short_ones(beam, node, desk, server):
    source = """
        Long = [list_to_atom(lists:duplicate(N, 16#20ac)) || N <- lists:seq(80, 255)],
        Mixed = [ok, '', true, nil | Long],
        [gen_server:call({desk, Py}, {echo, T}) =:= T
         || T <- [Long, Mixed, hd(Long), lists:last(Long), Mixed]]
    """
    assert await beam.run(source, Py=node.name) == [True] * 5
    long = [Atom("£" * n) for n in range(120, 256)]
    for term in (long, [Atom(""), True, None, *long], long[-1], long[0]):
        assert etf.same(await node.call(server, (Atom("echo"), term)), term)


async def test_atoms_inside_of_every_kind_of_term_come_back(node, server):
    a, b = Atom("inside_a"), Atom("inside_b")
    term = {
        a: [a, b, (True, False, None)],
        (a, 1): etf.ImproperList([a], b),
        b"text": etf.Export(a, b, 2),
        1: etf.Pid(Atom(node.name), 1, 2, 3),
        2: etf.Reference(Atom("else@where"), 9, (1, 2, 3)),
        3: etf.Port(Atom("else@where"), 9, 3),
    }
    for _ in range(3):
        assert etf.same(await node.call(server, (Atom("echo"), term)), term)


async def test_what_could_not_be_sent_is_not_taken_for_known(node, server):
    for number in range(20):
        new = atoms(f"failed_{number}", 20)
        with pytest.raises(etf.EncodeError):
            await node.call(server, (Atom("echo"), [*new, object()]))
        with pytest.raises(etf.EncodeError):
            await node.send(server, [*new, float("nan")])
        assert await node.call(server, (Atom("echo"), new)) == new


async def test_a_new_connection_begins_with_empty_caches(beam, node, desk, server):
    names = atoms("again", 300)
    source = "gen_server:call({desk, Py}, {echo, Names}) =:= Names"
    # It ends with the connection, which a BEAM may make again at once.
    watch = """
        Self = self(),
        Watcher = spawn(fun() ->
            monitor_node(Py, true),
            Self ! watching,
            receive {nodedown, Py} -> ok end
        end),
        receive watching -> Watcher end
    """
    over = "ergopy_peer:until(fun() -> not is_process_alive(Watcher) end)"
    for _ in range(3):
        assert await node.call(server, (Atom("echo"), names)) == names
        assert await beam.run(source, Py=node.name, Names=names) is True
        watcher = await beam.run(watch, Py=node.name)
        node.disconnect(beam.name)
        await beam.run(over, Watcher=watcher)
