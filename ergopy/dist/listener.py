"""Accepting connections: one task per socket, few at a time, each with a deadline.

A socket that has not finished its handshake costs a task and a few KiB; there are at
most ``MAX_PENDING`` of them. One more makes the oldest give way, so that sockets that
say nothing cannot keep out a node that does.
"""

from __future__ import annotations

import errno
import logging
import secrets
from typing import TYPE_CHECKING

import trio

from ..errors import ConnectError, HandshakeTimeout
from .connect import answer
from .handshake import Acceptor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .connect import Gate
    from .network import Listener, Network, Socket

logger = logging.getLogger("ergopy.dist")

MAX_PENDING = 100
"""Handshakes under way at a time."""

_PAUSE = 0.1
"""Seconds to wait when there are no files, no memory, or whatever else is wrong."""


async def serve(
    network: Network,
    listeners: Sequence[Listener],
    gate: Gate,
    *,
    setup_time: float = 7.0,
    max_pending: int = MAX_PENDING,
) -> None:
    """Accept for ever; what becomes a connection goes to ``gate.established``.

    The listeners are not closed here. Cancelling it drops the handshakes
    under way.
    """
    door = _Door(network.prefix, gate, setup_time, max_pending)
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(door.accept, listener, nursery)


class _Door:
    """The handshakes under way, oldest first."""

    def __init__(
        self, prefix: int, gate: Gate, setup_time: float, max_pending: int
    ) -> None:
        self._prefix = prefix
        self._gate = gate
        self._setup_time = setup_time
        self._max_pending = max_pending
        self._pending: dict[trio.CancelScope, object] = {}

    async def accept(self, listener: Listener, nursery: trio.Nursery) -> None:
        """Accept from one listener until it is closed."""
        while True:
            try:
                sock = await listener.accept()
            except trio.ClosedResourceError:
                return
            except OSError as error:
                if error.errno == errno.EBADF:
                    return
                if error.errno == errno.ECONNABORTED:
                    continue
                logger.error("cannot accept connections: %s", error)
                await trio.sleep(_PAUSE)
                continue
            scope = self._admit(sock)
            nursery.start_soon(self._handshake, sock, scope)

    def _admit(self, sock: Socket) -> trio.CancelScope:
        """Make room for one more: the oldest of too many gives way.

        Whoever means it is done in some milliseconds; what is old is silent.
        """
        if len(self._pending) >= self._max_pending:
            oldest = next(iter(self._pending))
            logger.warning(
                "too many handshakes: %s gives way to a newer one",
                self._pending.pop(oldest),
            )
            oldest.cancel()
        scope = trio.CancelScope()
        self._pending[scope] = sock
        return scope

    async def _handshake(self, sock: Socket, scope: trio.CancelScope) -> None:
        taken = False
        try:
            with scope:
                taken = await self._shake_hands(sock)
        except ConnectError as error:
            logger.warning("refused a connection from %s: %s", sock, error)
        except OSError as error:
            logger.warning("lost a connection from %s: %s", sock, error)
        except Exception:
            # Whatever is wrong with one connection, the others and the node go on.
            logger.exception("the handshake with %s crashed", sock)
        finally:
            self._pending.pop(scope, None)
            if not taken:
                sock.close()

    async def _shake_hands(self, sock: Socket) -> bool:
        """Return whether the gate has taken the socket over."""
        try:
            with trio.fail_after(self._setup_time):
                await sock.start()
        except trio.TooSlowError:
            raise HandshakeTimeout(f"{sock}", self._setup_time) from None
        acceptor = Acceptor(
            self._gate.identity,
            challenge=secrets.randbits(32),
            prefix=self._prefix,
            peer=f"{sock}",
        )
        link = await answer(sock, acceptor, self._gate, setup_time=self._setup_time)
        if link is None:
            return False
        self._gate.established(sock, link)
        return True
