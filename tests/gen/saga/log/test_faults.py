"""Files that are none of ours, damaged ones, and disks that are full."""

from __future__ import annotations

import resource
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy.errors import SagaLogError
from ergopy.gen.saga.log import SqliteSagaLog

from .kit import SAGA, ended, found, tx, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sagas.db"


MARKED = f"x'{etf.encode((etf.Atom('$text'), 1)).hex()}'"


def fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def content(path: Path) -> bytes:
    return path.read_bytes()


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


async def refused(path: Path, saga: str = SAGA) -> str:
    """Return why a log cannot be opened; nobody is left who tries."""
    with pytest.raises(SagaLogError) as caught:
        await found(SqliteSagaLog(path), saga)
    assert caught.value.path == path
    assert await ended(path)
    return caught.value.why


async def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    fill(path, b"my thesis" * 1000)
    assert "not a database" in await refused(path)
    assert content(path) == b"my thesis" * 1000


async def test_a_database_of_somebody_else_is_left_alone(path: Path) -> None:
    change(path, "CREATE TABLE thesis (chapter)")
    before = content(path)
    assert await refused(path) == "is a database, and no log of sagas"
    assert content(path) == before


async def test_a_log_of_a_later_version_is_left_alone(path: Path) -> None:
    log = SqliteSagaLog(path)
    log.append(SAGA, tx(1), 1)
    await log.aclose(SAGA)
    change(path, "PRAGMA user_version = 2")
    assert await refused(path) == "is of version 2; this is ergopy for 1"


async def test_an_empty_file_becomes_a_log(path: Path) -> None:
    fill(path, b"")
    log = SqliteSagaLog(path)
    assert await log.open(SAGA) == {}
    assert await written(log) is None
    await log.aclose(SAGA)


async def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert await refused(tmp_path / "file" / "sagas.db") == "Not a directory"
    assert await refused(tmp_path) == "unable to open database file"


async def test_a_file_that_cannot_be_made_is_told_to_who_appends(
    tmp_path: Path,
) -> None:
    path = tmp_path / "later" / "sagas.db"
    log = SqliteSagaLog(path)
    assert await log.open(SAGA) == {}
    (tmp_path / "later").touch()
    error = await written(log)
    assert isinstance(error, SagaLogError)
    assert error.why == "Not a directory"
    await log.aclose(SAGA)
    assert await ended(path)


@pytest.mark.parametrize("value", ["x'00'", "x'836101ff'", "x''", MARKED])
async def test_a_damaged_record_is_named_and_hinders_no_other_saga(
    path: Path, value: str
) -> None:
    log = SqliteSagaLog(path)
    for saga in (SAGA, "other@here"):
        for number in range(3):
            log.append(saga, tx(1), number)
        await log.aclose(saga)
    change(path, f"UPDATE record SET record = {value} WHERE seq = 2")
    assert (await refused(path)).startswith("record 2 of booking@here is damaged: ")
    assert await found(log, "other@here") == {tx(1): [0, 1, 2]}
    change(path, "DELETE FROM record WHERE seq = 2")
    assert await found(log) == {tx(1): [0, 2]}


async def test_a_damaged_transaction_is_named(path: Path) -> None:
    log = SqliteSagaLog(path)
    log.append(SAGA, tx(1), 0)
    await log.aclose(SAGA)
    change(path, "UPDATE record SET tx = x'836101'")
    assert "record 1 of booking@here is damaged" in await refused(path)


async def test_a_file_with_holes_is_an_error(path: Path) -> None:
    log = SqliteSagaLog(path)
    log.append(SAGA, tx(1), bytes(100_000))
    await log.aclose(SAGA)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 60_000)
    assert "malformed" in await refused(path)


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond *size* bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_is_told_to_all_until_the_log_is_opened_again(
    path: Path,
) -> None:
    told: list[Any] = []
    log = SqliteSagaLog(path)
    await log.open(SAGA)
    await log.open("other@here")
    assert await written(log, "early") is None
    with full_disk(200_000):
        log.append(SAGA, tx(1), bytes(1_000_000), told.append)
        log.append("other@here", tx(1), 1, told.append)
        assert isinstance(await written(log, "lost"), SagaLogError)
    assert [type(error) for error in told] == [SagaLogError, SagaLogError]
    # There is room again, but a log has no holes.
    assert isinstance(await written(log, "lost, too"), SagaLogError)
    assert await log.open(SAGA) == {tx(99): ["early"]}
    assert await written(log, "late") is None
    log.append("other@here", tx(1), 2, told.append)
    await log.aclose("other@here")
    log.close(SAGA)
    assert isinstance(told[-1], SagaLogError)
    assert await ended(path)
    assert await found(log) == {tx(99): ["early", "late"]}
    assert await found(log, "other@here") == {}
