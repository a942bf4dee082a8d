"""The dispatcher that gives each event to the consumer of its partition."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, final

from etf import Atom, EncodeError, phash2

from ....errors import SubscriptionRefused
from ....errors.text import shown
from ...registry.keys import mark_of
from .. import wire
from .base import Dispatcher
from .buffer import Buffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..subscription import Subscription
    from .base import Out

    Hash = Callable[[Any], Any]

PARTITION = Atom("partition")
PARTITION_TAKEN = Atom("partition_taken")
UNKNOWN_PARTITION = Atom("unknown_partition")

_NONE = Atom("none")


@final
class PartitionDispatcher(Dispatcher):
    """Each event goes to the consumer of one partition, which a hash of it tells.

    ``GenStage.PartitionDispatcher``. Each partition has one consumer, which names it in
    its option ``partition``. A subscription without it is cancelled with ``{bad_opts,
    Text}``, one to a partition that is none with ``{unknown_partition, Name}``, and one
    to a partition that has a consumer with ``{partition_taken, Name}``. GenStage ends
    the producer in these cases.

    Events of a partition without demand, or without a consumer, wait in a queue of it,
    and slow down all other partitions: no more events are taken than consumers have
    asked for in all, so there are never more in these queues than that. Who subscribes
    to the partition next gets them first. GenStage throws them away when its consumer
    leaves.

    Args:
        partitions: How many there are, named 0, 1, ..; or their names, which are terms.
            A plain ``str`` is taken for an atom.
        hash: A function of an event that returns ``(event, partition)``, of which that
            event is sent; or None or ``"none"`` for an event that is dropped, and
            replaced: as many are asked for again. Unless given it is
            ``erlang:phash2(Event, Partitions)``, for names 0, 1, ...

    Raises:
        ValueError: No partition, one that is no term or there twice, or no *hash* where
            the names need one.

    A *hash* that raises, returns anything else, or names a partition that is none, ends
    the stage. Of the events of that one call none is sent.
    """

    def __init__(
        self, partitions: int | Iterable[Any], hash: Hash | None = None
    ) -> None:
        if isinstance(partitions, int):
            partitions = range(partitions)
        self._names = list(partitions)
        self._partitions: dict[Any, _Partition] = {}
        for name in self._names:
            mark = _mark_of(name)
            if mark in self._partitions:
                raise ValueError(f"partition {name!r} is there twice")
            self._partitions[mark] = _Partition()
        if not self._partitions:
            raise ValueError("there is no partition")
        self._hash = hash
        numbers = range(len(self._partitions))
        if hash is None and not all(one in self._partitions for one in numbers):
            raise ValueError("partitions with other names than 0, 1, .. need a hash")
        self._of: dict[Subscription, _Partition] = {}

    def __deepcopy__(self, memo: object) -> PartitionDispatcher:
        # A hash may be a method of a stage, which is not to be copied with it.
        return PartitionDispatcher(self._names, self._hash)

    def subscribe(self, subscription: Subscription, options: dict[Atom, Any]) -> None:
        if PARTITION not in options:
            raise SubscriptionRefused(
                (wire.BAD_OPTS, b"partition: say which; this producer has several")
            )
        name = options[PARTITION]
        try:
            partition = self._partitions.get(_mark_of(name))
        except ValueError:
            raise SubscriptionRefused(
                (wire.BAD_OPTS, b"partition: it is no name of one")
            ) from None
        if partition is None:
            raise SubscriptionRefused((UNKNOWN_PARTITION, name))
        if partition.consumer is not None:
            raise SubscriptionRefused((PARTITION_TAKEN, name))
        partition.consumer = subscription
        self._of[subscription] = partition

    def cancel(self, subscription: Subscription) -> None:
        partition = self._of.pop(subscription)
        self.wanted -= partition.demand
        partition.demand = 0
        partition.consumer = None

    def ask(self, subscription: Subscription, count: int, out: Out) -> None:
        self.wanted += count
        self._of[subscription].ask(count, out)

    def dispatch(self, events: list[Any], out: Out) -> list[Any]:
        if self.wanted <= 0:
            return events
        assigned, taken, dropped = self._assign(events)
        self.wanted -= taken - dropped
        for partition, its in assigned.items():
            partition.dispatch(its, out)
        if dropped:
            self._replace(dropped, out)
        return events[taken:]

    def info(self, message: Any, out: Out) -> None:
        queued = [one.queue for one in self._partitions.values() if one.queue]
        if not queued:
            out.info(message)
            return
        notice = _Notice(message, len(queued))
        for queue in queued:
            queue.store_info(notice)

    def _assign(
        self, events: list[Any]
    ) -> tuple[dict[_Partition, list[Any]], int, int]:
        """Say which events go where, how many these are, and how many of them nowhere.

        Nothing is changed, since a hash may raise.
        """
        home = self._numbered if self._hash is None else self._hashed
        assigned: defaultdict[_Partition, list[Any]] = defaultdict(list)
        room, taken, dropped = self.wanted, 0, 0
        for event in events:
            if taken - dropped == room:
                break
            taken += 1
            found = home(event)
            if found is None:
                dropped += 1
            else:
                assigned[found[1]].append(found[0])
        return assigned, taken, dropped

    def _numbered(self, event: Any) -> tuple[Any, _Partition]:
        return event, self._partitions[phash2(event, len(self._partitions))]

    def _hashed(self, event: Any) -> tuple[Any, _Partition] | None:
        """Return what to send and where, or None for an event that is dropped."""
        assert self._hash is not None
        found = self._hash(event)
        if found is None or (isinstance(found, str) and found == _NONE):
            return None
        if not isinstance(found, tuple) or len(found) != 2:
            raise TypeError(
                f"a hash returns (event, partition), or None, not {shown(found)}"
            )
        event, name = found
        partition = self._partitions.get(_mark_of(name))
        if partition is None:
            raise ValueError(f"the hash names a partition that is none: {shown(name)}")
        return event, partition

    def _replace(self, count: int, out: Out) -> None:
        """Ask for *count* events again, on behalf of consumers that wait for some."""
        for subscription, partition in self._of.items():
            part = min(count, partition.demand)
            if part:
                partition.demand -= part
                self.wanted -= part
                count -= part
                out.ask(subscription, part)


@final
class _Partition:
    """One partition; it has demand only while its queue is empty."""

    __slots__ = ("consumer", "demand", "queue")

    def __init__(self) -> None:
        self.consumer: Subscription | None = None
        self.demand = 0
        self.queue = Buffer()

    def ask(self, count: int, out: Out) -> None:
        self.demand += count
        while self.queue and self.demand:
            events, notices = self.queue.take(self.demand)
            self._send(events, out)
            for notice in notices:
                notice.passed(out)

    def dispatch(self, events: list[Any], out: Out) -> None:
        demand = self.demand
        if demand:
            self._send(events[:demand], out)
        if len(events) > demand:
            self.queue.store(events[demand:])

    def _send(self, events: list[Any], out: Out) -> None:
        assert self.consumer is not None
        self.demand -= len(events)
        out.send(self.consumer, events)


@final
class _Notice:
    """An info message that is behind events in several queues."""

    __slots__ = ("_message", "_queues")

    def __init__(self, message: Any, queues: int) -> None:
        self._message = message
        self._queues = queues

    def passed(self, out: Out) -> None:
        """Take note that it has come to the front of one more queue."""
        self._queues -= 1
        if not self._queues:
            out.info(self._message)


def _mark_of(name: Any) -> Any:
    """Return what stands for the name of a partition in a table."""
    if name.__class__ is int:
        return name
    try:
        return mark_of(Atom(name) if type(name) is str else name)
    except EncodeError as error:
        raise ValueError(f"{shown(name)} is no name of a partition") from error
