"""The log in a file: when it is made, who writes, and how it ends."""

from __future__ import annotations

import logging
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from ergopy.gen.saga.log import SqliteSagaLog
from ergopy.gen.saga.log.database import Database

from .kit import SAGA, ended, found, threads, tx, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sagas" / "here.db"


def files_under(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Hold every write until the gate is opened."""
    return Gate(monkeypatch)


class Gate:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.sizes: list[int] = []
        write = Database.write

        def held(database: Database, rows: list[Any]) -> None:
            self.reached.set()
            assert self.opened.wait(60)
            self.sizes.append(len(rows))
            write(database, rows)

        monkeypatch.setattr(Database, "write", held)


async def test_there_is_no_file_and_no_thread_until_there_is_a_record(
    path: Path, tmp_path: Path
) -> None:
    log = SqliteSagaLog(path)
    assert await log.open(SAGA) == {}
    log.forget(SAGA, tx(1))
    assert threads(path) == []
    assert files_under(tmp_path) == []
    assert await written(log) is None
    assert path in files_under(tmp_path)
    await log.aclose(SAGA)


async def test_files_and_folders_are_for_their_owner_alone(path: Path) -> None:
    log = SqliteSagaLog(path)
    assert await written(log) is None
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(path.parent.iterdir())
    assert len(files) == 4  # with its locks, and what SQLite keeps beside it
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    await log.aclose(SAGA)
    assert set(path.parent.iterdir()) == {path, path.with_name(f"{path.name}-lock")}


async def test_sagas_of_a_file_share_one_thread_and_the_last_ends_it(
    path: Path,
) -> None:
    one, two = SqliteSagaLog(path), SqliteSagaLog(str(path))
    for log, saga in ((one, "one@here"), (one, "two@here"), (two, "three@here")):
        await log.open(saga)
        log.append(saga, tx(1), saga)
    assert len(threads(path)) == 1
    one.close("one@here")
    await two.aclose("three@here")
    assert len(threads(path)) == 1
    one.close("two@here")
    assert await ended(path)
    assert await found(two, "two@here") == {tx(1): ["two@here"]}


async def test_all_that_is_pending_is_one_transaction(path: Path, gate: Gate) -> None:
    log = SqliteSagaLog(path)
    log.append(SAGA, tx(0), 0)
    await trio.to_thread.run_sync(gate.reached.wait, 60)
    for number in range(100):
        log.append(SAGA, tx(1), number)
    gate.opened.set()
    assert await found(log) == {tx(0): [0], tx(1): list(range(100))}
    assert gate.sizes == [1, 100]


async def test_much_that_is_pending_is_written_in_parts(path: Path, gate: Gate) -> None:
    log = SqliteSagaLog(path)
    for number in range(3000):
        log.append(SAGA, tx(1), number)
    gate.opened.set()
    assert await found(log) == {tx(1): list(range(3000))}
    assert sum(gate.sizes) == 3000
    assert max(gate.sizes) == 256


async def test_a_saga_that_comes_back_finds_what_its_killed_self_had_pending(
    path: Path, gate: Gate
) -> None:
    log = SqliteSagaLog(path)
    await log.open(SAGA)
    log.append(SAGA, tx(1), 1)
    log.close(SAGA)
    gate.opened.set()
    again = SqliteSagaLog(path)
    assert await again.open(SAGA) == {tx(1): [1]}
    again.append(SAGA, tx(1), 2)
    await again.aclose(SAGA)
    assert await found(log) == {tx(1): [1, 2]}
    assert await ended(path)


async def test_a_cancelled_end_loses_nothing(path: Path, gate: Gate) -> None:
    log = SqliteSagaLog(path)
    log.append(SAGA, tx(1), 1)
    with trio.move_on_after(0) as scope:
        await log.aclose(SAGA)
    assert scope.cancelled_caught
    gate.opened.set()
    assert await ended(path)
    assert await found(log) == {tx(1): [1]}


async def test_all_who_wait_for_the_end_are_told(path: Path, gate: Gate) -> None:
    async with trio.open_nursery() as nursery:
        for saga in ("one@here", "two@here"):
            log = SqliteSagaLog(path)
            log.append(saga, tx(1), 1)
            nursery.start_soon(log.aclose, saga)
            # So each of them is the last for a while.
            await trio.testing.wait_all_tasks_blocked()
        gate.opened.set()
        nursery.cancel_scope.deadline = trio.current_time() + 20
    assert not nursery.cancel_scope.cancelled_caught
    assert await ended(path)


async def test_sagas_that_come_and_go_while_it_is_written_are_all_told(
    path: Path, gate: Gate
) -> None:
    log = SqliteSagaLog(path)
    log.append(SAGA, tx(1), 1)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(found, log)
            nursery.start_soon(found, SqliteSagaLog(path))
        await trio.testing.wait_all_tasks_blocked()
        gate.opened.set()
    assert await ended(path)
    assert await found(log) == {tx(1): [1]}


async def test_a_cancelled_open_does_no_harm(path: Path, gate: Gate) -> None:
    log = SqliteSagaLog(path)
    log.append(SAGA, tx(1), 1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await log.open(SAGA)
    gate.opened.set()
    assert await found(log) == {tx(1): [1]}
    assert await ended(path)


async def test_a_then_that_raises_is_logged_and_harms_nobody(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def then(_error: Any) -> None:
        raise RuntimeError("oops")

    log = SqliteSagaLog(path)
    log.append(SAGA, tx(1), 1, then)
    assert await written(log) is None
    assert "oops" in caplog.text
    await log.aclose(SAGA)


def test_a_loop_that_is_over_is_told_nothing_and_all_is_written(
    path: Path, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Any] = []

    async def main() -> None:
        log = SqliteSagaLog(path)
        for number in range(10):
            log.append(SAGA, tx(1), number, told.append)

    trio.run(main)
    gate.opened.set()
    for thread in threads(path):
        thread.join(60)
    assert threads(path) == []
    assert told == []
    assert trio.run(found, SqliteSagaLog(path)) == {tx(1): list(range(10))}
    assert not [entry for entry in caplog.records if entry.levelno >= logging.WARNING]


async def test_nothing_hangs_on_a_clock_that_jumps(
    path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    log = SqliteSagaLog(path)
    await log.open(SAGA)
    for number in range(3):
        log.append(SAGA, tx(1), number)
        await trio.sleep(1000)
    assert await written(log) is None
    await log.aclose(SAGA)
    assert (await found(log))[tx(1)] == [0, 1, 2]


def test_a_log_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/joe")
    assert SqliteSagaLog("~/x.db").path == Path("/home/joe/x.db")
    assert SqliteSagaLog("x.db").path == Path("x.db").absolute()
    assert repr(SqliteSagaLog("/x.db")) == "<SqliteSagaLog '/x.db'>"


def test_there_are_two_ways_to_be_synchronous() -> None:
    with pytest.raises(ValueError, match="full or normal, not 'off'"):
        SqliteSagaLog("x.db", synchronous="off")  # type: ignore[arg-type]
