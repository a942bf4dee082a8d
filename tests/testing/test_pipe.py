"""The sockets in memory: what TCP promises, and what faults take away."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from ergopy.dist.network import receive_some, send_all
from ergopy.testing.pipe import MemorySocket, Way, connect


def pair(**options: int) -> tuple[MemorySocket, MemorySocket, Way, Way]:
    there, back = Way(**options), Way(**options)
    one, two = connect(("one@x", there), ("two@x", back))
    return one, two, there, back


async def read_all(sock: MemorySocket) -> bytes:
    got = b""
    while data := await receive_some(sock):
        got += data
    return got


async def write_all(sock: MemorySocket, pieces: list[bytes]) -> None:
    for piece in pieces:
        await send_all(sock, piece)
    sock.close()


@given(
    pieces=st.lists(st.binary(max_size=40)),
    window=st.integers(1, 30),
    chunk=st.integers(1, 30),
)
async def test_all_bytes_arrive_in_order_and_then_the_end(
    pieces: list[bytes], window: int, chunk: int
) -> None:
    one, two, _, _ = pair(window=window, chunk=chunk)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write_all, one, pieces)
        assert await read_all(two) == b"".join(pieces)


async def test_both_directions_are_apart() -> None:
    one, two, _, _ = pair()
    one.send(b"there")
    two.send(b"back")
    assert await receive_some(one) == b"back"
    assert await receive_some(two) == b"there"


async def test_a_writer_waits_for_the_window() -> None:
    one, two, _, _ = pair(window=4)
    assert one.send(b"123456") == 4
    with pytest.raises(BlockingIOError):
        one.send(b"56")
    assert await receive_some(two) == b"1234"
    await one.wait_writable()
    assert one.send(b"56") == 2


async def test_a_read_of_nothing_would_block() -> None:
    _, two, _, _ = pair()
    with pytest.raises(BlockingIOError):
        two.recv_into(memoryview(bytearray(1)))


async def test_what_was_sent_cannot_be_changed_any_more() -> None:
    one, two, _, _ = pair()
    data = bytearray(b"before")
    one.send(memoryview(data))
    data[:] = b"after!"
    assert await receive_some(two) == b"before"


async def test_delays_keep_the_order_even_when_they_get_shorter(
    autojump_clock: trio.testing.MockClock,
) -> None:
    one, two, there, _ = pair()
    start = trio.current_time()
    there.delay = 10
    one.send(b"slow ")
    there.delay = 0
    one.send(b"fast")
    assert await receive_some(two) == b"slow fast"
    assert trio.current_time() - start == 10


async def test_the_end_is_as_late_as_the_bytes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    one, two, there, _ = pair()
    start = trio.current_time()
    there.delay = 3
    one.close()
    assert await receive_some(two) == b""
    assert trio.current_time() - start == 3


async def test_a_stall_holds_the_end_back_too() -> None:
    one, two, there, _ = pair()
    there.stalled = True
    one.send(b"abc")
    one.close()
    with pytest.raises(BlockingIOError):
        two.recv_into(memoryview(bytearray(9)))
    there.allowed = 2
    assert await receive_some(two) == b"ab"
    with pytest.raises(BlockingIOError):
        two.recv_into(memoryview(bytearray(9)))
    there.stalled = False
    assert await read_all(two) == b"c"


@pytest.mark.parametrize("fault", ["stalled", "cut"])
async def test_a_reader_of_what_is_held_up_sleeps(
    fault: str, autojump_clock: trio.testing.MockClock
) -> None:
    one, two, there, _ = pair()
    setattr(there, fault, True)
    one.send(b"x")
    with trio.move_on_after(1000) as scope:
        await receive_some(two)
    assert scope.cancelled_caught
    setattr(there, fault, False)
    there.wake()
    assert await receive_some(two) == b"x"


async def test_writing_to_an_end_that_is_closed_is_a_broken_pipe() -> None:
    one, two, _, _ = pair()
    two.close()
    with pytest.raises(BrokenPipeError):
        one.send(b"x")
    await one.wait_writable()


async def test_nobody_hears_of_an_end_behind_a_cut() -> None:
    one, two, there, back = pair(window=1)
    there.cut = back.cut = True
    two.close()
    assert one.send(b"x") == 1
    with pytest.raises(BlockingIOError):
        one.send(b"y")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.wait_writable)
        await trio.testing.wait_all_tasks_blocked()
        there.cut = back.cut = False
        there.wake()
    with pytest.raises(BrokenPipeError):
        one.send(b"y")
    assert await receive_some(one) == b""


async def test_a_break_is_an_error_at_both_ends_and_loses_what_is_under_way() -> None:
    one, two, there, back = pair()
    one.send(b"lost")
    for stream in [*there.streams, *back.streams]:
        stream.break_off()
    for end in (one, two):
        await end.wait_readable()
        with pytest.raises(ConnectionResetError):
            end.recv_into(memoryview(bytearray(9)))
        await end.wait_writable()
        with pytest.raises(ConnectionResetError):
            end.send(b"x")


async def test_closing_an_end_ends_the_waits_of_its_own_tasks() -> None:
    one, _, _, _ = pair(window=1)
    one.send(b"x")

    async def wait(method: str) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await getattr(one, method)()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, "wait_readable")
        nursery.start_soon(wait, "wait_writable")
        await trio.testing.wait_all_tasks_blocked()
        one.close()
        one.close()
    for use in (lambda: one.send(b"x"), lambda: one.recv_into(memoryview(b""))):
        with pytest.raises(OSError, match="Bad file descriptor"):
            use()


async def test_a_side_is_for_one_task_at_a_time() -> None:
    one, _, _, _ = pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.wait_readable)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await one.wait_readable()
        nursery.cancel_scope.cancel()


async def test_a_way_forgets_connections_that_both_ends_have_closed() -> None:
    one, two, there, back = pair()
    one.close()
    assert there.streams
    two.close()
    assert not there.streams
    assert not back.streams


async def test_waiting_is_always_a_checkpoint() -> None:
    one, two, _, _ = pair()
    two.send(b"x")
    with trio.testing.assert_checkpoints():
        await one.wait_readable()
    with trio.testing.assert_checkpoints():
        await one.wait_writable()
