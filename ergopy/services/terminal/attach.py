"""Start the shell of another node, as ``erl -remsh`` and ``iex --remsh`` do.

It is started by ``erpc`` from the process that is to be its group leader: what runs
over there inherits it. IEx is taken where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid

from ...errors import ErgopyError, RpcError
from ..io.chars import text

if TYPE_CHECKING:
    from ...process.process import Process

ERLANG = "erlang"
ELIXIR = "elixir"
PYTHON = "python"

_IEX = "Elixir.IEx"
_ELIXIR_STARTS = ((_IEX, "start"), ("iex", "start"))


class NoPrompt(ErgopyError):
    """The node has no such shell."""

    def __init__(self, peer: str, why: str) -> None:
        super().__init__(f"no prompt on {peer}: {why}")
        self.peer = peer


async def start(
    process: Process, peer: str, language: str | None, timeout: float
) -> tuple[Pid, str]:
    """Start a shell with *process* as its group leader; return it and its language.

    Raises:
        NoPrompt: There is no shell, or not this one.
        RpcError: The node was lost, or did not answer in time.
    """
    if await _is_python(process, peer, timeout):
        # Its prompt is the same by each door.
        language = PYTHON
    elif language is None:
        found = await _has_iex(process, peer, timeout)
        language = ELIXIR if found else ERLANG
    elif language == ELIXIR and not await _has_iex(process, peer, timeout):
        raise NoPrompt(peer, "it has no IEx")
    starts = _ELIXIR_STARTS if language == ELIXIR else (("shell", "start"),)
    for module, function in starts:
        try:
            pid = await process.rpc(peer, module, function, [], timeout)
        except RpcError as error:
            if error.reason != "undef":
                raise
        else:
            if isinstance(pid, Pid):
                return pid, language
            raise NoPrompt(peer, f"{module}:{function}/0 gave no process")
    raise NoPrompt(peer, "it has no shell; a Python node has one with shell=True")


async def _is_python(process: Process, peer: str, timeout: float) -> bool:
    args = [Atom("system_version")]
    try:
        version = await process.rpc(peer, "erlang", "system_info", args, timeout)
    except RpcError as error:
        if error.kind == "erpc" and error.reason != "notsup":
            raise
        return False
    return (text(version) or "").startswith("ergopy")


async def _has_iex(process: Process, peer: str, timeout: float) -> bool:
    try:
        answer = await process.rpc(peer, "code", "ensure_loaded", [Atom(_IEX)], timeout)
    except RpcError as error:
        if error.kind == "erpc" and error.reason != "notsup":
            raise
        return False
    return isinstance(answer, tuple) and answer[:1] == (Atom("module"),)


async def evaluator(process: Process, shell: Pid, timeout: float) -> Any:
    """Return the process that runs what is typed, or None if that is not known.

    Both shells keep it in their dictionary.
    """
    args = [shell, Atom("dictionary")]
    try:
        found = await process.rpc(shell.node, "erlang", "process_info", args, timeout)
    except RpcError:
        return None
    match found:
        case (Atom("dictionary"), list(entries)):
            for entry in entries:
                match entry:
                    case (Atom("evaluator"), Pid() as pid):
                        return pid
    return None
