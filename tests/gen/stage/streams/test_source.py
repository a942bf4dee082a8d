"""Producers whose events are the items of a source."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.lowlevel

from ergopy import (
    BroadcastDispatcher,
    CallExit,
    ChildSpec,
    IterableProducer,
    StartError,
    SubscriptionCanceled,
    Supervisor,
    stage,
    supervisor,
    sys,
)
from ergopy.gen.stage.streams.intake import MOST_READ
from tests.gen.stage.stages import Hand, cancel
from tests.runtimes import (
    Ends,
    assert_only_the_root,
    find,
    inside,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from ergopy import Pid, Process
    from ergopy.process.runtime import Runtime


class Items:
    """A source in many forms; it says what was taken, and whether it is closed."""

    def __init__(self, *items: Any, pause: float = 0, failure: Any = None) -> None:
        self.items = items
        self.pause = pause
        self.failure = failure
        self.taken: list[Any] = []
        self.closed = 0

    async def slowly(self) -> AsyncIterator[Any]:
        try:
            for item in self.items:
                await trio.sleep(self.pause)
                self.taken.append(item)
                yield item
            if self.failure is not None:
                raise self.failure
        finally:
            self.closed += 1

    def plain(self) -> Iterator[Any]:
        try:
            for item in self.items:
                self.taken.append(item)
                yield item
            if self.failure is not None:
                raise self.failure
        finally:
            self.closed += 1

    async def later(self) -> list[Any]:
        await trio.sleep(self.pause)
        return list(self.items)


async def start(runtime: Runtime, source: Any, **options: Any) -> Pid:
    return await stage.from_iterable(source, caller=runtime.root, **options)


async def events(runtime: Runtime, pid: Pid, **options: Any) -> list[Any]:
    stream = stage.subscribe(pid, caller=runtime.root, **options)
    return list(chain(*[batch async for batch in stream]))


class Taker(Hand):
    """A consumer that the test plays, of one producer."""

    producer: Pid
    tag: Any

    async def begin(self, producer: Pid, demand: int) -> None:
        self.producer = producer
        self.tag = await self.subscribe(producer)
        await self.ask_for(demand)

    async def ask_for(self, demand: int) -> None:
        await self.ask(self.producer, self.tag, demand)

    def events(self) -> list[Any]:
        """Take the events that came."""
        return list(chain(*(body for body in self.read() if isinstance(body, list))))


async def taking(runtime: Runtime, producer: Pid, demand: int) -> Taker:
    taker = Taker(runtime)
    await taker.begin(producer, demand)
    return taker


SOURCES = {
    "a list": lambda: [1, 2, 3],
    "an iterator": lambda: iter([1, 2, 3]),
    "a generator": lambda: Items(1, 2, 3).plain(),
    "an asynchronous generator": lambda: Items(1, 2, 3).slowly(),
    "a generator function": lambda: Items(1, 2, 3).plain,
    "an asynchronous generator function": lambda: Items(1, 2, 3).slowly,
    "a function that makes a list": lambda: lambda: [1, 2, 3],
    "an asynchronous function that makes a list": lambda: Items(1, 2, 3).later,
}


@pytest.mark.parametrize("kind", SOURCES)
async def test_a_source_is_read_to_its_end(runtime: Runtime, kind: str) -> None:
    pid = await start(runtime, SOURCES[kind]())
    ends = Ends(find(runtime, pid))
    assert await events(runtime, pid, max_demand=2) == [1, 2, 3]
    assert ends.reasons == ["normal"]
    await settle()
    assert_only_the_root(runtime)


async def test_a_channel_is_a_source_and_is_closed_with_it(runtime: Runtime) -> None:
    put, get = trio.open_memory_channel[int](9)
    pid = await start(runtime, get)
    async with stage.subscribe(pid, caller=runtime.root) as stream:
        await put.send(1)
        assert await anext(stream) == [1]
    await runtime.root.stop(pid)
    await settle()
    with pytest.raises(trio.BrokenResourceError):
        await put.send(2)


async def test_a_stream_is_a_source(runtime: Runtime) -> None:
    first = await start(runtime, [1, 2, 3])
    second = await start(runtime, stage.subscribe(first, caller=runtime.root))
    assert await events(runtime, second) == [[1, 2, 3]]
    await settle()
    assert_only_the_root(runtime)


@pytest.mark.parametrize("form", ["plain", "slowly"])
async def test_an_item_is_taken_only_when_somebody_wants_it(
    runtime: Runtime, form: str
) -> None:
    items = Items(*range(9))
    pid = await start(runtime, getattr(items, form)())
    await settle()
    assert items.taken == []
    taker = await taking(runtime, pid, 2)
    assert taker.events() == [0, 1]
    await taker.ask_for(1)
    assert taker.events() == [2]
    assert items.taken == [0, 1, 2]


async def test_an_item_does_not_wait_for_others(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    pid = await start(runtime, Items(1, 2, 3, pause=2).slowly())
    async with stage.subscribe(pid, caller=runtime.root) as stream:
        async for batch in stream:
            assert trio.current_time() == pytest.approx(2 * batch[0])
            assert len(batch) == 1


async def test_what_is_there_at_once_comes_together(runtime: Runtime) -> None:
    more = trio.Event()

    async def source() -> AsyncIterator[int]:
        yield 1
        await more.wait()
        for item in 2, 3, 4:
            yield item

    taker = await taking(runtime, await start(runtime, source), 9)
    assert taker.read() == [[1]]
    more.set()
    await settle()
    assert taker.read() == [[2, 3, 4]]


async def test_what_is_read_together_is_one_message_of_the_stage_to_itself(
    runtime: Runtime,
) -> None:
    pid = await start(runtime, range(9))
    await sys.statistics(pid, True, caller=runtime.root)
    await taking(runtime, pid, 9)
    counted = await sys.statistics(pid, caller=runtime.root)
    assert counted is not None
    # And two of the consumer.
    assert counted["messages_in"] == 3


async def test_while_it_waits_for_an_item_it_answers(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    pid = await start(runtime, Items(1, 2, pause=9).slowly())
    taker = await taking(runtime, pid, 1)
    root = runtime.root
    assert await stage.estimate_buffered_count(pid, caller=root) == 0
    assert await sys.get_status(pid, caller=root)
    other = await taking(runtime, pid, 1)
    await taker.to_producer(pid, taker.tag, cancel("enough"))
    assert taker.read() == [cancel("enough")]
    await runtime.root.stop(pid)
    assert trio.current_time() == pytest.approx(0)
    assert other.read() == []


async def test_the_end_waits_until_all_is_sent(runtime: Runtime) -> None:
    put, get = trio.open_memory_channel[int](9)
    pid = await start(runtime, get)
    ends = Ends(find(runtime, pid))
    taker = await taking(runtime, pid, 9)
    await taker.to_producer(pid, taker.tag, cancel("normal"))
    # They were wanted, and nobody is there when they come.
    for item in 1, 2, 3:
        await put.send(item)
    put.close()
    await settle()
    assert ends.reasons == []
    other = await taking(runtime, pid, 2)
    assert (other.read(), ends.reasons) == ([[1, 2]], [])
    await other.ask_for(1)
    assert (other.read(), ends.reasons) == ([[3]], ["normal"])


async def test_the_end_waits_for_what_a_pause_holds_back(runtime: Runtime) -> None:
    put, get = trio.open_memory_channel[int](9)
    pid = await start(runtime, get)
    taker = await taking(runtime, pid, 9)
    await stage.demand(pid, "accumulate", caller=runtime.root)
    await put.send(1)
    put.close()
    await settle()
    assert taker.read() == []
    await stage.demand(pid, "forward", caller=runtime.root)
    await settle()
    assert taker.read() == [[1]]
    assert runtime.find(pid) is None


async def test_a_source_that_accumulates_is_started_by_its_stream(
    runtime: Runtime,
) -> None:
    items = Items(1, 2)
    pid = await start(runtime, items.plain, demand="accumulate")
    await settle()
    assert await events(runtime, pid) == [1, 2]


@pytest.mark.parametrize("form", ["plain", "slowly"])
async def test_what_a_source_raises_ends_it_after_what_came_before(
    runtime: Runtime, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    items = Items(1, 2, failure=LookupError("dry"))
    pid = await start(runtime, getattr(items, form))
    ends = Ends(find(runtime, pid))
    taker = await taking(runtime, pid, 9)
    assert taker.events() == [1, 2]
    ((kind, name, text, _),) = ends.reasons
    assert (kind, name, text) == ("python", b"builtins.LookupError", b"dry")
    assert items.closed == 1
    (record,) = [record for record in caplog.records if record.exc_info]
    assert f"in {form}" in str(caplog.text)
    assert record.levelno == logging.ERROR


async def stop(runtime: Runtime, pid: Pid) -> None:
    await runtime.root.stop(pid)


async def kill(runtime: Runtime, pid: Pid) -> None:
    find(runtime, pid).kill()


async def crash(runtime: Runtime, pid: Pid) -> None:
    with pytest.raises(CallExit):
        await runtime.root.call(pid, "anything")


@pytest.mark.parametrize("end", [stop, kill, crash])
@pytest.mark.parametrize("form", ["plain", "slowly"])
@pytest.mark.parametrize("demand", [1, 2])
async def test_the_source_is_closed_however_the_stage_ends(
    runtime: Runtime, end: Any, form: str, demand: int
) -> None:
    items = Items(*range(9), pause=0 if demand == 1 else 99)
    pid = await start(runtime, getattr(items, form)())
    await taking(runtime, pid, demand)
    assert items.closed == 0
    await end(runtime, pid)
    await settle()
    assert items.closed == 1
    assert runtime.find(pid) is None


async def test_a_source_may_wait_while_it_closes(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    said: list[str] = []

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await trio.sleep(2)
            said.append("closed")

    pid = await start(runtime, source)
    await taking(runtime, pid, 1)
    await runtime.root.stop(pid)
    await trio.sleep(3)
    assert said == ["closed"]


async def test_a_source_that_does_not_close_is_given_up(
    runtime: Runtime,
    autojump_clock: trio.abc.Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Source:
        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> int:
            return 1

        async def aclose(self) -> None:
            await trio.sleep_forever()

    await runtime.root.stop(await start(runtime, Source()))
    await trio.sleep(6)
    assert "took longer than 5 s to close" in caplog.text


async def test_what_a_source_raises_as_it_closes_ends_the_stage(
    runtime: Runtime,
) -> None:
    class Source:
        def __init__(self) -> None:
            self.items = iter([1, 2])

        def __iter__(self) -> Any:
            return self

        def __next__(self) -> int:
            return next(self.items)

        def close(self) -> None:
            raise OSError("no end")

    pid = await start(runtime, Source())
    ends = Ends(find(runtime, pid))
    taker = await taking(runtime, pid, 9)
    assert taker.events() == [1, 2]
    assert ends.reasons[0][1:3] == (b"builtins.OSError", b"no end")


@pytest.mark.parametrize("source", [None, 7, object()])
async def test_what_has_no_items_is_no_source(runtime: Runtime, source: Any) -> None:
    with pytest.raises(TypeError, match="iterable"):
        await start(runtime, source)


async def test_a_function_that_makes_no_source_fails_the_start(
    runtime: Runtime,
) -> None:
    with pytest.raises(StartError, match="iterable"):
        await start(runtime, lambda: 7)
    assert_only_the_root(runtime)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"speed": 9}, TypeError),
        ({"on_cancel": "panic"}, StartError),
        ({"buffer_size": -1}, StartError),
        ({"demand": "never"}, StartError),
    ],
)
async def test_bad_options_fail_the_start(
    runtime: Runtime, options: Any, error: type[Exception]
) -> None:
    items = Items(1)
    with pytest.raises(error, match=next(iter(options))):
        await start(runtime, items.plain(), **options)
    await settle()
    assert_only_the_root(runtime)


async def test_it_has_the_options_of_a_producer(runtime: Runtime) -> None:
    pid = await start(
        runtime,
        Items(1, 2).plain,
        name="source",
        dispatcher=BroadcastDispatcher,
        demand="accumulate",
    )
    assert runtime.whereis("source") == pid
    takers = [await taking(runtime, pid, 2) for _ in "ab"]
    await stage.demand("source", "forward", caller=runtime.root)
    await settle()
    assert [taker.read()[0] for taker in takers] == [[1, 2], [1, 2]]


@pytest.mark.parametrize("link", [True, False])
async def test_it_is_linked_to_who_starts_it_unless_told(
    runtime: Runtime, link: bool
) -> None:
    async def body(me: Process) -> Any:
        pid = await stage.from_iterable([1], link=link)
        return pid, list(me.links)

    pid, linked = await inside(runtime, body)
    assert linked == ([pid] if link else [])


async def test_a_supervisor_starts_it_anew_if_it_failed_and_not_if_it_is_done(
    runtime: Runtime,
) -> None:
    sources = iter([Items(1, failure=LookupError()), Items(1, 2), Items(9)])
    child = ChildSpec(IterableProducer, lambda: next(sources).plain(), name="source")
    top = await runtime.root.start(Supervisor, [child])
    taken = [await taking(runtime, find_name(runtime), 9) for _ in "ab"]
    assert [taker.events() for taker in taken] == [[1], [1, 2]]
    (row,) = await supervisor.which_children(top, caller=runtime.root)
    assert row.pid is None


def find_name(runtime: Runtime) -> Pid:
    pid = runtime.whereis("source")
    assert pid is not None
    return pid


@pytest.mark.parametrize("on_cancel", ["continue", "stop"])
async def test_it_may_end_with_its_last_consumer(
    runtime: Runtime, on_cancel: str
) -> None:
    pid = await start(runtime, count(), on_cancel=on_cancel)
    ends = Ends(find(runtime, pid))
    for taker in [await taking(runtime, pid, 1) for _ in "ab"]:
        assert ends.reasons == []
        taker.process.kill()
        await settle()
    assert ends.reasons == (["normal"] if on_cancel == "stop" else [])


async def test_a_subclass_has_its_source_and_answers_calls(runtime: Runtime) -> None:
    class Evens(IterableProducer):
        on_cancel = "stop"

        async def init(self, first: int) -> None:
            await super().init(count(first, 2))

        async def handle_call(self, request: Any, from_: Any) -> Any:
            return len(self.subscribers)

    pid = await runtime.root.start(Evens, 4)
    taker = await taking(runtime, pid, 3)
    assert taker.read() == [[4, 6, 8]]
    assert await runtime.root.call(pid, "consumers") == 1


async def test_other_messages_are_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    pid = await start(runtime, [1])
    for message in "hello", runtime.new_reference(), [runtime.new_reference()]:
        await runtime.root.send(pid, message)
    await settle()
    assert caplog.text.count("unexpected message") == 3
    assert await events(runtime, pid) == [1]


@pytest.mark.parametrize("thread", [False, True])
async def test_a_source_without_end_lets_others_run(
    runtime: Runtime, thread: bool
) -> None:
    pid = await start(runtime, count(), thread=thread)
    got = 0
    async with stage.subscribe(
        pid, caller=runtime.root, max_demand=float("inf")
    ) as stream:
        async for batch in stream:
            got += len(batch)
            if got > 5 * MOST_READ:
                break
    await runtime.root.stop(pid)
    await settle()
    assert_only_the_root(runtime)


async def test_a_thread_reads_what_blocks(runtime: Runtime) -> None:
    lock = threading.Semaphore(0)
    threads: set[int] = set()

    def source() -> Iterator[int]:
        try:
            for n in 1, 2, 3:
                lock.acquire()
                threads.add(threading.get_ident())
                yield n
        finally:
            threads.add(threading.get_ident())

    pid = await start(runtime, source(), thread=True)
    async with stage.subscribe(pid, caller=runtime.root) as stream:
        # It blocks, and the stage answers.
        assert await stage.estimate_buffered_count(pid, caller=runtime.root) == 0
        for n in 1, 2, 3:
            lock.release()
            assert await anext(stream) == [n]
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    assert threading.get_ident() not in threads


async def test_a_thread_reads_on_no_longer_than_its_stage_lives(
    runtime: Runtime,
) -> None:
    lock = threading.Semaphore(0)
    taken: list[int] = []
    closed_by: list[int] = []

    def source() -> Iterator[int]:
        try:
            for item in range(99):
                taken.append(item)
                lock.acquire()
                yield item
        finally:
            closed_by.append(threading.get_ident())

    pid = await start(runtime, source(), thread=True)
    taker = await taking(runtime, pid, 99)
    find(runtime, pid).kill()
    await settle()
    assert runtime.find(pid) is None
    lock.release()
    lock.release()
    while not closed_by:
        await trio.lowlevel.checkpoint()
    # To close it may block as well.
    assert closed_by != [threading.get_ident()]
    assert taken == [0]
    assert taker.read() == []


async def test_what_a_thread_raises_ends_the_stage(runtime: Runtime) -> None:
    items = Items(1, 2, failure=LookupError("dry"))
    pid = await start(runtime, items.plain, thread=True)
    ends = Ends(find(runtime, pid))
    got: list[Any] = []
    with suppress(SubscriptionCanceled):
        async for batch in stage.subscribe(pid, caller=runtime.root):
            got += batch
    assert got == [1, 2]
    assert ends.reasons[0][1] == b"builtins.LookupError"
