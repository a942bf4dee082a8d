"""Numbers about a running node and its connections.

They count from the start of the node, or of the connection, and cost nothing to keep;
look at them from time to time and at the differences. What they say about a slow peer
is explained in "Delivery, ordering and back-pressure".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..process.runtime import Runtime
    from .connections import Connections
    from .peer import Peer


@dataclass(frozen=True, slots=True)
class ConnectionStatistics:
    """Numbers about one connection; sizes are in bytes."""

    bytes_in: int
    """Bytes received."""
    bytes_out: int
    """Bytes that the kernel took."""
    packets_in: int
    """Packets received, ticks not counted; ``recv_cnt`` of a BEAM's socket."""
    packets_out: int
    """Packets made, ticks not counted; some of them may still be queued."""
    signals_in: int
    """Messages and other signals received; a large one comes in many packets."""
    signals_out: int
    """Messages and other signals sent, what is still queued included."""
    fragments_out: int
    """Packets that were pieces of large messages."""
    ticks_in: int
    """Ticks received."""
    ticks_out: int
    """Ticks sent."""
    queued: int
    """Bytes that wait to leave, without those of large messages."""
    queued_large: int
    """Bytes of large messages that wait to leave."""
    high_water: int
    """The mark for ``queued`` from which on senders wait."""
    waiting: int
    """How many senders wait now."""
    waits: int
    """How often one had to wait: how often a BEAM would say ``busy_dist_port``."""


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
    taken = {peer.name: _connection(peer) for peer in connections.peers.values()}
    return NodeStatistics(
        # The root is nobody's process.
        processes=len(runtime.processes) - 1,
        spawned=runtime.spawned,
        connections={
            name: numbers for name, numbers in taken.items() if numbers is not None
        },
    )


def _connection(peer: Peer) -> ConnectionStatistics | None:
    transport = peer.transport
    if transport is None:
        return None
    large = transport.large
    encoders = [one for one in (peer.encoder, peer.plain) if one is not None]
    signals_out = sum(encoder.frames for encoder in encoders)
    return ConnectionStatistics(
        bytes_in=transport.bytes_in,
        bytes_out=transport.bytes_out,
        packets_in=transport.packets_in,
        packets_out=signals_out + large.fragments_out - large.messages_out,
        signals_in=transport.signals_in,
        signals_out=signals_out,
        fragments_out=large.fragments_out,
        ticks_in=transport.ticks_in,
        ticks_out=transport.ticks_out,
        queued=transport.queued,
        queued_large=large.queued,
        high_water=transport.high_water,
        waiting=transport.waiting,
        waits=transport.waits,
    )
