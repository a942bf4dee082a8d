"""TLS between two sockets in memory, with the windows and pieces of a bad network."""

from __future__ import annotations

import contextlib
import os
from functools import partial

import pytest
import trio

from ergopy import TlsError
from ergopy.dist.network import receive_some, send_all
from tests.certificates import Desk, certificates
from tests.dist.tls_pairs import (
    A,
    B,
    Sockets,
    both,
    receive_exactly,
    sockets,
    started,
    tls_pair,
    version,
)

__all__ = ["certificates", "sockets", "version"]


async def test_both_ends_agree_on_the_version_that_both_have(
    sockets: Sockets, version: str
) -> None:
    for sock in sockets:
        assert sock.tls.version() == f"TLSv{version}"


async def test_what_one_end_sends_the_other_receives(sockets: Sockets) -> None:
    for one, two in (sockets, sockets[::-1]):
        await send_all(one, b"hello")
        assert await receive_exactly(two, 5) == b"hello"


async def test_a_read_gives_all_that_has_arrived(sockets: Sockets) -> None:
    one, two = sockets
    for _ in range(20):
        await send_all(one, b"x" * 1000)
    buffer = memoryview(bytearray(100_000))
    assert two.recv_into(buffer) == 20_000
    with pytest.raises(BlockingIOError):
        two.recv_into(buffer)


async def test_what_does_not_fit_into_a_buffer_is_there_without_waiting(
    sockets: Sockets,
) -> None:
    one, two = sockets
    await send_all(one, bytes(range(100)))
    buffer = memoryview(bytearray(7))
    got = bytearray()
    while len(got) < 100:
        with trio.fail_after(60):
            await two.wait_readable()
        got += buffer[: two.recv_into(buffer)]
    assert bytes(got) == bytes(range(100))


@pytest.mark.parametrize("chunk", [1, 3, 1000])
async def test_records_that_come_in_pieces_are_put_together(
    certificates: Desk, version: str, chunk: int
) -> None:
    rules = {"versions": (version,)}
    pair = tls_pair(
        certificates.good(A, **rules), certificates.good(B, **rules), chunk=chunk
    )
    one, two = await started(pair)
    data = os.urandom(3000)
    _, got = await both(
        partial(send_all, one, data), partial(receive_exactly, two, 3000)
    )
    assert got == data


@pytest.mark.parametrize("window", [50, 5000, 100_000])
async def test_a_full_network_takes_every_byte_once(
    certificates: Desk, version: str, window: int
) -> None:
    rules = {"versions": (version,)}
    pair = tls_pair(
        certificates.good(A, **rules), certificates.good(B, **rules), window=window
    )
    one, two = await started(pair)
    data = os.urandom(window * 20)
    sent = partial(send_all, one, data)
    _, got = await both(sent, partial(receive_exactly, two, len(data)))
    assert got == data


async def test_both_ends_may_write_more_than_the_network_holds(
    sockets: Sockets,
) -> None:
    data = os.urandom(2_000_000)
    one, two = sockets
    results = await both(
        partial(send_all, one, data),
        partial(send_all, two, data),
        partial(receive_exactly, one, len(data)),
        partial(receive_exactly, two, len(data)),
    )
    assert results[2:] == [data, data]


async def test_bytes_that_are_stuck_in_the_network_are_not_acknowledged(
    sockets: Sockets,
) -> None:
    one, two = sockets
    data = os.urandom(200_000)
    taken = one.send(data)
    assert 0 < taken < len(data)
    with pytest.raises(BlockingIOError):
        one.send(data[taken:])
    got = bytearray()
    while len(got) < len(data):
        got += await receive_some(two)
        with contextlib.suppress(BlockingIOError):
            if taken < len(data):
                taken += one.send(data[taken:])
    assert bytes(got) == data


async def test_one_byte_that_is_stuck_is_sent_once(certificates: Desk) -> None:
    one, two = await started(
        tls_pair(certificates.good(A), certificates.good(B), window=10)
    )
    with pytest.raises(BlockingIOError):
        one.send(b"x")
    await both(partial(send_all, one, b"x"), partial(receive_exactly, two, 1))
    await both(partial(send_all, one, b"y"), partial(receive_exactly, two, 1))
    with pytest.raises(BlockingIOError):
        two.recv_into(memoryview(bytearray(10)))


async def test_a_goodbye_is_the_end(sockets: Sockets) -> None:
    one, two = sockets
    await send_all(one, b"last words")
    one.close()
    assert await receive_some(two) == b"last words"
    await two.wait_readable()
    assert await receive_some(two) == b""
    assert await receive_some(two) == b""
    one.close()


async def test_a_goodbye_is_the_end_even_if_the_connection_stays_open(
    sockets: Sockets,
) -> None:
    one, two = sockets
    one._say_goodbye(one.tls)
    assert await receive_some(two) == b""
    with trio.fail_after(60):
        await two.wait_readable()
    assert await receive_some(two) == b""


async def test_an_end_without_goodbye_is_the_end(sockets: Sockets) -> None:
    one, two = sockets
    await send_all(one, b"last words")
    one.tcp.close()
    assert await receive_some(two) == b"last words"
    assert await receive_some(two) == b""


async def test_bytes_that_were_changed_are_a_named_error(sockets: Sockets) -> None:
    one, two = sockets
    one.tcp.send(b"\x17\x03\x03\0\x20" + bytes(32))
    with pytest.raises(TlsError) as caught:
        await receive_some(two)
    assert caught.value.reason == "broken"


async def test_what_precedes_broken_bytes_is_received(sockets: Sockets) -> None:
    one, two = sockets
    await send_all(one, b"last words")
    one.tcp.send(b"\x17\x03\x03\0\x20" + bytes(32))
    assert await receive_some(two) == b"last words"
    await two.wait_readable()
    with pytest.raises(TlsError):
        await receive_some(two)


async def test_close_wakes_whoever_waits(sockets: Sockets) -> None:
    one, _ = sockets
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def wait() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await one.wait_readable()

        await trio.testing.wait_all_tasks_blocked()
        one.close()


async def test_nothing_is_left_of_a_start_that_is_cancelled(
    certificates: Desk, autojump_clock: trio.testing.MockClock
) -> None:
    one, _ = tls_pair(certificates.good(A), certificates.good(B))
    with trio.move_on_after(7) as scope:
        await one.start()
    assert scope.cancelled_caught
    one.close()


async def test_a_hello_that_comes_byte_by_byte_is_understood(
    certificates: Desk,
) -> None:
    one, two = tls_pair(certificates.good(A), certificates.good(B), chunk=1)
    await started((one, two))


async def test_a_peer_that_reads_nothing_cannot_make_us_wait_to_close(
    sockets: Sockets,
) -> None:
    one, _ = sockets
    with contextlib.suppress(BlockingIOError):
        while one.send(bytes(100_000)):
            pass
    one.close()
    with pytest.raises(OSError, match="descriptor"):
        one.send(b"x")
