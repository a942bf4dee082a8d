"""Failing one call while the process that was called lives on.

A call waits for its answer and watches the process meanwhile. Whoever called is told
by that watch, at once, as if the process had ended with a reason: a call of this node
raises :exc:`ergopy.CallExit`, on a BEAM ``gen_server:call`` exits with ``{Reason,
{gen_server, call, ..}}``. On a BEAM a server can only answer, or end; a peer notices
no difference to the latter, since the watch belongs to that one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Pid, Reference

from .atoms import ERROR
from .calls import Call, reply_alias

if TYPE_CHECKING:
    from .process import Process
    from .signals import Watcher


def refuse(process: Process, from_: Any, reason: Any) -> bool:
    """Let a call to *process* fail with *reason*; return whether it could.

    A request that nobody watches (a tag that is no reference, a caller that gave up)
    is answered with ``{error, Reason}`` instead: better than no answer. Never waits.
    """
    watcher = watch_of(process, from_)
    if watcher is None:
        process.reply_nowait(from_, (ERROR, reason))
        return False
    watcher.fire(reason)
    return True


def watch_of(process: Process, from_: Any) -> Watcher | None:
    """Take out of the tables, and return, the watch that a call holds on *process*."""
    found = _find(process, from_)
    if found is None:
        return None
    key, _ = found
    return process.watchers.pop(key)


def is_watched(process: Process, from_: Any) -> bool:
    """Tell whether the call from *from_* watches *process*: then it still waits."""
    return _find(process, from_) is not None


def _find(process: Process, from_: Any) -> tuple[Any, Any] | None:
    match from_:
        case (Pid() as pid, tag):
            ref = tag if tag.__class__ is Reference else reply_alias(tag)
        case _:
            return None
    if ref is None:
        return None
    if ref.node == process.runtime.name:
        call = process.watchers.get(ref.words)
        # The tag is the word of who sent the request: only its own call is meant.
        ours = isinstance(call, Call) and call.caller.pid == pid and call.ref == ref
        return (ref.words, call) if ours else None
    watch = process.runtime.remote_node(ref.node).watch_of(ref)
    if watch is None or watch not in process.watchers:
        return None
    return watch, watch
