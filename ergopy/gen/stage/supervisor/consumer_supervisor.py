"""ConsumerSupervisor: one process for each event; GenStage's module of that name.

It speaks the messages of that module, and so those of ``supervisor``, but for two:
``count_children`` is answered with a map, and ``start_child`` takes arguments.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ....process.atoms import BADARG, ERROR
from ...returns import Stop
from ...supervisor.checks import Restart, refused
from ...supervisor.dynamic import answer_by_pid, as_elixir
from ...supervisor.requests import counts
from ...supervisor.spec import SupervisorSpec
from ...supervisor.supervisor import Supervisor
from ..consumer import Consumer
from ..options import MANUAL
from .crowd import EventCrowd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etf import Atom

    from ...server import From
    from ...supervisor.flags import Flags
    from ...supervisor.spec import ChildSpec
    from ..subscription import Subscription

logger = logging.getLogger("ergopy.stage")


class ConsumerSupervisor(Consumer, Supervisor):
    """Starts a child for each event that comes; GenStage's ``ConsumerSupervisor``.

    ::

        async def fetch(proc, url):
            ...

        producers = [("urls", {"max_demand": 50})]
        await node.start(ergopy.ConsumerSupervisor, fetch, subscribe_to=producers)

    or a subclass whose ``init`` returns the template: a :class:`ergopy.ChildSpec`, or
    what a supervisor takes for one, alone, in a list, or in an
    :class:`ergopy.SupervisorSpec`. The event is the last argument of the child.

    Of each subscription there are ``max_demand`` children at most, if the producer
    sends no more than was asked for. As they end their
    places are counted, and so many events are asked for as soon as ``min_demand``
    places are free: by default half of them, with ``min_demand=0`` each one at once. A
    child that does not come up takes no place: its event is lost, and the log has why,
    unless ``init`` returned ``IGNORE``. A child that is restarted keeps its place. When
    a subscription ends its children go on.

    ``restart`` of the template is ``temporary``, as it is here for a class or function
    that says nothing of it, or ``transient``: then a crash has the same event tried
    again. ``permanent``, the default of a ChildSpec, is refused, as in GenStage.

    The options are those of :class:`ergopy.Supervisor`, but the strategy is
    ``one_for_one`` and it never ends by itself; and ``subscribe_to``. Too many restarts
    end it, and so does the end of a subscription, unless ``cancel=`` of that says
    otherwise. It stops all its children then, and events that were on the way are lost.

    Children are started one after the other: one whose ``init`` is slow holds up
    everything else that the supervisor does, as in Elixir. Work belongs into
    ``handle_continue`` of the child, or into a plain function.

    ``which_children``, ``count_children`` and ``terminate_child``, with the pid, are
    those of :mod:`ergopy.supervisor`; ``start_child`` takes a list of arguments for the
    template. Such a child takes no place. On a BEAM the functions of
    ``ConsumerSupervisor`` work on it.

    Raises:
        TypeError: There is no such option.
        StartError: ``start`` raises it if the template or an option makes no sense.
    """

    _children: EventCrowd

    def __init__(
        self, *, subscribe_to: Iterable[Any] | None = None, **flags: Any
    ) -> None:
        super().__init__(**flags)
        if subscribe_to is not None:
            self.subscribe_to = subscribe_to

    async def init(self, template: Any = None, /) -> Any:
        """Return the template, by default the one that it was started with."""
        return template

    async def handle_subscribed(
        self, subscription: Subscription, options: dict[Any, Any]
    ) -> str:
        """Ask for ``max_demand`` events; what comes then the children decide."""
        await self._ask_for(subscription)
        return MANUAL

    async def handle_events(self, events: list[Any], subscription: Subscription) -> Any:
        """Start a child for each event."""
        children, flow = self._children, self._flow(subscription)
        assert flow is not None
        excess = children.count(flow) + len(events) - flow.max_demand
        if excess > 0:
            logger.error(
                "consumer %s has got %d events more than it asked for, from %s",
                self.process.label,
                excess,
                subscription,
            )
        for event in events:
            await children.start_for(event, flow)
        await self._ask_for(subscription)

    async def handle_call(self, request: Any, from_: From) -> Any:
        answered = await answer(self._children, request)
        await self._ask_again()
        return answered

    def _read(self, wanted: Any) -> tuple[Flags, list[Any]]:
        alone = not isinstance(wanted, SupervisorSpec | list)
        return super()._read([wanted] if alone else wanted)

    def _checked(self) -> Flags:
        return super()._checked().each_alone()

    def _crowd_of_one(self, flags: Flags) -> type[EventCrowd]:
        return EventCrowd

    def _spec(self, child: Any, flags: Flags) -> ChildSpec:
        spec = super()._spec(child, flags)
        if spec.restart is not Restart.PERMANENT:
            return spec
        # A class or function that says nothing of it does not mean permanent.
        start = child[0] if isinstance(child, tuple) and child else child
        if callable(start) and "restart" not in getattr(start, "child_defaults", ()):
            return spec.replace(restart=Restart.TEMPORARY)
        raise refused("invalid_restart_type", spec.restart)

    async def _done(self, result: Any, callback: str) -> Any:
        if not isinstance(result, Stop):
            await self._ask_again()
        return await super()._done(result, callback)

    async def _ask_again(self) -> None:
        """Ask for events in the place of children that have ended."""
        for flow in self._children.take_freed():
            await self._ask_for(flow.to)

    async def _ask_for(self, subscription: Subscription) -> None:
        flow = self._flow(subscription)
        if flow is not None:
            await self.ask(subscription, self._children.missing(flow))


async def answer(children: EventCrowd, request: Any) -> Any:
    """Do what is asked, in the words of GenStage."""
    match request:
        case "count_children":
            return _count(children)
        case ("start_child", list(extra)):
            return await _start_child(children, extra)
        case ("start_child", _):
            return (ERROR, BADARG)
    return await answer_by_pid(children, request)


async def _start_child(children: EventCrowd, extra: list[Any]) -> Any:
    child = children.new_child(extra)
    answered = await children.answer_start(child)
    children.forget_args(child)
    return as_elixir(answered)


def _count(children: EventCrowd) -> dict[Atom, int]:
    everybody = len(children)
    supervisors = everybody if children.spec.is_supervisor else 0
    return dict(counts(1, len(children.running), supervisors, everybody))
