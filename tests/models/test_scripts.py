"""Random scripts of signals on our nodes, compared with the model at each step.

The model itself is compared with real BEAMs, in ``interop/test_scripts.py``.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import testing
from tests.models import captured
from tests.models.ours import OurStage
from tests.models.play import Difference, Player
from tests.models.script import Script, random_script, write
from tests.runtimes import find, idle, mail, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import ergopy
    from etf import Atom, Pid

SLOW = 0.3
TICKTIME = 8.0


async def still(look: Callable[[], Awaitable[bool]]) -> bool:
    """Look once, when nothing happens any more."""
    await settle()
    return await look()


async def much_later(look: Callable[[], Awaitable[bool]]) -> bool:
    """Look once, when all that is under way has arrived."""
    await trio.sleep(20 * SLOW)
    return await still(look)


class CutStage(OurStage):
    """A stage whose connections end by faults."""

    def __init__(
        self, node: ergopy.Node, network: testing.MemoryNetwork, way: str
    ) -> None:
        super().__init__(node)
        self._network = network
        self._way = way

    async def disconnect(self, other: Atom) -> None:
        if self._way == "reset":
            self._network.reset(self.name, other)
        else:
            self._network.cut(self.name, other)
            await trio.sleep(2 * TICKTIME)
            self._network.heal(self.name, other)


class MortalStage(OurStage):
    """A stage whose node dies without a word, and is started again."""

    def __init__(self, node: ergopy.Node, network: testing.MemoryNetwork) -> None:
        super().__init__(node)
        self._network = network
        self._bystanders: list[Pid] = []

    async def restart(self, other: Atom) -> None:
        self._network.cut(self.name, other)
        self._network.reset(self.name, other)
        await settle()
        self.check()
        await self.node.__aexit__(None, None, None)
        self._network.heal(self.name, other)
        numbers = [pid.id for pid in self._actors]
        await self.node.__aenter__()
        await self.open()
        for number in numbers:
            # Who has the number of an actor of before is not meant by its pid.
            self.node.runtime._next_id = number - 1
            pid = await self.node.spawn(idle)
            assert pid.id == number
            self._bystanders.append(pid)

    def check(self) -> None:
        """Nothing that was meant for others has reached the bystanders."""
        for pid in self._bystanders:
            process = find(self.node.runtime, pid)
            assert [mail(process), process.links, process.watchers] == [[], {}, {}]
        self._bystanders.clear()


@asynccontextmanager
async def stages(
    nodes: str = "ab",
    network: testing.MemoryNetwork | None = None,
    loss: str | None = None,
    wait: bool = True,
) -> AsyncIterator[dict[str, OurStage]]:
    """Give the stages of some nodes; check that nothing of the actors is left there."""
    network = network or testing.MemoryNetwork()
    async with testing.node_pair(network=network, net_ticktime=TICKTIME) as pair:
        both: dict[str, OurStage] = {}
        for label, node in zip("ab", pair, strict=True):
            both[label] = (
                OurStage(node) if loss is None else CutStage(node, network, loss)
            )
            await both[label].open()
        residents = [set(node.runtime.processes) for node in pair]
        yield {label: both[label] for label in nodes}
        await settle()
        if wait:
            await trio.sleep(20 * SLOW)
        for node, other, ours in zip(pair, pair[::-1], residents, strict=True):
            assert_nothing_left(node, other, ours)


def assert_nothing_left(
    node: ergopy.Node, other: ergopy.Node, residents: set[int]
) -> None:
    # The services of the two watch each other all the time.
    services = node.runtime.services
    peer = node.connections.peer(other.name)
    assert {m.owner.pid.id for m in peer.monitors.values()} <= services
    assert {w.process.pid.id for w in peer.watches.values()} <= services
    assert not peer.spawns
    assert not node.runtime.aliases
    assert set(node.runtime.processes) == residents
    for process in node.runtime.processes.values():
        assert not process.monitors or process.pid.id in services
        # The node's own processes are linked and watched among themselves.
        held = [pid for pid in process.links if not is_resident(node, pid, residents)]
        assert not held
        if process.pid.id not in services:
            assert not process.watchers


def is_resident(node: ergopy.Node, pid: ergopy.Pid, residents: set[int]) -> bool:
    return pid.node == node.name and pid.id in residents


async def play(script: Script, on: dict[str, OurStage], until: Any = still) -> Any:
    return await Player(script, dict(on), until).play()


@pytest.mark.parametrize("seed", range(100))
async def test_two_nodes_do_what_the_model_says(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with stages() as both:
        await play(random_script(seed), both)


@pytest.mark.parametrize("seed", range(40))
async def test_one_node_does_what_the_model_says(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with stages("a") as one:
        await play(random_script(seed, nodes="a"), one)


@pytest.mark.parametrize("seed", range(2000, 2020))
async def test_a_long_script_leaves_nothing_behind(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    async with stages() as both:
        await play(random_script(seed, length=60), both)


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    return write(lambda choices: draw(st.sampled_from(choices)), length=8)


@settings(max_examples=30)
@given(script=scripts())
async def test_any_script_does_what_the_model_says(script: Script) -> None:
    async with stages(wait=False) as both:
        await play(script, both)


@pytest.mark.parametrize("seed", range(3000, 3030))
async def test_delays_and_small_pieces_change_nothing(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    network = testing.MemoryNetwork(chunk=7, window=50)
    network.delay("a", "b", SLOW)
    network.delay("b", "a", SLOW / 3)
    async with stages(network=network) as both:
        for stage in both.values():
            stage.call_timeout = 20 * SLOW
        await play(random_script(seed), both, much_later)


@pytest.mark.parametrize("loss", ["cut", "reset"])
@pytest.mark.parametrize("seed", range(4000, 4030))
async def test_a_lost_connection_is_one_however_it_was_lost(
    seed: int, loss: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with stages(loss=loss) as both:
        await play(random_script(seed), both)


@pytest.mark.parametrize("number", range(len(captured.SEEDS)))
async def test_outcomes_are_those_that_were_captured_from_beams(
    number: int, autojump_clock: trio.testing.MockClock
) -> None:
    script, outcome = captured.load()[number]
    async with stages() as both:
        assert captured.plain(await play(script, both)) == outcome


@pytest.mark.parametrize("seed", range(5000, 5040))
async def test_pids_of_an_earlier_start_are_nobody(
    seed: int, autojump_clock: trio.testing.MockClock
) -> None:
    network = testing.MemoryNetwork()
    async with network.node("a") as a:
        mortal = network.node("b", grace=0)
        await mortal.__aenter__()
        both = {"a": OurStage(a), "b": (stage_b := MortalStage(mortal, network))}
        for stage in both.values():
            await stage.open()
        await play(random_script(seed, length=20, restarts=2), both)
        stage_b.check()
        await mortal.__aexit__(None, None, None)


async def test_a_difference_is_shown_with_the_script_to_replay(
    autojump_clock: trio.testing.MockClock,
) -> None:
    script = Script([["p0", "a", True], ["p1", "b", True]], [["link", "p0", "p1"]])
    async with stages() as both:
        player = Player(script, dict(both), still)
        player.world.processes["p1"].trap = False
        with pytest.raises(Difference, match=r"p1 is View(?s:.)*to be replayed") as it:
            await player.play()
        assert str(script) in str(it.value)
