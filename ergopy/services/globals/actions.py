"""What the name server wants done: it does no I/O itself, and never waits.

Each input of the machine is followed by some of these, in order. Whoever drives it
carries them out, and feeds back what comes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from etf import Atom, Pid

    from .words import NamedPid


class Send(NamedTuple):
    """A message to the name server of another node."""

    node: Atom
    message: Any
    connect: bool = False
    """Whether it is worth a connection; else it is lost if there is none."""


class Reply(NamedTuple):
    """The answer to a call."""

    from_: Any
    value: Any


class Watch(NamedTuple):
    """Monitor a process, and call ``down(key)`` when it has ended."""

    key: int
    pid: Pid


class Forget(NamedTuple):
    """End that monitor."""

    key: int


class Tell(NamedTuple):
    """A message to the locker of this node."""

    message: Any


class Resolve(NamedTuple):
    """Compare names of a node with ours, settle conflicts, then ``exchanged``."""

    node: Atom
    tag: int
    names: list[NamedPid]


class StopResolving(NamedTuple):
    """Nobody wants the outcome any more."""

    node: Atom
    tag: int


class Disconnect(NamedTuple):
    """End the connection to a node, if there is one."""

    node: Atom


class Rejoin(NamedTuple):
    """End the connection to a node, and make another one after a moment."""

    node: Atom


class Check(NamedTuple):
    """See later whether a node counts us in that we do not; then ``out_of_step``."""

    node: Atom


class Greet(NamedTuple):
    """Connect to a node and say ``in_sync``; if it cannot be had, ``unreachable``."""

    node: Atom


class Seek(NamedTuple):
    """Connect to a node; if it cannot be had, ``unreachable`` for who waits for it."""

    node: Atom


class Later(NamedTuple):
    """Give this message to the machine, to ``again``, after a while."""

    seconds: float
    message: Any


class Log(NamedTuple):
    """Something for the operator."""

    level: int
    text: str
    args: tuple[Any, ...] = ()


Action: TypeAlias = (
    Send
    | Reply
    | Watch
    | Forget
    | Tell
    | Resolve
    | StopResolving
    | Disconnect
    | Rejoin
    | Check
    | Greet
    | Seek
    | Later
    | Log
)


class Him(NamedTuple):
    """For the locker: a node that wants to join, or that we want to join."""

    node: Atom
    locker: Pid
    version: int
    his_tag: Any
    my_tag: int


class Cancel(NamedTuple):
    """For the locker: that node is joined, or it came to nothing.

    The messages go out before the lock is given back.
    """

    node: Atom
    tag: int | None
    messages: tuple[Send, ...] = ()


class LockSet(NamedTuple):
    """For the locker: what the locker of another node says of its side."""

    locker: Pid
    is_set: bool
    tag: Any
    """Our tag as they know it; None from a node that sends none."""


class Known(NamedTuple):
    """For the locker: the nodes of the cluster have changed."""

    added: tuple[Atom, ...] = ()
    removed: Atom | None = None
