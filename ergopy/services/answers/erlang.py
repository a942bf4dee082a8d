"""``erlang``: the node, its names and the time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from etf import Atom

from ...node.questions import Room, atom
from ...process.atoms import UNDEFINED, VISIBLE
from ..facts import ports as facts
from .clocks import NATIVE, monotonic_ns, ticks

if TYPE_CHECKING:
    from etf import Pid, Port, Reference

ROOM = Room("erlang")
_NODE_INFO = frozenset({"connection_id", "node_type"})


@ROOM.reads
def node_(node: Any, of: Pid | Port | Reference | None = None) -> Atom:
    """The name of the node, or of that of a pid, port or reference."""
    return node.name if of is None else Atom(_node_of(of))


def _node_of(term: Any) -> str:
    name = getattr(term, "node", None)
    if not isinstance(name, str):
        raise ValueError("it has no node")
    return name


@ROOM.reads
def nodes(node: Any, kinds: Any = VISIBLE, info: Any = None) -> list[Any]:
    """The nodes that are connected, or those of some kinds, with details if wanted."""
    if info is None:
        return node.nodes(kinds)  # type: ignore[no-any-return]
    if not isinstance(info, dict) or not _NODE_INFO.issuperset(info):
        raise ValueError(info)
    wanted = {key for key, value in info.items() if _boolean(value)}
    return [
        (name, {Atom(key): _fact(facts[key]) for key in wanted})
        for name, facts in node.nodes(kinds, info=True).items()
    ]


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _fact(value: Any) -> Any:
    if value is None:
        return UNDEFINED
    return Atom(value) if isinstance(value, str) else value


@ROOM.reads
def is_alive(node: Any) -> bool:
    """Whether it is distributed."""
    return True


@ROOM.acts
def disconnect_node(node: Any, name: Atom) -> bool:
    """End the connection to a node."""
    return bool(node.disconnect(atom(name)))


@ROOM.reads
def registered(node: Any) -> list[Atom]:
    """The local names."""
    return node.registered()  # type: ignore[no-any-return]


@ROOM.reads
def whereis(node: Any, name: Atom) -> Any:
    """Who has a local name."""
    pid = node.whereis(atom(name))
    return UNDEFINED if pid is None else pid


@ROOM.reads
def ports(node: Any) -> list[Port]:
    """Its connections."""
    return facts.ports(node)


@ROOM.reads
def port_info(node: Any, port: Port, item: Any = None) -> Any:
    """What is known of one of these, or one item of that."""
    if item is None:
        found = facts.port_info(node, port)
        return UNDEFINED if found is None else found
    return facts.port_info_item(node, port, item)


@ROOM.reads
def loaded(node: Any) -> list[Atom]:
    """The modules in which there is something for other nodes."""
    return [Atom(module) for module in sorted(node.exports.modules())]


@ROOM.reads
def function_exported(node: Any, module: Atom, function: Atom, arity: int) -> bool:
    """Whether other nodes may call that."""
    if not isinstance(arity, int):
        raise TypeError(arity)
    return bool(node.exports.takes(atom(module), atom(function), arity))


@ROOM.reads
def monotonic_time(node: Any, unit: Any = NATIVE) -> int:
    """The clock that only goes forward."""
    return ticks(monotonic_ns(), unit)


@ROOM.reads
def system_time(node: Any, unit: Any = NATIVE) -> int:
    """The time since 1970."""
    return ticks(time.time_ns(), unit)


@ROOM.reads
def time_offset(node: Any, unit: Any = NATIVE) -> int:
    """The difference between these two."""
    return ticks(time.time_ns() - monotonic_ns(), unit)


@ROOM.reads
def timestamp(node: Any) -> tuple[int, int, int]:
    """The time since 1970, in three parts."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    return (*divmod(seconds, 10**6), nanoseconds // 1000)


@ROOM.reads
def localtime(node: Any) -> tuple[Any, Any]:
    """Date and time where the node is."""
    return _calendar(time.localtime())


@ROOM.reads
def universaltime(node: Any) -> tuple[Any, Any]:
    """Date and time in UTC."""
    return _calendar(time.gmtime())


@ROOM.reads
def date(node: Any) -> Any:
    """The date where the node is."""
    return _calendar(time.localtime())[0]


@ROOM.reads
def time_(node: Any) -> Any:
    """The time of day where the node is."""
    return _calendar(time.localtime())[1]


def _calendar(now: time.struct_time) -> tuple[Any, Any]:
    # In a leap second OTP says 59 too.
    seconds = math.floor(min(now.tm_sec, 59))
    return (
        (now.tm_year, now.tm_mon, now.tm_mday),
        (now.tm_hour, now.tm_min, seconds),
    )
