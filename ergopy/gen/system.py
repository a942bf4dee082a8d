"""The ``sys`` messages (protocol 6.2): what ``:sys`` and observer ask any behaviour."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, final

import etf
from etf import Atom, Charlist

from ..process.atoms import ERROR, OK

if TYPE_CHECKING:
    from .server import GenServer

RUNNING = Atom("running")
SUSPENDED = Atom("suspended")


@final
class Statistics:
    """What ``sys:statistics(Name, true)`` turns on."""

    __slots__ = ("messages_in", "started")

    def __init__(self) -> None:
        self.started = _local_time()
        self.messages_in = 0

    def report(self) -> list[tuple[Atom, Any]]:
        """Return the property list of ``sys:statistics(Name, get)``."""
        return [
            (Atom("start_time"), self.started),
            (Atom("current_time"), _local_time()),
            (Atom("reductions"), self.messages_in),
            (Atom("messages_in"), self.messages_in),
            (Atom("messages_out"), 0),
        ]


async def serve(server: GenServer, request: Any) -> tuple[Any, Any]:
    """Carry out one request; return the answer, and the reason if it is the end."""
    match request:
        case "get_state":
            return portable(server.format_state()), None
        case "get_status":
            return status(server), None
        case "suspend":
            server._suspended = True
        case "resume":
            server._suspended = False
        case ("terminate", reason):
            return OK, reason
        case ("replace_state", _):
            return (ERROR, Atom("a_beam_fun_cannot_run_here")), None
        case ("debug", command):
            return _debug(server, command), None
        case ("change_code", _, vsn, extra) if server._suspended:
            return await _change_code(server, vsn, extra), None
        case _:
            return (ERROR, (Atom("unknown_system_msg"), request)), None
    return OK, None


def attributes(server: object) -> dict[Atom, Any]:
    """Return the public attributes as a map, each value as a term."""
    return {
        Atom(name): portable(value)
        for name, value in vars(server).items()
        if not name.startswith("_") and name != "process"
    }


def portable(value: Any) -> Any:
    """Return *value* if it is a term, else its text: to look at, better than nothing."""
    try:
        etf.encode(value)
    except etf.EncodeError:
        if isinstance(value, dict):
            return {portable(key): portable(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)([portable(item) for item in value])
        return repr(value)[:1000]
    return value


def status(server: GenServer) -> Any:
    """Build what ``sys:get_status`` returns, in the shape of a ``gen_server``'s."""
    process = server.process
    state = SUSPENDED if server._suspended else RUNNING
    cls = type(server)
    parent = process.parent or process.pid
    data = Atom("data")
    return (
        Atom("status"),
        process.pid,
        (Atom("module"), Atom(f"{cls.__module__}.{cls.__qualname__}"[:255])),
        [
            list(process.dictionary.items()),
            state,
            parent,
            [],
            [
                (
                    Atom("header"),
                    Charlist(f"Status for generic server {process.label}"),
                ),
                (
                    data,
                    [
                        (Charlist("Status"), state),
                        (Charlist("Parent"), parent),
                        (Charlist("Logged events"), []),
                    ],
                ),
                (data, [(Charlist("State"), portable(server.format_state()))]),
            ],
        ],
    )


def _debug(server: GenServer, command: Any) -> Any:
    match command:
        case ("statistics", True):
            server._statistics = Statistics()
        case ("statistics", False) | "no_debug":
            server._statistics = None
        case ("statistics", "get"):
            statistics = server._statistics
            report = (
                Atom("no_statistics") if statistics is None else statistics.report()
            )
            return (OK, report)
        case ("log", "get"):
            return (OK, [])
        case ("trace" | "log" | "log_to_file", bool() | "print" | (bool(), _)):
            return OK
        case _:
            return (ERROR, (Atom("unknown_debug"), command))
    return OK


async def _change_code(server: GenServer, vsn: Any, extra: Any) -> Any:
    change = getattr(server, "code_change", None)
    if change is None:
        return OK
    try:
        await change(vsn, extra)
    except Exception as error:
        return (ERROR, repr(error))
    return OK


def _local_time() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    now = time.localtime()
    return (
        (now.tm_year, now.tm_mon, now.tm_mday),
        (now.tm_hour, now.tm_min, now.tm_sec),
    )
