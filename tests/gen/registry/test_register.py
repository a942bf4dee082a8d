"""Registering, as Elixir's ``Registry`` has it; its examples, and what is more here."""

from __future__ import annotations

from typing import Any

import pytest

import ergopy
from ergopy import Atom, Pid, Registry
from tests.gen.registry.kit import begin, clean, end, is_alive, pids, trap
from tests.runtimes import inside, mail, settle, sleeper


async def test_a_process_registers_itself(runtime) -> None:
    registry = await begin(runtime)

    async def body(process: ergopy.Process) -> None:
        registry.register("hello", "world")
        assert registry.lookup("hello") == process.pid
        assert registry.entries("hello") == [(process.pid, "world")]
        assert registry.keys() == ["hello"]
        assert registry.values("hello") == ["world"]
        with pytest.raises(ergopy.NameTaken) as caught:
            registry.register("hello", "again")
        assert caught.value.owner == process.pid
        registry.unregister("hello")
        registry.unregister("hello")
        assert registry.entries("hello") == []

    await inside(runtime, body)


async def test_a_key_has_one_process(runtime) -> None:
    registry = await begin(runtime)
    one, two = pids(runtime, 2)
    registry.register("key", pid=one)
    with pytest.raises(ergopy.NameTaken) as caught:
        registry.register("key", pid=two)
    assert (caught.value.owner, caught.value.name) == (one, "key")
    assert registry.keys(two) == []
    registry.unregister("key", pid=two)
    assert registry.lookup("key") == one


async def test_duplicate_keys_have_any_number(runtime) -> None:
    registry = await begin(runtime, keys="duplicate")
    one, two = pids(runtime, 2)
    with clean(registry):
        for value, pid in ((1, one), (2, one), (3, two)):
            registry.register("key", value, pid)
        assert registry.lookup("key") == [(one, 1), (one, 2), (two, 3)]
        assert registry.lookup("other") == []
        assert registry.keys(one) == ["key", "key"]
        assert registry.values("key", one) == [1, 2]
        assert registry.count() == len(registry) == 3
        registry.unregister("key", one)
        assert registry.lookup("key") == [(two, 3)]
        await end(runtime, two)
        assert registry.lookup("key") == []


async def test_unregister_match_takes_the_values_that_match(runtime) -> None:
    registry = await begin(runtime, keys="duplicate")
    (pid,) = pids(runtime, 1)
    for value in ((Atom("atom"), 1), (Atom("atom"), 2), (Atom("other"), 3), 4):
        registry.register("key", value, pid)
    high = [(Atom(">"), Atom("$1"), 1)]
    registry.unregister_match("key", (Atom("atom"), Atom("$1")), high, pid)
    assert registry.values("key", pid) == [(Atom("atom"), 1), (Atom("other"), 3), 4]
    registry.unregister_match("key", lambda value: value == 4, pid=pid)
    registry.unregister_match("key", (Atom("atom"), Atom("_")), pid=pid)
    assert registry.values("key", pid) == [(Atom("other"), 3)]


async def test_update_value_returns_the_new_and_the_old(runtime) -> None:
    registry = await begin(runtime)
    one, two = pids(runtime, 2)
    registry.register("key", 1, one)
    assert registry.update_value("key", lambda value: value + 1, one) == (2, 1)
    assert registry.entries("key") == [(one, 2)]
    with pytest.raises(ergopy.NotRegistered):
        registry.update_value("key", lambda value: value, two)
    duplicate = await begin(runtime, "dup", keys="duplicate")
    with pytest.raises(TypeError):
        duplicate.update_value("key", lambda value: value, one)


async def test_dispatch_runs_in_the_asker_and_only_if_there_are_any(runtime) -> None:
    registry = await begin(runtime, keys="duplicate")
    one, two = pids(runtime, 2)
    registry.register("topic", 1, one)
    registry.register("topic", 2, two)
    got: list[Any] = []
    registry.dispatch("nothing", got.append)
    registry.dispatch("topic", got.append)
    assert got == [[(one, 1), (two, 2)]]


