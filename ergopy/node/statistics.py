"""Numbers about a running node and its connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..process.runtime import Runtime
    from .connections import Connections


@dataclass(frozen=True, slots=True)
class ConnectionStatistics:
    """Numbers about one connection."""

    bytes_in: int
    """Bytes received."""
    bytes_out: int
    """Bytes that the kernel took."""
    queued: int
    """Bytes that wait to leave; above ``high_water`` senders wait."""
    high_water: int
    """The mark."""


@dataclass(frozen=True, slots=True)
class NodeStatistics:
    """Numbers about a running node, taken at one moment."""

    processes: int
    """Living processes."""
    spawned: int
    """Processes started since the node came up."""
    connections: Mapping[str, ConnectionStatistics]
    """By peer, those that are up."""


def take(runtime: Runtime, connections: Connections) -> NodeStatistics:
    """Return the numbers of now."""
    return NodeStatistics(
        # The root is nobody's process.
        processes=len(runtime.processes) - 1,
        spawned=runtime.spawned,
        connections={
            peer.name: ConnectionStatistics(
                t.bytes_in, t.bytes_out, t.queued, t.high_water
            )
            for peer in connections.peers.values()
            if (t := peer.transport) is not None
        },
    )
