from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy.errors import LocalProtocolError, ReceiveTimeout
from ergopy.process.mailbox import REDUCTIONS, Mailbox
from ergopy.process.timers import Timers
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with trio.open_nursery() as nursery:
        timers = Timers()
        nursery.start_soon(timers.run)
        yield Mailbox(timers)
        nursery.cancel_scope.cancel()


class Counts:
    """A predicate that counts how often it is asked."""

    def __init__(self, wanted: Callable[[Any], bool]) -> None:
        self.wanted = wanted
        self.asked: list[Any] = []

    def __call__(self, message: Any) -> bool:
        self.asked.append(message)
        return self.wanted(message)


async def test_a_match_that_is_none_is_refused_at_once(mailbox: Mailbox) -> None:
    wrong: Any = 5
    with pytest.raises(TypeError, match="receive wants"):
        await mailbox.receive(wrong)


async def test_messages_come_out_as_they_went_in(mailbox: Mailbox) -> None:
    for number in range(200):
        mailbox.deliver(number)
    assert [await mailbox.receive() for _ in range(200)] == list(range(200))


async def test_a_selective_receive_leaves_the_others_in_order(mailbox: Mailbox) -> None:
    for message in (1, "a", 2, b"b", 3):
        mailbox.deliver(message)
    assert await mailbox.receive(bytes) == b"b"
    assert await mailbox.receive(lambda m: m == 2) == 2
    assert [await mailbox.receive() for _ in range(3)] == [1, "a", 3]


async def test_a_waiting_selective_receive_tests_each_message_once(
    mailbox: Mailbox,
) -> None:
    for number in range(5):
        mailbox.deliver(number)
    wanted = Counts(lambda m: m == 8)
    received: list[Any] = []

    async def receiver() -> None:
        received.append(await mailbox.receive(wanted))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receiver)
        for number in range(5, 10):
            await settle()
            mailbox.deliver(number)
    assert received == [8]
    assert wanted.asked == list(range(9))
    assert mailbox.messages() == [0, 1, 2, 3, 4, 5, 6, 7, 9]


async def test_a_message_removed_meanwhile_does_not_hide_a_new_one(
    mailbox: Mailbox,
) -> None:
    """A helper may flush a monitor in the very step in which the body is woken."""
    mailbox.deliver("old")
    received: list[Any] = []

    async def receiver() -> None:
        received.append(await mailbox.receive(int))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receiver)
        await settle()
        mailbox.deliver(1)
        assert mailbox.remove(lambda m: m == "old")
    assert received == [1]


async def test_a_zero_timeout_takes_what_is_there_and_does_not_wait(
    mailbox: Mailbox,
) -> None:
    mailbox.deliver(1)
    with trio.testing.assert_no_checkpoints():
        assert await mailbox.receive(timeout=0) == 1
        with pytest.raises(ReceiveTimeout) as caught:
            await mailbox.receive(timeout=0)
    assert caught.value.seconds == 0
    mailbox.deliver("other")
    with pytest.raises(ReceiveTimeout):
        await mailbox.receive(int, timeout=0)
    assert await mailbox.receive() == "other"


async def test_polling_with_a_zero_timeout_lets_others_run(mailbox: Mailbox) -> None:
    ran = False

    async def other() -> None:
        nonlocal ran
        ran = True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        for _ in range(2 * REDUCTIONS):
            with pytest.raises(ReceiveTimeout):
                await mailbox.receive(timeout=0)
        assert ran


async def test_a_timeout_is_measured_from_the_call_whatever_comes_meanwhile(
    mailbox: Mailbox, autojump_clock: trio.testing.MockClock
) -> None:
    async def chatter() -> None:
        for _ in range(20):
            await trio.sleep(1)
            mailbox.deliver("unwanted")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(chatter)
        with pytest.raises(ReceiveTimeout):
            await mailbox.receive(int, timeout=10.5)
        assert trio.current_time() == 10.5
        nursery.cancel_scope.cancel()
    assert mailbox.message_count() == 10


async def test_what_is_done_with_a_message_is_not_part_of_the_timeout(
    mailbox: Mailbox, autojump_clock: trio.testing.MockClock
) -> None:
    """fauxtp cancels a slow handler, whose message is gone then."""
    mailbox.deliver("work")
    message = await mailbox.receive(timeout=1)
    await trio.sleep(100)
    assert message == "work"


@pytest.mark.parametrize("timeout", [-1, -math.inf, math.nan])
async def test_a_timeout_that_is_no_duration_is_refused(
    mailbox: Mailbox, timeout: float
) -> None:
    with pytest.raises(ValueError, match="number of seconds"):
        await mailbox.receive(timeout=timeout)


async def test_a_receive_that_is_cancelled_has_taken_nothing(mailbox: Mailbox) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await mailbox.receive()
    assert scope.cancelled_caught
    mailbox.deliver(1)
    assert await mailbox.receive() == 1


async def test_a_message_that_came_before_the_cancellation_is_received(
    mailbox: Mailbox,
) -> None:
    received: list[Any] = []

    async def receiver() -> None:
        received.append(await mailbox.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receiver)
        await settle()
        mailbox.deliver(1)
        nursery.cancel_scope.cancel()
    assert received + mailbox.messages() == [1]


