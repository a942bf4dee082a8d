"""Random scripts: the log of each is that of a real ``gen_event``.

The file is made, and says so, by ``tests/data/event_manager_cases.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import etf

from .tables import Script

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime

FILE = Path(__file__).parents[2] / "data" / "event_manager_cases.json"
ROWS = json.loads(FILE.read_text("utf-8"))


@pytest.mark.parametrize("number", range(len(ROWS)))
async def test_a_manager_does_what_gen_event_did(runtime: Runtime, number: int) -> None:
    script, expected = map(etf.parse, ROWS[number])
    log = await Script(runtime).run(script)
    for step, other in zip(log, expected, strict=True):
        assert step == other
    assert etf.same(log, expected)


def test_the_cases_have_all_kinds_of_things_in_them() -> None:
    text = "".join(log for _, log in ROWS)
    assert len(ROWS) >= 100
    for what in (
        "{swapped_in,",
        "{gen_event_EXIT,",
        "{swapped,",
        "remove_handler",
        "{stop,boom}",
        "{error,{'EXIT',wanted}}",
        "{error,module_not_found}",
        "{error,bad_module}",
        "{error,{bad,1}}",
        "shutdown}",
        "undef",
    ):
        assert text.count(what) > 5, what
