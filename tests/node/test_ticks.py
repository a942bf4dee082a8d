"""A peer that says nothing is down after ``net_ticktime``; one that idles is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from ergopy.testing import MemoryNetwork

if TYPE_CHECKING:
    from trio.testing import MockClock

    import ergopy


def both_up(a: ergopy.Node, b: ergopy.Node) -> bool:
    return (a.nodes(), b.nodes()) == ([b.name], [a.name])


@pytest.mark.parametrize("times", [(60, 60), (8, 8), (60, 8), (8, 60), (4, 600)])
async def test_idle_nodes_stay_connected_whatever_their_tick_times_are(
    autojump_clock: MockClock, times: tuple[float, float]
) -> None:
    network = MemoryNetwork()
    async with (
        network.node("a", net_ticktime=times[0]) as a,
        network.node("b", net_ticktime=times[1]) as b,
    ):
        await a.connect(b.name)
        number = a.nodes(info=True)[b.name]["connection_id"]
        for _ in range(50):
            await trio.sleep(37)
            assert both_up(a, b)
        assert a.nodes(info=True)[b.name]["connection_id"] == number


@pytest.mark.parametrize("offset", [0, 0.5, 1, 1.5])
async def test_a_frozen_peer_is_noticed_within_a_quarter_of_the_tick_time(
    autojump_clock: MockClock, offset: float
) -> None:
    """It takes what is sent to it, and sends nothing."""
    network = MemoryNetwork()
    async with network.node("a", net_ticktime=8) as a, network.node("b") as b:
        await a.connect(b.name)
        await trio.sleep(20 + offset)
        frozen = trio.current_time()
        network.stall(b, a)
        while a.nodes():  # noqa: ASYNC110 - on a clock that jumps
            await trio.sleep(0.1)
        assert 6 <= trio.current_time() - frozen <= 10.1


async def test_the_tick_time_can_be_shortened_while_connected(
    autojump_clock: MockClock,
) -> None:
    network = MemoryNetwork()
    async with network.node("a") as a, network.node("b") as b:
        await a.connect(b.name)
        a.net_ticktime = 8
        # The tick that is under way is the last one of the old time.
        await trio.sleep(15)
        network.cut(a, b)
        await trio.sleep(10.1)
        assert not a.nodes()
        assert b.nodes()


async def test_a_peer_that_only_receives_is_kept(autojump_clock: MockClock) -> None:
    """It is never ticked, as it is written to all the time."""
    network = MemoryNetwork()
    async with (
        network.node("a", net_ticktime=8) as a,
        network.node("b", net_ticktime=8) as b,
    ):
        await a.connect(b.name)
        for number in range(100):
            await a.send(("nobody", b.name), number)
            await trio.sleep(1.9)
        assert both_up(a, b)
