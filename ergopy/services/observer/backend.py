"""``observer_backend``: what the observer and etop ask a node for.

Some of it they call with rpc, some they spawn, linked to themselves, and wait for what
it sends; here either works for both. The tracing tool ``ttb`` is not answered: there is
no tracing of a BEAM here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Charlist, Pid

from ...errors import Throw
from ...node.questions import Room
from ...process.atoms import ERROR, OK
from ..answers.clocks import uptime_ms
from ..answers.numbers import amounts, resident, run_queue
from ..answers.system_info import system_info
from ..facts.ports import port_list
from . import load, processes, socket_list, trace_port

if TYPE_CHECKING:
    from ...process.process import Process

ROOM = Room("observer_backend")

RUNTIME_TOOLS = "2.2"
"""The version of OTP's ``runtime_tools`` whose forms these are: that of OTP 28."""

_END_OF_TABLE = Atom("$end_of_table")

_SYSTEM: dict[str, Any] = {
    "logical_processors": "logical_processors",
    "logical_processors_online": "logical_processors_online",
    "logical_processors_available": "logical_processors_available",
    "schedulers": "schedulers",
    "schedulers_online": "schedulers_online",
    "schedulers_available": "schedulers_online",
    "otp_release": "otp_release",
    "version": "version",
    "system_architecture": "system_architecture",
    "kernel_poll": "kernel_poll",
    "smp_support": "smp_support",
    "threads": "threads",
    "thread_pool_size": "thread_pool_size",
    "wordsize_internal": (Atom("wordsize"), Atom("internal")),
    "wordsize_external": (Atom("wordsize"), Atom("external")),
    "process_count": "process_count",
    "atom_limit": "atom_limit",
    "atom_count": "atom_count",
    "process_limit": "process_limit",
    "port_limit": "port_limit",
    "port_count": "port_count",
    "ets_limit": "ets_limit",
    "ets_count": "ets_count",
    "dist_buf_busy_limit": "dist_buf_busy_limit",
}
"""What of ``erlang:system_info/1`` the observer shows, by what it calls that."""


@ROOM.reads
def vsn(node: Any) -> tuple[Atom, Charlist]:
    """The version of runtime_tools whose forms these are."""
    return OK, Charlist(RUNTIME_TOOLS)


@ROOM.reads
def sys_info(node: Any) -> list[tuple[Atom, Any]]:
    """All that the observer shows on its page of the system."""
    (_, received), (_, sent) = load.io(node)
    told: dict[str, Any] = {
        "uptime": uptime_ms(),
        "run_queue": run_queue(),
        "io_input": received,
        "io_output": sent,
        "alloc_info": _allocators(),
    }
    for name, item in _SYSTEM.items():
        told[name] = system_info(node, Atom(item) if isinstance(item, str) else item)
    return [*((Atom(n), v) for n, v in told.items()), *amounts(node).items()]


def _allocators() -> list[tuple[Atom, Any]]:
    """Return the memory of the program as that of one allocator, that of the system.

    The observer divides by the sum of the carriers: it may not be 0.
    """
    name, size = Atom("sys_alloc"), resident()
    blocks = [(name, [(Atom("size"), size, size, size)])]
    carriers = (Atom("carriers_size"), size, size, size)
    kind = (Atom("mbcs"), [(Atom("blocks"), blocks), carriers])
    return [(name, [(Atom("instance"), 0, [kind])])]


@ROOM.reads
def get_port_list(node: Any) -> list[list[tuple[Atom, Any]]]:
    """The sockets of the node, as ports."""
    return port_list(node)


@ROOM.reads
def get_socket_list(node: Any) -> list[dict[Atom, Any]]:
    """The sockets of the node."""
    return socket_list.socket_list(node)


@ROOM.reads
def socket_info(node: Any) -> list[tuple[Atom, int]]:
    """How many sockets there are, by kind."""
    return socket_list.socket_info(node)


@ROOM.reads
def get_table_list(node: Any, kind: Atom, options: Any) -> list[Any]:
    """The tables of ETS: there are none; those of Mnesia: it is not running."""
    if not isinstance(kind, Atom) or kind not in ("ets", "mnesia"):
        raise ValueError(kind)
    if kind == "ets":
        return []
    raise Throw((ERROR, Charlist(f"Mnesia is not running on: {node.name}")))


@ROOM.reads
async def get_table(node: Any, parent: Pid, table: Any, kind: Atom) -> Pid:
    """Send what is in a table: nothing."""
    if not isinstance(parent, Pid):
        raise TypeError(parent)

    async def tell(process: Process) -> None:
        await process.send(parent, (process.pid, _END_OF_TABLE))

    pid: Pid = await node.spawn(tell, link_to=parent)
    return pid


@ROOM.reads
async def procs_info(node: Any, collector: Pid) -> Atom:
    """Send the list of processes to a viewer."""
    return await _spawn(node, processes.procs_info, collector)


@ROOM.reads
async def etop_collect(node: Any, collector: Pid) -> Atom:
    """Send the list of processes, and how busy the node is."""
    return await _spawn(node, processes.etop_collect, collector)


@ROOM.reads
async def fetch_stats(node: Any, viewer: Pid, interval: int) -> Atom:
    """Send how busy the node is, again and again."""
    return await _spawn(node, load.fetch_stats, viewer, interval)


async def _spawn(node: Any, body: Any, viewer: Any, *more: Any) -> Atom:
    if not isinstance(viewer, Pid):
        raise TypeError(viewer)
    await node.spawn(body, viewer, *more)
    return OK


async def start(node: Any) -> None:
    """Let viewers spawn what they are used to spawn."""
    for module, name, body, question, arity in _PROGRAMS:
        if node.exports.takes(module, question, arity):
            node.exports.provide(module, body, name)


_PROGRAMS: tuple[tuple[str, str, Any, str, int], ...] = (
    ("observer_backend", "procs_info", processes.procs_info, "procs_info", 1),
    ("observer_backend", "etop_collect", processes.etop_collect, "etop_collect", 1),
    ("observer_backend", "fetch_stats", load.fetch_stats, "fetch_stats", 2),
    ("dbg", "do_relay", trace_port.do_relay, "erlang_trace", 3),
)
"""What can be spawned, and which question has to be answered for that."""
