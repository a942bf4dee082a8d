"""What hangs on the connection to a peer, and how it is told of its loss.

A tie is in one table, and leaves it before anybody is told. So each gets exactly one
signal, whatever comes first; and what is begun while the loss is told belongs to the
next connection.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol, final

from ..process.atoms import NOCONNECTION
from ..process.links import LINKED

if TYPE_CHECKING:
    from collections.abc import Callable

    from etf import Atom, Pid, Reference

    from ..process.process import Process
    from ..process.runtime import Runtime
    from ..process.signals import Signals, Watcher

logger = logging.getLogger("ergopy.node")


class SpawnWaiter(Protocol):
    """Who asked the peer to start a process."""

    def spawned(self, flags: int, result: Any) -> None:
        """Take the answer: a pid, or an atom that says why not."""


class Teller(Protocol):
    """Sends to a watcher over there that a process of ours has ended."""

    watches: dict[tuple[int, ...], Watch]

    def down(
        self, asked: Any, watcher: Pid, ref: Reference, reason: Any, ended: Pid | None
    ) -> None: ...


@final
class Watch:
    """A monitor that a process over there holds on one of ours."""

    __slots__ = ("asked", "peer", "process", "ref", "watcher")

    def __init__(
        self, peer: Teller, process: Process, watcher: Pid, ref: Reference, asked: Any
    ) -> None:
        self.peer = peer
        self.process = process
        self.watcher = watcher
        self.ref = ref
        self.asked = asked

    def fire(self, reason: Any) -> None:
        peer = self.peer
        if peer.watches.pop(self.ref.words, None) is not None:
            peer.down(self.asked, self.watcher, self.ref, reason, self.process.pid)


class Ties:
    """The tables of one peer."""

    def __init__(self, name: Atom, runtime: Runtime) -> None:
        self.name = name
        self.runtime = runtime
        self.monitors: dict[Any, Watcher] = {}
        """Ours, on processes over there by the words of the reference, and on it."""
        self.watches: dict[tuple[int, ...], Watch] = {}
        """Theirs, on processes here."""
        self.links: dict[tuple[Signals, Pid], None] = {}
        """Links, active or being undone."""
        self.spawns: dict[tuple[int, ...], SpawnWaiter] = {}
        """Requests without an answer."""

    def add_link(self, process: Signals, to: Pid) -> None:
        """Note a link that is there on both sides already."""
        process.links[to] = LINKED
        self.links[process, to] = None

    def forget_link(self, process: Signals, to: Pid) -> None:
        self.links.pop((process, to), None)

    def watch_of(self, ref: Reference) -> Watch | None:
        """Return the monitor that *ref* is over there, if it is one on us."""
        watch = self.watches.get(ref.words)
        return watch if watch is not None and watch.ref == ref else None

    def cut(self) -> None:
        """Tell everybody that the node is lost, or cannot be reached.

        Links, monitors of processes and of the node, spawn requests: as a BEAM does.
        """
        watches, self.watches = self.watches, {}
        links, self.links = self.links, {}
        monitors, self.monitors = self.monitors, {}
        spawns, self.spawns = self.spawns, {}
        for watch in watches.values():
            watch.process.watchers.pop(watch, None)
        for process, pid in links:
            self.tell(process.break_link, pid, NOCONNECTION)
        for watcher in monitors.values():
            self.tell(watcher.fire, NOCONNECTION)
        for waiter in spawns.values():
            self.tell(waiter.spawned, 0, NOCONNECTION)

    def tell(self, step: Callable[..., object], *args: Any, **options: Any) -> None:
        """Tell one of them; whatever goes wrong, the others have to hear of it."""
        try:
            step(*args, **options)
        except Exception:
            logger.exception("somebody could not be told that %s is lost", self.name)
