"""``erlang:system_info``: what the node runs on.

``system_version`` and ``version`` tell what it is. ``otp_release`` is a claim: peers
choose by it in which form they ask and answer, and these are the forms of OTP 28.
"""

from __future__ import annotations

import os
import platform
import struct
import sysconfig
from typing import TYPE_CHECKING, Any, Final

import trio

import etf
from etf import Atom, Charlist
from etf._atoms import MAX_ATOMS, atom_table

from ..._version import __version__
from ...node.questions import Room
from ...process.atoms import HIDDEN, UNDEFINED, VISIBLE
from ..facts import links, ports
from .clocks import STARTED

if TYPE_CHECKING:
    from collections.abc import Callable

ROOM = Room("erlang")

OTP_RELEASE: Final = "28"
"""The release whose forms we speak."""

_WORD: Final = struct.calcsize("P")
_NO_LIMIT: Final = 2**31 - 1
_UNKNOWN: Final = Atom("unknown")
_NONE: Final = Atom("none")


def system_version() -> str:
    """Return what a shell shows on its first line; with a newline, as on a BEAM."""
    return (
        f"ergopy {__version__} [{platform.python_implementation()} "
        f"{platform.python_version()}] [trio {trio.__version__}] [{_WORD * 8}-bit]"
        f"{' [compiled]' if etf.__compiled__ else ''}\n"
    )


def processors() -> tuple[int, int]:
    """Return how many CPUs the machine has, and how many of them are for us."""
    everywhere = os.cpu_count() or 1
    try:
        return everywhere, len(os.sched_getaffinity(0))
    except AttributeError:
        return everywhere, everywhere


def architecture() -> str:
    """Return what machine and system it is, such as ``x86_64-pc-linux-gnu``."""
    return sysconfig.get_config_var("HOST_GNU_TYPE") or sysconfig.get_platform()


@ROOM.reads
def system_info(node: Any, item: Any) -> Any:
    """What the node is and runs on; what only a BEAM has is as of one without it."""
    match item:
        case ("wordsize", "internal" | "external"):
            return _WORD
        case ("allocator" | "allocator_sizes", Atom() as name) if name in _ALLOCATORS:
            return False
    if not isinstance(item, Atom) or item not in _ITEMS:
        raise ValueError(item)
    return _ITEMS[item](node)


_KINDS = ("binary", "driver", "eheap", "ets", "fix", "ll", "sl", "std", "temp")
_ALLOCATORS = frozenset(f"{kind}_alloc" for kind in (*_KINDS, "literal", "mseg"))


def _links(node: Any) -> list[tuple[Atom, Any]]:
    # A BEAM tells the port or process that has the connection; ours has neither.
    return [(name, node.pid) for name in node.nodes("connected")]


def _dist(node: Any) -> bytes:
    lines = [f"=node:{node.name!r}"]
    kinds = {VISIBLE: node.nodes("visible"), HIDDEN: node.nodes("hidden")}
    for kind, names in kinds.items():
        lines += [f"={kind}_node\nName: {name}" for name in names]
    return "\n".join([*lines, ""]).encode()


def _heap(kind: str, size: int) -> Callable[[Any], Any]:
    return lambda _: (Atom(kind), size)


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _text(value: str) -> Callable[[Any], Any]:
    return lambda _: Charlist(value)


def _count(which: int) -> Callable[[Any], Any]:
    return lambda _: processors()[which]


def _collection(_: Any) -> list[tuple[Atom, int]]:
    sizes = {"max_heap_size": 0, "min_bin_vheap_size": 46422, "min_heap_size": 233}
    pairs = {**sizes, "fullsweep_after": 65535}.items()
    return [(Atom(name), size) for name, size in pairs]


def _python(_: Any) -> Any:
    made, *parts = platform.python_compiler().split()
    digits = parts[0].split(".") if parts else []
    version = tuple(int(part) for part in digits if part.isdigit())
    return Atom("gnuc" if made == "GCC" else made.lower()), version or UNDEFINED


