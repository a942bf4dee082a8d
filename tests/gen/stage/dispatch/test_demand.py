"""Each event goes to the consumer that wants most, and nothing is asked for twice."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from ergopy.gen.stage.dispatch import DemandDispatcher

from .kit import Source, consumer, options

if TYPE_CHECKING:
    import pytest


def test_the_highest_demand_is_served_first() -> None:
    source = Source(DemandDispatcher())
    few, many = source.subscribe("few"), source.subscribe("many")
    assert source.ask(few, 2) == 2
    assert source.ask(many, 5) == 5
    assert source.make(1, 2, 3) == [("many", [1, 2, 3])]
    # Both want two now, and the one that got something is behind its equals.
    assert source.make(4, 5, 6) == [("few", [4, 5]), ("many", [6])]
    assert source.make(7, 8) == [("many", [7])]
    assert source.flow.buffered == 1


def test_of_equals_the_one_is_next_that_has_waited_for_longest() -> None:
    source = Source(DemandDispatcher())
    consumers = [source.subscribe(name) for name in "abc"]
    for one in consumers:
        source.ask(one, 10)
    assert [source.make(n)[0][0] for n in range(5)] == ["a", "b", "c", "a", "b"]


def test_every_consumer_with_demand_is_served_behind_one_that_has_enough() -> None:
    source = Source(DemandDispatcher())
    source.subscribe("idle")
    consumers = [source.subscribe(name) for name in "abcd"]
    for one in consumers:
        source.ask(one, 2)
    assert source.make(*range(8)) == [
        ("a", [0, 1]),
        ("b", [2, 3]),
        ("c", [4, 5]),
        ("d", [6, 7]),
    ]


def test_a_batch_for_one_consumer_is_handed_on_as_it_is() -> None:
    source = Source(DemandDispatcher())
    source.ask(source.subscribe("a"), 10)
    events = [1, 2, 3]
    source.flow.dispatch(events)
    assert source.out.sent[0][1] is events


def test_a_batch_is_not_changed_by_sharing_it_out() -> None:
    source = Source(DemandDispatcher())
    source.ask(source.subscribe("a"), 2)
    events = [1, 2, 3]
    source.flow.dispatch(events)
    assert events == [1, 2, 3]


def test_demand_of_who_left_is_not_passed_on_twice() -> None:
    source = Source(DemandDispatcher())
    first = source.subscribe("first")
    assert source.ask(first, 10) == 10
    assert source.cancel(first) == 0
    second = source.subscribe("second")
    assert source.ask(second, 4) == 0
    assert source.ask(second, 8) == 2
    assert source.make(*range(12)) == [("second", list(range(12)))]


def test_events_made_for_who_left_serve_the_next_one_from_the_buffer() -> None:
    source = Source(DemandDispatcher())
    first = source.subscribe("first")
    source.ask(first, 10)
    source.cancel(first)
    assert source.make(0, 1, 2, 3) == []
    second = source.subscribe("second")
    # Six are still to come, and four are there.
    assert source.ask(second, 5) == 0
    assert source.out.take() == [("second", [0, 1, 2, 3])]
    assert source.ask(second, 6) == 1
    assert source.make(*range(4, 11)) == [("second", list(range(4, 11)))]


def test_events_that_nobody_asked_for_are_buffered_and_count_for_demand() -> None:
    source = Source(DemandDispatcher())
    assert source.make(1, 2, 3) == []
    one = source.subscribe("one")
    assert source.ask(one, 2) == 0
    assert source.out.take() == [("one", [1, 2])]
    assert source.ask(one, 3) == 2
    assert source.out.take() == [("one", [3])]


def test_one_process_can_subscribe_twice() -> None:
    source = Source(DemandDispatcher())
    one, two = consumer("pid", "one"), consumer("pid", "two")
    for subscription in one, two:
        source.flow.subscribe(subscription, options())
        source.ask(subscription, 1)
    source.flow.dispatch([1, 2, 3])
    assert source.out.sent == [(one, [1]), (two, [2])]
    source.cancel(one)
    assert source.ask(two, 1) == 0
    assert source.out.sent[-1] == (two, [3])


def test_an_info_does_not_wait_for_demand() -> None:
    source = Source(DemandDispatcher())
    source.ask(source.subscribe("one"), 5)
    source.flow.info("here")
    assert source.out.infos == ["here"]


def test_a_greedy_consumer_is_warned_about_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Source(DemandDispatcher())
    modest, greedy = source.subscribe("modest"), source.subscribe("greedy")
    source.ask(modest, 10)
    with caplog.at_level(logging.WARNING, "ergopy.stage"):
        source.ask(greedy, 10)
        assert not caplog.records
        source.ask(greedy, 11)
        source.ask(greedy, 12)
    assert len(caplog.records) == 1
    assert "greedy asks for 11 events where 10" in caplog.text


def test_what_is_expected_may_be_more_than_is_asked_for_at_first(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Source(DemandDispatcher(max_demand=100))
    one = source.subscribe("one")
    source.ask(one, 1)
    source.ask(one, 100)
    assert not caplog.records
    source.ask(one, 101)
    assert "101 events where 100" in caplog.text


def test_a_new_subscription_is_warned_about_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Source(DemandDispatcher(max_demand=1))
    for _ in range(2):
        one = source.subscribe("one")
        source.ask(one, 2)
        source.cancel(one)
    assert len(caplog.records) == 2


def test_the_first_dispatch_can_be_in_random_order() -> None:
    firsts = set()
    random.seed(1)
    for _ in range(50):
        source = Source(DemandDispatcher(shuffle_demands_on_first_dispatch=True))
        for name in "abc":
            source.ask(source.subscribe(name), 1)
        got = source.make(1, 2, 3)
        assert sorted(name for name, _ in got) == ["a", "b", "c"]
        firsts.add(got[0][0])
    assert firsts == {"a", "b", "c"}


def test_who_wants_nothing_is_in_nobodys_way_after_shuffling() -> None:
    for _ in range(20):
        source = Source(DemandDispatcher(shuffle_demands_on_first_dispatch=True))
        for name in "abc":
            source.subscribe(name)
        source.ask(source.subscribe("eager"), 5)
        assert source.make(1) == [("eager", [1])]


def test_thousands_of_consumers_that_ask_for_one_are_all_served() -> None:
    source = Source(DemandDispatcher())
    consumers = [source.subscribe(n) for n in range(3000)]
    for one in consumers:
        source.ask(one, 1)
    assert source.make(*range(3000)) == [(n, [n]) for n in range(3000)]
    for one in reversed(consumers):
        source.ask(one, 1)
    assert source.make(0, 1) == [(2999, [0]), (2998, [1])]
