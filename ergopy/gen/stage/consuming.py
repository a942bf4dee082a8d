"""What a stage can do that takes events: subscribe, ask, and how it does that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import LocalProtocolError
from ...process import reasons
from .inlet import Inlet
from .options import read
from .stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..returns import Stop
    from .batches import Inflow
    from .options import Options
    from .subscription import Subscription


class Consuming(Stage):
    """The part of a stage that has producers."""

    subscribe_to: Iterable[Any] = ()
    """What it subscribes to when it starts, after ``init``: each is a destination (a
    pid, a name, ``(name, node)`` or a :class:`ergopy.Via`), or a pair of one and a
    dict with the options of :meth:`subscribe`. ``init`` may set it."""

    async def handle_events(self, events: list[Any], subscription: Subscription) -> Any:
        """Handle a batch; a producer-consumer returns the events to send on.

        It has at most ``max_demand - min_demand`` events (all that came, for a manual
        subscription), at least one. More are asked for when this has returned.
        """
        raise NotImplementedError(f"no handle_events for {len(events)} events")

    async def handle_subscribed(
        self, subscription: Subscription, options: dict[Any, Any]
    ) -> str | Stop | None:
        """Take note of a subscription to a producer; say how demand is to go.

        Return ``"automatic"`` (or None), or ``"manual"``: then nothing is asked for
        but with :meth:`ask`, which may be called here already.
        """
        return None

    async def handle_canceled(self, subscription: Subscription, reason: Any) -> Any:
        """Take note of the end of a subscription to a producer.

        *reason* is ``("cancel", Reason)``, or ``("down", Reason)`` if the producer or
        the connection to it is gone. If ``cancel=`` says so the stage ends after this.
        """

    async def subscribe(
        self,
        to: Any,
        *,
        max_demand: float = 1000,
        min_demand: int | None = None,
        cancel: str = "permanent",
        replacing: tuple[Any, Any] | None = None,
        **options: Any,
    ) -> Subscription:
        """Subscribe to a producer; ``GenStage.sync_subscribe/3``, from within.

        It does not wait for the producer: that it does not want this consumer comes
        as a cancellation.

        Args:
            to: The producer: a pid, a name, ``(name, node)`` or a :class:`ergopy.Via`.
            max_demand: Events that may be on the way, or not handled yet; ``math.inf``
                asks for as many as there are.
            min_demand: It asks for more when no more than these are to come; by default
                half of *max_demand*.
            cancel: What the end of the subscription does to this stage. With
                ``permanent`` it ends with the same reason, with ``transient`` too, but
                not if that is ``normal``, ``shutdown`` or ``{shutdown, _}``. With
                ``temporary`` it goes on.
            replacing: ``(subscription, reason)``: one with the same producer that ends
                with *reason* first. That is an end like others for this stage, so it
                should be ``temporary``, or ``transient`` and the reason ``normal``.
            options: For the producer's dispatcher, such as ``partition``.

        Raises:
            NoProcess: There is no such process on this node, and it is not temporary.
            ValueError: An option makes no sense. Nothing was sent.
            etf.EncodeError: An option is no term, and the producer on another node.
        """
        current = None
        if replacing is not None:
            old, reason = replacing
            current = (old.tag, reasons.as_reason(reason))
        given = {"max_demand": max_demand, "cancel": cancel, **options}
        if min_demand is not None:
            given["min_demand"] = min_demand
        return await self._taking().subscribe(to, read(given), current)

    async def ask(self, subscription: Subscription, count: int) -> bool:
        """Ask for *count* events more, of a manual subscription; ``GenStage.ask/2``.

        Returns whether there is such a subscription.

        Raises:
            LocalProtocolError: It is automatic.
            ValueError: *count* is no number of events.
        """
        flow = self._flow(subscription)
        if flow is not None:
            await self._taking().ask(flow, count)
        return flow is not None

    async def set_mode(self, subscription: Subscription, mode: str) -> bool:
        """Make a subscription ``"automatic"`` or ``"manual"``. Not in GenStage.

        From automatic to manual, what was asked for still comes. The other way, if no
        more than ``min_demand`` events are to come, so much is asked for that these are
        ``max_demand``.

        Returns whether there is such a subscription.
        """
        flow = self._flow(subscription)
        if flow is not None:
            await self._taking().set_mode(flow, mode)
        return flow is not None

    def set_cancel(self, subscription: Subscription, cancel: str) -> bool:
        """Change what the end of a subscription means: see :meth:`subscribe`.

        Not in GenStage. Returns whether there is such a subscription.
        """
        flow = self._flow(subscription)
        if flow is not None:
            self._taking().set_cancel(flow, cancel)
        return flow is not None

    @property
    def subscriptions(self) -> list[Subscription]:
        """What it is subscribed to."""
        return [flow.to for flow in self._taking().flows.values()]

    async def _open(self) -> None:
        await super()._open()
        if isinstance(self.subscribe_to, str):
            raise ValueError(f"subscribe_to= is a list, not {self.subscribe_to!r}")
        # Nothing is subscribed to if one of them makes no sense.
        wanted = [_target(target) for target in self.subscribe_to]
        self._inlet = inlet = Inlet(self, self._passage)
        for to, options in wanted:
            await inlet.subscribe_as_told(to, options)

    def _taking(self) -> Inlet:
        if self._inlet is None:
            raise LocalProtocolError("in init a stage sets subscribe_to, instead")
        return self._inlet

    def _flow(self, subscription: Subscription) -> Inflow | None:
        return self._taking().find(subscription.tag)


def _target(target: Any) -> tuple[Any, Options]:
    match target:
        case (to, dict() as options):
            return to, read(options)
    return target, read({})
