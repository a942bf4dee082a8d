"""Accepting connections: one task per socket, few at a time, each with a deadline.

A socket that has not finished its handshake costs a task and a few KiB; only
``MAX_PENDING`` of them are served at a time, and the others wait in the kernel.
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

_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
_PAUSE = 0.1


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
    limit = trio.CapacityLimiter(max_pending)
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            nursery.start_soon(_accept, listener, gate, setup_time, limit, nursery)


async def _accept(
    listener: sockets.socket,
    gate: Gate,
    setup_time: float,
    limit: trio.CapacityLimiter,
    nursery: trio.Nursery,
) -> None:
    async_listener = trio.socket.from_stdlib_socket(listener)
    while True:
        # The new task gives the token back, so the token is borrowed in its name.
        borrower = object()
        await limit.acquire_on_behalf_of(borrower)
        try:
            sock, address = await async_listener.accept()
        except OSError as error:
            limit.release_on_behalf_of(borrower)
            if error.errno == errno.EBADF:
                return
            if error.errno not in _FULL:
                continue
            logger.error("cannot accept connections: %s", error)
            await trio.sleep(_PAUSE)
            continue
        except BaseException:
            limit.release_on_behalf_of(borrower)
            raise
        nursery.start_soon(_handshake, sock, address, gate, setup_time, limit, borrower)


async def _handshake(
    sock: trio.socket.SocketType,
    address: object,
    gate: Gate,
    setup_time: float,
    limit: trio.CapacityLimiter,
    borrower: object,
) -> None:
    try:
        stream = trio.SocketStream(sock)
        acceptor = Acceptor(
            gate.identity, challenge=secrets.randbits(32), peer=f"{address}"
        )
        link = await answer(stream, acceptor, gate, setup_time=setup_time)
        if link is not None:
            gate.established(release(stream), link)
    except ConnectError as error:
        logger.warning("refused a connection from %s: %s", address, error)
    except OSError as error:
        logger.warning("lost a connection from %s: %s", address, error)
    except Exception:
        # Whatever is wrong with one connection, the others and the node go on.
        logger.exception("the handshake with %s crashed", address)
    finally:
        limit.release_on_behalf_of(borrower)
        sock.close()  # nothing happens if the gate has taken it
