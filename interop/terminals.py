"""Real terminals: programs in tmux, typed at and read as a person would.

A `Terminal` is one program on the screen of a tmux server of its own, which ends with
the test. What was `see`n is done with: the next look begins behind it, so an old prompt
is never taken for the answer to what was typed since.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

from .beam import _die_with_parent, _environment, otp28_root, which

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS = 30
_POLL = 0.03
_SETTINGS = """\
set -g exit-empty off
set -g remain-on-exit on
set -g status off
set -g history-limit 5000
set -g default-terminal screen-256color
set -s escape-time 0
"""
# tmux does not always notice that a program has ended. The shell does not mind Ctrl-C.
_REPORTING = ["/bin/sh", "-c", 'trap : INT QUIT; "$@"; echo $? >"$0"']
_LOOPBACK = "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"


class Unseen(AssertionError):
    """What was expected did not come to the screen; the text has the screen."""


class Terminal:
    """A program in a terminal of *columns* and *rows*.

    Raises:
        Missing: There is no tmux here.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        env: Mapping[str, str] | None = None,
        columns: int = 100,
        rows: int = 30,
    ) -> None:
        tmux = which("tmux")
        settings = folder / "tmux.conf"
        settings.write_text(_SETTINGS)
        # The path of a socket is short, or the kernel refuses it.
        self._socket = f"/tmp/ergopy-{secrets.token_hex(6)}.tmux"
        self._tmux = [tmux, "-S", self._socket]
        self._seen = 0
        self._status = folder / f"{secrets.token_hex(6)}.status"
        environment = _environment(folder, TERM="xterm-256color")
        self._server = subprocess.Popen(
            [*self._tmux, "-D", "-f", str(settings)],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
        more = [f"{name}={value}" for name, value in (env or {}).items()]
        size = ["-x", str(columns), "-y", str(rows)]
        start = ["new-session", "-d", *size, "-c", str(folder)]
        try:
            self._wait_for_server()
            self._do(
                *start,
                "--",
                "/usr/bin/env",
                *more,
                *_REPORTING,
                str(self._status),
                *command,
            )
        except BaseException:
            self.stop()
            raise

    def _wait_for_server(self) -> None:
        end = time.monotonic() + SECONDS
        while self._server.poll() is None and time.monotonic() < end:
            ready = subprocess.run([*self._tmux, "list-sessions"], capture_output=True)
            # With no session yet it answers, and has none to list.
            if b"error connecting" not in ready.stderr and b"no server" not in (
                ready.stderr
            ):
                return
            time.sleep(_POLL)
        raise Unseen("tmux did not come up")

    def _do(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unseen(f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    async def _ask(self, *arguments: str) -> str:
        done = await trio.run_process(
            [*self._tmux, *arguments],
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        if done.returncode:
            problem = done.stderr.decode().strip()
            raise Unseen(f"tmux {arguments[0]}: {problem}")
        return done.stdout.decode()

    async def type(self, text: str) -> None:
        """Type *text*; each newline in it is the Enter key."""
        first, *rest = text.split("\n")
        if first:
            await self._ask("send-keys", "-l", "--", first)
        for line in rest:
            await self.press("Enter")
            if line:
                await self._ask("send-keys", "-l", "--", line)

    async def press(self, *keys: str) -> None:
        """Press keys by tmux's names: ``Up``, ``Tab``, ``C-c``, ``C-d``, ``C-g``."""
        await self._ask("send-keys", *keys)

    async def screen(self) -> str:
        """All lines so far, also those that were scrolled away; each ends, even the
        last one, which the cursor may be in."""
        text = await self._ask("capture-pane", "-p", "-J", "-S", "-")
        return "\n".join(line.rstrip() for line in text.splitlines()).rstrip() + "\n"

    async def see(
        self, expected: str | re.Pattern[str], seconds: float = SECONDS
    ) -> str:
        """Wait until *expected* is on the screen behind what was seen before.

        Returns what is between the two, or a pattern's match.

        Raises:
            Unseen: It did not come in time; the whole screen is told.
        """
        pattern = expected
        if isinstance(pattern, str):
            pattern = re.compile(re.escape(pattern.rstrip(" ")))
        screen = ""
        with trio.move_on_after(seconds):
            while True:
                screen = await self.screen()
                if found := pattern.search(screen, self._seen):
                    between = screen[self._seen : found.start()]
                    self._seen = found.end()
                    return between if isinstance(expected, str) else found[0]
                await trio.sleep(_POLL)
        shown = screen[: self._seen] + "<<< seen so far >>>" + screen[self._seen :]
        raise Unseen(f"{expected!r} is not on the screen:\n{shown}")

    def look_again(self) -> None:
        """Have the next look begin at the top, whatever was seen."""
        self._seen = 0

    async def ended(self, seconds: float = SECONDS) -> int:
        """Wait for the end of the program; return its exit status."""
        with trio.move_on_after(seconds):
            while True:
                with suppress(FileNotFoundError):
                    if status := self._status.read_text().strip():
                        return int(status)
                await trio.sleep(_POLL)
        raise Unseen(f"still running:\n{await self.screen()}")

    def stop(self) -> None:
        """End the program and its terminal."""
        self._server.terminate()
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        if os.path.exists(self._socket):
            os.unlink(self._socket)


def remote_shell(
    kind: str, node: str, *, cookie: str, epmd_port: int, name: str
) -> tuple[list[str], dict[str, str]]:
    """The command and the environment of ``erl -remsh`` or ``iex --remsh`` to *node*.

    *kind* is ``otp25``, ``otp28`` or ``elixir``, *name* that of the shell's own node.

    Raises:
        Missing: That is not installed here.
    """
    env = {"ERL_EPMD_PORT": str(epmd_port), "ERL_CRASH_DUMP_BYTES": "0"}
    if kind == "elixir":
        own = ["--name", name, "--cookie", cookie, "--erl", _LOOPBACK]
        return [
            which("iex"),
            *own,
            "--dot-iex",
            "/dev/null",
            "--remsh",
            node,
        ], env
    own = ["-name", name, "-setcookie", cookie, *_LOOPBACK.split(), "-remsh", node]
    if kind == "otp25":
        return [which("erl"), *own], env
    root = otp28_root()
    erl = [str(root / "bin" / "erl"), "-boot", "start_clean"]
    return [*erl, *own], env | {"ERL_ROOTDIR": str(root)}
