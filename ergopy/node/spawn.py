"""Processes that other nodes start here: SPAWN_REQUEST (protocol 4.6).

Every request is answered, because ``spawn`` and erpc of a BEAM block until it is.
The answer leaves before any other signal of the new process. What is not provided
gets a process that ends with ``undef``: that is what a BEAM does as well.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from etf import Atom, Pid, Reference

from ..dist import control as op
from ..errors import Exit, RemoteProtocolError
from ..process.atoms import UNDEF
from ..process.signals import LINKED
from .dispatch import is_atom
from .peer import Watch

if TYPE_CHECKING:
    from ..process.process import Process
    from ..process.runtime import Runtime
    from .exports import Exports
    from .peer import Peer

logger = logging.getLogger("ergopy.node")

MAX_PROCESSES = 262_144
"""Processes above which a spawn request is refused with ``system_limit``."""

# Options of a BEAM's memory management and scheduling, which mean nothing here.
_IGNORED = frozenset(
    {
        "async_dist",
        "fullsweep_after",
        "max_heap_size",
        "message_queue_data",
        "min_bin_vheap_size",
        "min_heap_size",
        "priority",
    }
)


class SpawnServer:
    """Answers the spawn requests of all peers."""

    def __init__(self, runtime: Runtime, exports: Exports) -> None:
        self._runtime = runtime
        self._exports = exports

    def serve(self, peer: Peer, control: tuple[Any, ...], arguments: Any) -> None:
        """Start the process that *control* asks for, or say why not.

        Raises:
            RemoteProtocolError: It is no possible request.
        """
        _, request, sender, leader, mfa, options = control
        if (
            request.__class__ is not Reference
            or sender.__class__ is not Pid
            or leader.__class__ is not Pid
        ):
            raise RemoteProtocolError("a spawn request without reference or pids")
        if sender.node != peer.name:
            raise RemoteProtocolError("a spawn request of another node")
        module, function, arity = mfa
        if not (is_atom(module) and is_atom(function) and type(arity) is int):
            raise RemoteProtocolError("a spawn request without function")
        refusal = self._refusal(options)
        if refusal is not None:
            peer.emit((op.SPAWN_REPLY, request, sender, 0, refusal))
            return
        program, arguments, provided = choose(
            self._exports, module, function, arguments
        )
        process = self._runtime.create(program, label=f"{module}:{function}/{arity}")
        process.parent = sender
        process.log_crash = provided
        process.group_leader = leader
        flags = 0
        if "link" in options:
            flags |= op.SPAWN_LINKED
            process.links[sender] = LINKED
            peer.linked.add(process)
        if "monitor" in options:
            flags |= op.SPAWN_MONITORED
            watch = Watch(peer, process, sender, request, process.pid)
            if peer.watches.setdefault(request.words, watch) is watch:
                process.watchers[watch] = watch
        peer.emit((op.SPAWN_REPLY, request, sender, flags, process.pid))
        self._runtime.begin(process, program, arguments)

    def _refusal(self, options: Any) -> Atom | None:
        if not isinstance(options, list) or not all(map(_known, options)):
            return Atom("badopt")
        if len(self._runtime.processes) >= MAX_PROCESSES:
            return Atom("system_limit")
        return Atom("system_limit") if self._runtime.closing else None


def choose(
    exports: Exports, module: Any, function: Any, arguments: Any
) -> tuple[Any, tuple[Any, ...], bool]:
    """Return the program, its arguments, and whether it is one that was provided.

    A program that was not provided is one that ends as a BEAM says it does.
    """
    mfa = (module, function, arguments)
    # The arity of a request is not looked at; a BEAM does not do so either.
    if not isinstance(arguments, list):
        return _no_arguments, mfa, False
    program = exports.program(module, function)
    if program is None:
        return _undefined, mfa, False
    return program, tuple(arguments), True


def _known(option: Any) -> bool:
    if isinstance(option, tuple) and len(option) == 2:
        return isinstance(option[0], Atom) and option[0] in _IGNORED
    return isinstance(option, Atom) and option in ("link", "monitor")


async def _undefined(_: Process, module: Any, function: Any, arguments: Any) -> None:
    logger.info("spawn of %s:%s/%d: not provided", module, function, len(arguments))
    raise Exit((UNDEF, [(module, function, arguments, [])]))


async def _no_arguments(_: Process, *mfa: Any) -> None:
    raise Exit((Atom("badarg"), [(Atom("erlang"), Atom("apply"), list(mfa), [])]))
