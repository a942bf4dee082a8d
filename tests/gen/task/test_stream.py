"""``async_stream``: order, concurrency, time, failures, and leaving early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import Atom, Exit, LocalProtocolError, Task, TaskExit, TaskTimeout
from tests.runtimes import Ends, assert_only_the_root, inside, running, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Process
    from ergopy.process.runtime import Runtime

OK, EXIT = Atom("ok"), Atom("exit")


async def after(item: Any) -> Any:
    """Take ``(seconds, value)``; ``boom`` is the value of one that fails."""
    seconds, value = item
    await trio.sleep(seconds)
    if value == "boom":
        raise Exit("boom")
    return value


async def outcomes(stream: Any) -> list[Any]:
    return [outcome async for outcome in stream]


async def test_outcomes_come_in_the_order_of_the_items(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    items = [(3, "a"), (1, "b"), (2, "c")]
    stream = Task.async_stream(items, after, max_concurrency=3, caller=runtime.root)
    assert await outcomes(stream) == [("ok", "a"), ("ok", "b"), ("ok", "c")]
    assert trio.current_time() == pytest.approx(3)
    assert_only_the_root(runtime)


async def test_unordered_they_come_as_they_are_there(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    items = [(3, "a"), (1, "b"), (2, "c")]
    stream = Task.async_stream(
        items, after, max_concurrency=3, ordered=False, caller=runtime.root
    )
    assert await outcomes(stream) == [("ok", "b"), ("ok", "c"), ("ok", "a")]


async def test_arguments_stand_behind_the_item(runtime: Runtime) -> None:
    stream = Task.async_stream([1, 2], divmod, 2, caller=runtime.root)
    assert await outcomes(stream) == [("ok", (0, 1)), ("ok", (1, 0))]


async def test_nothing_has_no_outcome(runtime: Runtime) -> None:
    assert await outcomes(Task.async_stream([], after, caller=runtime.root)) == []


async def test_an_asynchronous_source_is_read_as_well(runtime: Runtime) -> None:
    put, get = trio.open_memory_channel[Any](9)
    for value in "ab":
        put.send_nowait((0, value))
    put.close()
    stream = Task.async_stream(get, after, caller=runtime.root)
    assert await outcomes(stream) == [("ok", "a"), ("ok", "b")]


async def test_the_source_is_asked_only_while_there_is_room(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    taken: list[int] = []

    def source() -> Any:
        for n in range(9):
            taken.append(n)
            yield (99 if n else 0, n)

    stream = Task.async_stream(source(), after, max_concurrency=2, caller=runtime.root)
    assert taken == []
    assert await anext(stream) == ("ok", 0)
    await settle()
    assert taken == [0, 1]
    with trio.move_on_after(1):
        await anext(stream)
    assert taken == [0, 1, 2]
    await stream.aclose()
    assert_only_the_root(runtime)


async def test_a_failure_is_an_outcome_without_a_link(runtime: Runtime) -> None:
    async def body(me: Process) -> Any:
        items = [(0, 1), (0, "boom"), (0, 3)]
        stream = Task.async_stream(items, after, link=False)
        return await outcomes(stream), me.messages()

    expected = [("ok", 1), ("exit", "boom"), ("ok", 3)]
    assert await inside(runtime, body) == (expected, [])


async def test_a_failure_is_an_outcome_for_who_traps_exits(runtime: Runtime) -> None:
    async def body(me: Process) -> Any:
        me.trap_exit = True
        stream = Task.async_stream([(0, "boom"), (0, 3)], after)
        return await outcomes(stream), me.messages()

    assert await inside(runtime, body) == ([("exit", "boom"), ("ok", 3)], [])


async def test_a_failure_ends_an_owner_that_is_linked(runtime: Runtime) -> None:
    async def body(me: Process) -> None:
        await outcomes(
            Task.async_stream([(0, "boom"), (99, 3)], after, max_concurrency=2)
        )

    ends = Ends(runtime.spawn(body, ()))
    await settle()
    assert ends.reasons == ["boom"]
    assert_only_the_root(runtime)


async def test_a_failure_is_raised_for_a_program_and_ends_the_rest(
    runtime: Runtime,
) -> None:
    items = [(99, 1), (0, "boom"), (99, 3)]
    stream = Task.async_stream(items, after, max_concurrency=3, caller=runtime.root)
    with pytest.raises(TaskExit) as caught:
        await anext(stream)
    assert caught.value.reason == "boom"
    assert_only_the_root(runtime)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_the_item_of_a_failure_can_be_zipped_to_its_reason(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    items = [(0, "boom"), (0, 1), (9, 2)]
    stream = Task.async_stream(
        items,
        after,
        link=False,
        on_timeout="kill_task",
        zip_input_on_exit=True,
        caller=runtime.root,
    )
    assert await outcomes(stream) == [
        ("exit", ((0, "boom"), "boom")),
        ("ok", 1),
        ("exit", ((9, 2), "timeout")),
    ]


async def test_a_task_that_takes_too_long_ends_the_stream(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    stream = Task.async_stream(
        [(9, 1), (1, 2)], after, timeout=2, max_concurrency=2, caller=runtime.root
    )
    with pytest.raises(TaskTimeout) as caught:
        await anext(stream)
    assert caught.value.seconds == 2
    assert trio.current_time() == pytest.approx(2)
    assert_only_the_root(runtime)


async def test_a_task_that_takes_too_long_is_killed_if_that_is_wanted(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    async def body(me: Process) -> Any:
        stream = Task.async_stream(
            [(9, 1), (1, 2)], after, timeout=2, on_timeout="kill_task"
        )
        return await outcomes(stream)

    assert await inside(runtime, body) == [("exit", "timeout"), ("ok", 2)]


@pytest.mark.parametrize(
    ("value", "outcome"), [(7, ("ok", 7)), ("boom", ("exit", "boom"))]
)
async def test_what_has_ended_in_time_is_not_late_because_nobody_asked(
    runtime: Runtime, autojump_clock: trio.abc.Clock, value: Any, outcome: Any
) -> None:
    stream = Task.async_stream(
        [(0, 1), (1, value)],
        after,
        link=False,
        timeout=2,
        max_concurrency=2,
        caller=runtime.root,
    )
    assert await anext(stream) == ("ok", 1)
    await trio.sleep(9)
    assert await anext(stream) == outcome


async def test_without_a_timeout_a_task_may_take_for_ever(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    stream = Task.async_stream([(10_000, 1)], after, timeout=None, caller=runtime.root)
    assert await outcomes(stream) == [("ok", 1)]


async def test_leaving_the_block_ends_the_rest_and_waits(runtime: Runtime) -> None:
    items = [(0, 1), (99, 2), (99, 3)]
    async with Task.async_stream(
        items, after, max_concurrency=3, caller=runtime.root
    ) as stream:
        async for outcome in stream:
            assert outcome == ("ok", 1)
            break
        assert len(runtime.processes) == 3
    assert_only_the_root(runtime)


async def test_breaking_out_of_the_loop_ends_the_rest(runtime: Runtime) -> None:
    async def body(me: Process) -> Any:
        items = [(0, 1), (99, 2), (99, 3)]
        async for _ in Task.async_stream(items, after, max_concurrency=3):
            break
        await settle()
        return len(runtime.processes), len(me.watchers)

    assert await inside(runtime, body) == (2, 0)


async def test_the_end_of_the_owner_ends_the_rest(runtime: Runtime) -> None:
    kept = []  # or they would end because it is dropped

    async def body(me: Process) -> None:
        stream = Task.async_stream(
            [(0, 1), (99, 2)], after, max_concurrency=2, link=False
        )
        kept.append(stream)
        async for _ in stream:
            raise Exit("normal")

    runtime.spawn(body, ())
    await settle()
    assert_only_the_root(runtime)


async def test_an_error_of_the_source_ends_the_rest_and_is_raised(
    runtime: Runtime,
) -> None:
    async def source() -> AsyncIterator[Any]:
        yield (99, 1)
        raise LookupError("empty")

    stream = Task.async_stream(source(), after, max_concurrency=2, caller=runtime.root)
    with pytest.raises(LookupError):
        await anext(stream)
    assert_only_the_root(runtime)


async def test_a_cancelled_wait_loses_no_outcome(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    stream = Task.async_stream([(2, 1), (3, 2)], after, caller=runtime.root)
    with trio.move_on_after(1):
        await anext(stream)
    assert await outcomes(stream) == [("ok", 1), ("ok", 2)]


@pytest.mark.parametrize(
    "options",
    [{"max_concurrency": 0}, {"max_concurrency": 1.5}, {"on_timeout": "panic"}],
)
async def test_bad_options_are_refused_before_anything_runs(
    runtime: Runtime, options: Any
) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Task.async_stream([1], after, caller=runtime.root, **options)
    assert_only_the_root(runtime)


async def test_outside_of_processes_the_caller_has_to_be_said(
    runtime: Runtime,
) -> None:
    with pytest.raises(LocalProtocolError, match="caller=node"):
        Task.async_stream([1], after)


work = st.tuples(st.integers(0, 6), st.one_of(st.integers(0, 99), st.just("boom")))


@given(
    st.lists(work, max_size=8),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from([None, 3]),
)
@settings(max_examples=60)
def test_every_item_has_one_outcome_in_time_and_never_too_many_run(
    items: list[Any],
    most: int,
    ordered: bool,
    timeout: float | None,
) -> None:
    running_now = peak = 0

    async def watched(item: Any) -> Any:
        nonlocal running_now, peak
        running_now += 1
        peak = max(peak, running_now)
        try:
            return await after(item)
        finally:
            running_now -= 1

    # Times of a half do not coincide with the timeout.
    work = [(seconds + 0.5, value) for seconds, value in items]

    async def main() -> list[Any]:
        async with running() as runtime:
            stream = Task.async_stream(
                work,
                watched,
                link=False,
                ordered=ordered,
                max_concurrency=most,
                timeout=timeout,
                on_timeout="kill_task",
                caller=runtime.root,
            )
            got = await outcomes(stream)
            assert_only_the_root(runtime)
        return got

    got = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert peak <= most
    limit = timeout or 99
    expected = [
        (EXIT, Atom("timeout"))
        if seconds > limit
        else (EXIT, Atom("boom"))
        if value == "boom"
        else (OK, value)
        for seconds, value in work
    ]
    if ordered:
        assert got == expected
    else:
        assert sorted(got, key=str) == sorted(expected, key=str)


async def test_what_others_send_to_where_a_stream_hears_is_passed_over(
    runtime: Runtime,
) -> None:
    async def work(n: int) -> int:
        (inbox,) = set(runtime.aliases.values())
        for junk in "hello", (1,), (1, 2), ([], 2), (runtime.new_reference(), 3):
            inbox.deliver(junk)
        await settle()
        return n

    stream = Task.async_stream([1, 2], work, max_concurrency=1, caller=runtime.root)
    assert await outcomes(stream) == [("ok", 1), ("ok", 2)]
