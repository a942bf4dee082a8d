"""Each event goes to the consumer of its partition, whatever the others do."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ergopy import SubscriptionRefused
from ergopy.gen.stage.dispatch import PartitionDispatcher
from etf import Atom

from .kit import Source, options

ODD, EVEN = Atom("odd"), Atom("even")


def parity(event: int) -> Any:
    """Drop what divides by three, as for GenStage's example of ``:none``."""
    if event % 3 == 0:
        return None
    return event, ("odd" if event % 2 else "even")


def by_number(event: int) -> Any:
    return event, event % 2


def refusal(source: Source, peer: Any, **given: Any) -> Any:
    with pytest.raises(SubscriptionRefused) as refused:
        source.subscribe(peer, **given)
    return refused.value.reason


# erlang:phash2(Event, 4), from OTP 25.
PHASH2_OF_4 = [
    (0, 1),
    (1, 2),
    (2, 0),
    (3, 3),
    (-5, 0),
    (10**21, 0),
    (Atom("foo"), 3),
    (b"foo", 0),
    ((1, 2), 2),
    ([1, 2], 1),
    ({Atom("a"): 1}, 2),
    (1.5, 3),
    (True, 1),
    (None, 0),
    ([], 2),
]


@pytest.mark.parametrize(("event", "partition"), PHASH2_OF_4)
def test_without_a_hash_partitions_are_those_of_phash2(
    event: Any, partition: int
) -> None:
    source = Source(PartitionDispatcher(4))
    for n in range(4):
        source.ask(source.subscribe(n, partition=n), 1)
    assert source.make(event) == [(partition, [event])]


def test_each_partition_gets_its_events_in_order() -> None:
    source = Source(PartitionDispatcher(2, hash=by_number))
    evens, odds = source.subscribe("e", partition=0), source.subscribe("o", partition=1)
    assert [source.ask(evens, 5), source.ask(odds, 5)] == [5, 5]
    assert source.make(1, 2, 3, 4, 6) == [("o", [1, 3]), ("e", [2, 4, 6])]


def test_the_hash_may_change_the_event() -> None:
    source = Source(PartitionDispatcher(2, hash=lambda e: (e * 10, e % 2)))
    source.ask(source.subscribe("o", partition=1), 1)
    assert source.make(3) == [("o", [30])]


def test_the_last_partition_gets_events_too() -> None:
    source = Source(PartitionDispatcher(3))
    consumers = [source.subscribe(n, partition=n) for n in range(3)]
    for one in consumers:
        source.ask(one, 300)
    source.flow.dispatch(list(range(300)))
    shares = [len(source.out.got(one)) for one in consumers]
    assert sum(shares) == 300
    assert min(shares) > 50


def test_one_partition_is_enough() -> None:
    source = Source(PartitionDispatcher(1))
    one = source.subscribe("one", partition=0)
    assert source.ask(one, 3) == 3
    assert source.make(*range(5)) == [("one", [0, 1, 2])]
    assert source.flow.buffered == 2


def test_events_of_a_busy_partition_wait_and_the_others_go_on() -> None:
    source = Source(PartitionDispatcher(2, hash=by_number))
    evens, odds = source.subscribe("e", partition=0), source.subscribe("o", partition=1)
    source.ask(evens, 5)
    source.ask(odds, 5)
    assert source.make(0, 2) == [("e", [0, 2])]
    assert source.make(4, 6, 8, 10, 12, 14, 16, 18) == [("e", [4, 6, 8])]
    assert source.flow.buffered == 0
    assert source.ask(evens, 5) == 5
    assert source.out.take() == [("e", [10, 12, 14, 16, 18])]
    assert source.make(1, 3) == [("o", [1, 3])]


def test_demand_is_never_less_than_nothing_however_many_events_wait() -> None:
    source = Source(PartitionDispatcher(2, hash=by_number))
    evens = source.subscribe("e", partition=0)
    assert source.ask(evens, 3) == 3
    # All three are for the other partition: they wait, and nothing more is taken.
    assert source.make(*range(1, 40, 2)) == []
    assert source.flow.buffered == 17
    assert source.flow.dispatcher.wanted == 0
    odds = source.subscribe("o", partition=1)
    assert source.ask(odds, 2) == 0
    assert source.out.take() == [("o", [1, 3])]
    assert source.ask(odds, 30) == 15
    assert source.out.got(odds) == list(range(1, 40, 2))


