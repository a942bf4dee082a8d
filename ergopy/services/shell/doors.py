"""The ways in: what a BEAM calls for a shell here, and to complete a word in it.

========================  ==========================================================
``erl -remsh``            ``shell:start/0``; from OTP 28 on, after it has asked
                          whether there is such a module
``iex --remsh``           ``iex:start/2``, before Elixir 1.15 ``IEx.start/2``; both say
                          with which processes the shell has to agree on a beginning
tab                       ``edlin_expand:expand/1``, and ``/2`` from OTP 26 on;
                          ``IEx.Autocomplete.expand/2`` if the terminal is of IEx
========================  ==========================================================

All are calls by ``erpc``: the caller's group leader is the terminal, and the calling
process as well.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid, Reference

from ...errors import ErgopyError, Exit
from ...node.exports import Undefined
from ...process.context import self as caller_of_this
from ..answers.network import get_net_ticktime
from ..answers.programs import ensure_loaded
from ..answers.system_info import system_info
from .completion import NOTHING, expand
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...process.process import Process

logger = logging.getLogger("ergopy.services")

MAX_SHELLS = 32
"""Shells of one node at a time."""

_SYSTEM_LIMIT = Atom("system_limit")
_AUTOCOMPLETE = "Elixir.IEx.Autocomplete"


async def start(node: Any) -> None:
    """Open the doors, if the node is to have a shell."""
    if not node.shell:
        return
    doors = Doors()
    export = node.exports.export
    export("shell", {"start": doors.erl})
    export("iex", {"start": doors.iex})
    export("Elixir.IEx", {"start": doors.iex})
    export("edlin_expand", {"expand": doors.expand})
    export(_AUTOCOMPLETE, {"expand": doors.expand})
    if node.answers == "none":
        _answer_what_is_asked_first(node)
    logger.warning(
        "%s gives a Python prompt, and with it all that this program may do, to "
        "every node that has its cookie",
        node.name,
        extra={"node": node.name},
    )


def _answer_what_is_asked_first(node: Any) -> None:
    """Answer what a terminal asks before it comes in, where nothing else is."""

    def told(item: Any) -> Any:
        if item not in ("system_version", "otp_release"):
            raise Undefined("erlang", "system_info", [item])
        return system_info(node, item)

    export = node.exports.export
    export("code", {"ensure_loaded": partial(ensure_loaded, node)})
    export("net_kernel", {"get_net_ticktime": partial(get_net_ticktime, node)})
    export("erlang", {"system_info": told})
    export("application", {"get_env": lambda name, key, default: default})


@final
class Doors:
    """The shells of one node."""

    def __init__(self) -> None:
        self._open: dict[int, Session] = {}

    def erl(self, *_: Any) -> Pid:
        """Start a shell; ``shell:start/0``."""
        return self._start()

    def iex(self, options: Any = (), function: Any = None) -> Pid:
        """Start a shell; ``iex:start/2``. It waits for what its terminal does first."""
        handshake = None
        match function:
            case (_, _, [Pid() as parent, Reference() as ref]):
                handshake = parent, ref
        return self._start(handshake, _autocomplete)

    def _start(
        self,
        handshake: tuple[Pid, Reference] | None = None,
        expander: Callable[[Process], Awaitable[Any]] | None = None,
    ) -> Pid:
        caller = caller_of_this()
        if len(self._open) >= MAX_SHELLS:
            raise Exit(_SYSTEM_LIMIT)
        session = Session(caller.group_leader, expander=expander, handshake=handshake)
        process = caller.runtime.spawn(session.body, (), parent=caller, label="shell")
        self._open[process.pid.id] = session
        process.watchers[self] = _Closed(self._open, process.pid.id)
        return process.pid

    def expand(self, before: Any, *_: Any) -> tuple[Any, ...]:
        """Say how the word before the cursor may go on; ``edlin_expand:expand/1,2``."""
        session = self._asking()
        return NOTHING if session is None else expand(before, session.scope)

    def _asking(self) -> Session | None:
        """Return the shell whose terminal asks."""
        caller = caller_of_this()
        sessions = list(self._open.values())
        for session in sessions:
            if session.leader in (caller.parent, caller.group_leader):
                return session
        # It asks by rex, where nobody knows who it is.
        return sessions[0] if len(sessions) == 1 else None


@final
class _Closed:
    """Takes a shell off the list when its process has ended."""

    def __init__(self, sessions: dict[int, Session], number: int) -> None:
        self._sessions = sessions
        self._number = number

    def fire(self, reason: Any) -> None:
        del self._sessions[self._number]


async def _autocomplete(process: Process) -> Any:
    """Have IEx make the function by which its terminal asks us for completions."""
    node = process.runtime.name
    try:
        return await process.rpc(
            process.group_leader.node, _AUTOCOMPLETE, "remsh", [node]
        )
    except (ErgopyError, Exit):
        return None
