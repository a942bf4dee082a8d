"""Random machines and scripts: the log of each is that of a real ``gen_statem``.

The file is made, and says so, by ``tests/data/state_machine_cases.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import etf

from .tables import play

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

FILE = Path(__file__).parents[2] / "data" / "state_machine_cases.json"
ROWS = json.loads(FILE.read_text("utf-8"))


@pytest.mark.parametrize("number", range(len(ROWS)))
async def test_a_machine_does_what_gen_statem_did(
    runtime: Runtime, autojump_clock: Any, number: int
) -> None:
    case, expected = map(etf.parse, ROWS[number][:2])
    log, _ = await play(runtime, case)
    assert log == expected
    assert etf.same(log, expected)


def test_the_cases_have_all_kinds_of_things_in_them() -> None:
    logs = [etf.parse(row[1]) for row in ROWS]
    assert len(logs) >= 200
    kinds = {str(entry[0]) for log in logs for entry in log}
    assert kinds >= {"call", "cast", "info", "internal", "timeout", "state_timeout"}
    assert kinds >= {"enter", "reply", "terminate", "down", "ended"}
    assert sum(bool(log[-1][3]) for log in logs if log[-1][0] == "ended") > 20
