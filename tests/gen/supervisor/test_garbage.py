"""Whatever a peer sends: an answer that can be sent, and a supervisor that lives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import etf
from ergopy import Atom, ChildSpec
from tests.etf import strategies
from tests.gen.supervisor.kit import Kid, Sup
from tests.runtimes import running, settle

REQUESTS = (
    "start_child",
    "terminate_child",
    "restart_child",
    "delete_child",
    "get_childspec",
    "which_child",
)
KEYS = ("id", "start", "restart", "significant", "shutdown", "type", "modules")
words = st.sampled_from(
    ["permanent", "transient", "infinity", "brutal_kill", "worker", "dynamic", "a"]
).map(Atom)
values = st.one_of(
    strategies.terms(),
    words,
    st.tuples(words, words, st.lists(strategies.terms(), max_size=2)),
)
specs = st.dictionaries(st.sampled_from(KEYS).map(Atom), values, max_size=7)
abouts = st.one_of(strategies.terms(), specs, words, st.tuples(*[values] * 6))

relaxed = settings(max_examples=30)


@relaxed
@pytest.mark.parametrize("strategy", ["one_for_all", "simple_one_for_one"])
@given(
    st.lists(st.tuples(st.sampled_from(REQUESTS), abouts), max_size=8),
    strategies.terms(),
)
async def test_requests_about_anything_are_answered(
    strategy: str, requests: list[tuple[str, Any]], odd: Any
) -> None:
    async with running() as runtime:
        sup = Sup(runtime)
        kid = ChildSpec(Kid, sup.log, "a", id="a")
        await sup.start(kid, strategy=strategy)
        for what, about in requests:
            etf.encode(await sup.ask(what, about))
        etf.encode(await sup.root.call(sup.pid, odd, None))
        for message in (odd, (Atom("try_again_restart"), odd), (odd, odd)):
            await sup.root.send(sup.pid, message)
            await sup.root.cast(sup.pid, message)
        await settle()
        assert sup.alive
        etf.encode(await sup.ask("which_children"))
        etf.encode(await sup.ask("count_children"))
