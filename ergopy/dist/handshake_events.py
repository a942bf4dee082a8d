"""What the two sides of a handshake know, tell, and wait for.

:class:`Identity` is what a node says about itself, the events are what its owner
learns, and the two step tables are the legal ways through the handshake. The state
machines that walk them are in :mod:`ergopy.dist.handshake`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeAlias, final

from ergopy.dist.flags import Flag
from ergopy.dist.handshake_messages import Malformed, check_name
from ergopy.errors import NodeNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORD = 2**32


@final
@dataclass(frozen=True, slots=True)
class Identity:
    """What a node tells about itself.

    Raises:
        NodeNameError: The name is not ``local@host`` in printable ASCII. With the
            flag ``NAME_ME`` it has to be the host alone: the peer invents the rest.
    """

    name: str
    creation: int
    flags: Flag

    def __post_init__(self) -> None:
        try:
            check_name(self.name, dynamic=Flag.NAME_ME in self.flags)
        except Malformed as exc:
            raise NodeNameError(str(exc)) from exc
        if not 0 <= self.creation < _WORD:
            raise ValueError(f"a creation has 32 bits, {self.creation} has not")


@final
@dataclass(frozen=True, slots=True)
class AliveAsked:
    """The peer thinks that we are connected: call ``answer_alive``."""


@final
@dataclass(frozen=True, slots=True)
class NameReceived:
    """A node wants in: call ``accept``, or ``give_name`` if it is *dynamic*."""

    name: str
    """Its full name, or only its host if it is *dynamic*."""
    creation: int
    flags: Flag
    """What it offers, not yet what the two share."""
    dynamic: bool
    """It has no name and asks for one."""


@final
@dataclass(frozen=True, slots=True)
class AliveAnswered:
    """The peer says whether it still wants this connection; False ends it."""

    wanted: bool


@final
@dataclass(frozen=True, slots=True)
class Verified:
    """The peer has the cookie: end an old link to it, then call ``confirm``."""


@final
@dataclass(frozen=True, slots=True)
class Connected:
    """The handshake is complete."""

    peer: str
    """The full name of the other node."""
    creation: int
    """The creation of the other node."""
    flags: Flag
    """What both sides offered."""
    name: str
    """Our own name; the one the peer invented if we asked for one."""
    own_creation: int
    """Our own creation; given with the name if we asked for one."""
    surplus: bytes
    """What arrived behind the handshake: the first bytes of the link."""


Event: TypeAlias = AliveAsked | NameReceived | AliveAnswered | Verified | Connected
Answer: TypeAlias = Literal["ok", "ok_simultaneous", "alive", "nok", "not_allowed"]


class Step(Enum):
    """Where a handshake stands; the value says what it waits for."""

    NAME = "its name"
    DECISION = "our decision"
    STATUS = "its status"
    ALIVE_ASKED = "our answer to alive"
    ALIVE = "its answer to alive"
    CHALLENGE = "its challenge"
    REPLY = "its challenge reply"
    CONFIRMATION = "our confirmation"
    ACK = "its challenge acknowledgement"
    CONNECTED = "nothing: connected"
    REFUSED = "nothing: given up or refused"
    FAILED = "nothing: failed"


_ENDS: Mapping[Step, frozenset[Step]] = {
    Step.CONNECTED: frozenset(),
    Step.REFUSED: frozenset(),
    Step.FAILED: frozenset(),
}

CONNECTOR_STEPS: Mapping[Step, frozenset[Step]] = {
    Step.STATUS: frozenset({Step.CHALLENGE, Step.ALIVE_ASKED}),
    Step.ALIVE_ASKED: frozenset({Step.CHALLENGE, Step.REFUSED}),
    Step.CHALLENGE: frozenset({Step.ACK}),
    Step.ACK: frozenset({Step.CONNECTED}),
    **_ENDS,
}
"""From where to where the dialling side may go; every step may also fail."""

ACCEPTOR_STEPS: Mapping[Step, frozenset[Step]] = {
    Step.NAME: frozenset({Step.DECISION}),
    Step.DECISION: frozenset({Step.REPLY, Step.ALIVE, Step.REFUSED}),
    Step.ALIVE: frozenset({Step.REPLY, Step.REFUSED}),
    Step.REPLY: frozenset({Step.CONFIRMATION}),
    Step.CONFIRMATION: frozenset({Step.CONNECTED}),
    **_ENDS,
}
"""The same for the side that was dialled."""
