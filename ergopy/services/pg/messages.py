"""What scopes tell each other. A BEAM's scope crashes on anything else (OTP 25)."""

from __future__ import annotations

from typing import Any, NamedTuple

from etf import Atom, EncodeError, Pid

from .table import MAX_MEMBERS, key_of

DISCOVER = Atom("discover")
SYNC = Atom("sync")


class Discover(NamedTuple):
    """Who are you?"""

    peer: Pid


class Sync(NamedTuple):
    """All members that the node of *peer* has."""

    peer: Pid
    state: list[tuple[Any, list[Pid]]]


class Join(NamedTuple):
    """Processes of the node of *peer* have joined."""

    peer: Pid
    group: Any
    pids: list[Pid]


class Leave(NamedTuple):
    """Processes of the node of *peer* have left each of the groups once."""

    peer: Pid
    pids: list[Pid]
    groups: list[Any]


def read(message: Any) -> Discover | Join | Leave | None:
    """Understand a message, but a cast; None if it is none of a scope.

    What OTP 26 and later understand as well, ``{discover, Peer, Version}``, is here;
    it is never sent.
    """
    match message:
        case (Atom("discover"), Pid() as peer) | (Atom("discover"), Pid() as peer, _):
            return Discover(peer)
        case (Atom("join"), Pid() as peer, group, pids):
            members = _members(peer, pids)
            if members is not None and _is_term(group):
                return Join(peer, group, members)
        case (Atom("leave"), Pid() as peer, pids, list() as groups):
            members = _members(peer, pids)
            # A BEAM names one of one or the other.
            few = members is not None and len(members) * len(groups) <= MAX_MEMBERS
            if members is not None and few and all(map(_is_term, groups)):
                return Leave(peer, members, groups)
    return None


def read_cast(message: Any) -> Sync | None:
    """Understand a cast; None if it is none of a scope."""
    match message:
        case (Atom("sync"), Pid() as peer, list() as groups):
            state = []
            for entry in groups:
                match entry:
                    case (group, list() as pids) if _is_term(group):
                        members = _members(peer, pids)
                        if members is None:
                            return None
                        state.append((group, members))
                    case _:
                        return None
            return Sync(peer, state)
    return None


def _members(peer: Pid, pids: Any) -> list[Pid] | None:
    """Return the pids as a list, if they are processes of the node of *peer*."""
    members: list[Pid] = pids if isinstance(pids, list) else [pids]
    node = peer.node
    for pid in members:
        if not isinstance(pid, Pid) or pid.node != node:
            return None
    return members


def _is_term(group: Any) -> bool:
    """Tell whether it can be compared; what a converter has made need not be."""
    try:
        key_of(group)
    except EncodeError:
        return False
    return True
