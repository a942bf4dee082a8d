"""Every spawn request, good and bad, against what BEAMs do with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Exit
from ergopy.node.dispatch import Dispatcher
from ergopy.node.exports import Exports
from ergopy.node.spawn import SpawnServer
from etf import Pid, Reference
from tests.node.fakes import CREATION, PEER, THEIRS, THIRD, FakePeer, their_ref
from tests.runtimes import settle, sleeper
from tests.signal_rows import fill
from tests.spawn_rows import ROWS, Row, say

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

OUTCOMES = json.loads(
    (Path(__file__).parents[1] / "data" / "spawn_outcomes.json").read_text()
)["28"]

# What differs, and is meant to.
OURS = {
    # Tokens of a trace are dropped here, so that the answer has none.
    "traced": OUTCOMES["good"],
    # The option that only nodes of this kind know.
    "options=[{name,x}]": OUTCOMES["options=[]"],
}


async def exit_(process: Process, reason: Any) -> None:
    raise Exit(reason)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_spawn_request_has_the_outcome_it_has_on_a_beam(
    fake: FakePeer, runtime: Runtime, row: Row
) -> None:
    exports = Exports()
    exports.provide("erlang", exit_, "exit")
    server = SpawnServer(runtime, exports)
    dispatcher = Dispatcher(fake.peer, runtime, server.serve)
    words = {
        "me": THEIRS,
        "my old": Pid(PEER, THEIRS.id, THEIRS.serial, THEIRS.creation - 1),
        "third": THIRD,
        "bob": sleeper(runtime).pid,
        "ref": their_ref(1),
        "old ref": Reference(PEER, CREATION - 1, their_ref(1).words),
        "third ref": Reference(THIRD.node, CREATION, their_ref(1).words),
    }
    dispatcher.deliver([(fill(row.control, words), row.payload)])
    await settle()
    sent = fake.sent()
    seen = sorted(say(answer, words) for answer in sent)
    expected = OURS.get(row.name, OUTCOMES[row.name])
    assert ("closed" if fake.wire.closed else seen) == expected
