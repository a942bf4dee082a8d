"""Looking up: at once, from anywhere on the node, and never a process known to end."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import Registry
from tests.gen.registry.kit import begin, clean, end, pids, trap
from tests.runtimes import find, inside, settle, stubborn


async def test_lookup_finds_who_is_registered_and_nobody_else(runtime) -> None:
    registry = await begin(runtime)
    one, two = pids(runtime, 2)
    registry.register("one", pid=one)
    registry.register("two", pid=two)
    assert registry.lookup("one") == registry["one"] == one
    assert registry.lookup("three") is None
    assert "three" not in registry
    with pytest.raises(KeyError):
        registry["three"]


@pytest.mark.parametrize("reason", ["kill", "shutdown", ("any", 1)])
async def test_one_that_was_told_to_end_is_not_found_in_the_same_step(
    runtime, reason: Any
) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", 1, pid)
    process = find(runtime, pid)
    process.exit_from(runtime.root.pid, reason, link=False)
    assert runtime.find(pid) is process
    assert registry.lookup("key") is None
    assert "key" not in registry
    assert (len(registry), registry.items(), registry.sample()) == (0, [], None)
    assert (registry.entries("key"), registry.keys(pid)) == ([], [])


async def test_one_that_shields_itself_from_its_end_is_not_found(
    runtime, autojump_clock
) -> None:
    registry = await begin(runtime)
    process = runtime.spawn(stubborn, (10,))
    registry.register("key", pid=process.pid)
    await settle()
    process.kill()
    await trio.sleep(1)
    assert runtime.find(process.pid) is process
    assert registry.lookup("key") is None
    (other,) = pids(runtime, 1)
    registry.register("key", pid=other)
    await trio.sleep(20)
    assert runtime.find(process.pid) is None
    assert registry.lookup("key") == other


async def test_one_that_traps_its_exit_is_still_found(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    trap(runtime, pid)
    await runtime.root.exit(pid, "shutdown")
    assert registry.lookup("key") == pid


async def test_whoever_hears_of_the_end_finds_nobody(runtime) -> None:
    registry = await begin(runtime)

    async def hears(process: ergopy.Process) -> Any:
        process.trap_exit = True
        pid = await process.spawn(trio_sleep, link=True)
        registry.register("key", pid=pid)
        ref = await process.monitor(pid)
        found = []
        find(runtime, pid).watchers["test"] = Looks(registry, found)
        await process.send(pid, "end")
        first = await process.receive()
        found.append(registry.lookup("key"))
        second = await process.receive()
        return found, {type(first), type(second)}, ref

    found, kinds, _ = await inside(runtime, hears)
    assert found == [None, None]
    assert kinds == {ergopy.Down, ergopy.ExitMessage}


async def trio_sleep(process: ergopy.Process) -> None:
    await process.receive()


class Looks:
    def __init__(self, registry: Registry, found: list[Any]) -> None:
        self.registry, self.found = registry, found

    def fire(self, reason: Any) -> None:
        self.found.append(self.registry.lookup("key"))


async def test_a_process_leaves_nothing_behind_when_it_ends(runtime) -> None:
    registry = await begin(runtime)
    with clean(registry):
        (pid,) = pids(runtime, 1)
        for key in range(10):
            registry.register(key, pid=pid)
        await end(runtime, pid)


async def test_of_finds_the_registry_by_name_pid_and_class(runtime) -> None:
    class Users(Registry):
        pass

    pid = await runtime.root.start(Users, name="users")
    users = Registry.of("users", runtime.root)
    assert Registry.of(pid, runtime.root) is users
    assert Users.of("users", runtime.root) is users
    assert (users.name, users.pid) == ("users", pid)
    assert repr(users).endswith("Users users>")
    plain = await begin(runtime, "plain")
    with pytest.raises(ergopy.NoProcess):
        Users.of("plain", runtime.root)
    assert await inside(runtime, lambda _: of("plain")) is plain


async def of(name: str) -> Registry:
    return Registry.of(name)


async def test_a_registry_that_is_not_there_never_reads_as_empty(runtime) -> None:
    root = runtime.root
    with pytest.raises(ergopy.NoProcess):
        Registry.of("reg", root)
    (pid,) = pids(runtime, 1)
    runtime.register("other", pid)
    with pytest.raises(ergopy.NoProcess):
        Registry.of("other", root)
    registry = await begin(runtime)
    await root.stop("reg")
    for read in (
        *(lambda: registry.lookup(1), lambda: len(registry), lambda: list(registry)),
        *(registry.items, registry.count, registry.sample, lambda: 1 in registry),
        *(lambda: registry.entries(1), lambda: registry.keys(pid)),
        *(lambda: registry.select(bool), lambda: registry.match(1, bool)),
        *(lambda: registry.register(1, pid=pid), lambda: registry.remove(1)),
    ):
        with pytest.raises(ergopy.RegistryClosed):
            read()
    for start in (registry.lookup_or_start, registry.start, registry.stop):
        with pytest.raises(ergopy.RegistryClosed):
            await start(1)


async def test_a_registry_that_has_not_begun_says_so() -> None:
    with pytest.raises(ergopy.RegistryClosed):
        Registry().lookup(1)


async def test_one_that_comes_back_under_the_name_is_another(runtime) -> None:
    first = await begin(runtime)
    (pid,) = pids(runtime, 1)
    via = first.via("key")
    first.register("key", pid=pid)
    await runtime.root.stop("reg", "shutdown")
    await settle()
    second = await begin(runtime)
    assert second.lookup("key") is None
    (other,) = pids(runtime, 1)
    second.register("key", pid=other)
    assert via.whereis(runtime) == other


async def test_a_registry_may_do_without_a_name(runtime) -> None:
    registry = await begin(runtime, None)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    assert registry.name is None
    assert registry.via("key").whereis(runtime) == pid


async def test_looking_through_it_is_a_snapshot(runtime) -> None:
    registry = await begin(runtime)
    everybody = pids(runtime, 5)
    for place, pid in enumerate(everybody):
        registry.register(place, pid=pid)
    for key in registry:
        registry.remove(key)
    assert len(registry) == 0
    for place, pid in enumerate(everybody):
        registry.register(place, pid=pid)

    def drop(total: int, key: Any, pid: Any) -> int:
        find(runtime, pid).kill()
        return total + key

    assert registry.reduce(drop, 0) == 10
    assert len(registry) == 0


async def test_sample_is_any_of_them(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    assert registry.sample() is None
    for key in range(4):
        registry.register(key, pid=pid)
    assert {registry.sample() for _ in range(200)} == {(k, pid) for k in range(4)}


async def test_pages_have_each_entry_once_whatever_comes_and_goes(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    for key in range(10):
        registry.register(key, pid=pid)
    first, after = registry.page(0, 4)
    registry.remove(1)
    registry.remove(5)
    registry.register(10, pid=pid)
    second, after = registry.page(after or 0, 4)
    third, end = registry.page(after or 0, 4)
    assert [key for key, _ in first + second + third] == [
        *(0, 1, 2, 3, 4, 6, 7, 8, 9, 10)
    ]
    assert end is None
    assert registry.page(0, 9) == (registry.items(), None)
