"""What a peer said, in a log line or an answer: at a length that it cannot choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom
from tests.gen.stage.stages import Hand, Sink, Source, cancel, start

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

LONG = bytes(1_000_000)
MOST = 3000


@pytest.mark.parametrize("option", ["max_demand", "min_demand", "cancel", "to"])
async def test_a_request_that_makes_no_sense(
    runtime: Runtime, option: str, caplog: pytest.LogCaptureFixture
) -> None:
    sink, hand = await start(runtime, Sink), Hand(runtime)
    to: Any = LONG if option == "to" else hand.pid
    options = [] if option == "to" else [(Atom(option), LONG)]
    request = (Atom("$subscribe"), None, to, options)
    _, (_, text) = await runtime.root.call(sink.pid, request)
    assert (0 < len(text) < MOST, 0 < len(caplog.text) < MOST) == (True, True)


@pytest.mark.parametrize("tag", [LONG, 10**5000], ids=["bytes", "digits"])
async def test_a_tag_that_is_taken(
    runtime: Runtime, tag: Any, caplog: pytest.LogCaptureFixture
) -> None:
    source, hand = await start(runtime, Source), Hand(runtime)
    for _ in range(2):
        await hand.to_producer(source.pid, tag, (Atom("subscribe"), None, []))
    assert hand.read() == [cancel("duplicated_subscription")]
    assert 0 < len(caplog.text) < MOST
