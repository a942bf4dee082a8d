"""A real BEAM as the other node: Erlang or Elixir, on a private EPMD.

It is an operating system's process that the test starts and ends. It loads no code of
ours: what it is to do is sent to it as text, and is evaluated there by ``erl_eval`` or
``Code``. Both nodes are on the loopback, under new names, with a new cookie, and EPMD
is the Python one, in the test. Time is real, so such a test cannot have an autojump
clock.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

import trio

from etf import Atom

from .._main import Node
from .ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

Kind = Literal["erlang", "elixir"]

START_SECONDS = 30.0
"""Seconds that a BEAM has to come up."""

_UP = "up"
_OUTPUT = "output"
"""Files in the home of a BEAM: it makes the first when it is up."""

_PROGRAMS = {"erlang": ("ERGOPY_ERL", "erl"), "elixir": ("ERGOPY_ELIXIR", "elixir")}

# It ends at the end of its input, so also when the test is killed.
_ERLANG = (
    'file:write_file("up", []), spawn(fun End() -> '
    "case io:get_line([]) of eof -> halt(0); _ -> End() end end)."
)
_ELIXIR = (
    'File.touch!("up"); spawn(fn -> '
    "Enum.each(IO.stream(:stdio, :line), & &1); System.halt(0) end)"
)


class BeamMissing(Exception):
    """There is no such program here."""


class BeamGone(Exception):
    """The BEAM ended before it was up; the text is what it printed."""


@asynccontextmanager
async def beam_pair(
    kind: Kind = "erlang", *, args: Sequence[str] = (), **options: Any
) -> AsyncIterator[tuple[Node, Beam]]:
    """Run a Python node and a BEAM; ``async with`` gives it and the :class:`Beam`.

    They are connected. Leaving it ends both.

    Args:
        kind: ``"erlang"`` runs the program ``erl``, ``"elixir"`` ``elixir``, from PATH
            or, if that is set, what ``ERGOPY_ERL`` or ``ERGOPY_ELIXIR`` says.
        args: More of the command line of ``erl``.
        options: Of the Python node, as :class:`ergopy.Node` takes them.

    Raises:
        BeamMissing: There is no such program.
        BeamGone: It did not come up.
    """
    command = find_program(kind)
    cookie, port, tail = secrets.token_hex(8), free_port(), secrets.token_hex(4)
    options = {"cookie": cookie, "epmd": "embedded", "epmd_port": port, **options}
    name = Atom(f"beam_{tail}@127.0.0.1")
    flags = ["-name", name, "-setcookie", options["cookie"], "-start_epmd", "false"]
    flags += ["-kernel", "inet_dist_use_interface", "{127,0,0,1}", *args]
    async with Node(f"py_{tail}@127.0.0.1", **options) as node:
        with tempfile.TemporaryDirectory(prefix="ergopy-beam-") as folder:
            home = Path(folder)
            line = _command(kind, command, flags)
            async with _running(line, home, options["epmd_port"]) as process:
                await node.connect(name)
                yield node, Beam(node, name, kind, process.pid, home)


@final
class Beam:
    """A BEAM that runs, and evaluates what the test says."""

    def __init__(
        self, node: Node, name: Atom, kind: Kind, pid: int, home: Path
    ) -> None:
        self._node = node
        self._home = home
        self.name = name
        """The name of its node."""
        self.kind = kind
        """``"erlang"`` or ``"elixir"``."""
        self.pid = pid
        """The operating system's number of it."""

    def __repr__(self) -> str:
        return f"<Beam {self.name}>"

    @property
    def output(self) -> str:
        """What it has printed and logged so far, while it is there."""
        return _read(self._home)

    async def eval(self, source: str, timeout: float = 15.0, /, **bindings: Any) -> Any:
        """Return the value of an expression, Erlang or Elixir as the BEAM is.

        *bindings* are its variables. It runs in a process of its own there, and any
        number of expressions may run at a time.

        Raises:
            ValueError: It is no Erlang expression.
            RpcError: It raised, threw or exited: ``kind`` and ``reason``. So does what
                is no Elixir expression; and the BEAM, if it ends: ``noconnection``.
            CallTimeout: It took longer than *timeout* seconds.
        """
        if self.kind == "elixir":
            values = [(Atom(name), value) for name, value in bindings.items()]
            text = source.encode()
            answer = await self._rpc(
                timeout, "Elixir.Code", "eval_string", text, values
            )
            return answer[0]
        return await self._eval_erlang(source, timeout, bindings)

    async def _eval_erlang(
        self, source: str, timeout: float, bindings: dict[str, Any]
    ) -> Any:
        text = list(map(ord, source.rstrip().removesuffix(".") + "."))
        tokens = await self._parse(timeout, "erl_scan", "string", text)
        parsed = await self._parse(timeout, "erl_parse", "parse_exprs", tokens)
        values = [(Atom(name), bindings[name]) for name in sorted(bindings)]
        _, value, _ = await self._rpc(timeout, "erl_eval", "exprs", parsed, values)
        return value

    async def _parse(self, timeout: float, *function: Any) -> Any:
        """Make tokens of text, or an expression of tokens."""
        answer = await self._rpc(timeout, *function)
        if answer[0] == "ok":
            return answer[1]
        _, module, what = answer[1]
        text = await self._rpc(timeout, module, "format_error", what)
        text = await self._rpc(timeout, "unicode", "characters_to_binary", text)
        raise ValueError(text.decode())

    async def _rpc(self, timeout: float, module: str, name: str, *args: Any) -> Any:
        return await self._node.rpc(self.name, module, name, list(args), timeout)