def test_a_new_consumer_first_gets_what_waited_for_its_partition() -> None:
    source = Source(PartitionDispatcher(2, hash=by_number))
    evens = source.subscribe("e", partition=0)
    source.ask(evens, 5)
    assert source.make(1, 3, 5, 7, 9) == []
    assert source.make(2, 4) == []
    odds = source.subscribe("o", partition=1)
    assert source.ask(odds, 5) == 3
    assert source.out.take() == [("o", [1, 3, 5, 7, 9]), ("e", [2, 4])]


def test_events_of_a_consumer_that_left_wait_for_the_next_one() -> None:
    source = Source(PartitionDispatcher(2, hash=by_number))
    evens, odds = source.subscribe("e", partition=0), source.subscribe("o", partition=1)
    source.ask(evens, 4)
    source.ask(odds, 1)
    assert source.make(1, 3, 5) == [("o", [1])]
    assert source.cancel(odds) == 0
    again = source.subscribe("again", partition=1)
    # Four and one are wanted still, two are to come.
    assert source.ask(again, 3) == 3
    assert source.out.take() == [("again", [3, 5])]


def test_demand_of_who_left_is_not_passed_on_twice() -> None:
    source = Source(PartitionDispatcher(2, hash=by_number))
    first = source.subscribe("first", partition=0)
    assert source.ask(first, 10) == 10
    assert source.cancel(first) == 0
    second = source.subscribe("second", partition=1)
    assert source.ask(second, 5) == 0
    assert source.cancel(second) == 0
    third = source.subscribe("third", partition=1)
    assert source.ask(third, 12) == 2


def test_events_that_the_hash_drops_are_made_up_for() -> None:
    source = Source(PartitionDispatcher(["odd", "even"], hash=parity))
    evens = source.subscribe("e", partition=EVEN)
    odds = source.subscribe("o", partition=ODD)
    assert [source.ask(evens, 4), source.ask(odds, 4)] == [4, 4]
    assert source.make(*range(1, 9)) == [("o", [1, 5, 7]), ("e", [2, 4, 8])]
    # Two were dropped: as many are asked for again, as if the consumers had.
    assert sum(count for _, count in source.out.asks) == 2
    assert source.ask_again() == 2
    assert source.make(10, 11) == [("e", [10]), ("o", [11])]


def test_dropped_events_take_no_room_of_others() -> None:
    source = Source(PartitionDispatcher(["odd", "even"], hash=parity))
    evens = source.subscribe("e", partition=EVEN)
    odds = source.subscribe("o", partition=ODD)
    source.ask(evens, 4)
    source.ask(odds, 4)
    assert source.make(*range(1, 13)) == [("o", [1, 5, 7, 11]), ("e", [2, 4, 8, 10])]
    assert source.flow.buffered == 1


@pytest.mark.parametrize("answer", [None, "none", Atom("none")])
def test_none_is_said_as_python_or_as_erlang_does(answer: Any) -> None:
    source = Source(PartitionDispatcher(1, hash=lambda event: answer))
    one = source.subscribe("one", partition=0)
    assert source.ask(one, 2) == 2
    assert source.make(1, 2) == []
    assert source.flow.buffered == 0
    assert source.ask_again() == 2


def test_a_hash_that_drops_all_for_ever_asks_once_per_batch() -> None:
    source = Source(PartitionDispatcher(3, hash=lambda event: None))
    consumers = [source.subscribe(n, partition=n) for n in range(3)]
    assert [source.ask(one, 2) for one in consumers] == [2, 2, 2]
    for _ in range(10):
        assert source.make(*range(6)) == []
        assert len(source.out.asks) == 3
        assert source.ask_again() == 6


def test_an_info_waits_behind_the_events_of_all_partitions() -> None:
    source = Source(PartitionDispatcher(3, hash=lambda event: (event, event % 3)))
    consumers = [source.subscribe(n, partition=n) for n in range(3)]
    source.ask(consumers[2], 4)
    source.make(0, 1, 3, 2)
    source.flow.info("first")
    source.flow.info("second")
    assert source.out.infos == []
    source.ask(consumers[0], 2)
    assert source.out.infos == []
    source.ask(consumers[1], 1)
    assert source.out.infos == ["first", "second"]


def test_events_behind_an_info_are_sent_after_it() -> None:
    source = Source(PartitionDispatcher(2, hash=by_number))
    odds = source.subscribe("o", partition=1)
    source.ask(odds, 2)
    source.make(2, 4)
    source.flow.info("here")
    evens = source.subscribe("e", partition=0)
    source.ask(evens, 1)
    assert source.out.infos == []
    source.ask(evens, 5)
    assert source.out.take() == [("e", [2]), ("e", [4])]
    assert source.out.infos == ["here"]


