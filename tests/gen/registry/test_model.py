"""A registry against a dict: registrations, deaths, slow starts, removals, stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)

import ergopy
from ergopy import Atom, GenServer, Registry
from tests.runtimes import find, running, settle, sleeper

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ergopy import Pid

KEYS = st.sampled_from([1, 1.0, True, b"1", Atom("1"), (1,), [1]])


def name_of(key: Any) -> str:
    """Tell keys apart in the model: their texts differ."""
    return repr(key)


class Steps(RuleBasedStateMachine):
    """Plays one history in a Trio run of its own, a step at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[Callable[[World], Awaitable[None]]] = []

    @rule(key=KEYS)
    def register(self, key: Any) -> None:
        self.history.append(lambda world: world.register(key))

    @rule(key=KEYS)
    def remove(self, key: Any) -> None:
        self.history.append(lambda world: world.remove(key))

    @rule(key=KEYS, seconds=st.integers(0, 3))
    def begin_start(self, key: Any, seconds: int) -> None:
        self.history.append(lambda world: world.begin_start(key, seconds))

    @rule(key=KEYS)
    def kill(self, key: Any) -> None:
        self.history.append(lambda world: world.kill(key))

    @rule(key=KEYS)
    def stop(self, key: Any) -> None:
        self.history.append(lambda world: world.stop(key))

    @rule(seconds=st.integers(0, 3))
    def wait(self, seconds: int) -> None:
        self.history.append(lambda world: world.wait(seconds))

    def teardown(self) -> None:
        clock = trio.testing.MockClock(autojump_threshold=0)
        trio.run(self.play, clock=clock)

    async def play(self) -> None:
        async with running() as runtime, trio.open_nursery() as nursery:
            await runtime.root.start(Registry, name="reg", start=Worker)
            world = World(runtime, Registry.of("reg", runtime.root), nursery)
            runtime.owner = world
            for step in self.history:
                await step(world)
                world.check()
            await trio.sleep(20)
            world.check()
            await world.end()


class Worker(GenServer):
    """Takes its time to come up, and is known to the world from the beginning."""

    async def init(self, name: str, seconds: int) -> None:
        self.node.started.setdefault(name, set()).add(self.pid)
        if seconds:
            await trio.sleep(seconds)


class World:
    """The registry, and what a plain dict says should be in it."""

    def __init__(self, runtime: Any, registry: Registry, nursery: trio.Nursery) -> None:
        self.runtime = runtime
        self.registry = registry
        self.nursery = nursery
        self.keys: dict[str, Any] = {}
        self.model: dict[str, Pid] = {}
        self.started: dict[str, set[Pid]] = {}
        self.freed: set[Pid] = set()

    async def register(self, key: Any) -> None:
        name, pid = name_of(key), sleeper(self.runtime).pid
        self.keys[name] = key
        if name not in self.model:
            self.registry.register(key, pid=pid)
            self.model[name] = pid
            return
        with pytest.raises(ergopy.NameTaken) as taken:
            self.registry.register(key, pid=pid)
        assert taken.value.owner == self.model[name]

    async def remove(self, key: Any) -> None:
        gone = self.model.pop(name_of(key), None)
        assert self.registry.remove(key) == gone
        if gone is not None:
            self.freed.add(gone)

    async def begin_start(self, key: Any, seconds: int) -> None:
        self.keys[name_of(key)] = key
        self.nursery.start_soon(self._start, key, seconds)
        await settle()

    async def _start(self, key: Any, seconds: int) -> None:
        name = name_of(key)
        there = self.model.get(name)
        pid, fresh = await self.registry.ensure(key, name, seconds, timeout=None)
        if there is not None:
            assert (pid, fresh) == (there, False)
            return
        if fresh:
            # Nobody has registered meanwhile, or that one has gone again.
            assert name not in self.model
            self.model[name] = pid

    async def kill(self, key: Any) -> None:
        pid = self.model.pop(name_of(key), None)
        if pid is not None:
            find(self.runtime, pid).kill()
        assert self.registry.lookup(key) is None

    async def stop(self, key: Any) -> None:
        pid = self.model.get(name_of(key))
        under_way = bool(self.registry._reserved)
        if pid is None and under_way:
            return
        try:
            reason = await self.registry.stop(key)
        except ergopy.NotRegistered:
            assert pid is None
            return
        assert reason == "shutdown"
        del self.model[name_of(key)]
        assert pid is not None
        assert self.runtime.find(pid) is None

    async def wait(self, seconds: int) -> None:
        await trio.sleep(seconds)
        await settle()

    def check(self) -> None:
        registry = self.registry
        found = {name_of(key): pid for key, pid in registry.items()}
        assert found == self.model
        assert len(registry) == len(self.model)
        for name, pid in self.model.items():
            assert registry.lookup(self.keys[name]) == pid
            assert find(self.runtime, pid).alive
        assert set(registry._owners) == set(self.model.values())
        for pids in self.started.values():
            living = [pid for pid in pids - self.freed if self.runtime.find(pid)]
            assert len(living) <= 1

    async def end(self) -> None:
        """End the registry: all that was in it goes, and what was removed stays."""
        ours = list(self.model.values())
        await self.runtime.root.stop("reg", "shutdown")
        await settle()
        assert [pid for pid in ours if self.runtime.find(pid)] == []
        assert all(self.runtime.find(pid) for pid in self.freed)
        self.nursery.cancel_scope.cancel()


@pytest.mark.timeout(120)
def test_a_registry_is_a_dict_of_the_living() -> None:
    run_state_machine_as_test(
        Steps,
        settings=settings(max_examples=150, stateful_step_count=30),
    )
