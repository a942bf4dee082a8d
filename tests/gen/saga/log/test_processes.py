"""Logs and the end of processes: none that was told "it is safe" was told wrong."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ergopy.gen.saga.log import SqliteSagaLog

from .kit import found, tx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRITER = """
import sys
import trio
from ergopy.gen.saga.log import SqliteSagaLog
from etf import Reference

async def main(path, saga, first):
    log = SqliteSagaLog(path)
    found = await log.open(saga)
    print("found", sum(map(len, found.values())), flush=True)
    for number in range(first, first + 100_000):
        def then(error, number=number):
            assert error is None
            sys.stdout.write(f"{number}\\n")
            if number % 20 == 0:
                sys.stdout.flush()
        tx = Reference("here", 7, (number % 5, 2, 3))
        log.append(saga, tx, number, then)
        if number % 20 == 0:
            await trio.sleep(0)
    # It is killed; what is written is told until then.
    await trio.sleep_forever()

trio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""

LEAVER = """
import sys
import trio
from ergopy.gen.saga.log import SqliteSagaLog
from etf import Reference

async def main(path):
    log = SqliteSagaLog(path)
    for number in range(5000):
        log.append("here", Reference("here", 7, (1, 2, 3)), number)

trio.run(main, sys.argv[1])
"""


@contextmanager
def process(program: str, *args: Any) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", program, *map(str, args)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def told(child: subprocess.Popen[str], lines: int) -> list[int]:
    """Kill it after some lines; return the records that it said are safe."""
    assert child.stdout is not None
    got = [child.stdout.readline() for _ in range(lines)]
    child.kill()
    # A line that the end of the process has cut is no number that it said.
    whole = "".join(got) + child.stdout.read()
    return [int(line) for line in whole.split("\n")[:-1]]


def first_line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline()


async def test_what_was_said_to_be_safe_is_there_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "sagas.db"
    safe: set[int] = set()
    for turn, lines in enumerate((1, 300, 2500)):
        with process(WRITER, path, "here", turn * 1_000_000) as child:
            assert first_line(child).startswith("found")
            safe.update(told(child, lines))
        records = await found(SqliteSagaLog(path), "here")
        kept = [number for key in records for number in records[key]]
        assert safe <= set(kept)
        assert len(kept) == len(set(kept))
        for which in range(5):
            numbers = records.get(tx(which), [])
            assert numbers == sorted(numbers)
        # No holes: what is kept of this turn is all up to some record.
        mine = sorted(number for number in kept if number >= turn * 1_000_000)
        assert mine == list(range(turn * 1_000_000, turn * 1_000_000 + len(mine)))


async def test_two_processes_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "sagas.db"
    with process(WRITER, path, "one", 0) as one, process(WRITER, path, "two", 0) as two:
        # Both have it open, and write as fast as they can.
        assert first_line(one) == "found 0\n"
        assert first_line(two) == "found 0\n"
        assert len(told(two, 2000)) >= 2000
        assert len(told(one, 2000)) >= 2000
    log = SqliteSagaLog(path)
    for saga in ("one", "two"):
        records = await found(log, saga)
        assert sum(map(len, records.values())) >= 2000


async def test_the_end_of_python_waits_for_what_is_pending(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sagas.db"
    with process(LEAVER, path) as child:
        assert child.wait(60) == 0
    records = await found(SqliteSagaLog(path), "here")
    assert records == {tx(1): list(range(5000))}
