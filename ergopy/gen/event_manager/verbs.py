"""The functions of ``gen_event``, for any event manager: ours, or one on a BEAM.

Each takes the manager first (a pid, a name, ``(name, node)``), and ``caller=``: the
process, behaviour or node to ask for; by default the process that runs this code. They
raise what ``Process.call`` raises. A handler is a class, for a manager of this node; or
the name that the manager knows one by (on a BEAM the module); or a pair of either and
an id, so that there can be several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import HandlerError
from ...process.atoms import ERROR, EXIT, OK
from ...process.calls import call as _call
from ..caller import acting
from .installed import split_name
from .roster import BAD_MODULE, MODULE_NOT_FOUND

if TYPE_CHECKING:
    from .handler import Handler


async def notify(dest: Any, event: Any, *, caller: Any = None) -> None:
    """Give an event to all handlers, and do not wait; ``gen_event:notify/2``."""
    await acting(caller).send(dest, (Atom("notify"), event))


async def sync_notify(dest: Any, event: Any, *, caller: Any = None) -> None:
    """Give an event to all handlers, and wait until all had it; ``sync_notify/2``."""
    await _ask(dest, (Atom("sync_notify"), event), None, caller)


async def call(
    dest: Any,
    handler: Handler,
    request: Any,
    *,
    timeout: float | None = 5.0,
    caller: Any = None,
) -> Any:
    """Ask one handler and return its reply; ``gen_event:call/4``.

    Raises:
        HandlerError: There is no such handler, or it crashed.
    """
    answer = await _ask(dest, (Atom("call"), _name(handler), request), timeout, caller)
    match answer:
        case (Atom() as error, Atom() as why) if (error, why) == (ERROR, BAD_MODULE):
            raise HandlerError(handler, why)
        case (Atom() as error, (Atom() as kind, _) as why) if (error, kind) == (
            ERROR,
            EXIT,
        ):
            raise HandlerError(handler, why)
    return answer


async def add_handler(
    dest: Any, handler: Handler, args: Any = None, *, caller: Any = None
) -> None:
    """Add a handler, whose ``init`` gets *args*; ``gen_event:add_handler/3``.

    Raises:
        HandlerError: Its ``init`` refused or crashed, or nobody knows it.
    """
    request = (Atom("add_handler"), _name(handler), args)
    _check(handler, await _ask(dest, request, None, caller))


async def add_sup_handler(
    dest: Any, handler: Handler, args: Any = None, *, caller: Any = None
) -> None:
    """Add a handler that the calling process supervises; ``add_sup_handler/3``.

    The manager is linked to that process. If that ends, so does the handler. If the
    handler ends, the process gets ``(gen_event_EXIT, handler, reason)``: ``normal`` if
    it was removed, ``shutdown`` if the manager ends, ``(swapped, new, pid)``, or what
    was wrong.

    Raises:
        HandlerError: As for :func:`add_handler`.
    """
    process = acting(caller)
    request = (Atom("add_sup_handler"), _name(handler), args, process.pid)
    _check(handler, await _ask(dest, request, None, process))


async def delete_handler(
    dest: Any, handler: Handler, args: Any = None, *, caller: Any = None
) -> Any:
    """Remove a handler; return what ``terminate(args)`` did; ``delete_handler/3``.

    Raises:
        HandlerError: There is no such handler.
    """
    request = (Atom("delete_handler"), _name(handler), args)
    answer = await _ask(dest, request, None, caller)
    match answer:
        case (Atom() as error, Atom() as why) if (error, why) == (
            ERROR,
            MODULE_NOT_FOUND,
        ):
            raise HandlerError(handler, why)
    return answer


async def swap_handler(
    dest: Any,
    old: tuple[Handler, Any],
    new: tuple[Handler, Any],
    *,
    caller: Any = None,
) -> None:
    """Put a handler in the place of another; ``gen_event:swap_handler/3``.

    Args:
        dest: The manager.
        old: Who goes, and what its ``terminate`` gets.
        new: Who comes, and for its ``init`` ``args`` of ``(args, result)``. The result
            is that of ``terminate``, or ``error`` if there was no such handler.
        caller: Who asks.

    Raises:
        HandlerError: The new one refused or crashed. The old one is gone.
    """
    (former, leaving), (follower, args) = old, new
    request = (Atom("swap_handler"), _name(former), leaving, _name(follower), args)
    _check(follower, await _ask(dest, request, None, caller))


async def swap_sup_handler(
    dest: Any,
    old: tuple[Handler, Any],
    new: tuple[Handler, Any],
    *,
    caller: Any = None,
) -> None:
    """As :func:`swap_handler`, and supervise the new one; ``swap_sup_handler/3``."""
    process = acting(caller)
    (former, leaving), (follower, args) = old, new
    names = (_name(former), leaving, _name(follower), args)
    request = (Atom("swap_sup_handler"), *names, process.pid)
    _check(follower, await _ask(dest, request, None, process))


async def which_handlers(dest: Any, *, caller: Any = None) -> list[Any]:
    """Return the names of all handlers, the newest first; ``which_handlers/1``."""
    answer = await _ask(dest, Atom("which_handlers"), None, caller)
    return list(answer)


async def _ask(dest: Any, request: Any, timeout: float | None, caller: Any) -> Any:
    process = acting(caller)
    return await _call(process, dest, request, timeout, kind=process.pid)


def _name(handler: Handler) -> Any:
    what, id_ = split_name(handler)
    named = Atom(what) if isinstance(what, str) else what
    return (named, id_) if isinstance(handler, tuple) else named


def _check(handler: Handler, answer: Any) -> None:
    if isinstance(answer, Atom) and answer == OK:
        return
    match answer:
        case (Atom() as error, why) if error == ERROR:
            raise HandlerError(handler, why)
    raise HandlerError(handler, answer)
