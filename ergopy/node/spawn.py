"""Processes that other nodes start here: SPAWN_REQUEST (protocol 4.6).

Every request is answered, because ``spawn`` and erpc of a BEAM block until it is; by
the loss of the connection, if the node is about to end. The answer leaves before any
other signal of the new process. What is not provided
gets a process that ends with ``undef``: that is what a BEAM does as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid, Reference

from ..dist import control as op
from ..errors import RemoteProtocolError
from ..process.atoms import NOCONNECTION, SYSTEM_LIMIT
from . import programs, spawn_options
from .checks import is_atom
from .peer import Watch

if TYPE_CHECKING:
    from ..process.process import Process
    from ..process.runtime import Runtime
    from .exports import Exports
    from .peer import Peer
    from .spawn_options import SpawnOptions

ALREADY_STARTED = Atom("already_started")
ERPC = Atom("erpc")


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
        small = type(arity) is int and -(1 << 59) <= arity < 1 << 59
        if not (is_atom(module) and is_atom(function) and small):
            raise RemoteProtocolError("a spawn request without function")
        if self._runtime.closing and module != ERPC:
            # A supervisor that heard no at once would ask again at once, and use up its
            # restarts meanwhile. A call can go elsewhere, and should not wait.
            return
        wanted = spawn_options.read(options)
        if wanted is None:
            refused: Atom | None = spawn_options.BADOPT
        else:
            refused = refusal(self._runtime, wanted)
        if wanted is None or refused is not None:
            peer.emit((op.SPAWN_REPLY, request, sender, 0, refused))
            return
        program, args, settings = programs.choose(
            self._exports, module, function, arguments
        )
        process = self._runtime.create(
            program,
            name=wanted.name,
            label=f"{module}:{function}/{arity}",
            **settings,
        )
        process.parent = sender
        process.group_leader = leader
        flags = self._tie(peer, process, sender, request, wanted)
        peer.emit((op.SPAWN_REPLY, request, sender, flags, process.pid))
        self._runtime.begin(process, program, args)

    def _tie(
        self,
        peer: Peer,
        process: Process,
        sender: Pid,
        request: Reference,
        wanted: SpawnOptions,
    ) -> int:
        """Set up the link and the monitor of the request; return its flags."""
        flags = 0
        if wanted.link:
            flags |= op.SPAWN_LINKED
            peer.add_link(process, sender)
        if wanted.monitor:
            flags |= op.SPAWN_MONITORED
            watch = Watch(peer, process, sender, request, process.pid)
            if peer.watches.setdefault(request.words, watch) is watch:
                process.watchers[watch] = watch
        return flags


def refusal(runtime: Runtime, wanted: SpawnOptions) -> Atom | None:
    """Say why no process can be started, in the word that a BEAM has for it."""
    if runtime.closing:
        # The asking node sees what it would see a moment later.
        return NOCONNECTION
    if len(runtime.processes) >= runtime.max_processes:
        return SYSTEM_LIMIT
    if wanted.name is not None and wanted.name in runtime.names:
        return ALREADY_STARTED
    return None
