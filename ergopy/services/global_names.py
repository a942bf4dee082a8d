"""Being visible without taking part in ``global`` (protocol 6.11 b).

Two things keep the others from waiting for us. A monitor on our
``global_name_server`` is answered ``noproc``, so that locks are taken without us: for
that it is enough to have no process of that name. And once per connection we say
that we are in sync, or ``global:sync`` would hang.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etf import Atom

from ..process.atoms import GEN_CAST

if TYPE_CHECKING:
    from ..node.node import Node

SERVER = Atom("global_name_server")


async def start(node: Node) -> None:
    """Say ``in_sync`` to every visible node that connects."""

    def on_change(peer: str, up: bool) -> None:
        if up and peer in node.nodes("visible"):
            in_sync = (Atom("in_sync"), node.name, True)
            remote = node.runtime.remote_node(peer)
            remote.send_name(node.pid, SERVER, (GEN_CAST, in_sync))

    node.runtime.node_watchers.append(on_change)
