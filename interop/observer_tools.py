"""``etop`` of OTP, which is in a package of its own: run as a program, read as text."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import trio

from .beam import (
    Missing,
    _die_with_parent,
    _environment,
    ask_erl,
    otp28_root,
    which,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_SECONDS = 30
_LIBRARY = "usr/lib/erlang/lib/observer-*/ebin"
_ROW = re.compile(
    r"(?P<pid><\d+\.\d+\.\d+>) +(?P<name>\S+) +(?P<time>\S+) +(?P<reductions>\d+)"
    r" +(?P<memory>\d+) +(?P<queue>\d+) (?P<function>\S+)"
)


@cache
def has_own_observer() -> bool:
    """Whether the ``erl`` of PATH comes with its observer."""
    return ask_erl("code:which(etop)") != "non_existing"


def observer_path(kind: str) -> list[str]:
    """What *kind* has to be told to find an observer: nothing if it has its own one.

    Raises:
        Missing: It has none, and ``scripts/test`` has fetched none.
    """
    if kind != "otp28" and has_own_observer():
        return []
    for root in (Path(sys.prefix) / "share" / "observer", Path("/")):
        for folder in sorted(root.glob(_LIBRARY)):
            if (folder / "etop.beam").exists():
                return ["-pa", str(folder)]
    raise Missing("OTP's observer is not here: scripts/test fetches it")


class Screen(NamedTuple):
    """One screen of etop."""

    text: str
    rows: list[dict[str, str]]

    def number(self, label: str) -> int:
        """What stands behind a word of the head."""
        found = re.search(rf"\b{label} +(\d+)", self.text)
        assert found, self.text
        return int(found[1])

    def names(self) -> list[str]:
        """The column of names."""
        return [row["name"] for row in self.rows]


class Etop:
    """A running etop."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._text = ""

    async def screen(self) -> Screen:
        """Wait for the next screen, and return it."""
        assert self._process.stdout is not None
        with trio.fail_after(_SECONDS):
            while True:
                # A screen begins and ends with such a line.
                parts = re.split(
                    r"^={40,}\n", self._text, maxsplit=2, flags=re.MULTILINE
                )
                if len(parts) == 3:
                    self._text = parts[2]
                    found = _ROW.finditer(parts[1])
                    return Screen(parts[1], [row.groupdict() for row in found])
                data = await self._process.stdout.receive_some()
                assert data, f"etop has ended:\n{self._text}"
                self._text += data.decode()


@asynccontextmanager
async def etop(
    kind: str,
    node: str,
    *arguments: str,
    cookie: str,
    epmd_port: int,
    name: str,
    folder: Path,
) -> AsyncIterator[Etop]:
    """Look at *node* with ``etop -output text`` of *kind*.

    Raises:
        Missing: Something of it is not installed here.
    """
    own = ["-name", name, "-setcookie", cookie, "-start_epmd", "false", "-noinput"]
    own += ["-kernel", "inet_dist_use_interface", "{127,0,0,1}", "-hidden"]
    own += [*observer_path(kind), "-s", "etop", "-s", "erlang", "halt"]
    own += ["-output", "text", "-node", node, "-interval", "1", *arguments]
    env = {"ERL_EPMD_PORT": str(epmd_port), "ERL_CRASH_DUMP_BYTES": "0"}
    if kind == "otp28":
        root = otp28_root()
        command = [str(root / "bin" / "erl"), "-boot", "start_clean"]
        env["ERL_ROOTDIR"] = str(root)
    else:
        command = [which("erl")]
    process = await trio.lowlevel.open_process(
        [*command, *own],
        env=_environment(folder, **env),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=_die_with_parent,
    )
    try:
        yield Etop(process)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
