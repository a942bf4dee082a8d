"""What stages on a BEAM once said, said again to Python ones, which answer the same.

``tests/data/stages`` has the bytes, and how they were made. In them the pid of the
Python stage, and the tag that it chose, are replaced by those of this run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import Atom
from etf import Pid, Reference
from tests.gen.stage.stages import Recorded, Sink, Source, start
from tests.replay import Replay
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

DATA = Path(__file__).parents[2] / "data" / "stages"

# Who the captures were made with.
PYTHON = Atom("py@127.0.0.1")
PID = Pid(PYTHON, 77, 0, 7)
TAG = Reference(PYTHON, 7, (1, 2, 3))

MONITOR = 19
OPTIONS = {"max_demand": 4, "min_demand": 2, "cancel": "temporary"}

Steps = list[list[str]]


@pytest.fixture(params=["otp25", "otp28"])
def about(request: pytest.FixtureRequest) -> dict[str, Any]:
    text = (DATA / f"{request.param}.json").read_text()
    return dict(json.loads(text))


async def test_a_producer_for_a_consumer_of_a_beam(
    runtime: Runtime, about: dict[str, Any]
) -> None:
    replay = Replay(runtime, about)
    source = await counter(runtime, replay, limit=9)
    await played(replay, about["exchanges"]["consumer"])
    assert source.demands == [4, 2, 2, 2, 2]
    ((_, reason),) = source.took("cancel")
    assert reason == (Atom("cancel"), (Atom("shutdown"), b"enough"))
    assert source.subscribers == []


async def test_a_producer_for_a_stream_of_a_beam(
    runtime: Runtime, about: dict[str, Any]
) -> None:
    replay = Replay(runtime, about)
    source = await counter(runtime, replay)
    await played(replay, about["exchanges"]["stream"])
    ((subscription, reason),) = source.took("cancel")
    assert reason == (Atom("cancel"), Atom("normal"))
    assert [type(part) for part in subscription.tag] == [Reference, Reference]


async def counter(runtime: Runtime, replay: Replay, limit: int = 100) -> Any:
    """A source that begins at one, in the place of the captured process."""
    source = await start(runtime, Source, limit=limit)
    source.next = 1
    replay.rename(PID, source.pid)
    return source


@pytest.mark.parametrize(
    ("exchange", "batches"),
    [
        ("producer", [[254, 255], [256, 257], [258, 259], [260, 261]]),
        ("small", [[1, 2], [3, 4]]),
    ],
)
async def test_a_consumer_of_a_producer_of_a_beam(
    runtime: Runtime, about: dict[str, Any], exchange: str, batches: list[list[int]]
) -> None:
    replay = Replay(runtime, about)
    steps = about["exchanges"][exchange]
    sink = await start(runtime, Sink, subscribe_to=[(monitored_by(steps), OPTIONS)])
    await settle()
    replay.rename(PID, sink.pid)
    replay.rename(TAG, sink.subscriptions[0].tag)
    await played(replay, steps, sink)
    assert sink.batches == batches
    ((_, reason),) = sink.took("canceled")
    assert reason == (Atom("cancel"), Atom("normal"))
    assert sink.subscriptions == []


def monitored_by(steps: Steps) -> Any:
    """Who monitors our process, which is who it is subscribed to."""
    terms = (etf.decode(bytes.fromhex(step[1])) for step in steps)
    return next(term[1] for term in terms if term[0] == MONITOR)


async def played(replay: Replay, steps: Steps, stage: Recorded | None = None) -> None:
    """Go through an exchange; what goes out has to be what went out then."""
    for kind, *parts in steps:
        if kind == "received":
            await replay.receive(*parts)
            continue
        expected = etf.decode(replay.term(parts[0]))
        if isinstance(stage, Sink) and expected[2][0] == "cancel":
            await stage.cancel(stage.subscriptions[0])
        assert replay.said() == expected
    assert replay.is_quiet()
