"""``global``: the names and locks that all nodes of a cluster share (protocol 6.11).

``machine`` is the name server without any I/O, made of ``names``, ``locks``,
``cluster``, ``sessions`` (how two nodes become one cluster) and ``losses`` (partition
prevention); ``actions`` is what it wants done. ``locker`` and ``steps`` are what takes
several steps, as generators. ``server`` is the process ``global_name_server`` that
drives all that, ``runs`` runs steps in a process. ``conflicts`` settles who keeps a
name. ``place`` is what all these share,
``registers`` is ``node.globals``, and ``elsewhere`` what that does on a node that
takes no part. ``answers`` is for rpc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...process.atoms import GEN_CAST
from .conflicts import resolve
from .registers import Globals as Globals
from .server import NameServer as NameServer
from .words import IN_SYNC, SERVER

if TYPE_CHECKING:
    from etf import Pid


async def start(node: Any) -> None:
    """Give the node its names, before the name server starts.

    A visible node that takes no part says ``in_sync`` once per connection, or
    ``global:sync`` would wait for it. A monitor on its name server, which is not there,
    is answered ``noproc``, so that locks are taken without it.
    """
    globals_ = node.runtime.globals = Globals(node)
    if node.takes_part:

        async def resolve_it(method: Any, name: Any, one: Pid, other: Pid) -> Any:
            root = node.runtime.root
            return await resolve(
                root, globals_.place.methods, (method, name, one, other)
            )

        node.exports.export("global", {"resolve_it": resolve_it})
    elif not node.hidden:

        def on_change(peer: str, up: bool) -> None:
            if up and peer in node.nodes("visible"):
                in_sync = (IN_SYNC, node.name, True)
                remote = node.runtime.remote_node(peer)
                remote.send_name(node.pid, SERVER, (GEN_CAST, in_sync))

        node.runtime.node_watchers.append(on_change)
