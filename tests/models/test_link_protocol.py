"""A link between two nodes, in every order of what both sides do and hear.

The state machine of links, once as a table for each end with a queue of signals each
way, and once as two real nodes whose connection lets signals through one by one.
After each act both ends are in the state that the table says.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ergopy import Atom, testing
from ergopy.process.links import is_active
from tests.models.ours import OurStage
from tests.runtimes import settle

if TYPE_CHECKING:
    import ergopy

NONE, ACTIVE = "none", "active"
REASON = "boom"


class End:
    """One end by the table. An unlink under way is the state ``('unlinking', Id)``."""

    def __init__(self) -> None:
        self.state: Any = NONE
        self.alive = True
        self.exits: list[str] = []
        self.out: deque[tuple[str, Any]] = deque()
        self._ids = 0

    def link(self) -> None:
        if self.state != ACTIVE:
            self.out.append(("link", None))
            self.state = ACTIVE

    def unlink(self) -> None:
        if self.state == ACTIVE:
            self._ids += 1
            self.out.append(("unlink", self._ids))
            self.state = "unlinking", self._ids

    def stop(self) -> None:
        if self.state == ACTIVE:
            self.out.append(("exit", REASON))
        self.state, self.alive, self.exits = NONE, False, []

    def hear(self, signal: str, detail: Any) -> None:
        match signal:
            case "link" if not self.alive:
                self.out.append(("exit", "noproc"))
            case "link" if self.state == NONE:
                self.state = ACTIVE
            case "unlink":
                self.out.append(("ack", detail))
                if self.state == ACTIVE:
                    self.state = NONE
            case "ack" if self.state == ("unlinking", detail):
                self.state = NONE
            case "exit" if self.alive:
                if self.state == ACTIVE:
                    self.exits.append(detail)
                self.state = NONE

    def show(self) -> tuple[Any, ...]:
        state = self.state if isinstance(self.state, str) else "unlinking"
        return self.alive, state, self.exits


class RealEnd:
    """One end on a node; what it sends is held up until it is let through."""

    def __init__(
        self, node: ergopy.Node, other: ergopy.Node, network: testing.MemoryNetwork
    ) -> None:
        self.stage = OurStage(node)
        self.node, self.other, self.network = node, other, network
        self.sizes: deque[int] = deque()
        self.pid: ergopy.Pid

    async def act(self, act: str, partner: ergopy.Pid) -> None:
        command: tuple[Any, ...] = (Atom(act), partner)
        if act == "stop":
            command = Atom("stop"), Atom(REASON)
        await self.stage.do(self.pid, command)

    def count(self) -> None:
        """Note the size of a signal that was sent since the last time."""
        held = self.network.under_way(self.node, self.other)
        if size := held - sum(self.sizes):
            self.sizes.append(size)

    def let_through(self) -> None:
        self.network.resume(self.node, self.other, self.sizes.popleft())

    def show(self, partner: ergopy.Pid) -> tuple[Any, ...]:
        process = self.node.runtime.find(self.pid)
        if process is None:
            return False, NONE, []
        state = process.links.get(partner)
        shown = "unlinking" if state is not None else NONE
        exits = [str(message.reason) for message in process.messages()]
        return True, ACTIVE if is_active(state) else shown, exits


acts = st.lists(
    st.tuples(
        st.sampled_from(["link", "link", "unlink", "hear", "hear", "hear", "stop"]),
        st.integers(0, 1),
    ),
    max_size=24,
)
CROSSING = [("link", 0), ("hear", 1), ("unlink", 0), ("link", 1), ("unlink", 1)]


@settings(max_examples=100)
@given(acts)
@example([*CROSSING, ("link", 0), ("hear", 1), ("hear", 0), ("hear", 1)])
@example([("link", 0), ("unlink", 0), ("link", 0), ("hear", 1), ("hear", 1)])
@example([("link", 0), ("link", 1), ("unlink", 0), ("stop", 1), ("hear", 0)])
async def test_both_ends_follow_the_table(script: list[tuple[str, int]]) -> None:
    network = testing.MemoryNetwork()
    async with testing.node_pair(network=network) as (a, b):
        await a.connect(b.name)
        await settle()
        real = [RealEnd(a, b, network), RealEnd(b, a, network)]
        for end in real:
            end.pid = await end.stage.start(True)
            network.stall(end.node, end.other)
        try:
            await follow(script, real, [End(), End()])
        finally:
            network.heal(a, b)
            for end in real:
                await end.stage.end([end.pid])


async def follow(
    script: list[tuple[str, int]], real: list[RealEnd], model: list[End]
) -> None:
    for act, side in script + [("hear", 0), ("hear", 1)] * 30:
        if act == "hear":
            if not model[1 - side].out:
                continue
            model[side].hear(*model[1 - side].out.popleft())
            real[1 - side].let_through()
        elif model[side].alive:
            getattr(model[side], act)()
            await real[side].act(act, real[1 - side].pid)
        await settle()
        compare(real, model)
    assert {end.state for end in model if end.alive} in ({NONE}, {ACTIVE}, set())


def compare(real: list[RealEnd], model: list[End]) -> None:
    for side, end in enumerate(real):
        end.count()
        assert end.show(real[1 - side].pid) == model[side].show()
        assert len(end.sizes) == len(model[side].out)
