"""Several name servers, in any order of events: in the end they agree."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ergopy.services.globals.steps import Ask, set_lock, while_locked
from ergopy.services.globals.words import RANDOM_EXIT
from etf import Atom, Pid

from .simulation import Simulation

ONCE_WRONG = [51, 78, 670]
"""Histories after which names or locks were not the same everywhere."""

NAMES = ["a@x", "b@x", "c@y", "d@y", "e@z"]


def registering(name: Any, pid: Pid) -> Any:
    def work(node: Any, nodes: tuple[Atom, ...]) -> Any:
        if node.machine.names.find(name) is None:
            yield Ask(nodes, (Atom("register"), name, pid, RANDOM_EXIT))

    return lambda node, own: while_locked(node, own, partial(work, node))


def unregistering(name: Any) -> Any:
    def work(nodes: tuple[Atom, ...]) -> Any:
        yield Ask(nodes, (Atom("unregister"), name))

    return lambda node, own: while_locked(node, own, work)


def locking(name: str, retries: float) -> Any:
    def work(node: Any, own: Pid) -> Any:
        return set_lock(node, (Atom(name), own), [node.own, *node.known()], retries)

    return work


def assert_they_agree(sim: Simulation) -> None:
    told = {}
    for name, node in sim.nodes.items():
        cluster = node.machine.cluster
        assert set(cluster.known) == set(sim.nodes) - {name}
        assert not cluster.pending
        assert not node.machine.sessions.by_node
        assert node.machine.locks.of_all is None
        assert not node.resolving
        told[name] = {e.name: e.pid for e in node.machine.names}
    first = next(iter(told.values()))
    assert all(names == first for names in told.values()), told
    assert all(map(sim.is_alive, first.values()))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("count", [2, 3, 5])
def test_nodes_that_connect_become_one_cluster(count: int, seed: int) -> None:
    sim = Simulation(seed, NAMES[:count])
    for node in list(sim.nodes.values()):
        pid = node.spawn()
        sim.job(node.own, registering(Atom("clash"), pid))
        sim.job(node.own, registering(node.own, node.spawn()))
    for _ in range(sim.rng.randrange(200)):
        sim.step()
    sim.mesh()
    assert_they_agree(sim)
    names = {e.name for node in sim.nodes.values() for e in node.machine.names}
    assert names == {Atom("clash"), *sim.nodes}
    assert all(runner.over for n in sim.nodes.values() for runner in n.runners[1:])


def _trouble(sim: Simulation) -> None:
    rng = sim.rng
    a, b = rng.sample(list(sim.nodes), 2)
    node = sim.nodes[a]
    match rng.randrange(9):
        case 0:
            sim.disconnect(a, b)
        case 1:
            sim.part(a, b)
        case 2:
            sim.parted.clear()
        case 3 | 4:
            sim.connect(a, b)
        case 5:
            sim.job(a, registering(Atom(rng.choice("uvw")), node.spawn()))
        case 6:
            entries = list(node.machine.names)
            if entries:
                sim.kill(rng.choice(entries).pid)
        case 7:
            sim.job(a, unregistering(Atom(rng.choice("uvw"))))
        case 8:
            if len(sim.nodes) > 2 and not rng.randrange(4):
                sim.crash(a)
                sim.join(f"n{next(sim.numbers)}@z")


@pytest.mark.parametrize("seed", [*range(50), *ONCE_WRONG])
def test_whatever_happens_they_agree_when_it_is_over(seed: int) -> None:
    sim = Simulation(seed, NAMES[: 2 + seed % 4])
    for _ in range(60):
        _trouble(sim)
        for _ in range(sim.rng.randrange(40)):
            sim.step()
    sim.parted.clear()
    sim.settle()
    # Some were asked to part while there was trouble: they meet again.
    for _ in range(3):
        sim.mesh()
    assert_they_agree(sim)


@pytest.mark.parametrize("seed", range(20))
def test_a_lock_is_held_by_one_requester(seed: int) -> None:
    sim = Simulation(seed, NAMES[:3])
    sim.mesh()
    jobs = [sim.job(name, locking("printer", 0)) for name in sim.nodes for _ in "12"]
    sim.settle()
    assert sum(job.result for job in jobs) <= 1
    holders = {
        pid
        for node in sim.nodes.values()
        for lock in node.machine.locks
        for pid in lock.holders
    }
    assert holders == {job.pid for job in jobs if job.result}


def test_a_lock_goes_with_the_last_of_its_holders() -> None:
    sim = Simulation(1, NAMES[:2])
    sim.mesh()
    (job,) = (sim.job(Atom("a@x"), locking("printer", 0)),)
    sim.settle()
    assert job.result is True
    sim.kill(job.pid)
    sim.settle()
    assert all(not list(node.machine.locks) for node in sim.nodes.values())


@pytest.mark.parametrize("seed", range(5))
def test_who_loses_one_node_of_a_cluster_is_lost_by_all(seed: int) -> None:
    sim = Simulation(seed, NAMES[:4])
    sim.mesh()
    a, b, *others = sim.nodes
    sim.part(a, b)
    sim.settle()
    # Two clusters at most, and none that overlap.
    for node in sim.nodes.values():
        mine = {node.own, *node.machine.cluster.known}
        for other in node.known():
            theirs = {other, *sim.nodes[other].machine.cluster.known}
            assert mine == theirs
    assert b not in sim.nodes[a].machine.cluster.known
    assert any("overlapping" in text for n in sim.nodes.values() for text in n.logged)
    assert others
