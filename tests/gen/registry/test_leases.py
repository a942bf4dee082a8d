"""Leases: one holder at a time, in the order in which they asked."""

from __future__ import annotations

import pytest
import trio

import ergopy
from tests.gen.registry.kit import begin, end, pids
from tests.runtimes import settle


async def test_holders_take_turns_in_the_order_they_asked(
    runtime, autojump_clock
) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    order = []

    async def hold(name: int) -> None:
        async with registry.lease("key") as found:
            assert found == pid
            order.append(("in", name))
            await trio.sleep(1)
            order.append(("out", name))

    async with trio.open_nursery() as nursery:
        for name in range(4):
            nursery.start_soon(hold, name)
            await settle()
    assert order == [(what, n) for n in range(4) for what in ("in", "out")]
    assert not registry._leases._lines


async def test_one_waits_for_somebody_to_be_registered(runtime, autojump_clock) -> None:
    registry = await begin(runtime)
    got = []

    async def hold() -> None:
        async with registry.lease("key") as found:
            got.append(found)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hold)
        nursery.start_soon(hold)
        await settle()
        (pid,) = pids(runtime, 1)
        registry.register("key", pid=pid)
    assert got == [pid, pid]


@pytest.mark.parametrize("how", ["timeout", "cancelled"])
async def test_who_gives_up_leaves_the_line(runtime, autojump_clock, how: str) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    async with registry.lease("key"):
        if how == "timeout":
            with pytest.raises(ergopy.CallTimeout):
                async with registry.lease("key", timeout=1):
                    pass
        else:
            with trio.move_on_after(1):
                async with registry.lease("key"):
                    pass
        assert registry._leases.waiting(b"key") == 0
    async with registry.lease("key", timeout=0) as found:
        assert found == pid
    assert not registry._leases._lines


async def test_who_gives_up_when_it_is_its_turn_passes_it_on(
    runtime, autojump_clock
) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)
    scope = trio.CancelScope()
    got = []

    async def gives_up() -> None:
        with scope:
            async with registry.lease("key"):
                await trio.sleep(1)

    async def waits() -> None:
        async with registry.lease("key"):
            got.append("turn")

    async with trio.open_nursery() as nursery, registry.lease("key"):
        nursery.start_soon(gives_up)
        await settle()
        nursery.start_soon(waits)
        await settle()
        scope.cancel()
    assert got == ["turn"]
    assert not registry._leases._lines


async def test_a_lease_is_given_back_whatever_happens(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("key", pid=pid)

    async def fails() -> None:
        async with registry.lease("key"):
            await end(runtime, pid)
            raise RuntimeError("wanted")

    with pytest.raises(RuntimeError, match="wanted"):
        await fails()
    (other,) = pids(runtime, 1)
    registry.register("key", pid=other)
    async with registry.lease("key", timeout=0) as found:
        assert found == other


async def test_the_end_of_the_registry_sends_them_away(runtime) -> None:
    registry = await begin(runtime)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def waits() -> None:
            with pytest.raises(ergopy.RegistryClosed):
                async with registry.lease("key"):
                    pass

        await settle()
        await runtime.root.stop("reg")


async def test_who_waits_in_vain_leaves_nothing_behind(runtime, autojump_clock) -> None:
    registry = await begin(runtime)
    with pytest.raises(ergopy.CallTimeout):
        async with registry.lease("nobody", timeout=1):
            pass
    with trio.move_on_after(1):
        async with registry.lease("nobody"):
            pass
    assert not registry._leases._lines
