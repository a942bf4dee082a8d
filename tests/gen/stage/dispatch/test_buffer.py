"""Events wait in order; beyond its size a buffer keeps the first or the last."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy.gen.stage.dispatch.buffer import Buffer


def emptied(buffer: Buffer) -> list[Any]:
    events: list[Any] = []
    while buffer:
        events += buffer.take(1)[0]
    return events


def test_events_come_out_in_the_order_they_went_in() -> None:
    buffer = Buffer(10)
    assert buffer.store([1, 2]) == (0, [])
    assert buffer.store([3, 4, 5]) == (0, [])
    assert len(buffer) == 5
    assert buffer.take(3) == ([1, 2, 3], [])
    assert buffer.take(9) == ([4, 5], [])
    assert len(buffer) == 0


def test_the_oldest_events_make_room_for_the_last() -> None:
    buffer = Buffer(3, "last")
    buffer.store([1, 2])
    assert buffer.store([3, 4, 5]) == (2, [])
    assert emptied(buffer) == [3, 4, 5]


def test_a_buffer_that_keeps_the_first_takes_no_more_when_it_is_full() -> None:
    buffer = Buffer(3, "first")
    buffer.store([1, 2])
    assert buffer.store([3, 4, 5]) == (2, [])
    assert buffer.store([6]) == (1, [])
    assert emptied(buffer) == [1, 2, 3]


def test_of_a_batch_larger_than_the_buffer_the_end_is_kept() -> None:
    buffer = Buffer(2)
    buffer.store([0])
    assert buffer.store(list(range(1, 8))) == (6, [])
    assert emptied(buffer) == [6, 7]


@pytest.mark.parametrize("keep", ["first", "last"])
def test_a_buffer_without_room_discards_everything(keep: str) -> None:
    buffer = Buffer(0, keep)
    assert buffer.store([1, 2]) == (2, [])
    assert len(buffer) == 0
    assert not buffer.store_info("here")


def test_a_buffer_without_limit_keeps_all() -> None:
    buffer = Buffer(math.inf)
    assert buffer.store(list(range(20_000))) == (0, [])
    assert len(buffer) == 20_000


def test_an_info_with_no_event_before_it_does_not_wait() -> None:
    assert not Buffer(5).store_info("here")


def test_taking_stops_behind_an_event_that_an_info_follows() -> None:
    buffer = Buffer(10)
    buffer.store([1, 2])
    assert buffer.store_info("a")
    assert buffer.store_info("b")
    buffer.store([3])
    assert buffer.store_info("c")
    assert buffer.take(1) == ([1], [])
    assert buffer.take(9) == ([2], ["a", "b"])
    assert buffer.take(9) == ([3], ["c"])


def test_an_info_comes_out_when_the_events_before_it_are_discarded() -> None:
    buffer = Buffer(2)
    buffer.store([1, 2])
    buffer.store_info("a")
    assert buffer.store([3]) == (1, [])
    assert buffer.store([4]) == (1, ["a"])
    assert emptied(buffer) == [3, 4]


def test_infos_are_not_among_the_first_that_are_kept() -> None:
    buffer = Buffer(2, "first")
    buffer.store([1, 2])
    buffer.store_info("a")
    assert buffer.store([3]) == (1, [])
    assert buffer.take(9) == ([1, 2], ["a"])


def test_what_is_put_back_comes_out_next_with_its_infos() -> None:
    buffer = Buffer(10)
    buffer.store([1, 2, 3])
    buffer.store_info("a")
    buffer.store([4])
    buffer.store_info("b")
    events, infos = buffer.take(9)
    assert (events, infos) == ([1, 2, 3], ["a"])
    buffer.put_back([2, 3], infos)
    assert len(buffer) == 3
    assert buffer.take(1) == ([2], [])
    assert buffer.take(9) == ([3], ["a"])
    assert buffer.take(9) == ([4], ["b"])


def test_lists_that_are_stored_and_taken_are_not_shared() -> None:
    buffer = Buffer(10)
    stored = [1, 2]
    buffer.store(stored)
    stored.append(3)
    taken, _ = buffer.take(9)
    taken.append(4)
    assert len(buffer) == 0
    assert stored == [1, 2, 3]


class Naive:
    """A list of events and infos, each of which is looked at one by one."""

    def __init__(self, size: float, keep: str) -> None:
        self.size, self.keep = size, keep
        self.items: list[tuple[str, int]] = []

    def count(self) -> int:
        return sum(kind == "event" for kind, _ in self.items)

    def store(self, events: list[int]) -> tuple[int, list[int]]:
        excess, infos = 0, []
        for event in events:
            if self.keep == "last" or self.count() < self.size:
                self.items.append(("event", event))
            else:
                excess += 1
        while self.count() > self.size:
            excess += self.items.pop(0)[0] == "event"
            infos += self.infos()
        return excess, infos

    def infos(self) -> list[int]:
        found = []
        while self.items and self.items[0][0] == "info":
            found.append(self.items.pop(0)[1])
        return found

    def take(self, count: int) -> tuple[list[int], list[int]]:
        events = []
        while len(events) < count and self.items and self.items[0][0] == "event":
            events.append(self.items.pop(0)[1])
        return events, self.infos() if events else []


@given(
    size=st.sampled_from([0, 1, 2, 5, math.inf]),
    keep=st.sampled_from(["first", "last"]),
    steps=st.lists(
        st.tuples(st.sampled_from(["store", "info", "take"]), st.integers(0, 4)),
        max_size=40,
    ),
)
def test_a_buffer_does_what_a_list_does(
    size: float, keep: str, steps: list[tuple[str, int]]
) -> None:
    buffer, naive = Buffer(size, keep), Naive(size, keep)
    made = 0
    for step, count in steps:
        if step == "store":
            events = list(range(made, made + count))
            made += count
            assert buffer.store(events) == naive.store(events)
        elif step == "info":
            assert buffer.store_info(made) == bool(naive.items)
            if naive.items:
                naive.items.append(("info", made))
        else:
            assert buffer.take(count) == naive.take(count)
        assert len(buffer) == naive.count()
