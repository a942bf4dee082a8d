"""Whatever happens, no consumer gets more than it asked for, and none waits in vain.

A state machine drives each dispatcher behind its buffer: consumers subscribe, leave and
ask, a producer makes what it was asked for, or more. A naive model says who has to get
what; the rest are laws that hold for all dispatchers.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from ergopy import SubscriptionRefused
from ergopy.gen.stage.dispatch import (
    BroadcastDispatcher,
    DemandDispatcher,
    Dispatcher,
    PartitionDispatcher,
)
from ergopy.gen.stage.dispatch.buffer import Buffer
from ergopy.gen.stage.dispatch.flow import Flow
from ergopy.gen.stage.subscription import Subscription

from .kit import Recorder, options
from .models import BroadcastModel, DemandModel, Model, PartitionModel

PEERS = st.integers(0, 4)
COUNTS = st.integers(1, 4)
WHICH = st.integers(0, 10)
SIZES = st.sampled_from([0, 1, 3, 10, math.inf])
KEEPS = st.sampled_from(["first", "last"])
NAMES = ["a", "b", "c"]


class Machine(RuleBasedStateMachine):
    """A stage with a dispatcher; what it makes are the numbers 0, 1, 2, .."""

    def start(self, dispatcher: Dispatcher, model: Model) -> None:
        self.out = Recorder()
        self.flow = Flow(dispatcher, Buffer(model.size, model.keep), self.out)
        self.model = model
        self.tags = 0
        self.made = 0
        self.told = 0
        self.discarded = 0
        self.owed = 0
        """What the producer was asked for and has not made."""
        self.asked: Counter[Subscription] = Counter()
        self.peak = 0
        """The most that consumers have wanted at a time."""
        self.gone: dict[Subscription, int] = {}

    def one_of(self, which: int) -> Subscription:
        live = list(self.model.demands)
        return live[which % len(live)]

    def join(self, peer: int, **given: Any) -> None:
        self.tags += 1
        subscription = Subscription(peer, self.tags)
        refusal = self.model.refusal(subscription, options(**given))
        if refusal is None:
            self.flow.subscribe(subscription, options(**given))
            self.model.subscribe(subscription, options(**given))
            return
        with pytest.raises(SubscriptionRefused) as refused:
            self.flow.subscribe(subscription, options(**given))
        assert refused.value.reason == refusal

    def demand(self) -> None:
        """Do what a stage does when there may be new demand."""
        more = self.flow.demand()
        assert more >= 0
        self.owed += more
        # Nothing is asked for that nobody wants who is there.
        assert not more or self.owed == self.model.wanted

    def asks(self, subscription: Subscription, count: int) -> None:
        total = sum(self.model.demands.values()) + count
        self.peak = max(self.peak, total)
        self.model.ask(subscription, count)
        self.flow.ask(subscription, count)
        self.demand()

    @precondition(lambda self: self.model.demands)
    @rule(which=WHICH, count=COUNTS)
    def ask(self, which: int, count: int) -> None:
        subscription = self.one_of(which)
        self.asked[subscription] += count
        self.asks(subscription, count)

    @precondition(lambda self: self.model.demands)
    @rule(which=WHICH)
    def leave(self, which: int) -> None:
        subscription = self.one_of(which)
        self.model.cancel(subscription)
        self.flow.cancel(subscription)
        self.gone[subscription] = len(self.out.got(subscription))
        self.demand()

    @rule(count=COUNTS)
    def make(self, count: int) -> None:
        """Make events, whether anybody has asked for them or not."""
        events = list(range(self.made, self.made + count))
        self.made += count
        self.owed = max(self.owed - count, 0)
        self.model.make(events)
        self.discarded += self.flow.dispatch(events)

    @precondition(lambda self: self.owed)
    @rule(share=st.sampled_from([0.2, 0.5, 1]))
    def obey(self, share: float) -> None:
        """Make some or all of what was asked for."""
        self.make(max(int(self.owed * share), 1))

    @rule()
    def inform(self) -> None:
        self.told += 1
        self.model.info(self.told)
        self.flow.info(self.told)

    @precondition(lambda self: self.out.asks)
    @rule()
    def hear(self) -> None:
        """Let a message of the dispatcher to its own stage arrive."""
        subscription, count = self.out.asks.popleft()
        self.model.asks.remove((subscription, count))
        if subscription in self.model.demands:
            self.asks(subscription, count)

    @invariant()
    def each_consumer_gets_what_it_has_to_get(self) -> None:
        for subscription, expected in self.model.expected.items():
            assert self.out.got(subscription) == expected

    @invariant()
    def no_consumer_gets_more_than_it_asked_for_or_out_of_order(self) -> None:
        for subscription in self.model.expected:
            got = self.out.got(subscription)
            assert len(got) <= self.asked[subscription]
            assert got == sorted(set(got))

    @invariant()
    def who_left_gets_nothing_more(self) -> None:
        for subscription, count in self.gone.items():
            assert len(self.out.got(subscription)) == count

    @invariant()
    def no_consumer_waits_while_an_event_is_there(self) -> None:
        assert self.flow.buffered == len(self.model.kept)
        assert not self.flow.buffered or self.model.wanted <= 0

    @invariant()
    def all_that_is_wanted_is_to_come(self) -> None:
        assert self.flow.dispatcher.wanted == self.model.wanted
        assert self.flow.owed == self.owed >= self.model.wanted

    @invariant()
    def what_was_dropped_is_asked_for_again(self) -> None:
        assert Counter(self.out.asks) == Counter(self.model.asks)

    @invariant()
    def infos_come_when_the_events_before_them_have_been_sent(self) -> None:
        assert self.out.infos == self.model.infos
        assert self.out.sent_before == self.model.sent_before

    @invariant()
    def no_event_is_lost_that_is_not_counted(self) -> None:
        assert self.discarded == self.model.discarded
        sent = {event for _, batch in self.out.sent for event in batch}
        there = {*sent, *self.model.kept, *self.model.queued}
        lost = self.discarded + self.model.dropped
        assert len(there) == self.made - lost

    @invariant()
    def no_more_events_wait_for_a_partition_than_were_asked_for(self) -> None:
        assert len(self.model.queued) <= self.peak


class Demand(Machine):
    @initialize(size=SIZES, keep=KEEPS)
    def begin(self, size: float, keep: str) -> None:
        self.start(DemandDispatcher(max_demand=4), DemandModel(size, keep))

    @rule(peer=PEERS)
    def subscribe(self, peer: int) -> None:
        self.join(peer)

    @invariant()
    def each_event_goes_to_one(self) -> None:
        events = [event for _, batch in self.out.sent for event in batch]
        assert len(events) == len(set(events))


class Broadcast(Machine):
    @initialize(size=SIZES, keep=KEEPS)
    def begin(self, size: float, keep: str) -> None:
        self.start(BroadcastDispatcher(), BroadcastModel(size, keep))

    @rule(peer=PEERS)
    def subscribe(self, peer: int) -> None:
        self.join(peer)

    @invariant()
    def those_that_are_there_have_got_the_same_since_the_last_one_came(self) -> None:
        got = sorted((self.out.got(one) for one in self.model.demands), key=len)
        for one in got:
            assert got[-1][len(got[-1]) - len(one) :] == one


class Selecting(Machine):
    @initialize(size=SIZES, keep=KEEPS)
    def begin(self, size: float, keep: str) -> None:
        self.start(BroadcastDispatcher(), BroadcastModel(size, keep))

    @rule(peer=PEERS, modulus=st.integers(1, 4))
    def subscribe(self, peer: int, modulus: int) -> None:
        self.join(peer, selector=lambda event: event % modulus == 0)


class Partition(Machine):
    @staticmethod
    def home(event: int) -> str | None:
        return None if event % 7 > 4 else NAMES[event % 5 % 3]

    @classmethod
    def hash(cls, event: int) -> Any:
        name = cls.home(event)
        return None if name is None else (event, name)

    @initialize(size=SIZES, keep=KEEPS)
    def begin(self, size: float, keep: str) -> None:
        self.start(
            PartitionDispatcher(NAMES, hash=self.hash),
            PartitionModel(size, keep, NAMES, self.home),
        )

    @rule(peer=PEERS, name=st.sampled_from([*NAMES, "d"]))
    def subscribe(self, peer: int, name: str) -> None:
        self.join(peer, partition=name)

    @invariant()
    def each_event_goes_to_its_partition(self) -> None:
        for subscription, name in self.model.of.items():  # type: ignore[attr-defined]
            assert {self.home(e) for e in self.out.got(subscription)} <= {name}


for machine in (Demand, Broadcast, Selecting, Partition):
    machine.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestDemand = Demand.TestCase
TestBroadcast = Broadcast.TestCase
TestSelecting = Selecting.TestCase
TestPartition = Partition.TestCase
