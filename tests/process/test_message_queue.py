"""The queue against a list, with priority messages, marks and searches."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ergopy import Atom, Reference
from ergopy.process import message_queue
from ergopy.process.message_queue import NOTHING, MessageQueue, Search, carries
from etf import ImproperList

if TYPE_CHECKING:
    from collections.abc import Iterator


FEW = 4


@pytest.fixture(autouse=True, scope="module")
def pieces_are_joined_early() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(message_queue, "MANY_PIECES", FEW)
        yield


class Entry:
    """A message of the model: how many references were there when it came."""

    def __init__(self, number: int, made: int, *, priority: bool) -> None:
        self.number = number
        self.made = made
        self.priority = priority


def wants(rest: int) -> Any:
    return lambda message: message % 3 == rest


class QueueMachine(RuleBasedStateMachine):
    """Everything that a mailbox does to its queue, in any order."""

    @initialize()
    def begin(self) -> None:
        self.queue = MessageQueue()
        self.model: list[Entry] = []
        self.made = 0
        self.count = 0
        self.arrivals: list[int] = []
        self.search: Search | None = None

    def put(self, *, priority: bool) -> None:
        entry = Entry(self.count, self.made, priority=priority)
        self.count += 1
        if priority:
            self.queue.put_first(entry.number)
            first = [e for e in self.model if e.priority]
            self.model.insert(len(first), entry)
            return
        append(self.queue, entry.number)
        self.model.append(entry)
        self.arrivals.append(self.made)

    @rule(times=st.integers(1, 9))
    def deliver(self, times: int) -> None:
        for _ in range(times):
            self.put(priority=False)

    @rule()
    def deliver_priority(self) -> None:
        self.put(priority=True)

    @rule()
    def make_a_reference(self) -> None:
        self.queue.mark(self.made)
        self.made += 1

    @rule()
    def take_the_first(self) -> None:
        if self.search is not None:
            return
        queue = self.queue
        there = bool(queue.queue) or queue.advance()
        assert there == bool(self.model)
        if there:
            assert queue.queue is not None
            assert queue.queue.popleft() == self.model.pop(0).number

    @rule(rest=st.integers(0, 2))
    def take_one_that_matches(self, rest: int) -> None:
        if self.search is None:
            self.compare(Search(wants(rest)), wants(rest), self.model)

    @rule(data=st.data(), rest=st.integers(0, 2))
    def take_one_that_is_younger_than_a_reference(self, data: Any, rest: int) -> None:
        if self.search is not None or not self.made:
            return
        number = data.draw(st.integers(1, self.made))
        asked: list[int] = []

        def match(message: int) -> bool:
            asked.append(message)
            return bool(wants(rest)(message))

        search = Search(match)
        self.queue.skip_older(search, number)
        young = [e for e in self.model if e.priority or e.made >= number]
        expected = [e for e in young if wants(rest)(e.number)]
        got = self.queue.take(search)
        came_after = sum(made >= number for made in self.arrivals)
        assert len(asked) <= sum(e.priority for e in young) + 2 * came_after
        # What is older than the reference does not carry it: the first match of all
        # may be older here, but nothing younger was passed over.
        if got is NOTHING:
            assert not expected
            return
        (entry,) = [e for e in self.model if e.number == got]
        if entry in young:
            assert entry is expected[0]
        self.model.remove(entry)

    def compare(self, search: Search, match: Any, among: list[Entry]) -> None:
        expected = next((e for e in among if match(e.number)), None)
        got = self.queue.take(search)
        if expected is None:
            assert got is NOTHING
        else:
            assert got == expected.number
            self.model.remove(expected)

    @rule(rest=st.integers(0, 2))
    def begin_to_wait(self, rest: int) -> None:
        if self.search is not None:
            return
        self.asked: list[int] = []
        self.rest = rest

        def match(message: int) -> bool:
            self.asked.append(message)
            return bool(wants(rest)(message))

        search = Search(match)
        expected = next((e for e in self.model if wants(rest)(e.number)), None)
        if expected is not None:
            assert self.queue.take(search) == expected.number
            self.model.remove(expected)
            return
        assert self.queue.take(search) is NOTHING
        self.search = self.queue._search = search

    @rule()
    def look_again(self) -> None:
        if self.search is None:
            return
        expected = next((e for e in self.model if wants(self.rest)(e.number)), None)
        got = self.queue.take(self.search)
        assert len(self.asked) == len(set(self.asked))
        if expected is None:
            assert got is NOTHING
            return
        assert got == expected.number
        self.model.remove(expected)
        self.search = self.queue._search = None

    @rule()
    def give_up(self) -> None:
        self.search = self.queue._search = None

    @rule(number=st.integers(0, 200))
    def remove(self, number: int) -> None:
        found = [e for e in self.model if e.number == number]
        assert self.queue.remove(lambda m: m == number) == bool(found)
        for entry in found:
            self.model.remove(entry)

    @invariant()
    def the_queue_is_the_list(self) -> None:
        if hasattr(self, "queue"):
            assert self.queue.messages() == [e.number for e in self.model]
            assert self.queue.message_count() == len(self.model)

    @invariant()
    def pieces_are_few(self) -> None:
        if hasattr(self, "queue"):
            most = max(FEW, 4 + 2 * self.count.bit_length())
            assert len(self.queue._pieces or ()) <= most


def append(queue: MessageQueue, message: object) -> None:
    """Do what ``Mailbox.deliver`` does."""
    tail = queue.tail
    if tail is None:
        tail = queue.tail = queue.queue = deque()
    tail.append(message)


QueueMachine.TestCase.settings = settings(max_examples=300, stateful_step_count=40)
test_the_queue_is_a_list_whatever_happens = QueueMachine.TestCase


class Message(tuple):
    """Counts how often one of its kind is looked into."""

    looked_into = 0

    def __getitem__(self, index: Any) -> Any:
        type(self).looked_into += 1
        return super().__getitem__(index)


def reference(number: int) -> Reference:
    return Reference("py@test", 1, (number, 0, 77))


def test_a_receive_by_reference_looks_at_nothing_that_is_older() -> None:
    queue = MessageQueue()
    for number in range(100_000):
        append(queue, Message((Atom("old"), number)))
    queue.mark(4)
    mine = reference(5)
    append(queue, Message((Atom("new"), 1)))
    append(queue, Message((mine, "reply")))
    Message.looked_into = 0
    search = Search(carries(mine))
    queue.skip_older(search, 5)
    assert queue.take(search) == (mine, "reply")
    assert Message.looked_into <= 4
    assert queue.message_count() == 100_001


def test_receives_by_reference_stay_cheap_with_many_references_and_messages() -> None:
    queue = MessageQueue()
    for number in range(100_000):
        append(queue, Message((Atom("old"), number)))
    for number in range(1, 1001):
        queue.mark(number - 1)
        append(queue, Message((reference(number), "reply")))
    Message.looked_into = 0
    for number in (1000, 999, 500, 1):
        search = Search(carries(reference(number)))
        queue.skip_older(search, number)
        assert queue.take(search) == (reference(number), "reply")
    assert Message.looked_into < 10_000
    assert len(queue._pieces or ()) < 20


def test_a_flush_looks_at_nothing_that_is_older_than_the_reference() -> None:
    queue = MessageQueue()
    for number in range(1000):
        append(queue, number)
    queue.mark(4)
    append(queue, "new")
    asked = []

    def unwanted(message: object) -> bool:
        asked.append(message)
        return message == "new"

    assert queue.remove(unwanted, 5)
    assert asked == ["new"]
    assert queue.messages() == list(range(1000))


def test_what_carries_a_reference() -> None:
    mine, other = reference(1), reference(2)
    wanted = carries(mine)
    alias = Atom("alias")
    for message in (
        (mine, "reply"),
        (Atom("timeout"), mine, "message"),
        (ImproperList([alias], mine), "reply"),
        (mine,),
    ):
        assert wanted(message)
    for message in (
        mine,
        (),
        [mine, "reply"],
        (other, "reply"),
        (Atom("tag"), 1, mine),
        (ImproperList([alias], other), "reply"),
        (ImproperList([mine], 1), "reply"),
        "text",
    ):
        assert not wanted(message)
