"""The ``sys`` messages (protocol 6.2): what ``:sys`` and observer ask any behaviour."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

import etf
from etf import Atom, Charlist, Pid

from ..process import reasons
from ..process.atoms import ERROR, OK
from .debug import LOG_LENGTH, Debug, Statistics, print_event
from .portable import portable, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop

logger = logging.getLogger("ergopy.gen")

FIRST_WITH_OK = 26
RUNNING = Atom("running")
SUSPENDED = Atom("suspended")


class Shows(Protocol):
    """What says itself how its state looks."""

    def format_state(self) -> Any:
        """Return a term, or what becomes one by its text."""


async def show_state(server: Loop, from_: Any) -> None:
    """Answer ``get_state`` in the form that the asking node's release understands.

    Since OTP 26.1 that is ``{ok, State}``, before it was the bare state. A node that
    does not say what it runs is taken for a new one. To find out may take a call to
    it, so that a task does it, with the state as it is now.
    """
    match from_:
        case (Pid(node=node), _):
            pass
        case _:
            return
    state = shown_state(server)
    process = server.process

    async def answer() -> None:
        release = await process.runtime.release_of(node)
        old = release is not None and release < FIRST_WITH_OK
        failed = isinstance(state, tuple) and state[:1] == (ERROR,)
        await process.reply(from_, state if old or failed else (OK, state))

    process.start_soon(answer)


async def serve(server: Loop, request: Any) -> Any:
    """Carry out one request; ``terminate`` and ``get_state`` are not for here."""
    match request:
        case "get_status":
            return status(server)
        case "suspend":
            server._suspended = True
        case "resume":
            server._suspended = False
        case ("replace_state", function) if callable(function):
            return _replace(server, function)
        case ("replace_state", _):
            return (ERROR, Atom("a_beam_fun_cannot_run_here"))
        case ("debug", command):
            return _debug(server, command)
        case ("change_code", _, vsn, extra) if server._suspended:
            return await _change_code(server, vsn, extra)
        case _:
            return (ERROR, (Atom("unknown_system_msg"), request))
    return OK


def attributes(server: object) -> dict[Atom, Any]:
    """Return the public attributes as a map, each value as a term."""
    return {
        Atom(name): portable(value)
        for name, value in getattr(server, "__dict__", {}).items()
        if not name.startswith("_") and name != "process"
    }


def shown_state(server: Shows) -> Any:
    """Return what the server shows; a mistake in showing it is no reason to end."""
    try:
        return portable(server.format_state())
    except Exception as error:
        return (ERROR, text(error))


def _replace(server: Loop, function: Callable[[Any], Any]) -> Any:
    """Let somebody of this node change the behaviour: from others no function comes."""
    try:
        return (OK, function(server))
    except Exception as error:
        return (ERROR, reasons.from_exception(error))


def status(server: Loop) -> Any:
    """Build what ``sys:get_status`` returns, as OTP's behaviours do."""
    process = server.process
    state = SUSPENDED if server._suspended else RUNNING
    cls = type(server)
    parent = process.parent or process.pid
    events = [] if server._debug is None else server._debug.events()
    events = [portable(event) for event in events]
    label = process.label
    called = label if isinstance(label, str) else etf.format(label)
    return (
        Atom("status"),
        process.pid,
        (Atom("module"), Atom(f"{cls.__module__}.{cls.__qualname__}"[:255])),
        [
            [portable(entry) for entry in process.dictionary.items()],
            state,
            parent,
            [],
            [
                (
                    Atom("header"),
                    Charlist(f"Status for {server._kind} {called}"),
                ),
                *server._status_parts(state, parent, events),
            ],
        ],
    )


def status_part(items: dict[str, Any]) -> tuple[Atom, list[tuple[Charlist, Any]]]:
    """Make ``{data, [{"Name", Value}]}``, a part of what ``sys:get_status`` returns."""
    return (Atom("data"), [(Charlist(name), value) for name, value in items.items()])


def _debug(server: Loop, command: Any) -> Any:
    if command == "no_debug":
        server._debug = None
        return OK
    debug = server._debug or Debug(server.process)
    answer = _debug_with(debug, command)
    server._debug = debug if debug.is_on else None
    return answer


def _debug_with(debug: Debug, command: Any) -> Any:
    match command:
        case ("statistics", bool(on)):
            debug.counts = Statistics() if on else None
        case ("statistics", Atom("get")):
            counts = debug.counts
            return (OK, Atom("no_statistics") if counts is None else counts.report())
        case ("trace", bool(on)):
            debug.trace(on)
        case ("log", bool(on)):
            debug.log(LOG_LENGTH if on else None)
        case ("log", (True, int(length))) if length > 0:
            debug.log(length)
        case ("log", Atom("get")):
            return (OK, [portable(event) for event in debug.events()])
        case ("log", Atom("print")):
            for event in debug.events():
                print_event(debug.process, event)
        case ("log_to_file", False) | ("remove", _):
            pass
        case ("log_to_file", _):
            return (ERROR, Atom("open_file"))
        case _:
            return (ERROR, (Atom("unknown_debug"), command))
    return OK


async def _change_code(server: Loop, vsn: Any, extra: Any) -> Any:
    change = getattr(server, "code_change", None)
    if change is None:
        return OK
    try:
        await change(vsn, extra)
    except Exception as error:
        return (ERROR, text(error))
    return OK