async def test_a_predicate_that_raises_loses_no_message(mailbox: Mailbox) -> None:
    mailbox.deliver("a")
    mailbox.deliver(1)
    with pytest.raises(TypeError):
        await mailbox.receive(lambda m: m + 1)
    assert [await mailbox.receive(), await mailbox.receive()] == ["a", 1]


async def test_two_tasks_cannot_receive_from_one_mailbox(mailbox: Mailbox) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mailbox.receive)
        await settle()
        with pytest.raises(LocalProtocolError, match="two tasks"):
            await mailbox.receive()
        with pytest.raises(LocalProtocolError, match="two tasks"):
            await mailbox.receive(timeout=0)
        nursery.cancel_scope.cancel()


async def test_an_empty_mailbox_has_no_queue(mailbox: Mailbox) -> None:
    """It would be most of the memory of a process that waits for its first one."""
    assert mailbox.queue is None


# The model: a list, and at most one receiver that waits. Operations between two turns
# of the scheduler happen in one step, as those of one process or connection do.

wishes = st.sampled_from([None, 0, 1, 2])
operations = st.one_of(
    st.tuples(st.just("put")),
    st.tuples(st.just("put")),
    st.tuples(st.just("put first")),
    st.tuples(st.just("mark")),
    st.tuples(st.just("take"), wishes),
    st.tuples(st.just("wait"), wishes, st.sampled_from([math.inf, 1.0, 3.0])),
    st.tuples(st.just("cancel")),
    st.tuples(st.just("remove"), st.sampled_from([0, 1, 2])),
    st.tuples(st.just("turn")),
    st.tuples(st.just("sleep"), st.sampled_from([0.5, 2.0])),
)


def wants(wish: int | None) -> Callable[[int], bool] | None:
    return None if wish is None else lambda message: message % 3 == wish


class Model:
    def __init__(self) -> None:
        self.queue: list[int] = []
        self.first: set[int] = set()
        self.waiting = False
        self.wish: int | None = None
        self.deadline = math.inf
        self.cancelled = self.woken = False
        self.results: list[Any] = []

    def take(self, wish: int | None) -> Any:
        wanted = wants(wish) or (lambda _: True)
        for message in self.queue:
            if wanted(message):
                self.queue.remove(message)
                return message
        return "timeout"

    def end(self, result: Any) -> None:
        self.results.append(result)
        self.waiting = False

    def put(self, message: int) -> None:
        self.queue.append(message)
        self.woken = self.waiting

    def put_first(self, message: int) -> None:
        self.first.add(message)
        behind = sum(other in self.first for other in self.queue)
        self.queue.insert(behind, message)
        self.woken = self.waiting

    def cancel(self) -> None:
        if self.waiting and not self.woken:
            self.end("cancelled")
        self.cancelled = True

    def turn(self, now: float) -> None:
        if not self.waiting:
            return
        if self.woken:
            result = self.take(self.wish)
            if result != "timeout":
                self.end(result)
            elif now >= self.deadline:
                self.end("timeout")
            elif self.cancelled:
                self.end("cancelled")
        elif now >= self.deadline:
            self.end("timeout")
        self.woken = False


async def follow_the_model(script: list[tuple[Any, ...]]) -> None:
    timers, model = Timers(), Model()
    mailbox = Mailbox(timers)
    results: list[Any] = []
    count = 0
    scope = trio.CancelScope()

    async def wait(scope: trio.CancelScope, wish: int | None, timeout: float) -> None:
        with scope:
            try:
                results.append(await mailbox.receive(wants(wish), timeout))
            except ReceiveTimeout:
                results.append("timeout")
        if scope.cancelled_caught:
            results.append("cancelled")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        await settle()
        for operation, *details in script:
            if operation == "put":
                mailbox.deliver(count)
                model.put(count)
                count += 1
            elif operation == "put first":
                mailbox.deliver_priority(count)
                model.put_first(count)
                count += 1
            elif operation == "mark":
                mailbox.mark(count)
            elif operation == "take" and not model.waiting:
                try:
                    taken = await mailbox.receive(wants(details[0]), 0)
                except ReceiveTimeout:
                    taken = "timeout"
                assert taken == model.take(details[0])
            elif operation == "wait" and not model.waiting:
                await settle()
                model.waiting, model.woken, model.cancelled = True, False, False
                model.wish, model.deadline = (
                    details[0],
                    trio.current_time() + details[1],
                )
                scope = trio.CancelScope()
                nursery.start_soon(wait, scope, *details)
                await settle()
                model.woken = True
                model.turn(trio.current_time())
            elif operation == "cancel":
                scope.cancel()
                model.cancel()
            elif operation == "remove":
                wanted = wants(details[0])
                assert wanted is not None
                assert mailbox.remove(wanted) == (model.take(details[0]) != "timeout")
            elif operation == "sleep":
                await settle()
                model.turn(trio.current_time())
                await trio.sleep(details[0])
                await settle()
                model.turn(trio.current_time())
            elif operation == "turn":
                await settle()
                model.turn(trio.current_time())
            assert mailbox.messages() == model.queue
        await settle()
        model.turn(trio.current_time())
        assert mailbox.messages() == model.queue
        assert results == model.results
        nursery.cancel_scope.cancel()


@settings(max_examples=300)
@given(st.lists(operations, max_size=40))
def test_nothing_is_lost_or_reordered_whatever_happens(
    script: list[tuple[Any, ...]],
) -> None:
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(follow_the_model, script, clock=clock)
