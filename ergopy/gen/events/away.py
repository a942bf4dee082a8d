"""The events of other nodes that somebody here has subscribed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom, encode, identity_key

from ...process.atoms import ERROR, SYSTEM_LIMIT
from .relay import Relay

if TYPE_CHECKING:
    from etf import Pid

    from ...process.process import Process
    from .watches import Watches


@final
class Away:
    """One relay for each of them; see :class:`~.relay.Relay`."""

    def __init__(
        self,
        server: Process,
        watches: Watches,
        most: int,
        max_lag: int | None,
        max_buffer: int,
    ) -> None:
        self._server = server
        self._watches = watches
        self._most = most
        self._max_lag = max_lag
        self._max_buffer = max_buffer
        self._relays: dict[Any, Relay] = {}

    def subscribe(self, name: Any, node: Atom, pid: Pid, from_: Any) -> None:
        """Let *pid* subscribe; the answer comes when the other node has answered.

        Raises:
            ValueError: There can be no such node, or the server has no name.
            EncodeError: The other node cannot be asked for such a name.
        """
        key = identity_key((name, node))
        relay = self._relays.get(key)
        if relay is None:
            encode(name)
            if not self._server.names or "@" not in node:
                raise ValueError(f"no event server at {node!r}")
            if len(self._relays) >= self._most:
                self._server.reply_nowait(from_, (ERROR, SYSTEM_LIMIT))
                return
            place = (self._server.names[0], node)
            relay = self._relays[key] = Relay(
                self._server,
                self._watches,
                (name, node),
                place,
                self._max_lag,
                self._max_buffer,
                self._forget,
            )
            self._server.start_soon(relay.open)
        relay.join(pid, from_)

    def unsubscribe(self, name: Any, node: Atom, pid: Pid) -> None:
        """Let *pid* have no more, if it had any."""
        relay = self._relays.get(identity_key((name, node)))
        if relay is not None:
            relay.channel.remove(pid)

    def took(self, message: Any) -> bool:
        """Pass on what came from another server; return whether it was that."""
        match message:
            case (Atom("event"), (_, Atom()) as key, value):
                relay = self._find(key)
                if relay is not None:
                    relay.channel.publish(value)
            case (Atom("event_lag"), (_, Atom()) as key, int(missed)) if missed > 0:
                relay = self._find(key)
                if relay is not None:
                    relay.channel.lag(missed)
            case (Atom("event_down"), (_, Atom()) as key, reason):
                relay = self._find(key)
                if relay is not None:
                    relay.fire(reason)
            case _:
                return False
        return True

    def end(self, reason: Any) -> None:
        """Tell all subscribers that the server has ended."""
        for relay in list(self._relays.values()):
            relay.fire(reason)

    def _find(self, key: Any) -> Relay | None:
        return self._relays.get(identity_key(key))

    def _forget(self, relay: Relay) -> None:
        key = identity_key(relay.event)
        if self._relays.get(key) is relay:
            del self._relays[key]
