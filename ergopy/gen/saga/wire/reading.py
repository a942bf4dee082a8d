"""What a message to a saga says.

Inside a node no codec runs: what was made is read as it is. So a reader looks at the
classes of all parts but the value, which may be any object, and never raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from etf import Atom, Pid, Reference

from ..core import events
from . import options, tags
from .reasons import read_reason

if TYPE_CHECKING:
    from collections.abc import Callable

    Read: TypeAlias = events.Message | events.WorkerMessage | None
    Reader: TypeAlias = Callable[[Pid, tuple[Any, ...]], Read]
    Event: TypeAlias = Callable[[Pid, Reference, Reference, Any], Read]

MAX_PARENTS: Final = 65_535
"""Sagas that a transaction may have come through."""


def read(message: Any) -> Read:
    """Return what *message* says.

    None if it is no message of sagas, or one of which a part does not fit: that goes
    to ``handle_info``, as in ergo, which logs it unless told otherwise, and changes
    nothing.
    """
    if message.__class__ is not tuple or len(message) != 3:
        return None
    tag, sender, said = message
    if tag.__class__ is not Atom:
        return None
    reader = _READERS.get(tag)
    if reader is None or sender.__class__ is not Pid or said.__class__ is not tuple:
        return None
    return reader(sender, said)


def _next(sender: Pid, said: tuple[Any, ...]) -> Read:
    if len(said) != 5:
        return None
    id, origin, value, parents, given = said
    if id.__class__ is not Reference or origin.__class__ is not Reference:
        return None
    found = options.read(given)
    if found is None or not _are_parents(parents):
        return None
    return events.Next(sender, id, origin, value, parents, *found)


def _are_parents(parents: Any) -> bool:
    if parents.__class__ is not list or not 0 < len(parents) <= MAX_PARENTS:
        return False
    return set(map(type, parents)) == {Pid}


def _about(event: Event) -> Reader:
    def read(sender: Pid, said: tuple[Any, ...]) -> Read:
        if len(said) != 3:
            return None
        id, origin, value = said
        if id.__class__ is not Reference or origin.__class__ is not Reference:
            return None
        return event(sender, id, origin, value)

    return read


def _cancel(sender: Pid, id: Reference, origin: Reference, reason: Any) -> Read:
    return events.Cancel(sender, id, origin, read_reason(reason))


def _of_ergopy(sender: Pid, said: tuple[Any, ...]) -> Read:
    if len(said) != 4:
        return None
    id, ref, verb, value = said
    if id.__class__ is not Reference or ref.__class__ is not Reference:
        return None
    if verb.__class__ is not Atom:
        return None
    event = _VERBS.get(verb)
    return None if event is None else event(sender, id, ref, value)


def _with_address(event: Event) -> Event:
    def read(sender: Pid, id: Reference, ref: Reference, address: Any) -> Read:
        return event(sender, id, ref, address) if _is_at(address, sender) else None

    return read


def _is_at(address: Any, sender: Pid) -> bool:
    """Tell whether *address* is one of the sender's node, which it may speak for."""
    if address.__class__ is Pid:
        return address.node == sender.node
    if address.__class__ is not tuple or len(address) != 2:
        return False
    name, node = address
    return name.__class__ is node.__class__ is Atom and node == sender.node


def _of_worker(event: Callable[[Pid, Reference, Any], Read]) -> Reader:
    def read(sender: Pid, said: tuple[Any, ...]) -> Read:
        if len(said) != 2 or said[0].__class__ is not Reference:
            return None
        return event(sender, *said)

    return read


_VERBS: Final[dict[Atom, Event]] = {
    tags.JOINED: _with_address(events.Joined),
    tags.PREPARE: _with_address(events.Prepare),
    tags.VOTE: events.Vote,
    tags.DECIDE: events.Decide,
    tags.ACK: events.Ack,
    tags.ASK: _with_address(events.Ask),
}

_READERS: Final[dict[Atom, Reader]] = {
    tags.NEXT: _next,
    tags.RESULT: _about(events.Result),
    tags.INTERIM: _about(events.Interim),
    tags.CANCEL: _about(_cancel),
    tags.COMMIT: _about(events.Commit),
    tags.ERGOPY: _of_ergopy,
    tags.JOB_RESULT: _of_worker(events.JobResult),
    tags.JOB_INTERIM: _of_worker(events.JobInterim),
}
