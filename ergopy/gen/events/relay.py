"""Events of other nodes: subscribed to once for this node, and passed on here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom, ImproperList

from ...errors import CallError, NodeDown
from ...process.atoms import ALIAS, ERROR, GEN_CALL, NOCONNECTION, NOPROC
from .channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Pid

    from ...process.process import Process
    from .messages import Key
    from .watches import Watches

SUBSCRIBE = Atom("subscribe")
UNSUBSCRIBE = Atom("unsubscribe")
BUFFER = Atom("buffer")


@final
class Relay:
    """An event of another node, for the subscribers of this one.

    It begins with a call to the server over there, during which others may join. A
    watch on that server tells of its end, or of the loss of its node.
    """

    def __init__(
        self,
        server: Process,
        watches: Watches,
        event: Key,
        place: Any,
        max_lag: int | None,
        max_buffer: int,
        forget: Callable[[Relay], object],
    ) -> None:
        self.event = event
        # How many it is to keep is told by the answer, and values may be ahead of that.
        self.channel = Channel(
            server,
            watches,
            event,
            keep=max_buffer,
            max_lag=max_lag,
            deserted=self._deserted,
        )
        self._max_buffer = max_buffer
        self._server = server
        self._watches = watches
        self._place = place
        self._forget = forget
        self._answer: Any = None
        self._asking: list[tuple[Pid, Any]] = []

    def join(self, pid: Pid, from_: Any) -> None:
        """Let *pid* subscribe, and answer when it is known whether that is possible."""
        if self._answer is None:
            self._asking.append((pid, from_))
        else:
            self._server.reply_nowait(from_, self._answer)
        if pid not in self.channel:
            self.channel.add(pid)
            self.channel.replay(pid)

    async def open(self) -> None:
        """Subscribe over there; a helper task of the server runs this."""
        answer = await self._ask()
        match answer:
            case (Atom("ok"), dict(told)):
                self.channel.remember(self._keep(told.get(BUFFER)))
                self._watches.watch(self._place, self)
                self._answer = answer
        asking, self._asking = self._asking, []
        for _, from_ in asking:
            self._server.reply_nowait(from_, answer)
        if self._answer is None:
            self._close()
            self.channel.forget()
        elif not len(self.channel):
            self._deserted()

    def _keep(self, told: Any) -> int:
        return min(told, self._max_buffer) if type(told) is int and told > 0 else 0

    async def _ask(self) -> Any:
        request = (SUBSCRIBE, self.event[0])
        try:
            return await self._server.call(self._place, request, None)
        except NodeDown:
            return (ERROR, NOCONNECTION)
        except CallError as error:
            return (ERROR, getattr(error, "reason", NOPROC))

    def _deserted(self) -> None:
        """Unsubscribe over there when nobody here wants it any more."""
        if self._answer is None:
            return
        # Sent in this step, so that a later wish to subscribe comes after it. The
        # answer goes to an alias that nobody has.
        server = self._server
        tag = ImproperList([ALIAS], server.new_ref())
        request = (UNSUBSCRIBE, self.event[0])
        server.send_one(self._place, (GEN_CALL, (server.pid, tag), request))
        self._close()

    def _close(self) -> None:
        self._watches.unwatch(self)
        self._forget(self)

    def fire(self, reason: Any) -> None:
        """Take the end of the server over there, or of its event."""
        self._close()
        self.channel.end(reason)