async def test_what_a_dispatch_raises_harms_nobody_else(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)

    def fails(entries: Any) -> None:
        raise RuntimeError("wanted")

    with pytest.raises(RuntimeError, match="wanted"):
        registry.dispatch("key", fails)
    await settle()
    assert registry.lookup("key") == pid
    assert is_alive(runtime, registry.pid)


async def test_metadata(runtime) -> None:
    registry = await begin(runtime, meta={Atom("topic"): "first"})
    assert registry.meta(Atom("topic")) == "first"
    assert registry.meta("topic", "none") == "none"
    registry.put_meta((Atom("tuple"), 1), 2)
    assert registry.meta((Atom("tuple"), 1)) == 2
    registry.delete_meta(Atom("topic"))
    registry.delete_meta(Atom("topic"))
    assert registry.meta(Atom("topic")) is None


async def test_who_has_ended_cannot_be_registered_and_leaves_no_trace(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    await end(runtime, pid)
    dying = sleeper(runtime)
    dying.kill()
    other_start = Pid(runtime.name, pid.id, pid.serial, pid.creation + 1)
    with clean(registry):
        for gone in (pid, dying.pid, other_start):
            with pytest.raises(ergopy.NoProcess):
                registry.register("key", pid=gone)


async def test_remove_lets_the_process_live_without_the_registry(runtime) -> None:
    registry = await begin(runtime)
    one, two = pids(runtime, 2)
    with clean(registry):
        registry.register("one", pid=one)
        registry.register("two", pid=two)
        assert registry.remove("one") == one
        assert registry.remove("one") is None
        await runtime.root.stop("reg", "shutdown")
        await settle()
        assert is_alive(runtime, one)
        assert not is_alive(runtime, two)
        registry._open_table()


async def test_a_registry_that_crashes_takes_the_registered_with_it(runtime) -> None:
    registry = await begin(runtime)
    one, two, trapping = pids(runtime, 3)
    trap(runtime, trapping)
    registry.register("one", pid=one)
    registry.register("two", pid=trapping)
    await runtime.root.exit(registry.pid, "kill")
    await settle()
    assert [is_alive(runtime, pid) for pid in (one, two)] == [False, True]
    message = mail(runtime.find(trapping))[0]
    assert (message.pid, message.reason) == (registry.pid, "killed")


async def test_unregistering_ends_the_link_only_with_the_last_key(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("one", pid=pid)
    registry.register("two", pid=pid)
    registry.unregister("one", pid)
    assert pid in registry.process.links
    registry.unregister("two", pid)
    assert pid not in registry.process.links


async def test_a_link_that_was_there_before_stays(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.process.link_nowait(pid)
    registry.register("key", pid=pid)
    registry.unregister("key", pid)
    assert pid in registry.process.links


async def test_there_are_no_more_entries_than_allowed(runtime) -> None:
    registry = await begin(runtime, max_entries=2)
    (pid,) = pids(runtime, 1)
    registry.register(1, pid=pid)
    registry.register(2, pid=pid)
    with pytest.raises(ergopy.RegistryFull) as caught:
        registry.register(3, pid=pid)
    assert (caught.value.limit, caught.value.what) == (2, "entries")
    registry.remove(1)
    registry.register(3, pid=pid)


@pytest.mark.parametrize(
    "options",
    [
        {"keys": "some"},
        {"abandoned": "maybe"},
        {"keys": "duplicate", "start": Registry},
        {"partitions": 0},
        {"max_entries": 0},
        {"start_timeout": 0},
        {"shutdown": "slowly"},
        {"start": 5},
    ],
)
def test_options_that_make_no_sense_are_refused(options: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Registry(**options)


def test_partitions_are_taken_and_do_nothing() -> None:
    assert Registry(partitions=8).partitions == 8
