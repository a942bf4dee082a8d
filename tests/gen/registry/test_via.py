"""Via names: a key of a registry is a destination and a name, everywhere."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom, Down, Via
from tests.gen.registry.kit import Worker, begin, clean, end, is_alive, pids
from tests.runtimes import find, inside, mail, settle


async def test_every_verb_takes_it_as_a_destination(runtime) -> None:
    registry = await begin(runtime, start=Worker)
    pid = await registry.start("key", "x")
    (other,) = pids(runtime, 1)
    registry.register("plain", pid=other)
    via, plain, root = registry.via("key"), registry.via("plain"), runtime.root
    await root.send(plain, 1)
    root.send_nowait(plain, 2)
    await root.send([plain, other], 3)
    await root.cast(plain, 4)
    await root.send(plain, 5, priority=True)
    assert mail(find(runtime, other)) == [1, 2, 3, 3, ("$gen_cast", 4), 5]
    assert await root.call(via, "args") == ("x",)

    async def watches(process: ergopy.Process) -> Any:
        ref = await process.monitor(via)
        process.send_after(0, registry.via("me"), "later")
        registry.register("me")
        assert await process.receive() == "later"
        await process.stop(via)
        return ref, await process.receive()

    ref, down = await inside(runtime, watches)
    assert down == Down(ref, pid, Atom("normal"))


async def test_a_key_that_nobody_has_is_like_a_name_that_nobody_has(runtime) -> None:
    registry = await begin(runtime)
    via, root = registry.via(("user", 1)), runtime.root
    with pytest.raises(ergopy.NotRegistered):
        await root.send(via, 1)
    with pytest.raises(ergopy.NotRegistered):
        root.send_nowait(via, 1)
    await root.cast(via, 1)
    for verb in (root.call(via, 1), root.stop(via)):
        with pytest.raises(ergopy.NoProcess):
            await verb

    async def watches(process: ergopy.Process) -> Any:
        await process.monitor(via)
        return await process.receive()

    down = await inside(runtime, watches)
    assert (down.pid, down.reason) == (("via", "reg", ("user", 1)), "noproc")


async def test_a_registry_that_is_not_there_is_named(runtime) -> None:
    via, root = Via("nowhere", 1), runtime.root
    for verb in (root.send(via, 1), root.call(via, 1), root.start(Worker, name=via)):
        with pytest.raises(ergopy.NoProcess) as caught:
            await verb
        assert caught.value.dest == "nowhere"
    await root.cast(via, 1)
    with pytest.raises(ergopy.NoProcess):
        root.monitor_nowait(via)


async def test_a_behaviour_has_its_key_from_before_init(runtime) -> None:
    registry = await begin(runtime)
    seen = []

    class Looks(Worker):
        async def init(self, *args: Any) -> None:
            seen.append(registry.entries("key"))

    pid = await runtime.root.start(Looks, name=registry.via("key", "value"))
    assert seen == [[(pid, "value")]]
    assert find(runtime, pid).label == "Via('reg', 'key')"
    with clean(registry):
        await runtime.root.stop(pid)


async def test_a_clash_says_who_has_the_key(runtime) -> None:
    registry = await begin(runtime)
    via = registry.via("key")
    pid = await runtime.root.start(Worker, name=via)
    before = len(runtime.processes)
    with pytest.raises(ergopy.AlreadyStarted) as caught:
        await runtime.root.start(Worker, name=via)
    assert (caught.value.pid, caught.value.name) == (pid, via)
    with pytest.raises(ergopy.NameTaken) as taken:
        await runtime.root.spawn(trio.sleep_forever, name=via)
    assert (taken.value.owner, taken.value.name) == (pid, via)
    assert len(runtime.processes) == before


@pytest.mark.parametrize("how", ["ignore", "stop", "raise"])
async def test_an_init_that_fails_gives_the_key_back(runtime, how: str) -> None:
    registry = await begin(runtime)
    with clean(registry):
        with pytest.raises(ergopy.StartError):
            await runtime.root.start(Worker, how, name=registry.via("key"))
        assert registry.lookup("key") is None
    await runtime.root.start(Worker, name=registry.via("key"))


async def test_an_init_that_takes_too_long_gives_the_key_back(
    runtime, autojump_clock
) -> None:
    registry = await begin(runtime)
    slow = (Atom("sleep"), 5)
    with clean(registry), pytest.raises(ergopy.StartError):
        await runtime.root.start(Worker, slow, name=registry.via("key"), timeout=1)


async def test_a_full_registry_starts_nobody(runtime) -> None:
    registry = await begin(runtime, max_entries=1)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    before = len(runtime.processes)
    with pytest.raises(ergopy.RegistryFull):
        await runtime.root.start(Worker, name=registry.via("other"))
    assert len(runtime.processes) == before


async def test_it_needs_unique_keys(runtime) -> None:
    registry = await begin(runtime, keys="duplicate")
    with pytest.raises(TypeError):
        await runtime.root.send(registry.via("key"), 1)


class Names:
    """A register of the program's own."""

    def __init__(self) -> None:
        self.names: dict[Any, Any] = {}

    def register_name(self, name: Any, pid: Any) -> bool:
        return self.names.setdefault(name, pid) == pid

    def unregister_name(self, name: Any) -> None:
        del self.names[name]

    def whereis_name(self, name: Any) -> Any:
        return self.names.get(name)


async def test_any_object_with_the_three_functions_is_a_module(runtime) -> None:
    names = Names()
    via = Via(names, "key")
    pid = await runtime.root.start(Worker, "x", name=via)
    assert names.names == {"key": pid}
    assert await runtime.root.call(via, "args") == ("x",)
    with pytest.raises(ergopy.AlreadyStarted):
        await runtime.root.start(Worker, name=via)
    await end(runtime, pid)
    assert names.names == {}


async def test_the_name_of_another_is_not_taken_away(runtime) -> None:
    names = Names()
    via = Via(names, "key")
    pid = await runtime.root.start(Worker, name=via)
    (other,) = pids(runtime, 1)
    names.names["key"] = other
    await end(runtime, pid)
    assert names.names == {"key": other}


async def test_the_end_of_the_registry_takes_the_names_away(runtime) -> None:
    registry = await begin(runtime)
    pid = await runtime.root.start(Worker, name=registry.via("key"))
    registry.remove("key")
    await runtime.root.stop("reg")
    await end(runtime, pid)
    assert not is_alive(runtime, pid)
    await settle()
