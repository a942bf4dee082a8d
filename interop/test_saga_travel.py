"""The tutorial on sagas: the Elixir of the page, its Python, and the drills.

Each drill ends somebody at a moment that is given, and then asks both sides what came
of it.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom

from . import shells
from .beam import Missing
from .conftest import missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from .beam import Beam

PAGE = Path(__file__).parents[1] / "docs" / "tutorial" / "4-travel.md"
COOKIE = "secret"


def blocks(fence: str) -> list[str]:
    pattern = rf"^```{re.escape(fence)}\n(.*?)^```$"
    return re.findall(pattern, PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


(HOTEL,) = blocks("elixir file=hotel.exs")
(PROGRAM,) = blocks("python file=trips.py")


class Program:
    """The Python program of the page, once it is up."""

    def __init__(self, folder: Path, port: int, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(folder / "trips.py")],
            env={**os.environ, "ERL_EPMD_PORT": str(port), **environment},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

        self._early: list[str] = []

    def up(self) -> Program:
        """Wait until it says so; what it goes on with may come before."""
        while "is up" not in (line := self._line()):
            assert line, self._early
            self._early.append(line)
        return self

    def lines(self, count: int) -> list[str]:
        """The next lines, sorted: there are several processes that print."""
        early, self._early = self._early[:count], self._early[count:]
        return sorted(early + [self._line() for _ in range(count - len(early))])

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip()

    def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        self.process.send_signal(how)
        return self.process.wait(10)


@pytest.fixture
def start(epmd, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """``start(DRILL="1")``: the program, in a folder that stays the same."""
    (tmp_path / "trips.py").write_text(PROGRAM, "utf-8")
    started: list[Program] = []

    def start(**environment: str) -> Program:
        started.append(Program(tmp_path, epmd.port, **environment))
        return started[-1].up()

    yield start
    for program in started:
        program.process.kill()
        program.process.communicate()


class Shell:
    """An iex; what was typed and is not answered yet is read to a line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def type(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def read(self, until: str) -> str:
        assert self._process.stdout is not None
        printed = ""
        for line in self._process.stdout:
            printed += line.decode()
            if until in shells.plain(printed):
                break
        return printed

    def follow(self, transcript: str) -> None:
        """Type what a page says, and check what it says that comes of it."""
        self.type(shells.typed(transcript))
        last = shells.answers(transcript)[-1].splitlines()[-1]
        shells.check(transcript, self.read(until=shells.plain(last)))


@pytest.fixture
def iex(epmd, tmp_path: Path) -> Iterator[Shell]:
    where = {"folder": tmp_path, "epmd_port": epmd.port, "cookie": COOKIE}
    try:
        process = shells.start("elixir", **where)
    except Missing as problem:
        missing(problem)
        raise
    guard = threading.Timer(shells.SECONDS, process.kill)
    with process:
        guard.start()
        try:
            shell = Shell(process)
            shell.type(HOTEL)
            yield shell
        finally:
            guard.cancel()
            process.kill()


def test_both_sides_say_what_the_page_shows(
    iex: Shell, start: Callable[..., Program]
) -> None:
    book, refuse, pull, sold = blocks("elixir")
    program = start()
    iex.follow(book)
    assert program.lines(3) == shown("rome")
    iex.follow(refuse)
    assert program.lines(6) == sorted(shown("rome") + shown("bonn"))
    assert program.end(signal.SIGINT) == 0
    program = start(DRILL="1")
    iex.follow(pull)
    assert program.lines(2) == ["a seat is held", "a seat is promised"]
    assert program.process.wait(10) == -signal.SIGKILL
    program = start()
    iex.follow(sold)
    assert program.lines(1) == shown("wien")


def shown(name: str) -> list[str]:
    (text,) = blocks(f"text {name}")
    return sorted(text.splitlines())


IMPATIENT = HOTEL.replace("5_000", "200")
"""As on the page, but that it asks sooner when it is in doubt."""


@pytest.fixture
async def hotel(start_beam: Callable[..., Beam]) -> AsyncIterator[Beam]:
    """The hotel with one room, on a node that may be killed; ``boss`` hears from it."""
    beam = start_beam("elixir", name="iex@127.0.0.1", cookie=COOKIE)
    await beam.elixir("Code.eval_string(source); :ok", 15, source=IMPATIENT)
    await beam.elixir(
        """
        tester = self()
        spawn(fn ->
          Process.register(self(), :boss)
          {:ok, _} = Hotel.start_link(1)
          send(tester, :open)
          Process.sleep(:infinity)
        end)
        receive do :open -> :ok end
        """
    )
    yield beam
    beam.stop()


async def hears(hotel: Beam) -> list[Any]:
    """Wait until the hotel has told its boss something, and take it."""
    return await hotel.elixir(
        """
        look = fn -> Process.info(Process.whereis(:boss), :messages) end
        :ergopy_peer.until(fn -> look.() != {:messages, []} end)
        elem(look.(), 1)
        """
    )


BOOK = 'spawn(fn -> GenServer.call({:trips, :"py@127.0.0.1"}, city) end); :ok'


async def test_who_loses_the_hotel_gives_back_what_it_had(
    hotel: Beam, start: Callable[..., Program]
) -> None:
    program = start()
    await hotel.elixir(":sys.suspend(:hotel)")
    await hotel.elixir(BOOK, city=b"Bern")
    await hotel.elixir(
        """
        look = fn -> Process.info(Process.whereis(:hotel), :message_queue_len) end
        :ergopy_peer.until(fn -> look.() != {:message_queue_len, 0} end)
        """
    )
    hotel.kill9()
    printed = await trio.to_thread.run_sync(program.lines, 3)
    assert printed == ["a seat is free", "a seat is held", "given back: a car in Bern"]


KILL = "        os.kill(os.getpid(), signal.SIGKILL)"
TX, BACK = "    async def handle_tx_", "given back: a car in Wien"
MOMENTS = {
    "with all results": ("        elif len(parts) == 3:", "    ", "free", [BACK]),
    "with a promise": (
        '        self.write(tx, "promised")',
        "",
        "free",
        ["a seat is free", BACK],
    ),
    "with a decision": (f"{TX}done(self, tx, parts):", "", "sold", ["a seat is sold"]),
    "with a commit": (f"{TX}commit(self, tx, final):", "", "sold", ["a seat is sold"]),
}
"""The line after which it is killed, the indentation of the next one, and the outcome:
at the hotel, and what Python says after its restart."""


@pytest.mark.parametrize("moment", MOMENTS)
async def test_both_sides_agree_after_python_was_killed(
    moment: str, hotel: Beam, start: Callable[..., Program], tmp_path: Path
) -> None:
    line, indent, outcome, said = MOMENTS[moment]
    program = tmp_path / "trips.py"
    assert PROGRAM.count(f"{line}\n") == 1
    program.write_text(PROGRAM.replace(line, f"{line}\n{indent}{KILL}"), "utf-8")
    killed = start()
    await hotel.elixir(BOOK, city=b"Wien")
    assert await trio.to_thread.run_sync(killed.process.wait, 10) == -signal.SIGKILL
    program.write_text(PROGRAM, "utf-8")
    again = start()
    assert await hears(hotel) == [(Atom(outcome), b"Wien")]
    assert await trio.to_thread.run_sync(again.lines, len(said)) == said
    assert seats(tmp_path) <= {outcome}
    assert await hotel.elixir(":sys.get_state(:hotel).rooms") == {}


def seats(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "seats.db")) as db:
        return {state for (state,) in db.execute("SELECT state FROM seats")}
