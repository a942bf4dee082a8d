"""The producer is asked for what is wanted, less what there is and what is to come."""

from __future__ import annotations

import pytest

from ergopy import SubscriptionRefused
from ergopy.gen.stage.dispatch import (
    BroadcastDispatcher,
    DemandDispatcher,
    PartitionDispatcher,
)
from tests.gen.stage.dispatch.kit import Source, consumer, options


def test_demand_is_passed_on_once() -> None:
    source = Source(DemandDispatcher())
    one = source.subscribe("one")
    source.flow.ask(one, 10)
    assert source.flow.demand() == 10
    assert source.flow.demand() == 0
    assert source.flow.owed == 10


def test_asks_that_were_held_back_are_passed_on_in_one() -> None:
    source = Source(DemandDispatcher())
    one = source.subscribe("one")
    source.flow.ask(one, 1)
    source.flow.ask(one, 2)
    assert source.flow.demand() == 3


def test_a_producer_may_make_its_events_bit_by_bit() -> None:
    source = Source(DemandDispatcher())
    one = source.subscribe("one")
    assert source.ask(one, 10) == 10
    for n in range(10):
        assert source.make(n) == [("one", [n])]
        assert source.flow.demand() == 0
    assert source.flow.owed == 0


def test_a_producer_that_makes_more_owes_nothing() -> None:
    source = Source(DemandDispatcher())
    one = source.subscribe("one")
    source.ask(one, 2)
    source.make(1, 2, 3, 4, 5)
    assert source.flow.owed == 0
    assert source.flow.buffered == 3
    assert source.ask(one, 4) == 1


def test_what_the_buffer_has_is_sent_before_what_is_new() -> None:
    source = Source(BroadcastDispatcher(), size=2)
    one = source.subscribe("one")
    source.ask(one, 4)
    late = source.subscribe("late")
    source.make(1, 2)
    source.flow.ask(late, 4)
    # The stage has not come to passing demand on when the producer makes more.
    assert source.make(3) == [
        ("one", [1, 2]),
        ("late", [1, 2]),
        ("one", [3]),
        ("late", [3]),
    ]


def test_events_that_are_discarded_are_asked_for_again() -> None:
    source = Source(DemandDispatcher(), size=2)
    first = source.subscribe("first")
    assert source.ask(first, 5) == 5
    source.cancel(first)
    assert source.flow.dispatch([1, 2, 3, 4, 5]) == 3
    second = source.subscribe("second")
    assert source.ask(second, 5) == 3
    assert source.out.take() == [("second", [4, 5])]


def test_without_a_buffer_events_that_nobody_wants_are_gone() -> None:
    source = Source(DemandDispatcher(), size=0)
    one = source.subscribe("one")
    source.ask(one, 1)
    assert source.flow.dispatch([1, 2]) == 1
    assert source.ask(one, 1) == 1


def test_a_refused_consumer_is_not_there() -> None:
    source = Source(PartitionDispatcher(2))
    with pytest.raises(SubscriptionRefused):
        source.flow.subscribe(consumer("one"), options(partition=2))
    assert source.ask(source.subscribe("one", partition=1), 3) == 3


def test_infos_follow_the_events_before_them_out_of_the_buffer() -> None:
    source = Source(DemandDispatcher())
    source.flow.info("none before")
    assert source.out.infos == ["none before"]
    source.make(1, 2)
    source.flow.info("first")
    source.flow.info("second")
    source.make(3)
    one = source.subscribe("one")
    source.ask(one, 1)
    assert source.out.infos == ["none before"]
    source.ask(one, 2)
    assert source.out.infos == ["none before", "first", "second"]
    assert source.out.got(one) == [1, 2, 3]


def test_an_info_whose_events_are_discarded_does_not_wait() -> None:
    source = Source(DemandDispatcher(), size=1)
    source.make(1)
    source.flow.info("here")
    assert source.out.infos == []
    source.make(2)
    assert source.out.infos == ["here"]


def test_an_info_from_the_buffer_goes_on_waiting_in_a_partition() -> None:
    source = Source(PartitionDispatcher(2, hash=lambda event: (event, event % 2)))
    odds = source.subscribe("o", partition=1)
    source.make(2)
    source.flow.info("here")
    source.ask(odds, 1)
    assert source.flow.buffered == 0
    assert source.out.infos == []
    source.ask(source.subscribe("e", partition=0), 1)
    assert source.out.infos == ["here"]
