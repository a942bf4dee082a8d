"""The table has an entry for everything, and each entry is tried by a test."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from ergopy import SagaError
from ergopy.gen.saga.core import events, table

from .kit import Case, in_state, ref

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = {
    kind
    for _, kind in inspect.getmembers(events, inspect.isclass)
    if kind.__module__ == events.__name__
}
REFUSALS = (table.has_result, table.is_too_late, table.is_in_doubt)
TESTS = (
    "arrival",
    "cancel",
    "commit",
    "recovery",
    "results",
    "steps",
    "undoing",
    "votes",
)


def test_every_event_is_in_the_table_and_in_one_place() -> None:
    assert set(table.TABLE) | set(table.OTHERS) == EVENTS
    assert not set(table.TABLE) & set(table.OTHERS)
    assert set(table.UNKNOWN) <= set(table.TABLE)


@pytest.mark.parametrize("kind", table.TABLE, ids=lambda kind: kind.__name__)
def test_every_row_has_every_state(kind: type) -> None:
    assert set(table.TABLE[kind]) == set(table.STATES)
    assert "id" in kind._fields  # type: ignore[attr-defined]


def _made(kind: type[Any], case: Case) -> Any:
    """Make an event of a kind, that fits *case* as far as it can."""
    fits = {"id": case.id, "origin": case.origin, "sender": case.tx.parent}
    return kind(*[fits.get(field, ref()) for field in kind._fields])


REFUSED = [
    (kind, state)
    for kind, row in table.TABLE.items()
    for state, handler in row.items()
    if handler in REFUSALS
]
IGNORED = [
    (kind, state)
    for kind, row in table.TABLE.items()
    for state, handler in row.items()
    if handler is table.ignore
]


@pytest.mark.parametrize(
    ("kind", "state"), REFUSED, ids=lambda value: getattr(value, "__name__", value)
)
def test_what_a_state_does_not_allow_raises_and_changes_nothing(
    kind: type, state: str
) -> None:
    case = in_state(state)
    with pytest.raises(SagaError):
        case.take(_made(kind, case))
    assert case.state == state


@pytest.mark.parametrize("state", table.STATES)
def test_what_comes_too_late_or_too_early_changes_nothing(state: str) -> None:
    case = in_state(state)
    for kind, of in IGNORED:
        if of == state:
            assert case.take(_made(kind, case)) == [], kind
            assert case.state == state


class Entry(NamedTuple):
    """One entry of the table: an event, and a state if it is about a transaction."""

    kind: str
    state: str


class Recorder:
    """Stands for all functions of the table, and remembers which were called."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.all: set[Entry] = set()
        self.called: set[Entry] = set()
        for kind, row in table.TABLE.items():
            for state, handler in row.items():
                if handler is not table.ignore:
                    self._stand(patch, row, state, Entry(kind.__name__, state))
        for place, name in ((table.OTHERS, "other"), (table.UNKNOWN, "unknown")):
            for kind in place:
                self._stand(patch, place, kind, Entry(kind.__name__, name))
        for what in table._logged:
            self._stand(patch, table._logged, what, Entry("Logged", f"of {what}"))

    def _stand(
        self, patch: pytest.MonkeyPatch, place: dict[Any, Any], key: Any, entry: Entry
    ) -> None:
        handler = place[key]

        def stand_in(*args: Any) -> None:
            self.called.add(entry)
            handler(*args)

        self.all.add(entry)
        patch.setitem(place, key, stand_in)


def _tests() -> list[Callable[..., None]]:
    package = __name__.rpartition(".")[0]
    modules = [f"test_rows_{name}" for name in TESTS]
    modules += ["test_jobs", "test_job_ends", __name__]
    found = []
    for name in modules:
        module = importlib.import_module(f"{package}.{name.rpartition('.')[2]}")
        found += [
            value for key, value in vars(module).items() if key.startswith("test_")
        ]
    return found


def _bare(value: Any) -> Any:
    return value.values if hasattr(value, "marks") else value


def _run(test: Callable[..., None]) -> None:
    """Run a test, with all its parameters if it has some."""
    calls: list[dict[str, Any]] = [{}]
    for mark in getattr(test, "pytestmark", ()):
        names, values = mark.args
        if isinstance(names, str):
            names = [name.strip() for name in names.split(",")]
        rows = [value if len(names) > 1 else (value,) for value in map(_bare, values)]
        calls = [
            {**call, **dict(zip(names, row, strict=True))}
            for call in calls
            for row in rows
        ]
    for call in calls:
        test(**call)


def test_every_entry_of_the_table_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(monkeypatch)
    here = test_every_entry_of_the_table_is_tried.__name__
    for test in _tests():
        if test.__name__ != here:
            _run(test)
    missing = sorted(recorder.all - recorder.called)
    assert not missing, "\n".join(map(str, missing))
