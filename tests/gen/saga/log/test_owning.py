"""The records of a saga are for one process of the system."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import SagaLogError
from ergopy.gen.saga.log import SqliteSagaLog, owning

from .kit import tx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER = """
import sys
import trio
from ergopy.gen.saga.log import SqliteSagaLog
from etf import Reference

async def main(path, saga):
    log = SqliteSagaLog(path)
    log.append(saga, Reference("here", 7, (9, 9, 9)), "record")
    print("there", flush=True)
    sys.stdin.read()
    await log.aclose(saga)
    print("closed", flush=True)
    await trio.sleep_forever()

trio.run(main, sys.argv[1], sys.argv[2])
"""

OWNER = """
import sys
from ergopy.gen.saga.log import owning

owning.own(sys.argv[1], sys.argv[2])
print("there", flush=True)
sys.stdin.read()
"""

FORK = """
import os
import pathlib
import sys
from ergopy import SagaLogError
from ergopy.gen.saga.log import owning

path = pathlib.Path(sys.argv[1])
owning.own(path, "ours")
child = os.fork()
if child:
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))
try:
    owning.own(path, "ours")
except SagaLogError:
    os._exit(3)
os._exit(4)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sagas.db"


@contextmanager
def other_process(path: Path, program: str = OTHER) -> Iterator[Any]:
    command = [sys.executable, "-c", program, str(path), "ours"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            yield other
        finally:
            other.kill()


async def test_a_saga_that_another_process_runs_is_not_opened(path: Path) -> None:
    log = SqliteSagaLog(path)
    refusal = "ours is run by another process"
    with other_process(path):
        with pytest.raises(SagaLogError, match=refusal):
            await log.open("ours")
        with pytest.raises(SagaLogError, match=refusal):
            log.append("ours", tx(1), "record")
        # Others do not have to wait.
        assert await log.open("another") == {}
        await log.aclose("another")
    await log.open("ours")
    await log.aclose("ours")


async def test_a_saga_that_has_not_written_yet_is_not_opened(path: Path) -> None:
    log = SqliteSagaLog(path)
    with other_process(path, OWNER):
        with pytest.raises(SagaLogError, match="ours is run by another process"):
            await log.open("ours")
        assert await log.open("another") == {}
    assert await log.open("ours") == {}
    assert path not in owning._all


async def test_one_that_another_process_has_closed_is_opened(path: Path) -> None:
    log = SqliteSagaLog(path)
    with other_process(path) as other:
        other.stdin.close()
        other.stdout.readline()
        assert len(await log.open("ours")) == 1
        await log.aclose("ours")


async def test_in_one_process_a_saga_is_opened_again(path: Path) -> None:
    first, second = SqliteSagaLog(path), SqliteSagaLog(path)
    first.append("ours", tx(1), "record")
    # A saga that was killed may have something pending when the next one is there.
    assert len(await second.open("ours")) == 1
    await first.aclose("ours")
    await second.aclose("ours")
    assert path not in owning._all


def test_a_fork_has_no_locks(path: Path) -> None:
    # In a process of its own: this one has threads, and must not be forked.
    command = [sys.executable, "-c", FORK, str(path)]
    assert subprocess.run(command, check=False).returncode == 3
