"""What a producer makes of messages that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import (
    Atom,
)
from tests.gen.stage.stages import (
    GEN_PRODUCER,
    Hand,
    Source,
    ask,
    assert_serves,
    cancel,
    start,
)

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

NORMAL, DOWN, CANCEL = Atom("normal"), Atom("down"), Atom("cancel")


GARBAGE: list[Any] = [
    (),
    (1,),
    (1, 2, 3),
    ("pid", "tag"),
    [],
    None,
    {},
]


@pytest.mark.parametrize("from_", GARBAGE, ids=repr)
async def test_who_is_nobody_is_no_consumer(runtime: Runtime, from_: Any) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    message = (GEN_PRODUCER, from_, ask(1))
    await hand.send(source.pid, message)
    assert source.took("info") == [(message,)]
    await assert_serves(runtime, source)


BODIES: list[Any] = [
    None,
    (),
    Atom("ask"),
    (Atom("ask"),),
    (Atom("ask"), None),
    (Atom("ask"), 1.5),
    (Atom("ask"), True),
    (Atom("ask"), Atom("all")),
    (Atom("ask"), 1, 2),
    (Atom("cancel"),),
    (Atom("subscribe"), None),
    (Atom("notify"), 1),
    [1, 2],
]


@pytest.mark.parametrize("body", BODIES, ids=repr)
async def test_what_says_nothing_is_an_info(runtime: Runtime, body: Any) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    tag = await hand.subscribe(source.pid)
    await hand.to_producer(source.pid, tag, body)
    assert source.took("info") == [((GEN_PRODUCER, (hand.pid, tag), body),)]
    await hand.ask(source.pid, tag, 1)
    assert hand.read() == [[0]]


async def test_what_is_no_term_is_no_tag(runtime: Runtime) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    bodies: list[Any] = [ask(1), cancel(1), (Atom("subscribe"), None, [])]
    for body in bodies:
        await hand.to_producer(source.pid, object(), body)
    assert (hand.read(), len(source.took("info"))) == ([], 3)
    await assert_serves(runtime, source)


OPTIONS: list[Any] = [None, Atom("none"), {}, [1], [(1, 2)], [(Atom("a"), 1, 2)]]


@pytest.mark.parametrize("options", OPTIONS, ids=repr)
async def test_options_that_are_none_are_refused(
    runtime: Runtime, options: Any
) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    await hand.to_producer(
        source.pid, hand.new_tag(), (Atom("subscribe"), None, options)
    )
    ((_, reason),) = hand.read()
    assert reason == (Atom("bad_opts"), b"the options are a keyword list")
    await assert_serves(runtime, source)


async def test_events_are_not_for_a_producer(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    await hand.to_consumer(source.pid, hand.new_tag(), [1])
    assert "got a $gen_consumer message, which is not for it" in caplog.text
    await assert_serves(runtime, source)
