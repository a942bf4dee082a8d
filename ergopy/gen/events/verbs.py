"""Typed publish and subscribe: what owners and subscribers call.

An event has a name and an owner: the process that registered it, at the event server of
its node (see :class:`ergopy.Events`). Subscribers are processes of any node; they get
:class:`ergopy.EventMessage` and its like in their mailbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import (
    EventError,
    EventOwnerError,
    EventTaken,
    EventUnknown,
    LocalProtocolError,
    NodeDown,
    NoProcess,
)
from ...process.atoms import OK
from ..caller import acting
from . import event
from .event import Event
from .server import DEFAULT_LAG, Declaration

if TYPE_CHECKING:
    from ...process.process import Process
    from .event import Accepts

SERVER = "events"

_EVENTS = Atom("events")
_INFO = Atom("info")
_SUBSCRIBE = Atom("subscribe")
_UNSUBSCRIBE = Atom("unsubscribe")
_WAIT_FOR = Atom("wait_for")


async def register(
    name: Any,
    *,
    accepts: Accepts = None,
    buffer: int = 0,
    max_lag: int | None = DEFAULT_LAG,
    server: str = SERVER,
    caller: Any = None,
) -> Event:
    """Make an event of this node, owned by the caller; return it, to publish with.

    It ends with its owner, or when that unregisters it.

    Args:
        name: Any term; a plain ``str`` is taken for an atom.
        accepts: What may be published: a class (a dataclass, say), several, or a
            function that says whether a value may be; if it raises, not. None is
            anything.
        buffer: How many of the last values a new subscriber gets first. 1 makes the
            last one a current state, which ``EventDown`` takes back.
        max_lag: How many messages may wait for a subscriber of this node before it
            misses values; None is any number.
        server: The name of the event server.
        caller: Who owns it: a process, a behaviour, or a node for a program. By
            default the process that runs this.

    Raises:
        EventTaken: There is one of that name.
        EventError: The server takes no more events, or keeps no so many values.
        NoProcess: No event server runs here.
        TypeError, ValueError: An option makes no sense; nobody was asked.
    """
    event.check(accepts)
    if type(buffer) is not int or buffer < 0:
        raise ValueError(f"buffer= is a number of values, not {buffer!r}")
    if max_lag is not None and (type(max_lag) is not int or max_lag < 1):
        raise ValueError(f"max_lag= is a number of messages, not {max_lag!r}")
    named = _atom(name)
    declaration = Declaration(named, accepts, buffer, max_lag)
    answer = await acting(caller).call(server, declaration, None)
    return answer if isinstance(answer, Event) else _raise(named, answer)


async def subscribe(
    name: Any,
    node: str | None = None,
    *,
    server: str = SERVER,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> None:
    """Have every value of an event sent to the caller from now on.

    First come the values that the event keeps. Subscribing again changes nothing: each
    value comes once, also to who is the owner. It ends with the event (``EventDown``
    comes), with the caller, or with :func:`unsubscribe`.

    Args:
        name: The event.
        node: The node that has it; None is this one. For another node the server of
            this node subscribes once for all, if there is one here.
        server: The name of the event server, the same on both nodes.
        timeout: Seconds for the answer of the other node; None waits for ever.
        caller: Who subscribes: a process or a behaviour. By default the process that
            runs this.

    Raises:
        EventUnknown: There is no such event.
        NodeDown, NoProcess: The node, or its event server, is not there.
        CallTimeout: No answer in time; it may have been subscribed.
        LocalProtocolError: A program has no mailbox: let a process subscribe.
        EventError: The event has as many subscribers as it may.

    Cancelled, it may have been subscribed.
    """
    process = acting(caller)
    if process is process.runtime.root:
        raise LocalProtocolError("a node reads no mail; let a process subscribe")
    dest, request = _place(process, server, _SUBSCRIBE, name, node)
    answer = await process.call(dest, request, timeout)
    match answer:
        case (Atom("ok"), _):
            return
        case (Atom("error"), Atom("noconnection")):
            raise NodeDown(str(node), "its event server cannot be reached")
        case (Atom("error"), Atom("noproc")):
            raise NoProcess((server, node))
    _raise(request[1], answer)


async def unsubscribe(
    name: Any,
    node: str | None = None,
    *,
    server: str = SERVER,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> None:
    """Have no more values of an event sent to the caller.

    Those that have come already stay in its mailbox. It is no error if there was no
    subscription, or is no such event. Arguments as for :func:`subscribe`.
    """
    process = acting(caller)
    dest, request = _place(process, server, _UNSUBSCRIBE, name, node)
    await process.call(dest, request, timeout)


async def wait_for(
    name: Any,
    node: str | None = None,
    *,
    server: str = SERVER,
    timeout: float | None = None,
    caller: Any = None,
) -> None:
    """Return when an event is registered, at once if it is; then subscribe to it.

    For who starts before the owner, or wants to go on with the next one after
    ``EventDown``. Arguments as for :func:`subscribe`, but *timeout* is for ever unless
    said.

    Raises:
        CallTimeout: It was not registered in time.
        NodeDown, NoProcess: The node, or its event server, is not there.
        EventError: Too many wait already.

    Cancelling it leaves nothing behind.
    """
    dest = server if node is None else (server, node)
    named = _atom(name)
    answer = await acting(caller).call(dest, (_WAIT_FOR, named), timeout)
    if answer != OK:
        _raise(named, answer)


async def which(
    node: str | None = None,
    *,
    server: str = SERVER,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> list[Any]:
    """Return the names of the events of a node, in the order of registration."""
    dest = server if node is None else (server, node)
    names: list[Any] = await acting(caller).call(dest, _EVENTS, timeout)
    return names


async def info(
    name: Any,
    node: str | None = None,
    *,
    server: str = SERVER,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> dict[str, Any]:
    """Return what is known of an event.

    ``name``, ``owner``, ``subscribers`` (a node with an event server is one),
    ``published``, ``missed`` and ``buffer``.

    Raises:
        EventUnknown: There is no such event.
    """
    dest = server if node is None else (server, node)
    named = _atom(name)
    answer = await acting(caller).call(dest, (_INFO, named), timeout)
    return answer if isinstance(answer, dict) else _raise(named, answer)


def _place(
    process: Process, server: str, what: Atom, name: Any, node: str | None
) -> tuple[Any, Any]:
    """Return whom to ask, and what."""
    if node is None or node == process.runtime.name:
        return server, (what, _atom(name))
    if process.runtime.whereis(server) is None:
        return (server, node), (what, _atom(name))
    return server, (what, _atom(name), Atom(node))


def _atom(name: Any) -> Any:
    return Atom(name) if type(name) is str else name


def _raise(name: Any, answer: Any) -> Any:
    match answer:
        case (Atom("error"), Atom("unknown")):
            raise EventUnknown(name)
        case (Atom("error"), (Atom("taken"), owner)):
            raise EventTaken(name, owner)
        case (Atom("error"), (Atom("not_owner"), owner)):
            raise EventOwnerError(name, owner, "the caller")
    raise EventError(name, f"the server answered {answer!r}")
