"""Whatever a peer sends, a machine that takes all events lives on."""

from __future__ import annotations

from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ergopy import Atom, StateMachine
from ergopy.gen.state_machine import Keep, Next, Reply, StateTimeout
from ergopy.process.atoms import GEN_CALL, GEN_CAST
from tests.runtimes import running, settle

HEADS = st.sampled_from([GEN_CALL, GEN_CAST, Atom("timeout"), Atom("EXIT")])
LEAVES = st.one_of(HEADS, st.integers(-2, 2), st.none(), st.floats())
TERMS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3).map(tuple))
SHAPED = st.builds(lambda head, rest: (head, *rest), HEADS, st.lists(TERMS, max_size=3))


class Patient(StateMachine):
    async def init(self) -> Next:
        self.count = 0
        return Next("s")

    async def handle_event(self, kind: Any, content: Any, state: Any) -> Any:
        self.count += 1
        match kind:
            case ("call", from_):
                return Keep(Reply(from_, self.count), StateTimeout(1))
        return Keep(StateTimeout(1))


@settings(max_examples=60)
@given(st.lists(TERMS | SHAPED, max_size=20))
def test_garbage_is_an_event_or_nothing(messages: Any) -> None:
    async def main() -> None:
        async with running() as runtime:
            pid = await runtime.root.start(Patient)
            for message in messages:
                await runtime.root.send(pid, message)
            await settle()
            assert await runtime.root.call(pid, 1) >= 1

    trio.run(main, clock=MockClock(autojump_threshold=0))
