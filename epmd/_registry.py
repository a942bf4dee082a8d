"""What EPMD knows and how it answers, without I/O.

The connection that registered a name owns it; `Registry.release` frees it when that
connection ends. Rules:

- ALIVE2, DUMP, KILL and STOP are for local peers; others get no answer. PORT2 and NAMES
  are for everybody.
- KILL needs that nobody is registered, STOP is not honoured at all, unless the registry
  is *relaxed*.
- A name that is not remembered gets the clock in seconds as creation, at least 4; a
  remembered one gets its last creation plus 1. A node of the time before 32-bit
  creations (highest version below 6) is told 1..3.
- The last 1000 dead names are remembered.
- Live names are listed newest first, dead ones by age of death, as OTP's EPMD does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._listings import DumpEntry, NodeEntry, encode_dump, encode_names
from ._messages import (
    JUNK_CREATION,
    AliveReply,
    AliveRequest,
    DumpRequest,
    KillRequest,
    NamesRequest,
    NodeInfo,
    PortRequest,
    RejectedAlive,
    Request,
    StopRequest,
    encode_port_reply,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEAD_NAMES = 1000
FIRST_CREATION = 4
"""0 is reserved, and 1..3 are what old nodes have."""
_WIDE_VERSION = 6
_LAST_CREATION = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server has to do about one request."""

    data: bytes = b""
    """What to write."""
    keep_open: bool = False
    """Whether the connection stays; otherwise it is closed after the writing."""
    drop: int | None = None
    """Another connection that has to be closed: its node was stopped."""
    shutdown: bool = False
    """Whether the server ends."""


@dataclass(frozen=True, slots=True)
class _Live:
    node: NodeInfo
    creation: int
    owner: int


@dataclass(frozen=True, slots=True)
class _Dead:
    port: int
    creation: int
    owner: int


class Registry:
    """The table of names. It does no I/O, and the time is an argument.

    Args:
        port: What to say that EPMD's own port is.
        relaxed: Let KILL end an EPMD in use, and STOP unregister a node.
    """

    def __init__(self, port: int, *, relaxed: bool = False) -> None:
        self.port = port
        self.relaxed = relaxed
        self._live: dict[str, _Live] = {}
        self._dead: dict[str, _Dead] = {}
        self._names: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._live)

    def lookup(self, name: str) -> NodeInfo | None:
        """Give what the live node *name* registered."""
        live = self._live.get(name)
        return live.node if live else None

    def owns(self, owner: int) -> bool:
        """Say whether connection *owner* has a name."""
        return owner in self._names

    def names(self) -> list[NodeEntry]:
        """List the live nodes, newest first."""
        return [NodeEntry(n.node.name, n.node.port) for n in self._newest_first()]

    def dump(self) -> list[DumpEntry]:
        """List the live nodes, newest first, and then the remembered dead ones."""
        live = [
            DumpEntry(n.node.name, n.node.port, n.owner, active=True)
            for n in self._newest_first()
        ]
        return live + [
            DumpEntry(name, dead.port, dead.owner, active=False)
            for name, dead in self._dead.items()
        ]

    def _newest_first(self) -> Iterator[_Live]:
        return reversed(self._live.values())

    def register(self, node: NodeInfo, owner: int, now: float) -> int | None:
        """Give *node*'s name to the connection *owner*.

        Returns:
            The creation with 32 bits, or ``None`` when the name is taken.
        """
        if node.name in self._live or owner in self._names:
            return None
        remembered = self._dead.pop(node.name, None)
        creation = _in_range(remembered.creation + 1 if remembered else int(now))
        self._live[node.name] = _Live(node, creation, owner)
        self._names[owner] = node.name
        return creation

    def release(self, owner: int) -> str | None:
        """Free the name of connection *owner*; give that name, if it had one."""
        name = self._names.pop(owner, None)
        if name is None:
            return None
        live = self._live.pop(name)
        self._dead[name] = _Dead(live.node.port, live.creation, owner)
        if len(self._dead) > MAX_DEAD_NAMES:
            del self._dead[next(iter(self._dead))]
        return name

    def answer(
        self, request: Request, owner: int, *, local: bool, now: float
    ) -> Answer:
        """Decide about *request*, which came over the connection *owner*.

        Args:
            request: What the peer asks for.
            owner: A number that no other open connection has.
            local: Whether the peer is on this machine.
            now: Seconds since the epoch.
        """
        match request:
            case PortRequest(name):
                return Answer(encode_port_reply(self.lookup(name)))
            case NamesRequest():
                return Answer(encode_names(self.port, self.names()))
        if not local:
            return Answer()
        match request:
            case AliveRequest(node):
                return self._alive(node, owner, now)
            case RejectedAlive(high):
                return _refusal(high)
            case DumpRequest():
                return Answer(encode_dump(self.port, self.dump()))
            case KillRequest():
                return self._kill()
            case StopRequest(name):
                return self._stop(name)

    def _alive(self, node: NodeInfo, owner: int, now: float) -> Answer:
        creation = self.register(node, owner, now)
        if creation is None:
            return _refusal(node.high)
        wide = node.high >= _WIDE_VERSION
        told = creation if wide else creation % 3 + 1
        return Answer(AliveReply(0, told, wide).encode(), keep_open=True)

    def _kill(self) -> Answer:
        if self._live and not self.relaxed:
            return Answer(b"NO")
        return Answer(b"OK", shutdown=True)

    def _stop(self, name: str) -> Answer:
        if not self.relaxed:
            return Answer()
        live = self._live.get(name)
        if live is None:
            # Both words: OTP's EPMD goes on to the second after the first.
            return Answer(b"NOEXISTSTOPPED")
        self.release(live.owner)
        return Answer(b"STOPPED", drop=live.owner)


def _in_range(creation: int) -> int:
    if FIRST_CREATION <= creation <= _LAST_CREATION:
        return creation
    return FIRST_CREATION


def _refusal(high: int) -> Answer:
    reply = AliveReply(1, JUNK_CREATION, wide=high >= _WIDE_VERSION)
    return Answer(reply.encode(), keep_open=True)
