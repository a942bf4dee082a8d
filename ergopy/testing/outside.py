"""Everybody else, as seen by a process that is tested alone: it writes down all.

It stands where the ways to other nodes are, so whatever the process says to anybody
comes by here. Nothing is carried out; the test decides what comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, final

import etf

if TYPE_CHECKING:
    from etf import Pid, Reference

    from ..process.signals import Signals, Watcher

Target: TypeAlias = "Pid | Reference | str"
"""Whom a signal is for. A name stands without its node, if it is one of this node."""


class Sent(NamedTuple):
    """A message; a cast is one with ``$gen_cast``."""

    to: Any
    message: Any


class Called(NamedTuple):
    """A call, which waits for its answer: ``probe.reply(called, value)``."""

    to: Any
    request: Any
    from_: Any


class Linked(NamedTuple):
    """A link that was made."""

    to: Any


class Unlinked(NamedTuple):
    """A link that was taken back."""

    to: Any


class Monitored(NamedTuple):
    """A monitor that was started."""

    target: Any


class Demonitored(NamedTuple):
    """A monitor that was taken back, or that of a call that is over."""

    target: Any


class ExitSent(NamedTuple):
    """An exit signal: that of ``exit``, or of the end of a linked process."""

    to: Any
    reason: Any


class Spawned(NamedTuple):
    """A process that was started; it is a real one, and runs."""

    pid: Any
    label: str


@final
class Outside:
    """A ``RemoteNode`` that is all nodes, and takes everything."""

    problem = ""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.monitors: dict[Reference, tuple[Target, Watcher]] = {}

    def send(self, sender: Pid, to: Pid, message: Any) -> None:
        self._sent(to, message)

    def send_name(self, sender: Pid, name: str, message: Any) -> None:
        self._sent(name, message)

    def send_alias(self, sender: Pid, alias: Reference, message: Any) -> None:
        self._sent(alias, message)

    def send_priority(self, sender: Pid, to: Target, message: Any) -> None:
        self._sent(to, message)

    def encode(self, message: Any) -> bytes:
        return etf.encode(message)

    def send_many(self, sender: Pid, targets: list[Any], payload: bytes) -> None:
        message = etf.decode(payload)
        for target in targets:
            self.events.append(Sent(target, message))

    def _sent(self, to: Target, message: Any) -> None:
        # What cannot be sent must not pass a test.
        etf.encode(message)
        self.events.append(Sent(to, message))

    def monitor(
        self, watcher: Pid, target: Pid | str, ref: Reference, record: Watcher
    ) -> None:
        self.monitors[ref] = target, record
        self.events.append(Monitored(target))

    def demonitor(self, watcher: Pid, target: Pid | str, ref: Reference) -> None:
        if self.monitors.pop(ref, None) is not None:
            self.events.append(Demonitored(target))

    def call(
        self,
        caller: Pid,
        target: Pid | str,
        ref: Reference,
        message: Any,
        record: Watcher,
    ) -> None:
        etf.encode(message)
        self.monitors[ref] = target, record
        _, from_, request = message
        self.events.append(Called(target, request, from_))

    def link(self, process: Signals, to: Pid) -> None:
        self.events.append(Linked(to))

    def unlink(self, process: Signals, to: Pid) -> int:
        self.events.append(Unlinked(to))
        return 1

    def forget_link(self, process: Signals, to: Pid) -> None:
        """Nothing is kept here."""

    def exit_link(self, sender: Pid, to: Pid, reason: Any) -> None:
        self.events.append(ExitSent(to, reason))

    def exit_signal(
        self, sender: Pid, to: Pid | Reference, reason: Any, *, priority: bool = False
    ) -> None:
        self.events.append(ExitSent(to, reason))

    def group_leader(self, leader: Pid, to: Pid) -> None:
        """It matters to nobody here."""

    def watch_of(self, ref: Reference) -> None:
        """Nobody from outside watches here."""

    def watch_node(self, record: Watcher) -> None:
        """No node is ever lost here."""

    def unwatch_node(self, record: Watcher) -> None:
        """Nothing is kept here."""

    def is_ready(self, sender: Pid) -> bool:
        return True

    def has_room(self, sender: Pid) -> bool:
        return True

    async def ready(self, sender: Pid) -> bool:
        return True
