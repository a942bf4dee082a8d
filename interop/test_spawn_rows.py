"""What a BEAM does with every spawn request, good or bad.

The outcomes are kept in ``tests/data/spawn_outcomes.json``, for ``tests/`` to demand
them of ours. ``ERGOPY_CAPTURE=1`` writes those of the releases that run anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import trio

from etf import Atom, Pid, Reference
from tests.signal_rows import fill
from tests.spawn_rows import ROWS, Row, say, to_come

from . import raw
from .test_signal_rows import CREATION, FLAGS, THIRD, Wire, recorded

OUTCOMES = Path(__file__).parents[1] / "tests" / "data" / "spawn_outcomes.json"


async def outcome(beam: Any, port: int, number: int, row: Row) -> Any:
    """Send one row over a connection of its own, and see what comes of it."""
    me = Atom(f"spawn{os.getpid()}x{number}@127.0.0.1")
    words = {
        "me": Pid(me, 5, 0, CREATION),
        "my old": Pid(me, 5, 0, CREATION - 1),
        "third": Pid(THIRD, 5, 0, CREATION),
        "bob": await beam.run("whereis(init)"),
        "ref": Reference(me, CREATION, (1, 2, 3)),
        "old ref": Reference(me, CREATION - 1, (1, 2, 3)),
        "third ref": Reference(THIRD, CREATION, (1, 2, 3)),
    }
    stream = await raw.connect(port, me, beam.cookie, FLAGS)
    wire = Wire(stream)
    async with stream:
        await wire.send(fill(row.control, words), row.payload)
        try:
            answers = await wire.until_answered(words["me"])
        except trio.BrokenResourceError:
            answers = []
        if not answers:
            return "closed"
        # Its logger reports crashes to the group leader, which is us.
        answers = [answer for answer in answers[:-1] if answer[0] != 6]
        waiting = to_come(answers)
        for answer in answers[1:]:
            waiting.remove(answer[0])
        while waiting:
            packet = await wire.receive()
            assert packet is not None
            control, message = packet
            if control[0] != 6:
                answers.append((*control, message))
                waiting.remove(control[0])
        # A connection that will be closed for it has been closed by now.
        assert await wire.until_answered(words["me"])
    return sorted(say(answer, words) for answer in answers)


async def test_every_spawn_request_has_the_known_outcome(new_beam):
    beam = new_beam()
    local = [ord(letter) for letter in beam.name.partition("@")[0]]
    source = "element(2, erl_epmd:port_please(Name, {127, 0, 0, 1}))"
    port = await beam.run(source, Name=local)
    seen = {}
    for number, row in enumerate(ROWS):
        with trio.fail_after(10):
            seen[row.name] = await outcome(beam, port, number, row)
    if os.environ.get("ERGOPY_CAPTURE"):
        known = json.loads(OUTCOMES.read_text()) if OUTCOMES.exists() else {}
        known[str(beam.release)] = seen
        OUTCOMES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        pytest.skip("captured")
    assert seen == recorded(OUTCOMES, beam.release)
