"""What the name server and those that work for it share, on one start of a node."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, final

from .conflicts import Methods
from .words import SERVER

if TYPE_CHECKING:
    from etf import Atom

    from ...process.process import Process
    from .actions import Send
    from .machine import Machine


@final
class Place:
    """Where steps look, and what they send by; there is a name server, or not yet."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self.machine: Machine | None = None
        self.registrar: Process | None = None
        self.rng = random.Random(random.SystemRandom().getrandbits(64))
        self.methods = Methods()
        self._losses: dict[Atom, int] = {}

    def attach(self, machine: Machine, registrar: Process) -> None:
        """Take the name server into use."""
        self.machine, self.registrar = machine, registrar
        # Of losses that the one before was told of, if that was killed.
        self._losses.clear()

    def detach(self, machine: Machine) -> None:
        """Go on without it until there is another one."""
        if self.machine is machine:
            self.machine = self.registrar = None

    def lost(self, node: Atom) -> None:
        """Take that a node was lost, before the name server has heard of it."""
        self._losses[node] = self._losses.get(node, 0) + 1

    def loss_is_known(self, node: Atom) -> None:
        """Take that the name server has heard of one loss."""
        left = self._losses.pop(node, 0) - 1
        if left > 0:
            self._losses[node] = left

    @property
    def own(self) -> Atom:
        """The name of the node."""
        name: Atom = self._node.name
        return name

    def known(self) -> list[Atom]:
        """Return the nodes that belong to the cluster; ``global:get_known``."""
        return [] if self.machine is None else list(self.machine.cluster.known)

    def can_set(self, resource: Any, requester: Any) -> bool:
        """Tell whether this node would grant a lock now."""
        return self.machine is None or self.machine.locks.can_set(resource, requester)

    def is_locked(self) -> bool:
        """Tell whether names and nodes are locked for somebody, now and here."""
        return self.machine is not None and self.machine.locks.of_all is not None

    def post(self, action: Send) -> None:
        """Send to the name server of a node. Never waits."""
        runtime = self._node.runtime
        if runtime.is_local(action.node):
            server = runtime.names.get(SERVER)
            if server is not None:
                server.deliver(action.message)
            return
        if action.node in self._losses:
            return
        peer = self._node.connections.peer(action.node)
        if action.connect or peer.transport is not None:
            server = runtime.names.get(SERVER)
            sender = runtime.root if server is None else server
            peer.send_name(sender.pid, SERVER, action.message)
