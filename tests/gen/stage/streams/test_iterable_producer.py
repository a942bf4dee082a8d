"""A source as a stage: its options, its supervisor, and who subclasses it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import (
    BroadcastDispatcher,
    ChildSpec,
    IterableProducer,
    StartError,
    Supervisor,
    stage,
    supervisor,
)
from tests.gen.stage.streams.kit import (
    Items,
    events,
    start,
    taking,
)
from tests.runtimes import (
    Ends,
    assert_only_the_root,
    find,
    inside,
    settle,
)

if TYPE_CHECKING:
    from ergopy import Pid, Process
    from ergopy.process.runtime import Runtime


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