def test_an_info_waits_for_the_next_consumer_of_a_partition_that_has_none() -> None:
    source = Source(PartitionDispatcher(2, hash=by_number))
    evens, odds = source.subscribe("e", partition=0), source.subscribe("o", partition=1)
    source.ask(odds, 1)
    source.make(2)
    source.flow.info("here")
    source.cancel(evens)
    assert source.out.infos == []
    source.ask(source.subscribe("again", partition=0), 1)
    assert source.out.infos == ["here"]


def test_an_info_without_events_does_not_wait() -> None:
    source = Source(PartitionDispatcher(2))
    source.flow.info("here")
    assert source.out.infos == ["here"]


def test_a_partition_has_one_consumer() -> None:
    source = Source(PartitionDispatcher(2))
    first = source.subscribe("first", partition=0)
    assert refusal(source, "second", partition=0) == (Atom("partition_taken"), 0)
    source.cancel(first)
    assert source.ask(source.subscribe("second", partition=0), 1) == 1


def test_a_consumer_has_to_name_a_partition() -> None:
    source = Source(PartitionDispatcher(2))
    kind, text = refusal(source, "one")
    assert kind == Atom("bad_opts")
    assert b"partition" in text


@pytest.mark.parametrize("name", [-1, 2, True, 1.0, Atom("oops"), b"1", [], {}])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    source = Source(PartitionDispatcher(2))
    assert refusal(source, "one", partition=name) == (Atom("unknown_partition"), name)
    assert source.ask(source.subscribe("one", partition=1), 1) == 1


def test_a_name_that_is_no_term_is_refused() -> None:
    source = Source(PartitionDispatcher(2))
    assert refusal(source, "one", partition=object())[0] == Atom("bad_opts")


def test_names_are_terms_and_text_is_an_atom() -> None:
    names: list[Any] = ["a", b"a", 1, 1.0, True, None, (1, "x"), [1]]
    source = Source(PartitionDispatcher(names, hash=lambda event: event))
    for n, name in enumerate(names):
        given = Atom(name) if isinstance(name, str) else name
        source.ask(source.subscribe(n, partition=given), 1)
    for n, name in enumerate(names):
        assert source.make((n, name)) == [(n, [n])]


@pytest.mark.parametrize(
    ("partitions", "text"),
    [
        (0, "there is no partition"),
        ([], "there is no partition"),
        ([0, 1, 0], "there twice"),
        (["odd", "even"], "need a hash"),
        ([1, 2], "need a hash"),
        ([object()], "no name of a partition"),
    ],
)
def test_partitions_that_make_no_sense_are_refused_at_once(
    partitions: Any, text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        PartitionDispatcher(partitions)


def test_a_hash_that_names_no_partition_is_an_error_and_nothing_is_sent() -> None:
    source = Source(PartitionDispatcher(2, hash=lambda event: (event, event)))
    source.ask(source.subscribe("one", partition=0), 5)
    with pytest.raises(ValueError, match="names a partition that is none: 7"):
        source.make(0, 7)
    assert source.out.sent == []


def test_a_hash_that_returns_something_else_is_an_error() -> None:
    source = Source(PartitionDispatcher(2, hash=lambda event: event))
    source.ask(source.subscribe("one", partition=0), 5)
    with pytest.raises(
        TypeError, match=r"returns \(event, partition\), or None, not 1"
    ):
        source.make(1)


def test_copies_of_a_dispatcher_know_nothing_of_each_other() -> None:
    pattern = PartitionDispatcher(2, hash=by_number)
    first, second = (Source(copy.deepcopy(pattern)) for _ in range(2))
    assert first.ask(first.subscribe("one", partition=0), 2) == 2
    assert second.ask(second.subscribe("two", partition=0), 3) == 3
    assert first.make(1, 2) == [("one", [2])]
    assert second.make(4) == [("two", [4])]
    pattern.subscribe(second.subscribe("three", partition=1), options(partition=0))


class Homes:
    """Something that has a hash, and is not to be copied."""

    def __deepcopy__(self, memo: object) -> Homes:
        raise AssertionError("a stage was copied")

    def of(self, event: int) -> Any:
        return event, (ODD if event % 2 else EVEN)


def test_a_copy_knows_partitions_with_names_and_has_the_same_hash() -> None:
    pattern = PartitionDispatcher(["odd", EVEN, b"odd"], hash=Homes().of)
    source = Source(copy.deepcopy(pattern))
    source.ask(source.subscribe("o", partition=ODD), 1)
    source.ask(source.subscribe("e", partition=EVEN), 1)
    assert source.make(1, 2) == [("o", [1]), ("e", [2])]
