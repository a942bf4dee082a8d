"""Two TLS sockets in memory: one that dials, and one that is dialled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy.dist.network import receive_some, send_all
from ergopy.dist.tls.sockets import TlsSocket
from ergopy.testing import pipe
from tests.certificates import Desk, certificates

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["certificates"]

A, B = "a@10.0.0.1", "b@shop.example"
Sockets = tuple[TlsSocket, TlsSocket]


def plain_pair(
    window: int = pipe.WINDOW, chunk: int | None = None
) -> tuple[pipe.MemorySocket, pipe.MemorySocket]:
    ways = (pipe.Way(window, chunk) for _ in "ab")
    return pipe.connect(*zip((A, B), ways, strict=True))


def tls_pair(
    mine: ergopy.Tls, theirs: ergopy.Tls, **options: Any
) -> tuple[TlsSocket, TlsSocket]:
    """The node that dials, A, and the one that is dialled, B; neither has started."""
    one, two = plain_pair(**options)
    dialler = TlsSocket(
        one,
        mine.client_context,
        peer=B,
        host=B.partition("@")[2],
        check_names=mine.check_names,
    )
    dialled = TlsSocket(
        two, theirs.server_context, peer="10.0.0.1", check_names=theirs.check_names
    )
    return dialler, dialled


async def both(*functions: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Run functions side by side; their results, or what they raised."""
    results: list[Any] = [None] * len(functions)

    async def run(place: int, function: Callable[[], Awaitable[Any]]) -> None:
        try:
            results[place] = await function()
        except (OSError, ergopy.ErgopyError) as error:
            results[place] = error

    async with trio.open_nursery() as nursery:
        for place, function in enumerate(functions):
            nursery.start_soon(run, place, function)
    return results


async def started(sockets: Sockets) -> Sockets:
    for result in await both(*(sock.start for sock in sockets)):
        assert result is None, result
    return sockets


async def receive_exactly(sock: TlsSocket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = await receive_some(sock)
        assert more, "it ended"
        data += more
    return bytes(data)


async def refusal(sock: TlsSocket) -> Any:
    """Start, and say the first word: what a dialler is told, whenever it is told."""
    try:
        await sock.start()
        await send_all(sock, b"\0\0\0\1N")
        return await receive_some(sock)
    finally:
        sock.close()


@pytest.fixture(params=["1.2", "1.3"])
def version(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def sockets(certificates: Desk, version: str) -> Sockets:
    rules = {"versions": (version,)}
    pair = tls_pair(certificates.good(A, **rules), certificates.good(B, **rules))
    return await started(pair)
