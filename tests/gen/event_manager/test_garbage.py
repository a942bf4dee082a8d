"""Whatever a peer sends, a manager lives on, and so do handlers that take all."""

from __future__ import annotations

from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ergopy import Atom, EventHandler, EventManager, event_manager
from tests.runtimes import running, settle

VERBS = (
    "notify",
    "sync_notify",
    "call",
    "add_handler",
    "add_sup_handler",
    "delete_handler",
    "swap_handler",
    "swap_sup_handler",
    "which_handlers",
    "get_modules",
    "patient",
    "EXIT",
)
HEADS = st.sampled_from([Atom(verb) for verb in VERBS])
LEAVES = st.one_of(HEADS, st.integers(-2, 2), st.none(), st.booleans())
TERMS = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=5).map(tuple))
COMMANDS = st.builds(
    lambda head, rest: (head, *rest), HEADS, st.lists(TERMS, max_size=5)
)
REQUESTS = st.tuples(TERMS, TERMS, COMMANDS | HEADS)


class Patient(EventHandler):
    async def handle_event(self, event: Any) -> None:
        pass

    async def handle_info(self, message: Any) -> None:
        pass

    async def handle_call(self, request: Any) -> Any:
        return request


@settings(max_examples=60)
@given(st.lists(TERMS | COMMANDS | REQUESTS, max_size=20))
def test_garbage_ends_no_manager(messages: Any) -> None:
    async def main() -> None:
        async with running() as runtime:
            handlers = {"patient": Patient}
            pid = await runtime.root.start(EventManager, Patient, handlers=handlers)
            for message in messages:
                await runtime.root.send(pid, message)
            await settle()
            await event_manager.add_handler(pid, ("patient", "x"), caller=runtime.root)
            names = await event_manager.which_handlers(pid, caller=runtime.root)
            assert ("patient", "x") in names

    trio.run(main, clock=MockClock(autojump_threshold=0))
