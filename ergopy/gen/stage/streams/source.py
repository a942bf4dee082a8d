"""``GenStage.from_enumerable``: a producer whose events are the items of a source."""

from __future__ import annotations

import inspect
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from etf import Reference

from ...caller import acting
from ...returns import Stop
from .. import verbs
from ..producer import Producer
from .intake import Intake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etf import Pid

    from ..subscription import Subscription

CONTINUE = "continue"
STOP = "stop"


async def from_iterable(
    source: Any,
    *,
    caller: Any = None,
    name: Any = None,
    link: bool = True,
    **options: Any,
) -> Pid:
    """Start a producer of the items of *source*; ``GenStage.from_enumerable/2``.

    ::

        async def readings(sensor):
            while True:
                yield await sensor.read()

        pid = await stage.from_iterable(readings(sensor), name="readings", caller=node)

    See :class:`ergopy.IterableProducer` for how it is read and how it ends.

    Args:
        source: An iterable or an asynchronous one, such as what a generator function
            returned; or a function that makes one. It belongs to the producer then.
        caller: Who starts it: a process, a behaviour, or a node for a program. By
            default it is the process that runs the code.
        name: What the producer is to be registered as.
        link: Link it to the caller, as in GenStage. A node that starts it lives on
            when it fails.
        options: Those of :class:`ergopy.IterableProducer`, and of
            :meth:`ergopy.Process.start`.

    Raises:
        TypeError: *source* is no source, or there is no such option.
        AlreadyStarted, StartError: As for :meth:`ergopy.Process.start`.
    """
    if not _is_source(source):
        raise TypeError(f"events come from an iterable, not from {source!r}")
    return await acting(caller).start(
        IterableProducer, source, name=name, link=link, **options
    )


class IterableProducer(Producer):
    """A producer of what a source has; for supervisors, and to be subclassed.

    ::

        ChildSpec(IterableProducer, readings, name="readings")      # calls readings()

    It takes an item only when a consumer wants it, and sends what is there without
    waiting for more. While the source makes it wait it answers as any stage.

    When the source is exhausted, which it finds when it wants the next item, it ends
    with ``normal`` as soon as all was sent. A consumer that is ``transient`` goes on
    then; one that is ``permanent`` ends, too.
    If the source raises it ends with that, when what came before was sent. The source
    is closed (``aclose`` or ``close``, if it has one) whenever the producer ends; that
    is, shortly after it.

    The argument of ``init`` is the source, or a function that makes it: that is what a
    supervisor wants, since a source can be read only once. A supervisor starts it again
    if it failed, and not if it is done (``restart="transient"``).

    Args:
        options: ``dispatcher``, ``demand``, ``buffer_size`` and ``buffer_keep`` as of
            any :class:`ergopy.Producer`, ``on_cancel`` and ``thread``: each replaces
            the attribute of that name.
    """

    on_cancel: str = CONTINUE
    """What it does when its last consumer has left: ``"continue"`` waits for others,
    ``"stop"`` ends with ``normal``."""

    thread: bool = False
    """Whether a plain iterable is read in a thread, as one must be that blocks. A
    thread that waits for an item cannot be ended: the source closes when it is there.
    """

    child_defaults: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"restart": "transient"}
    )

    def __init__(self, **options: Any) -> None:
        unknown = options.keys() - _OPTIONS
        if unknown:
            raise TypeError(f"{type(self).__name__} takes no {', '.join(unknown)}=")
        vars(self).update(options)

    async def init(self, source: Any) -> Any:
        if self.on_cancel not in (CONTINUE, STOP):
            raise ValueError(f"on_cancel= is continue or stop, not {self.on_cancel!r}")
        process = self.process
        self._read, self._sent = self.new_ref(), self.new_ref()
        self._intake = Intake(
            process,
            await _iterator(source),
            thread=self.thread,
            news=partial(process.deliver, self._read),
        )
        self.start_soon(self._intake.run)

    async def handle_demand(self, demand: int) -> None:
        self._intake.want(demand)

    async def _take_info(self, message: Any) -> Any:
        if message.__class__ is Reference:
            if message == self._read:
                return await self._done(await self._pass_on(), "handle_demand")
            if message == self._sent:
                return await self._done(self._end(), "handle_demand")
        return await super()._take_info(message)

    async def handle_cancel(self, subscription: Subscription, reason: Any) -> Any:
        if self.on_cancel == STOP and not self.subscribers:
            return Stop()
        return None

    async def _pass_on(self) -> list[Any] | None:
        intake = self._intake
        items = intake.take()
        if not intake.over:
            return items
        await self.emit(items)
        await verbs.async_info(self.pid, self._sent, caller=self)
        return None

    def _end(self) -> Stop:
        if self._intake.failure is not None:
            raise self._intake.failure
        return Stop()


_OPTIONS = frozenset(
    (
        "buffer_keep",
        "buffer_size",
        "demand",
        "dispatcher",
        "max_subscribers",
        "on_cancel",
        "thread",
    )
)


def _is_source(source: Any) -> bool:
    """Tell whether items come from *source*, or from what it returns when called."""
    return _has_items(source) or callable(source)


def _has_items(source: Any) -> bool:
    return hasattr(source, "__aiter__") or hasattr(source, "__iter__")


async def _iterator(source: Any) -> Any:
    if not _has_items(source):
        source = source()
        if inspect.isawaitable(source):
            source = await source
    return aiter(source) if hasattr(source, "__aiter__") else iter(source)
