"""What is in scope at the prompt of one shell."""

from __future__ import annotations

import builtins
import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any, NoReturn, final

import trio

from etf import Atom, Pid, Reference

from ..._version import __version__
from .showing import show
from .source import SHOW

if TYPE_CHECKING:
    from ...process.process import Process
    from .output import Output

_NAMES = "node, self, pid(), whereis(), call(), cast(), send(), rpc(), flush(), Atom"


def banner(name: str) -> str:
    """Return what a shell says first."""
    version = sys.version.split()[0]
    return (
        f"ergopy {__version__}, Python {version}, Trio {trio.__version__} on {name}\n"
        f"{_NAMES} are there; await works.\n"
        "exit() ends this shell; then Ctrl-G q leaves erl or iex.\n"
    )


@final
class Names:
    """The global names of what is typed; they outlive the process that runs it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._process: Process | None = None
        # A copy: `_` and exit() of one prompt are not those of the program.
        self._builtins: dict[str, Any] = dict(vars(builtins))
        self._builtins.update(
            {SHOW: self._show, "exit": _leave, "quit": _leave, "input": _no_input}
        )
        self.scope: dict[str, Any] = {
            "__name__": "__console__",
            "__doc__": None,
            "__builtins__": self._builtins,
        }

    def enter(self, process: Process) -> None:
        """Make *process* the one that the names stand for."""
        self._process = process
        self.scope.update(
            node=process.node,
            self=process,
            proc=process,
            pid=self._pid,
            whereis=process.whereis,
            call=process.call,
            cast=process.cast,
            send=process.send,
            rpc=process.rpc,
            flush=self._flush,
            Atom=Atom,
            Pid=Pid,
            Reference=Reference,
            trio=trio,
            etf=importlib.import_module("etf"),
            ergopy=importlib.import_module("ergopy"),
        )

    def _show(self, value: Any) -> None:
        if value is None:
            return
        self._builtins["_"] = value
        self._output.write(show(value) + "\n")
        if inspect.iscoroutine(value):
            self._output.write("(it does not run yet: await _)\n")

    def _pid(self, which: int | str, serial: int = 0) -> Pid:
        """Return the pid with that number here; also ``pid("<py@host.5.0>")``."""
        assert self._process is not None
        own = self._process.pid
        if isinstance(which, int):
            return Pid(own.node, which, serial, own.creation)
        name, number, serial_text = which.strip("<>").rsplit(".", 2)
        if name not in (own.node, "0"):
            raise ValueError(f"only pids of {own.node} can be told by their text")
        return Pid(own.node, int(number), int(serial_text), own.creation)

    def _flush(self) -> None:
        """Print the messages that came to this prompt, and forget them."""
        process = self._process
        assert process is not None
        for message in process.messages():
            self._output.write(f"Shell got {show(message)}\n")
            process.remove(lambda _: True)


def _leave(code: Any = None) -> NoReturn:
    """End this shell; the node goes on."""
    raise SystemExit(code)


def _no_input(prompt: object = "") -> NoReturn:
    """Refuse: it would stop the whole node."""
    raise RuntimeError(
        "input() would stop the node; await ergopy.io.get_line(prompt) does not"
    )
