"""Each event goes to all consumers, at the pace of the slowest."""

from __future__ import annotations

from typing import Any

import pytest

import etf
from ergopy import SubscriptionRefused
from ergopy.gen.stage.dispatch import BroadcastDispatcher
from etf import Atom

from .kit import Source, consumer, options


def even(event: int) -> bool:
    return event % 2 == 0


def test_all_get_what_all_want() -> None:
    source = Source(BroadcastDispatcher())
    one, two = source.subscribe("one"), source.subscribe("two")
    assert source.ask(one, 3) == 0
    assert source.ask(two, 2) == 2
    assert source.make(1, 2) == [("one", [1, 2]), ("two", [1, 2])]
    assert source.ask(two, 2) == 1
    assert source.make(3, 4) == [("one", [3]), ("two", [3])]
    assert source.make(5) == []
    assert source.flow.buffered == 2


def test_consumers_without_selectors_share_one_list() -> None:
    source = Source(BroadcastDispatcher())
    for name in "ab":
        source.ask(source.subscribe(name), 2)
    source.flow.dispatch([1, 2])
    (_, first), (_, second) = source.out.sent
    assert first is second


def test_who_asks_more_often_does_not_get_more() -> None:
    source = Source(BroadcastDispatcher())
    slow, fast = source.subscribe("slow"), source.subscribe("fast")
    source.ask(slow, 1)
    assert [source.ask(fast, 1) for _ in range(5)] == [1, 0, 0, 0, 0]
    assert source.make(1, 2, 3) == [("slow", [1]), ("fast", [1])]
    assert source.ask(slow, 1) == 0
    assert source.out.take() == [("slow", [2]), ("fast", [2])]


def test_a_late_subscriber_holds_the_others_up_until_it_asks() -> None:
    source = Source(BroadcastDispatcher())
    early = source.subscribe("early")
    assert source.ask(early, 10) == 10
    assert source.make(0, 1, 2) == [("early", [0, 1, 2])]
    late = source.subscribe("late")
    assert source.make(3) == []
    # Seven were asked for already, and one of them is in the buffer.
    assert source.ask(late, 20) == 0
    assert source.out.take() == [("early", [3]), ("late", [3])]
    assert source.make(*range(4, 12)) == [
        ("early", [4, 5, 6, 7, 8, 9]),
        ("late", [4, 5, 6, 7, 8, 9]),
    ]


def test_the_others_go_on_when_the_slowest_leaves() -> None:
    source = Source(BroadcastDispatcher())
    one, slow = source.subscribe("one"), source.subscribe("slow")
    assert source.ask(one, 10) == 0
    assert source.make(1, 2) == []
    assert source.cancel(slow) == 8
    assert source.out.take() == [("one", [1, 2])]


def test_demand_of_who_left_is_not_passed_on_twice() -> None:
    source = Source(BroadcastDispatcher())
    first = source.subscribe("first")
    assert source.ask(first, 10) == 10
    second = source.subscribe("second")
    assert source.cancel(first) == 0
    assert source.ask(second, 10) == 0
    assert source.ask(second, 3) == 3


def test_demand_beyond_what_was_passed_on_is_passed_on_when_the_slowest_leaves() -> (
    None
):
    source = Source(BroadcastDispatcher())
    one = source.subscribe("one")
    assert source.ask(one, 10) == 10
    slow = source.subscribe("slow")
    assert source.ask(one, 5) == 0
    assert source.cancel(slow) == 5


def test_events_that_nobody_asked_for_count_for_demand() -> None:
    source = Source(BroadcastDispatcher())
    consumers = [source.subscribe(name) for name in "ab"]
    assert source.make(1, 2) == []
    assert [source.ask(one, 3) for one in consumers] == [0, 1]
    assert source.out.take() == [("a", [1, 2]), ("b", [1, 2])]


def test_more_than_a_hundred_events_wait_without_being_lost() -> None:
    source = Source(BroadcastDispatcher())
    consumers = [source.subscribe(name) for name in "ab"]
    assert source.flow.dispatch(list(range(5000))) == 0
    for one in consumers:
        assert source.ask(one, 5000) == 0
    assert [source.out.got(one) for one in consumers] == [list(range(5000))] * 2


