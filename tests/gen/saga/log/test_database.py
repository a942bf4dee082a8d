"""The file itself: what is read in parts, and that it does not grow for ever."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ergopy.gen.saga.log import database
from ergopy.gen.saga.log.database import Database

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sagas.db"


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.iterdir())


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 200, 256])
def test_any_number_of_rows_is_written_at_once(path: Path, count: int) -> None:
    rows = [("here", bytes([number % 3]), b"%d" % number) for number in range(count)]
    with closing(Database(path, "normal")) as file:
        file.write(rows)
        assert [row[1:] for row in file.read("here")] == [row[1:] for row in rows]


@pytest.mark.parametrize("limit", ["_PAGE_ROWS", "_PAGE_BYTES"])
def test_much_is_read_in_parts(
    path: Path, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, limit, 7)
    rows = [("here", bytes([number % 3]), b"%d" % number) for number in range(60)]
    with closing(Database(path, "normal")) as file:
        file.write(rows)
        file.write([("there", b"0", b"0")])
        assert [row[1:] for row in file.read("here")] == [row[1:] for row in rows]
        assert file.read("nowhere") == []


def test_one_write_forgets_what_is_before_it_and_not_what_is_after(path: Path) -> None:
    rows = [("here", b"1", b"a"), ("here", b"2", b"b"), ("here", b"1", None)]
    with closing(Database(path, "normal")) as file:
        file.write([*rows, ("here", b"1", b"c")])
        assert [row[1:] for row in file.read("here")] == [(b"2", b"b"), (b"1", b"c")]
        file.write([("here", b"2", None), ("here", b"1", None)])
        assert file.read("here") == []


def test_a_file_does_not_grow_with_what_was_forgotten(path: Path) -> None:
    with closing(Database(path, "normal")) as file:
        for number in range(300):
            tx = b"%d" % number
            file.write([("here", tx, bytes(100_000))])
            file.write([("here", tx, None)])
        assert size(path) < 10_000_000
    assert size(path) < 1_000_000


def test_a_file_that_was_large_is_small_again_when_it_is_closed(path: Path) -> None:
    with closing(Database(path, "normal")) as file:
        file.write([("here", b"%d" % number, bytes(50_000)) for number in range(200)])
        file.write([("here", b"%d" % number, None) for number in range(1, 200)])
    assert size(path) < 200_000
    with closing(Database(path, "normal")) as file:
        assert [row.tx for row in file.read("here")] == [b"0"]


@pytest.mark.parametrize(("synchronous", "level"), [("full", 2), ("normal", 1)])
def test_it_is_as_synchronous_as_it_was_told(
    path: Path, synchronous: database.Synchronous, level: int
) -> None:
    with closing(Database(path, synchronous)) as file:
        assert file._pragma("synchronous") == level
        assert file._pragma("journal_mode") == "wal"
