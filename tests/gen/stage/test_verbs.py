"""The verbs of ``ergopy.stage``: what they say to a stage, and what they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, CallTimeout, GenServer, StageError, Subscription, stage
from tests.gen.stage.stages import (
    GEN_PRODUCER,
    Hand,
    Sink,
    Source,
    ask,
    cancel,
    keywords,
    start,
)
from tests.runtimes import mail, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

OK, NONE = Atom("ok"), Atom("none")


class Desk(GenServer):
    """Writes down what it is asked, and gives the same answer to all."""

    def __init__(self, log: list[Any], answer: Any) -> None:
        self.log = log
        self.answer = answer

    async def handle_call(self, request: Any, from_: Any) -> Any:
        self.log.append(request)
        return self.answer

    async def handle_cast(self, request: Any) -> None:
        self.log.append(request)


async def desk(runtime: Runtime, answer: Any = OK) -> tuple[Any, list[Any]]:
    log: list[Any] = []
    return await runtime.root.start(Desk, log=log, answer=answer), log


PLACES = [
    ("counter", Atom("counter")),
    (("counter", "a@b"), (Atom("counter"), Atom("a@b"))),
    (Atom("counter"), Atom("counter")),
]


@pytest.mark.parametrize(("to", "term"), PLACES, ids=repr)
async def test_a_name_is_said_as_an_atom(runtime: Runtime, to: Any, term: Any) -> None:
    pid, log = await desk(runtime, (OK, 7))
    options: dict[str, Any] = {"max_demand": 3, "partition": "odd"}
    assert await stage.sync_subscribe(pid, to, caller=runtime.root, **options) == 7
    await stage.async_subscribe(pid, to, caller=runtime.root, **options)
    await settle()
    said = keywords(max_demand=3, partition=Atom("odd"))
    assert log == [(Atom("$subscribe"), None, term, said)] * 2
    for request in log:
        _, _, its, (_, (_, partition)) = request
        kinds = [type(part) for part in (its if isinstance(its, tuple) else [its])]
        assert {*kinds, type(partition)} == {Atom}


async def test_to_resubscribe_names_the_old_one_and_why(runtime: Runtime) -> None:
    pid, log = await desk(runtime, (OK, 8))
    options: dict[str, Any] = {"caller": runtime.root, "cancel": "temporary"}
    assert await stage.sync_resubscribe(pid, 7, "renewed", "to", **options) == 8
    await stage.async_resubscribe(pid, 7, "renewed", "to", **options)
    await settle()
    said = keywords(cancel=Atom("temporary"))
    current = (7, Atom("renewed"))
    assert log == [(Atom("$subscribe"), current, Atom("to"), said)] * 2
    assert {type(request[1][1]) for request in log} == {Atom}


async def test_ask_and_cancel_are_said_in_the_name_of_the_caller(
    runtime: Runtime,
) -> None:
    hand, root = Hand(runtime), runtime.root
    to = Subscription(hand.pid, hand.new_tag())
    await stage.ask(to, 3, caller=root)
    await stage.ask(to, 0, caller=root)
    await stage.cancel(to, "enough", caller=root)
    await stage.cancel(to, caller=root)
    from_ = (root.pid, to.tag)
    bodies = [ask(3), cancel("enough"), cancel("normal")]
    assert mail(hand.process) == [(GEN_PRODUCER, from_, body) for body in bodies]
    assert type(mail(hand.process)[1][2][1]) is Atom


@pytest.mark.parametrize("count", [-1, 1.0, True, "1", None])
async def test_one_asks_for_a_number_of_events(runtime: Runtime, count: Any) -> None:
    hand = Hand(runtime)
    to = Subscription(hand.pid, hand.new_tag())
    with pytest.raises(ValueError, match="a number of events"):
        await stage.ask(to, count, caller=runtime.root)
    assert mail(hand.process) == []


async def test_the_mode_of_demand_is_one_of_two(runtime: Runtime) -> None:
    pid, log = await desk(runtime, Atom("forward"))
    await stage.demand(pid, "accumulate", caller=runtime.root)
    assert await stage.demand(pid, caller=runtime.root) == "forward"
    with pytest.raises(ValueError, match="forward or accumulate"):
        await stage.demand(pid, "sometimes", caller=runtime.root)
    assert log == [(Atom("$demand"), Atom("accumulate")), Atom("$demand")]


async def test_a_producer_subscribes_to_nobody(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    source = await start(runtime, Source)
    with pytest.raises(StageError) as info:
        await stage.sync_subscribe(source.pid, "counter", caller=runtime.root)
    assert (info.value.dest, info.value.reason) == (source.pid, "not_a_consumer")
    assert "it takes no events" in caplog.text


async def test_an_answer_that_is_none_is_an_error(runtime: Runtime) -> None:
    pid, _ = await desk(runtime, NONE)
    with pytest.raises(StageError) as info:
        await stage.sync_subscribe(pid, "counter", caller=runtime.root)
    assert info.value.reason == NONE


async def test_a_consumer_has_nothing_buffered(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    sink = await start(runtime, Sink)
    assert await stage.estimate_buffered_count(sink.pid, caller=runtime.root) == 0
    assert "has no buffer to count" in caplog.text


async def test_those_that_wait_have_a_timeout(
    runtime: Runtime, autojump_clock: object
) -> None:
    hand = Hand(runtime)
    limits: dict[str, Any] = {"timeout": 1, "caller": runtime.root}
    for waiting in (
        stage.sync_subscribe(hand.pid, "counter", **limits),
        stage.sync_resubscribe(hand.pid, 1, "again", "counter", **limits),
        stage.sync_info(hand.pid, "info", **limits),
        stage.estimate_buffered_count(hand.pid, **limits),
        stage.demand(hand.pid, **limits),
    ):
        with pytest.raises(CallTimeout):
            await waiting


async def test_an_info_to_a_consumer_is_an_ordinary_message(runtime: Runtime) -> None:
    sink = await start(runtime, Sink)
    await stage.sync_info(sink.pid, "info", caller=runtime.root)
    await settle()
    assert sink.took("info") == [("info",)]
