"""Both logs against each other, and against lists: they differ in nothing but age."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy.gen.saga.log import MemorySagaLog, SqliteSagaLog

from .kit import found, tx

if TYPE_CHECKING:
    from etf import Reference

SAGAS = ("one@here", "two@here")
STEPS = st.tuples(
    st.sampled_from(["append", "append", "append", "forget", "open", "reopen"]),
    st.sampled_from(SAGAS),
    st.integers(0, 2),
)


async def play(steps: list[tuple[str, str, int]], path: Path) -> None:
    logs: list[Any] = [MemorySagaLog(), SqliteSagaLog(path, synchronous="normal")]
    model: dict[str, dict[Reference, list[int]]] = {saga: {} for saga in SAGAS}
    for log in logs:
        for saga in SAGAS:
            assert await log.open(saga) == {}
    for number, (verb, saga, which) in enumerate(steps):
        if verb == "append":
            model[saga].setdefault(tx(which), []).append(number)
        elif verb == "forget":
            model[saga].pop(tx(which), None)
        for log in logs:
            if verb == "append":
                log.append(saga, tx(which), number)
            elif verb == "forget":
                log.forget(saga, tx(which))
            else:
                if verb == "reopen":
                    log.close(saga)
                records = await log.open(saga)
                assert list(records.items()) == list(model[saga].items())
    for log in logs:
        for saga in SAGAS:
            log.close(saga)
            assert await found(log, saga) == model[saga]


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=30)
def test_logs_find_what_was_appended_and_not_forgotten(
    steps: list[tuple[str, str, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trio.run(play, steps, Path(folder) / "sagas.db")
