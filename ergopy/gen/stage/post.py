"""What a producer sends for its dispatcher, and what is in the way of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from ...errors import MailboxFull
from . import wire

if TYPE_CHECKING:
    from ...process.process import Process
    from ...process.signals import RemoteNode
    from .subscription import Subscription


@final
class Post:
    """What the dispatcher of one stage sends through; see :class:`.dispatch.base.Out`.

    Nothing here waits: who has had something sent calls :meth:`ready` then, if
    :attr:`stuck`.
    """

    __slots__ = ("_full", "_process", "_refusing", "infos")

    def __init__(self, process: Process) -> None:
        self.infos = 0
        """Infos that wait behind events, in whatever place of the stage."""
        self._process = process
        self._full: list[RemoteNode] = []
        self._refusing: list[Subscription] = []

    @property
    def stuck(self) -> bool:
        """Whether too much is queued for the node of a consumer, or one refuses."""
        return bool(self._full or self._refusing)

    async def ready(self) -> list[Subscription]:
        """Wait for full connections; return the subscriptions that take no more."""
        full, self._full = self._full, []
        refusing, self._refusing = self._refusing, []
        for remote in full:
            await remote.ready(self._process.pid)
        return refusing

    def send(self, subscription: Subscription, events: list[Any]) -> None:
        process = self._process
        peer, tag = subscription
        message = (wire.GEN_CONSUMER, (process.pid, tag), events)
        try:
            full = wire.tell(process, peer, message)
        except MailboxFull:
            self._refusing.append(subscription)
            return
        if full is not None and full not in self._full:
            self._full.append(full)

    def ask(self, subscription: Subscription, count: int) -> None:
        request = (wire.GEN_PRODUCER, subscription, (wire.ASK, count))
        self._process.deliver(request)

    def cancel(self, subscription: Subscription, reason: Any) -> None:
        request = (wire.GEN_PRODUCER, subscription, (wire.CANCEL, reason))
        self._process.deliver(request)

    def info(self, message: Any) -> None:
        self.infos -= 1
        self._process.deliver(message)
