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

from ..errors import ConnectError
from .connect import answer, release
from .handshake import Acceptor

if TYPE_CHECKING:
    import socket as sockets
    from collections.abc import Sequence

    from .connect import Gate

logger = logging.getLogger("ergopy.dist")

MAX_PENDING = 100
"""Handshakes under way at a time."""

_PAUSE = 0.1
"""Seconds to wait when there are no files, no memory, or whatever else is wrong."""


async def serve(
    listeners: Sequence[sockets.socket],
    gate: Gate,
    *,
    setup_time: float = 7.0,
    max_pending: int = MAX_PENDING,
) -> None:
    """Accept for ever; what becomes a connection goes to ``gate.established``.

    The listening sockets are not closed here. Cancelling it drops the handshakes
    under way.
    """
    door = _Door(gate, setup_time, max_pending)
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(door.accept, listener, nursery)


class _Door:
    """The handshakes under way, oldest first."""

    def __init__(self, gate: Gate, setup_time: float, max_pending: int) -> None:
        self._gate = gate
        self._setup_time = setup_time
        self._max_pending = max_pending
        self._pending: dict[trio.CancelScope, object] = {}

    async def accept(self, listener: sockets.socket, nursery: trio.Nursery) -> None:
        """Accept from one listening socket until it is closed."""
        async_listener = trio.socket.from_stdlib_socket(listener)
        while True:
            try:
                sock, address = await async_listener.accept()
            except OSError as error:
                if error.errno == errno.EBADF:
                    return
                if error.errno == errno.ECONNABORTED:
                    continue
                logger.error("cannot accept connections: %s", error)
                await trio.sleep(_PAUSE)
                continue
            scope = self._admit(address)
            nursery.start_soon(self._handshake, sock, address, scope)

    def _admit(self, address: object) -> trio.CancelScope:
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
        self._pending[scope] = address
        return scope

    async def _handshake(
        self, sock: trio.socket.SocketType, address: object, scope: trio.CancelScope
    ) -> None:
        try:
            with scope:
                await self._shake_hands(sock, address)
        except ConnectError as error:
            logger.warning("refused a connection from %s: %s", address, error)
        except OSError as error:
            logger.warning("lost a connection from %s: %s", address, error)
        except Exception:
            # Whatever is wrong with one connection, the others and the node go on.
            logger.exception("the handshake with %s crashed", address)
        finally:
            self._pending.pop(scope, None)
            sock.close()  # nothing happens if the gate has taken it

    async def _shake_hands(self, sock: trio.socket.SocketType, address: object) -> None:
        stream = trio.SocketStream(sock)
        acceptor = Acceptor(
            self._gate.identity, challenge=secrets.randbits(32), peer=f"{address}"
        )
        link = await answer(stream, acceptor, self._gate, setup_time=self._setup_time)
        if link is None:
            return
        plain = release(stream)
        try:
            self._gate.established(plain, link)
        except BaseException:
            plain.close()
            raise