def test_events_beyond_the_buffer_are_counted_when_they_are_discarded() -> None:
    source = Source(BroadcastDispatcher(), size=100)
    source.subscribe("idle")
    assert source.flow.dispatch(list(range(150))) == 50
    assert source.flow.buffered == 100


def test_a_process_subscribes_once() -> None:
    source = Source(BroadcastDispatcher())
    source.subscribe("pid")
    again = consumer("pid", "again")
    with pytest.raises(SubscriptionRefused) as refusal:
        source.flow.subscribe(again, options())
    assert refusal.value.reason == Atom("already_subscribed")


def test_a_process_that_has_left_may_subscribe_again() -> None:
    source = Source(BroadcastDispatcher())
    source.cancel(source.subscribe("pid"))
    assert source.ask(source.subscribe("pid"), 2) == 2


def test_a_selector_chooses_and_what_it_leaves_is_asked_for_again() -> None:
    source = Source(BroadcastDispatcher())
    all_, evens = source.subscribe("all"), source.subscribe("evens", selector=even)
    assert [source.ask(all_, 4), source.ask(evens, 4)] == [0, 4]
    assert source.make(1, 2, 3, 4) == [("all", [1, 2, 3, 4]), ("evens", [2, 4])]
    assert list(source.out.asks) == [(evens, 2)]
    assert source.ask_again() == 0
    assert source.ask(all_, 4) == 2


def test_who_selects_nothing_is_sent_nothing_and_does_not_stop_the_others() -> None:
    source = Source(BroadcastDispatcher())
    all_ = source.subscribe("all")
    none = source.subscribe("none", selector=lambda event: False)
    source.ask(none, 1)
    for n in range(100):
        assert source.ask(all_, 1) == 1
        assert source.make(n) == [("all", [n])]
        assert source.ask_again() == 0


@pytest.mark.parametrize(
    "selector", [3, b"f", Atom("even"), etf.Export(Atom("m"), Atom("f"), 1)]
)
def test_a_selector_that_is_no_function_of_this_node_is_refused(selector: Any) -> None:
    source = Source(BroadcastDispatcher())
    with pytest.raises(SubscriptionRefused) as refusal:
        source.subscribe("one", selector=selector)
    kind, text = refusal.value.reason
    assert kind == Atom("bad_opts")
    assert b"selector" in text
    # Nothing of it is left: it may try again without.
    assert source.ask(source.subscribe("one"), 1) == 1


def test_no_selector_may_be_said_in_so_many_words() -> None:
    source = Source(BroadcastDispatcher())
    source.ask(source.subscribe("one", selector=None), 1)
    assert source.make(1) == [("one", [1])]


def test_a_selector_that_raises_ends_that_subscription_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Source(BroadcastDispatcher())
    good, bad = source.subscribe("good"), source.subscribe("bad", selector=len)
    for one in good, bad:
        source.ask(one, 5)
    assert source.make(1, 2) == [("good", [1, 2])]
    ((who, reason),) = source.out.cancels
    assert who == bad
    assert reason[:2] == (Atom("python"), b"builtins.TypeError")
    assert "the selector of bad has failed" in caplog.text
    # Events go on, and it fails once only, until the stage has read of it.
    assert source.make(3) == [("good", [3])]
    assert len(source.out.cancels) == 1
    source.ask_again()
    source.cancel(bad)
    assert source.make(4) == [("good", [4])]


def test_with_many_consumers_the_slowest_of_all_counts() -> None:
    source = Source(BroadcastDispatcher())
    consumers = [source.subscribe(n) for n in range(200)]
    assert [source.ask(one, 5) for one in consumers] == [0] * 199 + [5]
    assert len(source.make(1, 2)) == 200
    assert [source.ask(one, 2) for one in consumers] == [0] * 199 + [2]
    assert {source.cancel(one) for one in consumers} == {0}
