"""The end of a registry: at once, within one time for all, or whenever they go."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom, ChildSpec, GenServer, Registry
from ergopy.gen.registry.server import RegistryServer
from tests.gen.registry.kit import Worker, begin, is_alive, pids, trap
from tests.runtimes import Ends, find, mail, settle


class Leaves(GenServer):
    """Takes as many seconds to end as it was told."""

    async def init(self, seconds: float) -> None:
        self.trap_exit = True
        self.seconds = seconds

    async def terminate(self, reason: Any) -> None:
        await trio.sleep(self.seconds)


async def ending(runtime, *seconds: float, **options: Any) -> tuple[Any, float, int]:
    """Return how the processes end with their registry, its seconds, and the killed."""
    registry = await begin(runtime, start=Leaves, **options)
    ends = [
        Ends(find(runtime, await registry.start(place, each)))
        for place, each in enumerate(seconds)
    ]
    began = trio.current_time()
    await runtime.root.stop("reg", "shutdown", timeout=None)
    took = trio.current_time() - began
    return [end.reasons for end in ends], took, registry.forced


async def test_seconds_are_for_all_together(runtime, autojump_clock) -> None:
    reasons, took, forced = await ending(runtime, 0, 1, 2, 9, 9, 9, shutdown=3)
    assert reasons == [["shutdown"]] * 3 + [["killed"]] * 3
    assert (took, forced) == (3, 3)


async def test_infinity_waits_for_the_slowest(runtime, autojump_clock) -> None:
    reasons, took, forced = await ending(runtime, 0, 100, 50, shutdown="infinity")
    assert reasons == [["shutdown"]] * 3
    assert (took, forced) == (100, 0)


async def test_brutal_kill_waits_for_nobody(runtime, autojump_clock) -> None:
    reasons, took, forced = await ending(runtime, 0, 100, shutdown="brutal_kill")
    assert reasons == [["killed"]] * 2
    assert (took, forced) == (0, 0)


async def test_it_says_how_many_had_to_be_killed(
    runtime, autojump_clock, caplog
) -> None:
    await ending(runtime, 0, 9, 9, shutdown=1)
    assert "registry reg: 2 of 3 processes had to be killed" in caplog.text


@pytest.mark.parametrize("shutdown", [2.0, "brutal_kill", "infinity"])
def test_the_specification_of_what_is_started_says_how_it_ends(shutdown: Any) -> None:
    spec = ChildSpec(Worker, shutdown=shutdown)
    assert Registry(start=spec).shutdown == shutdown
    assert Registry(start=Worker).shutdown == 5
    assert Registry(start=spec, shutdown=7).shutdown == 7


async def test_it_is_closed_while_they_end(runtime, autojump_clock) -> None:
    registry = await begin(runtime, start=Leaves, shutdown=5)
    await registry.start("key", 2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(runtime.root.stop, "reg", "shutdown")
        await trio.sleep(1)
        with pytest.raises(ergopy.RegistryClosed) as caught:
            registry.lookup("key")
        assert caught.value.dest == "reg"
        with pytest.raises(ergopy.NoProcess):
            Registry.of("reg", runtime.root)
        with pytest.raises(ergopy.NoProcess):
            await runtime.root.call(registry.via("key"), "hello")


async def test_who_has_registered_itself_gets_the_exit_of_the_link(runtime) -> None:
    registry = await begin(runtime)
    one, trapping = pids(runtime, 2)
    trap(runtime, trapping)
    registry.register("one", pid=one)
    registry.register("two", pid=trapping)
    await runtime.root.stop("reg", "shutdown")
    await settle()
    assert not is_alive(runtime, one)
    (message,) = mail(find(runtime, trapping))
    assert (message.pid, message.reason) == (registry.pid, "shutdown")


async def test_who_has_registered_itself_survives_a_normal_end(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    await runtime.root.stop("reg")
    await settle()
    assert is_alive(runtime, pid)
    assert not find(runtime, pid).claims


async def test_what_was_removed_does_not_end_with_it(runtime) -> None:
    registry = await begin(runtime, start=Worker)
    kept = await registry.start("kept")
    freed = await registry.start("freed")
    assert registry.remove("freed") == freed
    await runtime.root.stop("reg", "shutdown")
    await settle()
    assert [is_alive(runtime, pid) for pid in (kept, freed)] == [False, True]


@pytest.mark.parametrize("reason", ["kill", "crash"])
async def test_a_crash_of_the_registry_leaves_nobody_behind(
    runtime, reason: str, monkeypatch, caplog
) -> None:
    async def fails(server: Any, message: Any) -> None:
        raise RuntimeError("wanted")

    monkeypatch.setattr(RegistryServer, "handle_info", fails)
    registry = await begin(runtime, start=Worker)
    pid = await registry.start("key")
    if reason == "kill":
        registry.process.kill()
    else:
        await runtime.root.send("reg", Atom("any"))
    await settle()
    await settle()
    assert not is_alive(runtime, pid)
    assert not is_alive(runtime, registry.pid)
    assert not runtime.registers