def find_program(kind: Kind) -> str:
    """Return the path of the program that runs such a BEAM, or raise BeamMissing."""
    variable, program = _PROGRAMS[kind]
    wanted = os.environ.get(variable, program)
    found = shutil.which(wanted)
    if found is None:
        raise BeamMissing(
            f"no program {wanted!r} here: install {kind}, or set {variable} to the "
            f"path of its {program!r}"
        )
    return found


def _command(kind: Kind, program: str, flags: list[str]) -> list[str]:
    if kind == "elixir":
        return [program, "--erl", " ".join(flags), "--no-halt", "-e", _ELIXIR]
    return [program, "-noshell", *flags, "-eval", _ERLANG]


def _environment(home: Path, epmd_port: int) -> dict[str, str]:
    """Return what it may know: no flags, cookie or library path of the user."""
    kept = ("PATH", "ERL_ROOTDIR", "LANG", "LC_ALL")
    own = {name: os.environ[name] for name in kept if name in os.environ}
    port = {"ERL_EPMD_PORT": str(epmd_port), "ERL_CRASH_DUMP_BYTES": "0"}
    return {"LC_ALL": "C.UTF-8", **own, **port, "HOME": str(home)}


@asynccontextmanager
async def _running(
    command: list[str], home: Path, epmd_port: int
) -> AsyncIterator[trio.Process]:
    """Start a BEAM and wait until it is up; leaving it ends it."""
    up = home / _UP
    # Nobody has to read a file, as a pipe, so that the BEAM can go on.
    with (home / _OUTPUT).open("wb") as output:
        process = await trio.lowlevel.open_process(
            command,
            env=_environment(home, epmd_port),
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    assert process.stdin is not None
    try:
        with trio.move_on_after(START_SECONDS):
            # Of a file there is no event.
            while not up.exists() and process.poll() is None:  # noqa: ASYNC110
                await trio.sleep(0.005)
        if not up.exists():
            raise BeamGone(_read(home))
        yield process
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            await process.stdin.aclose()


def _read(home: Path) -> str:
    return (home / _OUTPUT).read_text("utf-8", "replace")
