"""The client of a registry: an answer is a value, or the error it stands for."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom, GenServer, RemoteRegistry
from tests.gen.registry.kit import begin, begin_starting, is_alive, pids, stuck
from tests.runtimes import find, inside, settle


async def test_it_starts_finds_and_stops(runtime) -> None:
    registry = await begin_starting(runtime)
    remote = RemoteRegistry("reg", runtime.root)
    assert repr(remote) == "RemoteRegistry('reg')"
    assert await remote.lookup("key") is None
    pid = await remote.lookup_or_start("key", 1)
    assert await remote.lookup_or_start("key", 2) == pid == registry.lookup("key")
    assert await remote.lookup("key") == pid
    with pytest.raises(ergopy.AlreadyStarted) as caught:
        await remote.start("key")
    assert caught.value.pid == pid
    other = await remote.start("other")
    assert await remote.count() == 2
    assert [item async for item in remote.items(page=1)] == registry.items()
    assert await remote.entries("key") == [(pid, None)]
    assert await remote.keys(other) == ["other"]
    assert await remote.remove("other") == other
    assert await remote.remove("other") is None
    await remote.stop("key")
    with pytest.raises(ergopy.NotRegistered):
        await remote.stop("key")


@pytest.mark.parametrize(
    ("how", "error", "reason"),
    [
        ("stop", ergopy.StartError, "wanted"),
        ("ignore", ergopy.Ignored, "ignore"),
    ],
)
async def test_a_start_that_fails_raises_what_it_raises_here(
    runtime, how: str, error: type[ergopy.StartError], reason: str
) -> None:
    await begin_starting(runtime)
    with pytest.raises(error) as caught:
        await RemoteRegistry("reg", runtime.root).lookup_or_start("key", how)
    assert caught.value.reason == reason


async def test_limits_and_refusals_have_their_errors(runtime) -> None:
    await begin(runtime, max_entries=1, max_key_size=20)
    remote = RemoteRegistry("reg", runtime.root)
    with pytest.raises(ergopy.StartNotSupported):
        await remote.start(1)
    with pytest.raises(ergopy.RegistryFull) as long:
        await remote.lookup(b"x" * 20)
    assert (long.value.what, long.value.limit) == ("key", 20)

    async def body(process: ergopy.Process) -> Any:
        mine = RemoteRegistry("reg")
        await mine.register(1, "value")
        assert await mine.entries(1) == [(process.pid, "value")]
        with pytest.raises(ergopy.NameTaken) as taken:
            await mine.register(1)
        assert taken.value.owner == process.pid
        with pytest.raises(ergopy.RegistryFull) as full:
            await mine.register(2)
        await mine.unregister(1)
        assert await mine.lookup(1) is None
        return full.value.what, full.value.limit

    assert await inside(runtime, body) == ("entries", 1)


async def test_stop_takes_its_options_along(runtime, autojump_clock) -> None:
    registry = await begin(runtime, start=stuck)
    remote = RemoteRegistry("reg", runtime.root)
    root = runtime.root
    for key, options, reason in (
        (1, {"reason": "kill"}, "killed"),
        (2, {"timeout": 20}, "killed"),
        (3, {"timeout": 1}, "killed"),
    ):
        ref = root.monitor_nowait(pid := await registry.start(key))
        await settle()
        ends: list[Any] = []
        find(runtime, pid).watchers["test"] = Keeps(ends)
        began = trio.current_time()
        await remote.stop(key, **options)
        assert ends == [reason]
        assert trio.current_time() - began == options.get("timeout", 0)
        root.demonitor(ref)
    pid = await registry.start(4)
    await settle()
    await remote.stop(4, wait=False)
    pid = await registry.start(5)
    await settle()
    with pytest.raises(ergopy.CallTimeout) as caught:
        await remote.stop(5, timeout=1, kill=False)
    assert caught.value.seconds == 1
    assert is_alive(runtime, pid)


class Keeps:
    def __init__(self, ends: list[Any]) -> None:
        self.ends = ends

    def fire(self, reason: Any) -> None:
        self.ends.append(reason)


async def test_duplicate_keys_are_lists(runtime) -> None:
    registry = await begin(runtime, keys="duplicate")
    one, two = pids(runtime, 2)
    registry.register(1, "a", one)
    registry.register(1, "b", two)
    remote = RemoteRegistry("reg", runtime.root)
    assert await remote.lookup(1) == [(one, "a"), (two, "b")]
    assert await remote.lookup(2) == []


async def test_nobody_there_and_no_answer_are_those_of_a_call(
    runtime, autojump_clock
) -> None:
    with pytest.raises(ergopy.NoProcess):
        await RemoteRegistry("reg", runtime.root).lookup(1)
    (pid,) = pids(runtime, 1)
    with pytest.raises(ergopy.CallTimeout):
        await RemoteRegistry(pid, runtime.root, timeout=1).lookup(1)
    with pytest.raises(ergopy.CallTimeout):
        await RemoteRegistry(pid, runtime.root).lookup_or_start(1, timeout=1)


async def test_what_is_no_registry_is_found_out(runtime) -> None:
    class Other(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            return Atom("what")

    await runtime.root.start(Other, name="other")
    remote = RemoteRegistry("other", runtime.root)
    for verb in (remote.lookup, remote.start, remote.stop, remote.remove):
        with pytest.raises(ergopy.CallError, match="no registry answers like that"):
            await verb(1)
