"""Pauses between restarts: off unless asked for, growing, and with chance in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ergopy import Backoff
from tests.gen.supervisor.kit import CRASH

if TYPE_CHECKING:
    from tests.gen.supervisor.kit import Sup


@given(
    st.floats(0, 10),
    st.floats(1, 10),
    st.floats(10, 100),
    st.floats(0, 1),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 5000),
)
def test_a_pause_grows_up_to_its_most_and_chance_only_shortens_it(
    first: float, factor: float, most: float, jitter: float, by: float, attempt: int
) -> None:
    plain = Backoff(first, factor, most, jitter=0)
    shorter = Backoff(first, factor, most, jitter, chance=lambda: by)
    full = plain.pause(attempt)
    assert full <= plain.pause(attempt + 1) <= most
    assert full * (1 - jitter) <= shorter.pause(attempt) <= full


def test_pauses_are_exponential() -> None:
    backoff = Backoff(first=0.5, factor=2, most=3, jitter=0)
    assert [backoff.pause(n) for n in range(1, 6)] == [0.5, 1, 2, 3, 3]


@pytest.mark.parametrize(
    "bad",
    [
        {"first": -1},
        {"first": 40},
        {"most": float("inf")},
        {"factor": 0.5},
        {"factor": float("nan")},
        {"jitter": 2},
        {"reset": -1},
    ],
)
def test_a_backoff_that_makes_no_sense_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        Backoff(**bad)  # type: ignore[arg-type]


async def moments(sup: Sup, ends: int) -> list[float]:
    """End the child again and again; return after how long each time it was back."""
    waits = []
    for _ in range(ends):
        await sup.end("a", CRASH)
        begin = trio.current_time()
        waits.append(await back(sup) - begin)
    return waits


async def back(sup: Sup) -> float:
    """Wait until the child runs again; return since when."""
    (child,) = sup.behaviour._children
    while not child.is_running:  # noqa: ASYNC110 - there is no event for that
        await trio.sleep(0.25)
    return float(child.started_at)


async def test_restarts_wait_longer_and_longer(sup: Sup, autojump_clock: Any) -> None:
    backoff = Backoff(first=1, factor=2, most=6, jitter=0)
    await sup.start(sup.kid("a"), backoff=backoff)
    assert await moments(sup, 5) == pytest.approx([1, 2, 4, 6, 6])


async def test_a_child_that_was_up_for_long_begins_anew(
    sup: Sup, autojump_clock: Any
) -> None:
    backoff = Backoff(first=1, factor=2, jitter=0, reset=30)
    await sup.start(sup.kid("a"), backoff=backoff)
    assert await moments(sup, 3) == pytest.approx([1, 2, 4])
    await trio.sleep(31)
    assert await moments(sup, 2) == pytest.approx([1, 2])


async def test_a_restart_counts_when_the_child_ends(
    sup: Sup, autojump_clock: Any
) -> None:
    await sup.start(sup.kid("a"), intensity=0, backoff=Backoff(first=5))
    await sup.end("a", CRASH)
    assert not sup.alive


async def test_failing_restarts_back_off_and_count(
    sup: Sup, autojump_clock: Any
) -> None:
    backoff = Backoff(first=1, factor=2, jitter=0)
    await sup.start(
        sup.kid("a", "ok", "stop", "stop", "ok"), backoff=backoff, intensity=3
    )
    begin = trio.current_time()
    await sup.end("a", CRASH)
    assert await back(sup) - begin == pytest.approx(1 + 2 + 4)
    assert sup.alive


async def test_siblings_live_on_during_the_pause_of_a_group(
    sup: Sup, autojump_clock: Any
) -> None:
    backoff = Backoff(first=2, jitter=0)
    await sup.start(*map(sup.kid, "ab"), strategy="one_for_all", backoff=backoff)
    sup.forget()
    await sup.end("a", CRASH)
    assert sup.forget() == [("down", "a", CRASH)]
    await trio.sleep(3)
    assert sup.forget() == [("down", "b", "shutdown"), ("up", "a"), ("up", "b")]


async def test_two_that_wait_are_restarted_once_by_a_group(
    sup: Sup, autojump_clock: Any
) -> None:
    backoff = Backoff(first=2, jitter=0)
    await sup.start(*map(sup.kid, "ab"), strategy="one_for_all", backoff=backoff)
    sup.forget()
    await sup.end("a", CRASH)
    await trio.sleep(1)
    await sup.end("b", CRASH)
    await trio.sleep(5)
    assert sup.forget()[2:] == [("up", "a"), ("up", "b")]


async def test_a_supervisor_that_ends_during_a_pause_starts_nothing(
    sup: Sup, autojump_clock: Any
) -> None:
    await sup.start(sup.kid("a"), backoff=Backoff(first=5, jitter=0))
    await sup.end("a", CRASH)
    await sup.root.stop(sup.pid)
    await trio.sleep(10)
    assert sup.forget() == [("up", "a"), ("down", "a", CRASH)]
