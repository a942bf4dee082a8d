"""The client side of EPMD: one question per connection.

Each function opens a connection, asks, reads to the end and closes; its *timeout*
covers all of that. A cancelled one closes its socket at once. The one long-lived
connection, a registration, is in ``_registration``.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from ._addresses import LOOPBACK, default_port
from ._errors import (
    EpmdProtocolError,
    EpmdRefused,
    EpmdUnreachable,
    NotRegistered,
)
from ._listings import parse_dump, parse_names
from ._messages import (
    DumpRequest,
    KillRequest,
    NamesRequest,
    NodeInfo,
    PortRequest,
    StopRequest,
    check_u16,
    parse_port_reply,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ._listings import DumpEntry, NodeEntry

TIMEOUT = 5.0
MAX_REPLY = 8 * 2**20
"""What an EPMD may say in one answer, in bytes: thousands of the longest names."""
_READ = 2**16


async def names(
    host: str = LOOPBACK, port: int | None = None, *, timeout: float = TIMEOUT
) -> list[NodeEntry]:
    """List the nodes that are registered at *host*, as ``net_adm:names/1`` does.

    Args:
        host: Where EPMD runs.
        port: By default that of `default_port`.
        timeout: Seconds for everything.

    Raises:
        EpmdUnreachable: Nobody answers there, or not in time.
        EpmdProtocolError: What answers is no EPMD.
    """
    return parse_names(await _ask(NamesRequest().encode(), host, port, timeout))


async def lookup(
    name: str,
    host: str = LOOPBACK,
    port: int | None = None,
    *,
    timeout: float = TIMEOUT,
) -> NodeInfo | None:
    """Ask EPMD at *host* for the node *name*; ``None``: it is not registered.

    Like ``erl_epmd:port_please/2``.

    Args:
        name: The part of the node name before ``@``.
        host: Where EPMD runs: the part behind ``@``.
        port: By default that of `default_port`.
        timeout: Seconds for everything.

    Raises:
        EpmdUnreachable: Nobody answers there, or not in time.
        EpmdProtocolError: What answers is no EPMD, or it closed without an answer.
        EpmdValueError: No node can have that name.
    """
    return parse_port_reply(await _ask(PortRequest(name).encode(), host, port, timeout))


async def dump(
    host: str = LOOPBACK, port: int | None = None, *, timeout: float = TIMEOUT
) -> list[DumpEntry]:
    """List the live nodes, and the dead ones that EPMD remembers.

    EPMD tells only peers on its own machine.

    Raises:
        EpmdUnreachable: Nobody answers there, or not in time.
        EpmdProtocolError: What answers is no EPMD, or we are not on its machine.
    """
    return parse_dump(await _ask(DumpRequest().encode(), host, port, timeout))


async def kill(
    host: str = LOOPBACK, port: int | None = None, *, timeout: float = TIMEOUT
) -> None:
    """End the EPMD, like ``epmd -kill``.

    Raises:
        EpmdRefused: Nodes are registered, and it was not started with
            ``-relaxed_command_check``.
        EpmdUnreachable: Nobody answers there, or not in time.
        EpmdProtocolError: What answers is no EPMD, or we are not on its machine.
    """
    answer = await _ask(KillRequest().encode(), host, port, timeout)
    if answer == b"NO":
        raise EpmdRefused("kill", "nodes are registered")
    if answer != b"OK":
        raise EpmdProtocolError("expected an answer to KILL", answer)


async def stop(
    name: str,
    host: str = LOOPBACK,
    port: int | None = None,
    *,
    timeout: float = TIMEOUT,
) -> None:
    """Take *name* off the list, like ``epmd -stop``. The node registers anew.

    Raises:
        NotRegistered: Nobody has that name.
        EpmdRefused: EPMD was not started with ``-relaxed_command_check``, or we are
            not on its machine.
        EpmdUnreachable: Nobody answers there, or not in time.
        EpmdProtocolError: What answers is no EPMD.
    """
    request = StopRequest(name).encode()
    if port is None:
        port = default_port()
    answer = await _ask(request, host, port, timeout, silent=True)
    match answer:
        case b"STOPPED":
            return
        case b"NOEXISTSTOPPED" | b"NOEXIST":
            raise NotRegistered(name, host, port)
        case b"":
            raise EpmdRefused("stop", "it has no relaxed command check")
    raise EpmdProtocolError("expected an answer to STOP", answer)


@asynccontextmanager
async def reaching(host: str, port: int, timeout: float) -> AsyncIterator[None]:
    """Turn what can go wrong with a connection into `EpmdUnreachable`."""
    try:
        with trio.fail_after(timeout):
            yield
    except trio.TooSlowError as exc:
        problem = f"no answer within {timeout:g} s"
        raise EpmdUnreachable(host, port, problem) from exc
    except (OSError, trio.BrokenResourceError) as exc:
        raise EpmdUnreachable(host, port, _why(exc)) from exc


async def connect(host: str, port: int) -> trio.abc.Stream:
    """Connect to EPMD; use it inside `reaching`."""
    check_u16("port", port, 1)
    return await trio.open_tcp_stream(host, port)


def _why(exc: BaseException) -> str:
    # Trio hides the reasons of a failed connection attempt below its own summary.
    cause = exc.__cause__
    if isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    if isinstance(cause, OSError):
        exc = cause
    if isinstance(exc, OSError) and exc.errno is not None:
        # Name resolution has numbers of its own, and they are negative.
        return os.strerror(exc.errno) if exc.errno > 0 else str(exc.strerror)
    return str(exc) or "the connection broke"


async def _ask(
    request: bytes,
    host: str,
    port: int | None,
    timeout: float,
    *,
    silent: bool = False,
) -> bytes:
    """Send *request* and read the whole answer.

    With *silent*, an answer may be empty; otherwise that is an error.
    """
    if port is None:
        port = default_port()
    async with reaching(host, port, timeout):
        stream = await connect(host, port)
        async with stream:
            await stream.send_all(request)
            answer = await _read_all(stream)
    if not answer and not silent:
        raise EpmdProtocolError(f"EPMD at {host}:{port} closed without an answer")
    return answer


async def _read_all(stream: trio.abc.ReceiveStream) -> bytes:
    answer = bytearray()
    while data := await stream.receive_some(_READ):
        answer += data
        if len(answer) > MAX_REPLY:
            raise EpmdProtocolError(f"an answer over {MAX_REPLY} bytes", bytes(answer))
    return bytes(answer)
