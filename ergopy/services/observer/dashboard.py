"""``Phoenix.LiveDashboard.SystemInfo``: what the LiveDashboard asks a node for.

On a BEAM the dashboard brings this module along and loads it into the node. Here it is
there already, in the forms of the dashboards since 0.5; where these have changed, the
number of arguments tells which is meant. The dashboard tries to load its own one
nevertheless, is told that this cannot be, and goes on. The variables of the
environment that it may be set up to show are not told: they are full of secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid, Port

from ...gen.application.terms import descriptions
from ...node.questions import Room
from ...process.atoms import ERROR, OK
from ..answers.clocks import uptime_ms
from ..answers.numbers import amounts, resident, run_queue
from ..answers.system_info import system_info
from ..facts import links
from . import dashboard_links, dashboard_tree, machine
from .dashboard_processes import details, info_of, listed

if TYPE_CHECKING:
    from collections.abc import Iterable

MODULE = "Elixir.Phoenix.LiveDashboard.SystemInfo"
ROOM = Room(MODULE)

_NONE = b"None"
_VERSION = b"ergopy"
"""Where the dashboard compares this with its own module: another one."""


@ROOM.reads
def capabilities_callback(node: Any, wanted: Any = ()) -> dict[Atom, Any]:
    """Which of the pages of the dashboard there is something for."""
    names: dict[Atom, list[Atom]] = {}
    for pair in wanted:
        match pair:
            case (Atom() as kind, Atom() as name):
                names.setdefault(kind, []).append(name)
    told: dict[str, Any] = {
        "system_info": _VERSION,
        "dashboard_running?": False,
        "dashboard": None,
        "os_mon": Atom("os_mon"),
        "applications": [
            n for n in names.get(Atom("application"), ()) if _has(node, n)
        ],
        "modules": [
            n for n in names.get(Atom("module"), ()) if n in node.exports.modules()
        ],
        "processes": [n for n in names.get(Atom("process"), ()) if node.whereis(n)],
    }
    return _map(told)


def _has(node: Any, name: Any) -> bool:
    return name == "os_mon" or node.applications.find(name) is not None


@ROOM.reads
def info_callback(node: Any, keys: Any, application: Any = None) -> dict[Atom, Any]:
    """The versions, the limits, and how much of them is in use."""
    versions: dict[str, Any] = {
        "banner": _info(node, "system_version"),
        "elixir_version": _NONE,
        "phoenix_version": _NONE,
        "app_version": _version(node, application),
        "dashboard_version": _NONE,
        "system_architecture": _info(node, "system_architecture"),
    }
    limits = {
        "atoms": _info(node, "atom_limit"),
        "ports": _info(node, "port_limit"),
        "processes": _info(node, "process_limit"),
    }
    environment = [(key, None) for key in keys] if isinstance(keys, list) else None
    return _map(
        {
            "system_info": _map(versions),
            "system_limits": _map(limits),
            "system_usage": usage_callback(node),
            "environment": environment,
        }
    )


@ROOM.reads
def usage_callback(node: Any) -> dict[Atom, Any]:
    """How much is in use."""
    memory = amounts(node)
    parts = {
        "process": memory[Atom("processes")],
        "atom": memory[Atom("atom")],
        "binary": memory[Atom("binary")],
        "code": memory[Atom("code")],
        "ets": memory[Atom("ets")],
    }
    total = memory[Atom("total")]
    usage = {"total": total, **parts, "other": total - sum(parts.values())}
    return _map(
        {
            "atoms": _info(node, "atom_count"),
            "ports": _info(node, "port_count"),
            "processes": _info(node, "process_count"),
            "io": links.totals(node),
            "uptime": uptime_ms(),
            "memory": _map(usage),
            "total_run_queue": run_queue(),
            "cpu_run_queue": run_queue(),
        }
    )


@ROOM.reads
async def processes_callback(
    node: Any, search: Any, sort_by: Any, direction: Any, limit: int, before: Any = ()
) -> tuple[Any, ...]:
    """The processes that were searched for, the first of them."""
    found = await listed(
        node, _text(search), before if isinstance(before, dict) else {}
    )
    count = len(found) if search is not None else len(node.processes())
    rows = _first(found, sort_by, direction, limit)
    if before == ():
        return rows, count
    steps = Atom("reductions")
    return rows, count, {row[0][1]: dict(row)[steps] for row in found}


@ROOM.reads
def process_info_callback(node: Any, pid: Pid, keys: Any = None) -> Any:
    """What can be seen of a process."""
    told = info_of(node, pid, keys)
    return ERROR if told is None else (OK, told)


@ROOM.reads
def applications_info_callback(
    node: Any, search: Any, sort_by: Any, direction: Any, limit: int
) -> tuple[Any, ...]:
    """The applications."""
    sought = _text(search)
    found = [
        row
        for info in node.applications.loaded()
        if (row := _application(node, info, sought)) is not None
    ]
    return _first(found, sort_by, direction, limit), len(found)


def _application(node: Any, info: Any, sought: str | None) -> Any:
    name, description, version = descriptions([info])[0]
    if sought is not None and not any(
        sought in text for text in (name, description.lower(), version)
    ):
        return None
    runs = info.state == "running"
    return _pairs(
        {
            "name": name,
            "description": description.encode(),
            "version": version.encode(),
            "state": Atom("started" if runs else "loaded"),
            "tree?": runs and info.pid is not None,
        }
    )


@ROOM.reads
def app_tree_callback(node: Any, name: Atom) -> Any:
    """The processes of an application."""
    return dashboard_tree.app_tree(node, name)


@ROOM.reads
def sockets_callback(
    node: Any, search: Any, sort_by: Any, direction: Any, limit: int
) -> tuple[Any, ...]:
    """The sockets."""
    found = dashboard_links.sockets(node, _text(search))
    return _first(found, sort_by, direction, limit), len(found)


@ROOM.reads
def socket_info_callback(node: Any, port: Port, keys: Any = None) -> Any:
    """What can be seen of a socket."""
    told = dashboard_links.socket(node, port)
    if told is None:
        return ERROR
    if isinstance(keys, list):
        return OK, [pair for pair in told if pair[0] in keys]
    return OK, [
        (name, details(node, value) if name == "connected" else value)
        for name, value in told
    ]


@ROOM.reads
def ports_callback(
    node: Any, search: Any, sort_by: Any, direction: Any, limit: int
) -> tuple[Any, ...]:
    """The ports that are no sockets."""
    found = dashboard_links.ports(node, _text(search))
    return _first(found, sort_by, direction, limit), len(found)


@ROOM.reads
def port_info_callback(node: Any, port: Port, keys: Any = None) -> Any:
    """What can be seen of a port."""
    told = dashboard_links.port(node, port)
    return ERROR if told is None else (OK, told)


@ROOM.reads
def ets_callback(
    node: Any, search: Any, sort_by: Any, direction: Any, limit: int
) -> tuple[list[Any], int]:
    """The tables: there are none."""
    return [], 0


@ROOM.reads
def ets_info_callback(node: Any, table: Any) -> Atom:
    """What can be seen of a table: there is none."""
    return ERROR


@ROOM.reads
def os_mon_callback(node: Any) -> dict[Atom, Any]:
    """Load, memory and disks of the machine."""
    return machine.os_data()


@ROOM.reads
def memory_allocators_callback(node: Any, most: Any) -> tuple[Any, ...]:
    """The memory of the program; nothing is known of allocators."""
    size, total = resident(), Atom("total")
    peak = most.get(total, 0) if isinstance(most, dict) else 0
    peak = max(size, peak) if isinstance(peak, int) else size
    row: dict[str, Any] = {
        "name": total,
        "block_size": size,
        "carrier_size": size,
        "max_carrier_size": peak,
    }
    return [_map(row)], {total: peak}


def _info(node: Any, item: str) -> Any:
    return system_info(node, Atom(item))


def _version(node: Any, application: Any) -> bytes:
    info = node.applications.find(application)
    return _NONE if info is None else info.version.encode()


def _map(told: dict[str, Any]) -> dict[Atom, Any]:
    return {Atom(name): value for name, value in told.items()}


def _pairs(told: dict[str, Any]) -> list[tuple[Atom, Any]]:
    return [(Atom(name), value) for name, value in told.items()]


def _text(search: Any) -> str | None:
    return search.decode("utf-8", "replace") if isinstance(search, bytes) else None


def _first(found: Iterable[Any], by: Any, direction: Any, limit: int) -> list[Any]:
    """Return the first rows, in the order of a column."""
    if not (isinstance(by, Atom) and isinstance(direction, Atom)):
        raise TypeError(by)
    if not isinstance(limit, int) or limit < 0:
        raise ValueError(limit)

    def column(row: list[tuple[Atom, Any]]) -> tuple[int, Any]:
        value = dict(row).get(by)
        if isinstance(value, int | float):
            return (0, value)
        return (1, value.decode() if isinstance(value, bytes) else str(value))

    return sorted(found, key=column, reverse=direction == "desc")[:limit]
