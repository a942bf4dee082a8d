"""Child processes: pinned, measured, and never left behind.

Every child asks the kernel to be killed when we die, however we die, so the
busy loops that keep a virtual processor awake cannot outlive the run.
"""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_PAGE = resource.getpagesize()
_LIFETIME_CPU = 3600  # seconds of processor time that no child may exceed


class PeerError(Exception):
    """A child did not answer, or answered with an error."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its threads, to the nanosecond."""
    try:
        return time.clock_gettime((~pid << 3) | 2)  # as clock_getcpuclockid(3) does
    except OSError:
        raise PeerError(f"process {pid} is gone") from None


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


class Child:
    """One child process; leaving the ``with`` block ends and reaps it."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | os.PathLike[str]],
        *,
        cpu: int | None = None,
        env: Mapping[str, str] | None = None,
        idle_class: bool = False,
    ) -> None:
        self.name = name
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=None if env is None else dict(env),
            preexec_fn=_preparation(os.getpid(), cpu, idle_class),
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, command: str) -> dict[str, float]:
        """Send one line and wait for ``ok key=number ...``.

        Raises:
            PeerError: For ``error ...``, and if the child ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(command.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(f"{self.name} ended: {self.complaint()}") from None
        answer = self._process.stdout.readline().decode(errors="replace").strip()
        verdict, _, rest = answer.partition(" ")
        if verdict == "ok":
            pairs = (item.split("=") for item in rest.split())
            return {key: float(value) for key, value in pairs}
        raise PeerError(rest or answer or f"{self.name} ended: {self.complaint()}")

    def complaint(self) -> str:
        """The end of what the child wrote to its standard error."""
        end = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, end - 2000))
        return self._errors.read().decode(errors="replace").strip()

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._errors.close()


class IdleLoops:
    """A busy loop of the lowest class on each CPU, so that none of them halts.

    Waking a halted virtual processor costs more than most of what is measured,
    and not the same every time.
    """

    def __init__(self, cpus: Sequence[int]) -> None:
        self.children = [
            Child(
                "idle loop",
                [sys.executable, "-ISc", "while True: pass"],
                cpu=cpu,
                idle_class=True,
            )
            for cpu in cpus
        ]

    def close(self) -> None:
        for child in self.children:
            child.close()


def _preparation(parent: int, cpu: int | None, idle_class: bool) -> Callable[[], None]:
    def prepare() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        resource.setrlimit(resource.RLIMIT_CPU, (_LIFETIME_CPU, _LIFETIME_CPU))
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        if idle_class:
            os.nice(19)
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

    return prepare