_ITEMS: dict[str, Callable[[Any], Any]] = {
    "allocated_areas": _constant([]),
    "allocator": _constant((UNDEFINED, [], [], [])),
    "alloc_util_allocators": _constant([]),
    "async_dist": _constant(False),
    "atom_count": lambda _: len(atom_table),
    "atom_limit": _constant(MAX_ATOMS),
    "build_flavor": _constant(Atom("emu")),
    "build_type": _constant(Atom("opt")),
    "c_compiler_used": _python,
    "check_io": _constant([]),
    "compat_rel": _constant(int(OTP_RELEASE)),
    "cpu_quota": _constant(_UNKNOWN),
    "cpu_topology": _constant(UNDEFINED),
    "creation": lambda node: node.creation,
    "debug_compiled": _constant(False),
    "delayed_node_table_gc": _constant(60),
    "dirty_cpu_schedulers": _constant(0),
    "dirty_cpu_schedulers_online": _constant(0),
    "dirty_io_schedulers": lambda node: int(node.runtime.limiter.total_tokens),
    "dist": _dist,
    "dist_buf_busy_limit": lambda node: node.connections.high_water,
    "dist_ctrl": _links,
    "driver_version": _text("0.0"),
    "dynamic_trace": _constant(_NONE),
    "dynamic_trace_probes": _constant(False),
    "emu_flavor": _constant(Atom("emu")),
    "emu_type": _constant(Atom("opt")),
    "end_time": _constant(2**63 - 1),
    "ets_count": _constant(0),
    "ets_limit": _constant(_NO_LIMIT),
    "fullsweep_after": _heap("fullsweep_after", 65535),
    "garbage_collection": _collection,
    "heap_sizes": _constant([]),
    "heap_type": _constant(Atom("shared")),
    "kernel_poll": _constant(True),
    "logical_processors": _count(0),
    "logical_processors_available": _count(1),
    "logical_processors_online": _count(0),
    "machine": _text("ergopy"),
    "max_heap_size": lambda _: {
        Atom("error_logger"): True,
        Atom("kill"): True,
        Atom("size"): 0,
    },
    "message_queue_data": _constant(Atom("off_heap")),
    "min_bin_vheap_size": _heap("min_bin_vheap_size", 46422),
    "min_heap_size": _heap("min_heap_size", 233),
    "modified_timing_level": _constant(UNDEFINED),
    "multi_scheduling": _constant(Atom("disabled")),
    "multi_scheduling_blockers": _constant([]),
    "nif_version": _text("0.0"),
    "normal_multi_scheduling_blockers": _constant([]),
    "os_monotonic_time_source": _constant([]),
    "os_system_time_source": _constant([]),
    "otp_release": _text(OTP_RELEASE),
    "outstanding_system_requests_limit": _constant(_NO_LIMIT),
    "port_count": lambda node: len(links.links(node)),
    "port_limit": _constant(ports.LIMIT),
    "port_parallelism": _constant(False),
    "process_count": lambda node: node.statistics().processes,
    "process_limit": lambda node: node.runtime.max_processes,
    "scheduler_bind_type": _constant(Atom("unbound")),
    "scheduler_bindings": _constant((Atom("unbound"),)),
    "scheduler_id": _constant(1),
    "schedulers": _constant(1),
    "schedulers_online": _constant(1),
    "schedulers_state": _constant((1, 1, 1)),
    "smp_support": _constant(False),
    "start_time": _constant(STARTED),
    "system_architecture": lambda _: Charlist(architecture()),
    "system_logger": lambda node: node.whereis("logger_proxy") or UNDEFINED,
    "system_version": lambda _: Charlist(system_version()),
    "threads": _constant(True),
    "thread_pool_size": lambda node: int(node.runtime.limiter.total_tokens),
    "time_correction": _constant(True),
    "time_offset": _constant(Atom("volatile")),
    "time_warp_mode": _constant(Atom("multi_time_warp")),
    "tolerant_timeofday": _constant(Atom("disabled")),
    "trace_control_word": _constant(0),
    "version": _text(__version__),
    "wordsize": _constant(_WORD),
}
