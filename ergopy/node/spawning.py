"""The verbs that start processes on other nodes, or on this one as if it were one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Reference

from ..errors import NameTaken, NodeDown, StartError
from ..process.atoms import NOCONNECTION
from . import spawn_options
from .named_spawn import spawn_named
from .patience import Patience
from .remote_spawn import Asked, Wanted, remote_spawn, send_request, spawn_here
from .spawn import ALREADY_STARTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..process.process import Process

_REPLIES = ("yes", "no", "error_only", "success_only")


async def spawn(
    caller: Process,
    peer: str,
    call: tuple[str, str, Iterable[Any]],
    *,
    name: str | None,
    link: bool,
    monitor: bool,
    options: Iterable[Any],
    timeout: float | None,
) -> Any:
    """Do what ``Node.remote_spawn`` says."""
    node = caller.node
    patience = Patience(timeout)
    wanted = _wanted(call, name, link, monitor, options)
    way = node.connections.peer(peer)
    try:
        if peer == node.name:
            started: Any = spawn_here(caller, node.exports, wanted)
        else:
            started = await remote_spawn(caller, way, wanted, patience)
    except StartError as error:
        if name is None:
            raise
        if error.reason == ALREADY_STARTED:
            raise NameTaken(name, f"a process on {peer}") from None
        if error.reason != spawn_options.BADOPT or peer == node.name:
            raise
        # No node of this kind: nothing was started there, for that option.
        wanted = _wanted(call, None, link, monitor, options)
        started = await spawn_named(caller, way, wanted, name, patience)
    return started if spawn_options.MONITOR in wanted.options else started[0]


async def request(
    caller: Process,
    peer: str,
    call: tuple[str, str, Iterable[Any]],
    *,
    link: bool,
    monitor: bool,
    options: Iterable[Any],
    reply: str,
    reply_tag: Any,
) -> Reference:
    """Do what ``Process.spawn_request`` says."""
    if reply not in _REPLIES:
        raise ValueError(f"reply= is one of {', '.join(_REPLIES)}, not {reply!r}")
    node = caller.node
    tag = Atom(reply_tag) if type(reply_tag) is str else reply_tag
    wanted = _wanted(call, None, link, monitor, options)
    if peer != node.name:
        way = node.connections.peer(peer)
        await caller.admit(way)
        record = Asked(caller, way, reply, tag)
        send_request(caller, way, wanted, record)
        return record.ref
    record = Asked(caller, None, reply, tag)
    try:
        pid, ref = spawn_here(caller, node.exports, wanted)
    except NodeDown:
        record.answer(NOCONNECTION)
    except StartError as error:
        record.answer(error.reason)
    else:
        # The monitor, if there is one, has the reference of the request.
        record.ref = ref or record.ref
        record.answer(pid)
    return record.ref


def _wanted(
    call: tuple[str, str, Iterable[Any]],
    name: str | None,
    link: bool,
    monitor: bool,
    options: Iterable[Any],
) -> Wanted:
    module, function, args = call
    written = spawn_options.write(link, monitor, name, options)
    return Wanted(Atom(module), Atom(function), list(args), written)
