"""Faults of registries in the world, each of which this one must not have."""

from __future__ import annotations

import pytest
import trio

import ergopy
from ergopy import Atom, Registry
from tests.gen.registry.kit import (
    Worker,
    begin,
    begin_starting,
    end,
    is_alive,
    pids,
    stuck,
)
from tests.runtimes import find, settle


async def test_gen_registry_returns_the_dead_until_it_has_read_their_exit(
    runtime,
) -> None:
    registry = await begin_starting(runtime)
    dead = await registry.start("key")
    await runtime.root.call("reg", (Atom("count")))
    find(runtime, dead).kill()
    assert registry.lookup("key") is None
    assert await registry.lookup_or_start("key") != dead


async def test_gen_registry_drops_the_key_nil_when_a_start_has_failed(runtime) -> None:
    registry = await begin_starting(runtime)
    pid = await registry.start(None)
    with pytest.raises(ergopy.StartError):
        await registry.start("other", "raise")
    await settle()
    assert registry.lookup(None) == registry.lookup(Atom("nil")) == pid


async def test_gen_registry_dies_of_an_init_that_ignores(runtime) -> None:
    registry = await begin_starting(runtime)
    other = await registry.start("other")
    assert await runtime.root.call(
        "reg", (Atom("lookup_or_start"), b"key", [Atom("ignore")])
    ) == Atom("ignore")
    assert is_alive(runtime, registry.pid)
    assert is_alive(runtime, other)


async def test_gen_registry_holds_up_all_keys_for_one_slow_init(
    runtime, autojump_clock
) -> None:
    registry = await begin_starting(runtime)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(registry.start, "slow", (Atom("sleep"), 3))
        await settle()
        began = trio.current_time()
        request = (Atom("lookup_or_start"), b"fast", [])
        ok, _ = await runtime.root.call("reg", request)
        assert (ok, trio.current_time()) == ("ok", began)


async def test_gen_registry_counts_the_table_of_another_registry(runtime) -> None:
    one = await begin(runtime, "one", start=Worker)
    two = await begin(runtime, "two", start=Worker)
    await one.start(1)
    for key in range(3):
        await two.start(key)
    counts = [
        dict(await runtime.root.call(name, Atom("count_children")))[Atom("active")]
        for name in ("one", "two")
    ]
    assert counts == [1, 3]


async def test_gen_registry_stops_its_workers_without_a_word(
    runtime, autojump_clock
) -> None:
    said = []

    class Says(Worker):
        async def terminate(self, reason: object) -> None:
            said.append(reason)

    registry = await begin(runtime, start=Says)
    await registry.start("key", "trap")
    await runtime.root.stop("reg", "shutdown")
    assert said == ["shutdown"]


async def test_hydra_reads_a_registry_that_is_not_there_as_empty(runtime) -> None:
    with pytest.raises(ergopy.NoProcess):
        Registry.of("nowhere", runtime.root)


async def test_hydra_crashes_without_a_start_function(runtime) -> None:
    registry = await begin(runtime)
    with pytest.raises(ergopy.StartNotSupported):
        await registry.start("key")
    assert is_alive(runtime, registry.pid)


async def test_hydra_never_forgets_a_process_that_it_did_not_link(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    await end(runtime, pid)
    assert registry.items() == []


async def test_hydra_has_a_name_for_the_process_and_one_for_the_table(runtime) -> None:
    registry = await begin(runtime, "users")
    assert registry.name == registry.process.names[0] == "users"
    with pytest.raises(TypeError):
        Registry(name="another")  # type: ignore[call-arg]


async def test_hydra_waits_for_its_processes_one_after_the_other(
    runtime, autojump_clock
) -> None:
    registry = await begin(runtime, start=stuck, shutdown=2)
    for key in range(10):
        await registry.start(key)
    await settle()
    began = trio.current_time()
    await runtime.root.stop("reg", "shutdown", timeout=None)
    assert trio.current_time() - began == 2
    assert registry.forced == 10


async def test_hydra_says_it_has_stopped_a_process_that_goes_on(
    runtime, autojump_clock
) -> None:
    registry = await begin(runtime, start=stuck)
    pid = await registry.start("key")
    await settle()
    await registry.stop("key", timeout=1)
    assert not is_alive(runtime, pid)


async def test_hydra_takes_a_new_process_out_for_the_late_exit_of_the_old(
    runtime,
) -> None:
    registry = await begin_starting(runtime)
    old = await registry.start("key")
    find(runtime, old).kill()
    new = await registry.start("key")
    await settle()
    await runtime.root.call("reg", Atom("count"))
    assert registry.lookup("key") == new


async def test_hydra_gives_two_registries_the_same_id_below_a_supervisor(
    runtime,
) -> None:
    specs = [ergopy.ChildSpec(Registry, name=name) for name in ("one", "two")]
    assert [spec.id for spec in specs] == ["one", "two"]
    assert {spec.type for spec in specs} == {"supervisor"}
    assert {spec.shutdown for spec in specs} == {"infinity"}


async def test_elixirs_registry_once_leaked_rows_of_a_failed_registration(
    runtime,
) -> None:
    registry = await begin(runtime)
    one, two = pids(runtime, 2)
    registry.register("key", pid=one)
    with pytest.raises(ergopy.NameTaken):
        registry.register("key", pid=two)
    assert registry.keys(two) == []
    assert two not in registry.process.links
    assert not find(runtime, two).claims


async def test_a_clash_of_names_shows_who_is_there(runtime) -> None:
    registry = await begin(runtime)
    pid = await runtime.root.start(Worker, name=registry.via("key"))
    with pytest.raises(ergopy.AlreadyStarted) as caught:
        await runtime.root.start(Worker, name=registry.via("key"))
    assert caught.value.pid == pid
