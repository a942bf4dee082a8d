"""The page on the states of a saga says what the table of the sources does."""

from __future__ import annotations

import re

import pytest

from ergopy.gen.saga.core import events, table
from tests.docs.pages import DOCS

PAGE = (DOCS / "reference" / "saga-states.md").read_text("utf-8")
EVENTS = {
    "`$saga_next`": events.Next,
    "`$saga_result`": events.Result,
    "`$saga_interim`": events.Interim,
    "`$saga_cancel`": events.Cancel,
    "`$saga_commit`": events.Commit,
    "`joined`": events.Joined,
    "`prepare`": events.Prepare,
    "`vote`": events.Vote,
    "`commit`": events.Decide,
    "`ack`": events.Ack,
    "`ask`": events.Ask,
    "the saga above is lost; or one below that is not found by a name": (
        events.ParentDown
    ),
    "the lifespan is over": events.LifespanOver,
    "it is time to try again": events.TryAgain,
    "`next`, `start_job`": events.NextStep,
    "`send_result`": events.SendResult,
    "`cancel_transaction`": events.CancelLater,
}
REFUSING = {table.has_result, table.is_too_late, table.is_in_doubt}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


_, _, _matrix = PAGE.partition("| what comes |")
HEAD, _, *_LINES = _matrix.partition("\n\n")[0].splitlines()
ROWS = {name: row for name, *row in map(cells, _LINES)}


def test_the_page_has_all_states_and_all_messages() -> None:
    assert cells(HEAD) == [*table.STATES, "unknown"]
    assert ROWS.keys() == EVENTS.keys()
    states, _, _ = PAGE.partition("## Messages")
    for state in table.STATES:
        assert re.search(rf"^\| `{state}` \|", states, re.MULTILINE), state


@pytest.mark.parametrize("name", EVENTS)
def test_a_message_does_something_in_the_states_that_the_page_shows(name: str) -> None:
    *known, unknown = ROWS[name]
    event = EVENTS[name]
    for state, cell in zip(table.STATES, known, strict=True):
        function = table.TABLE[event][state]
        assert (cell == "") == (function is table.ignore), state
        assert (cell == "raises") == (function in REFUSING), state
    if unknown != "raises":
        assert (unknown == "") == (event not in table.UNKNOWN)
