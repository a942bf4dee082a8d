"""How much of our memory one connection may claim, whatever its peer sends.

Every length, count and depth on a link is chosen by the peer, so each has a
limit here. Going past one is a broken rule like any other: the decoder reports a
``RemoteProtocolError`` and the connection closes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import etf

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """The limits of one connection; all sizes are in bytes."""

    max_packet: int = 256 * _MIB
    """The largest length that a peer may announce for one packet."""

    max_message: int = 512 * _MIB
    """The largest message that fragments may add up to."""

    max_sequences: int = 65536
    """How many fragmented messages may be unfinished at a time.

    A BEAM begins one for each process that sends a large message at the same moment.
    """

    max_fragments_bytes: int = 2048 * _MIB
    """The most that all unfinished fragmented messages may hold together."""

    max_fragments: int = 2 * 65536
    """The largest number of pieces that one message may be announced with."""

    max_fragment_pause: float = 120.0
    """Seconds without a piece after which an unfinished message ends the connection.

    It is looked at with every tick, a quarter of ``net_ticktime`` apart.
    """

    terms: etf.Limits = field(default_factory=etf.Limits)
    """The limits of every term; they take precedence over the decode options."""
