"""Reports as the terms that OTP's ``logger`` has for them: ``#{label, report}``.

The parts stand in the order in which the formatters of Erlang and Elixir expect them.
Of a crash neither messages nor the dictionary are told: a log goes further than those
who may look at a process.
"""

from __future__ import annotations

from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from etf import Atom, Charlist

from . import reasons
from .atoms import ANCESTORS, ERROR, INITIAL_CALL
from .links import is_active

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .process import Process

Report = dict[Atom, Any]


def child(
    process: Process, context: str, reason: Any, offender: Mapping[str, Any]
) -> Report:
    """Return the report of the supervisor *process* about a child."""
    parts = [
        (Atom("supervisor"), _supervisor(process)),
        (Atom("errorContext"), Atom(context)),
        (Atom("reason"), reason),
        (Atom("offender"), _properties(offender)),
    ]
    return labelled("supervisor", context, parts)


def progress(process: Process, started: Mapping[str, Any]) -> Report:
    """Return the report of the supervisor *process* that a child has started."""
    parts = [
        (Atom("supervisor"), _supervisor(process)),
        (Atom("started"), _properties(started)),
    ]
    return labelled("supervisor", "progress", parts)


def crash(process: Process, reason: Any, error: BaseException | None) -> Report:
    """Return the report of a process that ends with *reason*, or by *error*."""
    if error is None:
        what: tuple[Any, ...] = (Atom("exit"), reason, [])
    else:
        what = (ERROR, reason, _stack(error))
    module, function, arity = _initial_call(process)
    arguments = [Atom(f"Argument__{n}") for n in range(1, arity + 1)]
    links = process._links or {}
    parts = [
        (Atom("initial_call"), (module, function, arguments)),
        (Atom("pid"), process.pid),
        (Atom("registered_name"), Atom(process.names[0]) if process.names else []),
        (Atom("error_info"), what),
        (Atom("ancestors"), process.dictionary.get(ANCESTORS, [])),
        (Atom("message_queue_len"), process.message_count()),
        (Atom("messages"), []),
        (Atom("links"), [pid for pid, state in links.items() if is_active(state)]),
        (Atom("dictionary"), []),
        (Atom("trap_exit"), process.trap_exit),
        (Atom("status"), Atom("running")),
    ]
    return labelled("proc_lib", "crash", [parts, []])


def labelled(who: str, what: str, report: Any) -> Report:
    """Return a report of a kind."""
    return {Atom("label"): (Atom(who), Atom(what)), Atom("report"): report}


def _supervisor(process: Process) -> tuple[Any, Any]:
    if process.names:
        return Atom("local"), Atom(process.names[0])
    call = process.dictionary.get(INITIAL_CALL) or (Atom("supervisor"),)
    return process.pid, call[0]


def _properties(fields: Mapping[str, Any]) -> list[tuple[Atom, Any]]:
    return [
        (Atom(name), Atom(value) if name == "restart_type" else value)
        for name, value in fields.items()
    ]


def _initial_call(process: Process) -> tuple[Any, Any, int]:
    match process.dictionary.get(INITIAL_CALL):
        case (module, function, int(arity)):
            return module, function, arity
    name = process.label if isinstance(process.label, str) else "process"
    return Atom("python"), Atom(name[:255]), 0


def _stack(error: BaseException) -> list[Any]:
    """Return the traceback as a stack of OTP, the innermost first."""
    frames = [(frame, line) for frame, line in walk_tb(error.__traceback__)]
    return [
        (
            Atom(str(frame.f_globals.get("__name__", "?"))[:255]),
            Atom(frame.f_code.co_qualname[:255]),
            frame.f_code.co_argcount,
            [
                (Atom("file"), Charlist(frame.f_code.co_filename)),
                (Atom("line"), line or 0),
            ],
        )
        for frame, line in frames[: -reasons.MAX_FRAMES - 1 : -1]
    ]
