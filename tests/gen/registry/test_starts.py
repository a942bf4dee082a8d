"""``lookup_or_start`` and ``start``: one process per key, however many ask."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
import etf
from ergopy import Atom, ChildSpec, Pid, Registry, Stop
from ergopy.process.context import self as this
from tests.gen.registry.kit import (
    Worker,
    begin,
    begin_starting,
    clean,
    end,
    is_alive,
    pids,
    trap,
)
from tests.runtimes import find, inside, settle


async def test_it_starts_the_process_once_and_finds_it_then(runtime) -> None:
    registry = await begin_starting(runtime)
    pid, started = await registry.ensure("key", 1, 2)
    assert (started, registry.lookup("key")) == (True, pid)
    assert await runtime.root.call(pid, "args") == (1, 2)
    assert await registry.lookup_or_start("key", 3) == pid
    assert await registry.ensure("key", 3) == (pid, False)
    assert await runtime.root.call(pid, "args") == (1, 2)


async def test_start_says_who_has_the_key(runtime) -> None:
    registry = await begin_starting(runtime)
    pid = await registry.start("key")
    with pytest.raises(ergopy.AlreadyStarted) as caught:
        await registry.start("key")
    assert caught.value.pid == pid


async def test_one_that_has_ended_is_started_again_at_once(runtime) -> None:
    registry = await begin_starting(runtime)
    first = await registry.start("key")
    find(runtime, first).kill()
    second = await registry.start("key")
    assert second != first
    await settle()
    assert registry.lookup("key") == second


@pytest.mark.parametrize("verb", ["lookup_or_start", "start", "ensure"])
async def test_a_thousand_racers_get_one_process(runtime, verb: str) -> None:
    registry = await begin_starting(runtime)
    got: list[Any] = []

    async def race() -> None:
        try:
            got.append(await getattr(registry, verb)("key"))
        except ergopy.AlreadyStarted as taken:
            got.append(taken.pid)

    before = len(runtime.processes)
    async with trio.open_nursery() as nursery:
        for _ in range(1000):
            nursery.start_soon(race)
    pid = registry.lookup("key")
    assert len(runtime.processes) == before + 1
    if verb == "ensure":
        assert sorted(got, key=lambda one: one[1]) == [(pid, False)] * 999 + [
            (pid, True)
        ]
    else:
        assert got == [pid] * 1000


async def test_of_racing_starts_one_wins(runtime) -> None:
    registry = await begin_starting(runtime)
    outcomes: list[str] = []

    async def race() -> None:
        try:
            await registry.start("key")
            outcomes.append("ok")
        except ergopy.AlreadyStarted:
            outcomes.append("already_started")

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(race)
    assert sorted(outcomes) == ["already_started"] * 99 + ["ok"]


async def test_racers_share_a_failure(runtime) -> None:
    runs = []

    class Fails(Worker):
        async def init(self, *args: Any) -> Any:
            runs.append(args)
            return Stop("wanted")

    registry = await begin(runtime, start=Fails)
    reasons = []

    async def race() -> None:
        with pytest.raises(ergopy.StartError) as caught:
            await registry.lookup_or_start("key")
        reasons.append(caught.value.reason)

    with clean(registry):
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(race)
    assert reasons == ["wanted"] * 50
    assert len(runs) == 1


async def test_a_slow_init_delays_no_other_key(runtime, autojump_clock) -> None:
    registry = await begin_starting(runtime)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(registry.lookup_or_start, "slow", (Atom("sleep"), 3))
        await settle()
        began = trio.current_time()
        fast = await registry.lookup_or_start("fast")
        assert await runtime.root.call("reg", (Atom("lookup"), "fast")) == ("ok", fast)
        await registry.stop("fast")
        assert trio.current_time() == began
        assert registry.lookup("slow") is None
    assert registry.lookup("slow") is not None
    assert trio.current_time() == began + 3


@pytest.mark.parametrize(
    ("how", "reason"),
    [("stop", "wanted"), ("raise", "python"), (("sleep", 20), "timeout")],
)
async def test_a_start_that_fails_registers_nothing_and_harms_nobody(
    runtime, autojump_clock, how: Any, reason: str
) -> None:
    registry = await begin_starting(runtime, start_timeout=10)
    other = await registry.start("other")
    with pytest.raises(ergopy.StartError) as caught:
        await registry.start("key", how, timeout=30)
    found = caught.value.reason
    assert (found[0] if isinstance(found, tuple) else found) == reason
    await settle()
    assert registry.items() == [("other", other)]
    assert is_alive(runtime, registry.pid)
    assert is_alive(runtime, await registry.start("key"))


async def test_an_init_that_wants_no_process_is_ignored(runtime) -> None:
    registry = await begin_starting(runtime)
    with pytest.raises(ergopy.Ignored):
        await registry.lookup_or_start("key", "ignore")
    assert registry.lookup("key") is None
    assert is_alive(runtime, registry.pid)


async def test_without_start_nothing_can_be_started(runtime) -> None:
    registry = await begin(runtime)
    assert not registry.can_start
    for verb in (registry.start, registry.lookup_or_start):
        with pytest.raises(ergopy.StartNotSupported, match="key 'key' of"):
            await verb("key")
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    assert await registry.lookup_or_start("key") == pid


@pytest.mark.parametrize("gone", ["cancelled", "timeout"])
@pytest.mark.parametrize("abandoned", ["keep", "abort"])
async def test_a_start_that_nobody_waits_for_goes_on_or_not(
    runtime, autojump_clock, abandoned: str, gone: str
) -> None:
    registry = await begin_starting(runtime, abandoned=abandoned)
    before = len(runtime.processes)
    slow = (Atom("sleep"), 5)
    if gone == "cancelled":
        with trio.move_on_after(1):
            await registry.lookup_or_start("key", slow)
    else:
        with pytest.raises(ergopy.CallTimeout):
            await registry.lookup_or_start("key", slow, timeout=1)
    await trio.sleep(10)
    kept = abandoned == "keep"
    assert (registry.lookup("key") is not None) == kept
    assert len(runtime.processes) - before == kept
    assert not registry._reserved


async def test_an_abandoned_start_goes_on_for_one_who_still_waits(
    runtime, autojump_clock
) -> None:
    registry = await begin_starting(runtime, abandoned="abort")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(registry.lookup_or_start, "key", (Atom("sleep"), 4))
        await settle()
        with pytest.raises(ergopy.CallTimeout):
            await registry.lookup_or_start("key", timeout=1)
    assert registry.lookup("key") is not None


async def test_starts_under_way_count_as_entries(runtime, autojump_clock) -> None:
    registry = await begin_starting(runtime, max_entries=2)
    async with trio.open_nursery() as nursery:
        for key in range(2):
            nursery.start_soon(registry.start, key, (Atom("sleep"), 1))
        await settle()
        with pytest.raises(ergopy.RegistryFull):
            await registry.start(3)
    assert len(registry) == 2


async def test_who_registers_first_wins_over_a_start_under_way(
    runtime, autojump_clock
) -> None:
    registry = await begin_starting(runtime)
    (pid,) = pids(runtime, 1)
    before = len(runtime.processes)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def waits() -> None:
            assert await registry.ensure("key", (Atom("sleep"), 1)) == (pid, False)

        await settle()
        registry.register("key", pid=pid)
    await settle()
    assert len(runtime.processes) == before


async def test_a_process_that_registers_itself_is_the_one(runtime) -> None:
    class OwnName(Registry):
        async def start_process(self, key: Any, *args: Any) -> Any:
            return await self.process.start(Worker, name=self.via(key), link=True)

    await runtime.root.start(OwnName, name="own")
    registry = OwnName.of("own", runtime.root)
    pid, started = await registry.ensure("key")
    assert started
    assert registry.items() == [("key", pid)]
    assert [child.pid for child in registry.children()] == [pid]


async def test_a_function_or_a_specification_can_be_started(runtime) -> None:
    async def echo(process: ergopy.Process, *args: Any) -> None:
        while True:
            await process.send(await process.receive(), args)

    functions = await begin(runtime, "functions", start=echo)
    specs = await begin(runtime, "specs", start=ChildSpec(Worker, "first"))

    async def ask(process: ergopy.Process) -> Any:
        await process.send(await functions.start("key", 1), process.pid)
        return await process.receive()

    assert await inside(runtime, ask) == (1,)
    assert await runtime.root.call(await specs.start("key", 2), "args") == ("first", 2)


async def test_a_process_is_the_registrys_whoever_asks_for_it(runtime) -> None:
    seen: list[Any] = []

    class Looks(Worker):
        async def init(self) -> None:
            seen.append((self.process.parent, self.dictionary[Atom("$ancestors")]))

    registry = await begin(runtime, start=Looks)

    async def asks(process: ergopy.Process) -> Any:
        await registry.start("key")
        assert this() is process

    await inside(runtime, asks)
    assert seen == [(registry.pid, ["reg", runtime.root.pid])]


async def test_starts_end_when_the_registry_does(runtime, autojump_clock) -> None:
    registry = await begin_starting(runtime)
    before = len(runtime.processes)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def waits() -> None:
            with pytest.raises(ergopy.RegistryClosed):
                await registry.lookup_or_start("key", (Atom("sleep"), 3))

        await settle()
        assert len(runtime.processes) == before + 1
        await runtime.root.stop("reg", "shutdown")
    await settle()
    assert len(runtime.processes) == before - 1


async def test_the_exit_of_a_stranger_removes_nothing(runtime) -> None:
    registry = await begin_starting(runtime)
    pid = await registry.start(None)
    (stranger,) = pids(runtime, 1)
    registry.process.link_nowait(stranger)
    await end(runtime, stranger)
    await settle()
    assert registry.lookup(None) == pid
    trap(runtime, pid)
    registry.process.exit_from(stranger, "any", link=False)
    await settle()
    assert registry.lookup(None) == pid


async def test_one_that_comes_up_when_the_registry_has_closed_is_killed(
    runtime,
) -> None:
    (pid,) = pids(runtime, 1)
    gate = trio.Event()

    class Late(Registry):
        async def start_process(self, key: Any, *args: Any) -> Pid:
            with trio.CancelScope(shield=True):
                await gate.wait()
            return pid

    await runtime.root.start(Late, name="late")
    registry = Late.of("late", runtime.root)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def waits() -> None:
            with pytest.raises(ergopy.RegistryClosed):
                await registry.lookup_or_start("key")

        await settle()
        registry._end()
        gate.set()
    await settle()
    assert not is_alive(runtime, pid)
    assert is_alive(runtime, registry.pid)


async def test_a_key_that_cannot_be_kept_starts_nothing(runtime) -> None:
    key: Any = 1
    for _ in range(5_000):
        key = (key,)
    registry = await begin_starting(runtime)
    before = runtime.spawned
    with clean(registry), pytest.raises(etf.EncodeError):
        await registry.lookup_or_start(key)
    assert runtime.spawned == before


@pytest.mark.parametrize("timeout", [-1, float("nan")])
async def test_what_is_no_time_is_refused_before_anything_is_done(
    runtime, timeout: float
) -> None:
    registry = await begin_starting(runtime)
    pid = await registry.start("there")
    before = runtime.spawned
    with pytest.raises(ValueError, match="number of seconds"):
        await registry.start("key", timeout=timeout)
    with pytest.raises(ValueError, match="number of seconds"):
        await registry.stop("there", timeout=timeout)
    with pytest.raises(ValueError, match="number of seconds"):
        registry.lease("there", timeout=timeout)
    assert (registry.lookup("there"), runtime.spawned) == (pid, before)
