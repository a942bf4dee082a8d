"""Processes as the LiveDashboard lists and shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

import etf
from etf import Atom, Pid, Port, Reference

from ...gen.portable import portable
from ...process.atoms import ANCESTORS
from ...process.info import process_info
from .processes import PORTION, initial_call

if TYPE_CHECKING:
    from ...process.process import Process

_STRUCT = Atom("__struct__")
_PROCESS_DETAILS = Atom("Elixir.Phoenix.LiveDashboard.SystemInfo.ProcessDetails")
_PORT_DETAILS = Atom("Elixir.Phoenix.LiveDashboard.SystemInfo.PortDetails")

_COLUMNS = ["memory", "reductions", "message_queue_len", "current_function"]

_SHOWN = [
    "links",
    "monitors",
    "monitored_by",
    "registered_name",
    "current_function",
    "status",
    "message_queue_len",
    "trap_exit",
    "error_handler",
    "priority",
    "group_leader",
    "total_heap_size",
    "heap_size",
    "stack_size",
    "reductions",
    "garbage_collection",
    "suspending",
    "current_stacktrace",
]

Row = list[tuple[Atom, Any]]


async def listed(node: Any, sought: str | None, before: dict[Any, Any]) -> list[Row]:
    """Return a row for each process that was searched for.

    *before* are the reductions when somebody last looked, by pid. Others have their
    turns in between.
    """
    root = node.runtime.root
    rows = []
    for count, process in enumerate(list(node.runtime.processes.values()), 1):
        if count % PORTION == 0:
            await trio.lowlevel.checkpoint()
        if process is not root and process.alive:
            row = _row(process, before)
            if sought is None or _is_sought(row, sought):
                rows.append(row)
    return rows


def _row(process: Process, before: dict[Any, Any]) -> Row:
    told = process_info(process, _COLUMNS)
    former = before.get(process.pid, 0)
    grown = told[1][1] - (former if isinstance(former, int) else 0)
    return [
        (Atom("pid"), process.pid),
        (Atom("name_or_initial_call"), name_of(process).encode()),
        (Atom("reductions_diff"), grown),
        *told,
    ]


def _is_sought(row: Row, sought: str) -> bool:
    (_, pid), (_, name), *_ = row
    return sought in f"<0.{pid.id}.{pid.serial}>" or sought in name.decode().lower()


def name_of(process: Process) -> str:
    """Return the name of a process as Elixir writes it, or its label."""
    if process.names:
        return etf.format(Atom(process.names[0]), syntax="elixir")
    label = process.label
    return label if isinstance(label, str) else etf.format(label, syntax="elixir")


def details(node: Any, who: Any) -> Any:
    """Return what a link to somebody shows."""
    if isinstance(who, tuple) and len(who) == 2 and who[1] == node.name:
        who = node.whereis(who[0]) or who
    if isinstance(who, Atom):
        who = node.whereis(who) or who
    if isinstance(who, Port):
        return {_STRUCT: _PORT_DETAILS, Atom("port"): who, Atom("description"): who}
    if isinstance(who, Reference):
        return who
    process = node.runtime.find(who) if isinstance(who, Pid) else None
    told: tuple[Any, Any] = (None, None)
    if process is not None:
        told = (name_of(process).encode(), initial_call(process))
    return {
        _STRUCT: _PROCESS_DETAILS,
        Atom("pid"): who if isinstance(who, Pid) else None,
        Atom("name_or_initial_call"): told[0],
        Atom("initial_call"): told[1],
    }


def info_of(node: Any, pid: Any, keys: Any = None) -> Row | None:
    """Return what is shown of a process, or of one its items *keys*."""
    if not isinstance(pid, Pid):
        raise TypeError(pid)
    if isinstance(keys, list):
        told = node.process_info(pid, keys)
        return None if told is None else portable(told)
    told = node.process_info(pid, _SHOWN)
    if told is None:
        return None
    process = node.runtime.find(pid)
    ancestors = (process._dictionary or {}).get(ANCESTORS) or []
    return [
        (Atom("initial_call"), initial_call(process)),
        (Atom("ancestors"), [details(node, one) for one in ancestors]),
        *((name, _linked(node, name, value)) for name, value in told),
    ]


def _linked(node: Any, name: str, value: Any) -> Any:
    if name in ("links", "monitored_by"):
        return [details(node, one) for one in value]
    if name == "monitors":
        return [details(node, one) for _, one in value]
    if name == "group_leader":
        return details(node, value)
    return value
