"""``ergopy run`` with an application, as a program of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.nodes import COOKIE, unique_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """
import trio
import ergopy
from ergopy import Application, ApplicationSpec, ChildSpec, GenServer, NoReply, Stop

class Kid(GenServer):
    terminate_seconds = 0
    async def init(self, name, then=None, seconds=0):
        self.trap_exit = True
        self.name, self.seconds = name, seconds
        print(name, "up", flush=True)
        if then is not None:
            self.send_after(0, self.pid, then)
    async def handle_info(self, message):
        if message == "crash":
            raise ValueError("as you wish")
        return Stop(message)
    async def terminate(self, reason):
        print(self.name, "told", flush=True)
        await trio.sleep(self.seconds)
        print(self.name, "down", flush=True)

class Callbacks(Application):
    async def prep_stop(self):
        print(self.spec.name, "prep_stop", flush=True)
    async def stop(self):
        print(self.spec.name, "stop", flush=True)

class Db(Callbacks):
    children = [ChildSpec(Kid, "db")]

class Shop(Callbacks):
    dependencies = [Db]
    children = [ChildSpec(Kid, "till", id=1), ChildSpec(Kid, "desk", id=2)]

class Slow(Callbacks):
    children = [ChildSpec(Kid, "slow", None, 3600, shutdown="infinity")]

class Crashing(Shop):
    intensity = 0
    children = [ChildSpec(Kid, "bad", "crash")]

class Batch(Shop):
    auto_shutdown = "any_significant"
    children = [
        ChildSpec(Kid, "work", "normal", restart="transient", significant=True)
    ]

class Temporary(Crashing):
    start_type = "temporary"

class Unfit(Shop):
    async def start(self):
        raise ValueError("unfit")

class Failing(GenServer):
    async def init(self):
        self.process.send_after(0.1, self.pid, "go")
    async def handle_info(self, message):
        raise ValueError("as you wish")

class Done(Failing):
    async def handle_info(self, message):
        return Stop("normal")

class FailingAtOnce(Failing):
    async def init(self):
        return NoReply(then="go")
    handle_continue = Failing.handle_info

class DoneAtOnce(FailingAtOnce):
    handle_continue = Done.handle_info

class Broken(GenServer):
    async def init(self):
        raise OSError("no disk")

class One(Application):
    dependencies = ["two"]

loop = ApplicationSpec(
    name="loop", dependencies=[ApplicationSpec(name="two", dependencies=["loop"])]
)
data = ApplicationSpec(name="data", children=Shop.children, dependencies=[Db])
"""


@contextmanager
def program(folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    (folder / "shop.py").write_text(PROGRAM)
    words = ["run", f"shop:{name}", "--name", unique_name("run"), "--epmd", "off"]
    with subprocess.Popen(
        [sys.executable, "-m", "ergopy", *words],
        cwd=folder,
        env={**os.environ, "ERGOPY_COOKIE": COOKIE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    while (got := process.stdout.readline()) != f"{line}\n":
        assert got, process.stderr and process.stderr.read()


def read_until_up(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    while " is up on port " not in (got := process.stdout.readline()):
        assert got, process.stderr and process.stderr.read()


def rest(process: subprocess.Popen[str]) -> tuple[list[str], str, int]:
    out, err = process.communicate(timeout=60)
    return out.splitlines(), err, process.returncode


STOPPED = ["shop prep_stop", "desk told", "desk down", "till told", "till down"]
DB_STOPPED = ["db prep_stop", "db told", "db down", "db stop"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_applications_in_reverse(tmp_path: Path, number: int) -> None:
    with program(tmp_path, "Shop") as process:
        read_until_up(process)
        process.send_signal(number)
        out, err, status = rest(process)
    assert out == [*STOPPED, "shop stop", *DB_STOPPED]
    assert status == 0
    assert "Traceback" not in err


def test_a_spec_runs_as_a_class_does(tmp_path: Path) -> None:
    with program(tmp_path, "data") as process:
        read_until_up(process)
        process.terminate()
        out, _, status = rest(process)
    assert (out, status) == ([*STOPPED[1:], *DB_STOPPED], 0)


def test_a_second_signal_ends_it_wherever_it_is(tmp_path: Path) -> None:
    with program(tmp_path, "Slow") as process:
        read_until(process, "slow up")
        process.terminate()
        read_until(process, "slow told")
        process.terminate()
        out, _, status = rest(process)
    assert (out, status) == ([], -signal.SIGTERM)


def test_a_failed_application_is_status_1_and_the_others_stop_in_order(
    tmp_path: Path,
) -> None:
    with program(tmp_path, "Crashing") as process:
        out, err, status = rest(process)
    callbacks = ["crashing prep_stop", "crashing stop"]
    crash = ["db up", "bad up", "bad told", "bad down"]
    happened = [line for line in out if " is up on port " not in line]
    assert happened == [*crash, *callbacks, *DB_STOPPED]
    assert status == 1
    assert "application crashing: permanent, and terminated: Atom('shutdown')" in err
    # One for the crash of the child, and no other.
    assert err.count("Traceback") == 1


def test_an_application_whose_work_is_done_ends_the_program_with_0(
    tmp_path: Path,
) -> None:
    with program(tmp_path, "Batch") as process:
        out, err, status = rest(process)
    assert out[-6:] == ["batch prep_stop", "batch stop", *DB_STOPPED]
    assert status == 0
    assert "Traceback" not in err


def test_a_temporary_application_that_fails_leaves_the_node_up(tmp_path: Path) -> None:
    with program(tmp_path, "Temporary") as process:
        read_until(process, "temporary stop")
        process.terminate()
        out, _, status = rest(process)
    assert (out, status) == (DB_STOPPED, 0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Unfit", "application unfit: did not start"),
        ("Broken", "Broken did not start"),
        ("One", "application two: not loaded, and one needs it"),
        ("loop", "application loop: needs itself: loop -> two -> loop"),
    ],
)
def test_what_cannot_start_is_said_in_a_line(
    tmp_path: Path, name: str, words: str
) -> None:
    with program(tmp_path, name) as process:
        _, err, status = rest(process)
    assert status == 1
    assert words in err.splitlines()[-1]
    assert "StartError" not in err


@pytest.mark.parametrize(
    ("name", "status"),
    [("Failing", 1), ("Done", 0), ("FailingAtOnce", 1), ("DoneAtOnce", 0)],
)
def test_the_end_of_a_behaviour_is_that_of_the_program(
    tmp_path: Path, name: str, status: int
) -> None:
    with program(tmp_path, name) as process:
        _, err, found = rest(process)
    assert found == status
    assert err.count("Traceback") == status
    assert (f":{name} has ended: " in err) is bool(status)
    assert "noproc" not in err
