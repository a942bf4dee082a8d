"""``net_kernel``, ``net_adm``, ``inet`` and ``os``: the network, and the machine."""

from __future__ import annotations

import os
import platform
import socket
import time
from typing import Any

import epmd
from etf import Atom, Charlist

from ...errors import ConnectError, NodeNameError
from ...node.questions import Room, atom
from ...process.atoms import ERROR, OK, UNDEFINED
from ..facts import links
from .clocks import NATIVE, ticks

KERNEL = Room("net_kernel")
NET_ADM = Room("net_adm")
INET = Room("inet")
OS = Room("os")

QUESTION_SECONDS = 2.0
"""How long the port mapper may take."""


@KERNEL.reads
def get_net_ticktime(node: Any) -> int:
    """Seconds without a sign of life after which a peer is down."""
    seconds: float = node.net_ticktime
    return round(seconds)


@KERNEL.reads
def get_state(node: Any) -> dict[Atom, Any]:
    """How the node has its name, and of which kind that is."""
    return {
        Atom("started"): Atom("static"),
        Atom("name"): node.name,
        Atom("name_domain"): Atom("longnames" if longnames(node) else "shortnames"),
        Atom("name_type"): Atom("static"),
    }


@KERNEL.reads
def longnames(node: Any) -> bool:
    """Whether the host in its name has a dot."""
    return "." in node.name.partition("@")[2]


@KERNEL.reads
def nodes_info(node: Any) -> tuple[Atom, list[Any]]:
    """What is known of the nodes that are connected."""
    return OK, [(name, _about(node, name)) for name in node.nodes("connected")]


@KERNEL.reads
def node_info(node: Any, name: Atom, item: Any = None) -> Any:
    """What is known of a node, or one item of that."""
    if atom(name) not in node.nodes("connected"):
        return ERROR, Atom("bad_node")
    about = _about(node, name)
    if item is None:
        return OK, about
    values = [value for key, value in about if key is atom(item)]
    return (OK, values[0]) if values else (ERROR, Atom("invalid_key"))


def _about(node: Any, name: str) -> list[tuple[Atom, Any]]:
    kind = node.nodes("connected", info=True)[name]["node_type"]
    numbers = node.statistics().connections.get(name)
    return [
        (Atom("owner"), node.pid),
        (Atom("state"), Atom("up")),
        (Atom("address"), _address(node, name)),
        (Atom("type"), Atom("normal" if kind == "visible" else kind)),
        (Atom("in"), 0 if numbers is None else numbers.packets_in),
        (Atom("out"), 0 if numbers is None else numbers.packets_out),
    ]


def _address(node: Any, name: str) -> tuple[Any, ...]:
    """Return ``{net_address, {Address, Port}, Host, Protocol, Family}``."""
    host = Charlist(name.partition("@")[2])
    for link in links.links(node):
        if link.about == name:
            return (
                Atom("net_address"),
                link.remote or UNDEFINED,
                host,
                Atom("tls" if link.secure else "tcp"),
                Atom("inet6" if link.is_ip6 else "inet"),
            )
    return Atom("net_address"), UNDEFINED, host, Atom("tcp"), Atom("inet")


@KERNEL.reads
def allowed(node: Any) -> Any:
    """Which nodes may connect; all is an empty list."""
    return OK, [Atom(name) for name in node.allowed or ()]


@KERNEL.acts
async def connect_node(node: Any, name: Atom) -> bool:
    """Connect to a node."""
    try:
        await node.connect(atom(name))
    except (ConnectError, NodeNameError):
        return False
    return True


@NET_ADM.acts
async def ping(node: Any, name: Atom) -> Atom:
    """Connect to a node and ask whether it is there."""
    return Atom("pong" if await node.ping(atom(name)) else "pang")


@NET_ADM.reads
async def names(node: Any) -> Any:
    """The nodes that its port mapper knows."""
    if node.epmd_mode == "off":
        return ERROR, Atom("address")
    try:
        found = await epmd.names(port=node.epmd_port, timeout=QUESTION_SECONDS)
    except epmd.EpmdError:
        return ERROR, Atom("address")
    return OK, [(Charlist(entry.name), entry.port) for entry in found]


@NET_ADM.reads
def localhost(node: Any) -> Charlist:
    """The host in its name."""
    return Charlist(node.name.partition("@")[2])


@INET.reads
def gethostname(node: Any) -> tuple[Atom, Charlist]:
    """The name of the machine."""
    return OK, Charlist(socket.gethostname().partition(".")[0])


@OS.reads
def type_(node: Any) -> tuple[Atom, Atom]:
    """Which operating system it is."""
    family = "win32" if os.name == "nt" else "unix"
    return Atom(family), Atom(platform.system().lower() or "undefined")


@OS.reads
def version(node: Any) -> tuple[int, int, int]:
    """The version of that."""
    parts = platform.release().replace("-", ".").replace("+", ".").split(".")
    numbers = [int(part) for part in parts if part.isdecimal()][:3]
    first, second, third = (*numbers, 0, 0, 0)[:3]
    return first, second, third


@OS.reads
def getpid(node: Any) -> Charlist:
    """The number that it has there."""
    return Charlist(str(os.getpid()))


@OS.reads
def timestamp(node: Any) -> tuple[int, int, int]:
    """The time since 1970, in three parts."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    return (*divmod(seconds, 10**6), nanoseconds // 1000)


@OS.reads
def system_time(node: Any, unit: Any = NATIVE) -> int:
    """The time since 1970."""
    return ticks(time.time_ns(), unit)
