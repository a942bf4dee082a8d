"""A registry whose processes are OTP behaviours on a BEAM."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom, ChildSpec, Registry

from .servers import until

PEER = Atom("ergopy_peer_server")
GEN_SERVER = ("gen_server", "start_link")


async def begin(node: Any, beam: Any, *args: Any, **options: Any) -> Registry:
    spec = ChildSpec(GEN_SERVER, *args, node=beam.name)
    await node.start(Registry, name="there", start=spec, **options)
    return Registry.of("there", node)


async def begin_silent(node: Any, beam: Any, init_timeout: float) -> Registry:
    """Have processes that never say that they are up."""
    start = ("proc_lib", "start_link")
    args = Atom("timer"), Atom("sleep"), [Atom("infinity")]
    spec = ChildSpec(start, *args, node=beam.name, init_timeout=init_timeout)
    await node.start(Registry, name="there", start=spec)
    return Registry.of("there", node)


async def test_many_come_up_at_once_one_for_each_key(beam, node):
    registry = await begin(node, beam, PEER, 7, [])
    got: dict[int, set[Any]] = {}

    async def ask(key: int) -> None:
        got.setdefault(key, set()).add(await registry.lookup_or_start(key))

    async with trio.open_nursery() as nursery:
        for key in range(20):
            for _ in range(5):
                nursery.start_soon(ask, key)
    assert {key: {pid} for key, pid in registry.items()} == got
    assert len(registry) == 20
    pid = registry.lookup(3)
    assert pid.node == beam.name
    assert await node.call(pid, (Atom("echo"), 1)) == 1
    assert await registry.stop(3) == "shutdown"
    await node.stop("there", "shutdown")
    alive = "[P || P <- Pids, is_process_alive(P)]"
    pids = [pid for (pid,) in got.values()]
    assert await beam.run(alive, Pids=pids) == []


async def test_an_init_that_fails_over_there_fails_that_start_alone(beam, node):
    # Without such a module the init is undef.
    registry = await begin(node, beam, Atom("nobody_has_this"), 7, [])
    with pytest.raises(ergopy.StartError) as caught:
        await registry.start(1)
    assert caught.value.reason[0] == "undef"
    assert len(registry) == 0
    assert await node.call("there", Atom("count")) == 0


async def test_a_process_that_crashes_over_there_is_taken_out(beam, node):
    registry = await begin(node, beam, PEER, 7, [])
    pid = await registry.start(1)
    await node.exit(pid, "kill")
    await until(lambda: registry.lookup(1) is None)
    assert await registry.start(1) != pid


async def test_the_loss_of_the_node_fails_the_starts_under_way(new_beam, node):
    beam = new_beam()
    registry = await begin_silent(node, beam, 60)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def asks() -> None:
            with pytest.raises(ergopy.StartError) as caught:
                await registry.start(1, timeout=None)
            assert caught.value.reason == "noconnection"

        await until(lambda: beam.name in node.nodes())
        await until(lambda: registry._answers._waiting)
        beam.kill9()
    assert await node.call("there", Atom("count")) == 0
    assert not registry._answers._waiting


async def test_one_that_does_not_come_up_in_time_is_killed(beam, node):
    registry = await begin_silent(node, beam, 0.2)
    with pytest.raises(ergopy.StartError) as caught:
        await registry.start(1)
    assert caught.value.reason == "timeout"
    sleepers = """
        ergopy_peer:until(fun() ->
            [] =:= [P || P <- processes(),
                         proc_lib:translate_initial_call(P) =:= {timer, sleep, 1}]
        end)
    """
    await beam.run(sleepers)
    assert not registry._answers._waiting
