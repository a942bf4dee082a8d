"""``ergopy.run`` as a program: signals end it in order, or at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import trio

import ergopy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """
import sys
import trio
import ergopy

class Server(ergopy.GenServer):
    terminate_timeout = 60

    async def init(self, patience):
        self.trap_exit = True
        self.patience = patience

    async def terminate(self, reason):
        print("told", reason, flush=True)
        await trio.sleep(self.patience)
        print("cleaned up", flush=True)

async def helper(proc):
    try:
        await trio.sleep_forever()
    finally:
        print("helper ended", flush=True)

async def main(patience):
    options = {"cookie": "x", "epmd": "off", "grace": 60, "watchdog": None}
    node = ergopy.Node("run@127.0.0.1", **options)
    async with node:
        await node.start(Server, patience, name="server")
        if not patience:
            await node.spawn(helper)
        print("up", flush=True)
        await node.wait_closed()
    print("never", flush=True)

result = ergopy.run(main, float(sys.argv[1]))
print("returned", result, flush=True)
"""


@pytest.fixture
def program(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(request.param)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("program", [0], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_in_order(
    program: subprocess.Popen[str], number: int
) -> None:
    program.send_signal(number)
    out, err = program.communicate(timeout=60)
    assert sorted(out.splitlines()) == [
        "cleaned up",
        "helper ended",
        "returned None",
        "told shutdown",
    ]
    assert out.splitlines()[-1] == "returned None"
    assert (program.returncode, err) == (0, "")


@pytest.mark.parametrize("program", [3600], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(
    program: subprocess.Popen[str], number: int
) -> None:
    program.send_signal(signal.SIGTERM)
    assert program.stdout is not None
    assert program.stdout.readline() == "told shutdown\n"
    program.send_signal(number)
    out, err = program.communicate(timeout=60)
    assert out == "", err
    assert program.returncode == -number, err


def test_after_the_run_ctrl_c_is_what_it_was_before() -> None:
    before = signal.getsignal(signal.SIGINT)

    async def main() -> None:
        signal.raise_signal(signal.SIGTERM)
        await trio.sleep_forever()

    assert ergopy.run(main) is None
    assert signal.getsignal(signal.SIGINT) is before


def test_what_main_raises_or_returns_comes_out() -> None:
    async def good() -> int:
        return 5

    async def bad() -> None:
        raise ValueError("wanted")

    assert ergopy.run(good) == 5
    with pytest.raises(ValueError, match="wanted"):
        ergopy.run(bad)


def test_the_collector_of_cycles_runs_less_often_unless_the_program_has_said(
    tmp_path: Path,
) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import gc, sys, ergopy\n"
        "if sys.argv[1:]: gc.set_threshold(int(sys.argv[1]))\n"
        "async def main(): print(gc.get_threshold()[0])\n"
        "ergopy.run(main)\n"
    )
    for arguments, expected in (([], "50000"), (["123"], "123")):
        command = [sys.executable, str(program), *arguments]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        assert done.stdout.strip() == expected
