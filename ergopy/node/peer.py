"""Another node, as this one sees it: the way there, and all that hangs on it.

A peer outlives its connections. What is sent to it while it is being dialled is
encoded at once, so that the sender hears of what cannot be sent, and waits in order.
If the peer cannot be reached, or is lost, every monitor, link, call and spawn request
that depends on it gets exactly one ``noconnection`` (protocol 4.8).

Signals never wait and are never refused, whatever is queued; only senders of messages
look at :meth:`Peer.has_room` and :meth:`Peer.ready` before.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol, final

from etf import Atom, Pid, Reference

from ..dist import control as op
from ..dist.flags import WITH_HEADER, Flag
from ..dist.link import LinkEncoder
from ..dist.transport import HIGH_WATER
from ..process.atoms import EMPTY, NOCONNECTION, PYTHON
from ..process.signals import LINKED

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..dist.old_forms import OldForms
    from ..dist.transport import Transport
    from ..process.process import Process
    from ..process.runtime import Runtime
    from ..process.signals import Signals, Watcher

logger = logging.getLogger("ergopy.node")

_NONE: Any = object()

# For what waits, whatever the link will be like: no version byte before the message.
_early = LinkEncoder(header=True)
_VERSION = b"\x83"


class SpawnWaiter(Protocol):
    """Who asked the peer to start a process."""

    def spawned(self, flags: int, result: Any) -> None:
        """Take the answer: a pid, or an atom that says why not."""


@final
class Watch:
    """A monitor that a process over there holds on one of ours."""

    __slots__ = ("asked", "peer", "process", "ref", "watcher")

    def __init__(
        self, peer: Peer, process: Process, watcher: Pid, ref: Reference, asked: Any
    ) -> None:
        self.peer = peer
        self.process = process
        self.watcher = watcher
        self.ref = ref
        self.asked = asked

    def fire(self, reason: Any) -> None:
        peer = self.peer
        if peer.watches.pop(self.ref.words, None) is not None:
            peer.down(self.asked, self.watcher, self.ref, reason)


@final
class Peer:
    """See the module; made once per node name, by ``Connections``."""

    def __init__(
        self,
        name: Atom,
        runtime: Runtime,
        dialler: Dialler,
        high_water: int = HIGH_WATER,
    ) -> None:
        self.name = name
        self.runtime = runtime
        self._dialler = dialler
        self.transport: Transport | None = None
        self.encoder: LinkEncoder | OldForms | None = None
        self.creation = 0
        self.flags = Flag(0)
        self.problem = "nobody has tried"
        self.release: int | None = None
        """Its OTP release, once somebody wanted to know; 0 if it does not say."""
        self.monitors: dict[tuple[int, ...], Watcher] = {}
        self.watches: dict[tuple[int, ...], Watch] = {}
        self.spawns: dict[tuple[int, ...], SpawnWaiter] = {}
        self.linked: set[Signals] = set()
        self._queue: list[tuple[tuple[Any, ...], bytes | None]] = []
        self._queued = 0
        self._high_water = high_water
        self._unlink_ids = 0
        self._altact = False

    def __repr__(self) -> str:
        return f"<Peer {self.name} {'up' if self.transport else 'down'}>"

    def up(
        self,
        transport: Transport,
        encoder: LinkEncoder | OldForms,
        creation: int,
        flags: Flag,
    ) -> None:
        """Take a connection into use, and send what waited for it."""
        self.transport, self.encoder = transport, encoder
        self.creation, self.flags = creation, flags
        self._altact = bool(flags & Flag.ALTACT_SIG)
        version = b"" if flags & WITH_HEADER else _VERSION
        queue, self._queue, self._queued = self._queue, [], 0
        for control, payload in queue:
            if payload is None:
                transport.write(encoder.control(control))
            elif control[0] != op.PAYLOAD_EXIT or control[2].creation == creation:
                transport.write(encoder.frame_payload(control, version + payload))

    def lost(self) -> None:
        """Tell everybody who depends on the connection that it is gone.

        Links, monitors, watchers of nodes, spawn requests, in this order, as a BEAM
        does. What is begun meanwhile belongs to the next connection.
        """
        was_up = self.transport is not None
        self.transport = self.encoder = self.release = None
        self.creation, self.flags, self._altact = 0, Flag(0), False
        self._queue, self._queued = [], 0
        watches, self.watches = self.watches, {}
        linked, self.linked = self.linked, set()
        monitors, self.monitors = self.monitors, {}
        spawns, self.spawns = self.spawns, {}
        for watch in watches.values():
            watch.process.watchers.pop(watch, None)
        for process in linked:
            for pid in [to for to in process.links if to.node == self.name]:
                if process.links.pop(pid) == LINKED:
                    self._tell(process.exit_from, pid, NOCONNECTION, link=True)
        for watcher in monitors.values():
            self._tell(watcher.fire, NOCONNECTION)
        if was_up:
            self._tell(self.runtime.node_changed, self.name, up=False)
        for waiter in spawns.values():
            self._tell(waiter.spawned, 0, NOCONNECTION)

    def _tell(self, step: Callable[..., object], *args: Any, **options: Any) -> None:
        # Whatever goes wrong for one of them, the others have to hear of it.
        try:
            step(*args, **options)
        except Exception:
            logger.exception("somebody could not be told that %s is lost", self.name)

    def is_ready(self) -> bool:
        """Tell whether there is a connection with room: a send need not wait."""
        transport = self.transport
        return transport is not None and transport.queued < transport.high_water

    def has_room(self) -> bool:
        """Tell whether one more signal may be queued, connected or not."""
        transport = self.transport
        if transport is None:
            return self._queued < self._high_water
        return transport.queued < transport.high_water

    async def ready(self) -> bool:
        """Wait until there is a connection with room; return whether there is one."""
        while True:
            transport = self.transport
            if transport is None:
                if not await self._dialler.dial(self):
                    return False
            elif transport.has_room():
                return True
            else:
                await transport.room()

    def emit(self, control: tuple[Any, ...], message: Any = _NONE) -> None:
        """Send one operation, or queue it and dial. It is never refused.

        Raises:
            etf.EncodeError: *message* is no term; nothing was sent.
        """
        transport, encoder = self.transport, self.encoder
        if transport is None or encoder is None:
            self._wait(control, None if message is _NONE else _early.payload(message))
        elif message is _NONE:
            transport.write(encoder.control(control))
        else:
            transport.write(encoder.frame(control, message))

    def _wait(self, control: tuple[Any, ...], payload: bytes | None) -> None:
        self._queued += len(_early.control(control)) + len(payload or b"")
        self._queue.append((control, payload))
        self._dialler.dial_soon(self)

    def send(self, sender: Pid, to: Pid, message: Any) -> None:
        transport = self.transport
        if transport is not None:
            transport.write(self.encoder.frame((22, sender, to), message))  # type: ignore[union-attr]
        else:
            self.emit((op.SEND_SENDER, sender, to), message)

    def send_name(self, sender: Pid, name: str, message: Any) -> None:
        self.emit((op.REG_SEND, sender, EMPTY, Atom(name)), message)

    def send_many(
        self, sender: Pid, targets: list[Pid | str | Reference], message: Any
    ) -> None:
        """Send one message to several: encoded once, with a control tuple for each."""
        controls = [self._send_control(sender, target) for target in targets]
        transport, encoder = self.transport, self.encoder
        if transport is None or encoder is None:
            payload = _early.payload(message)
            for control in controls:
                self._wait(control, payload)
            return
        payload = encoder.payload(message)
        for control in controls:
            transport.write(encoder.frame_payload(control, payload))

    def _send_control(
        self, sender: Pid, target: Pid | str | Reference
    ) -> tuple[Any, ...]:
        if isinstance(target, Reference):
            return self._alias_control(sender, target)
        if isinstance(target, Pid):
            return (op.SEND_SENDER, sender, target)
        return (op.REG_SEND, sender, EMPTY, Atom(target))

    def _alias_control(self, sender: Pid, alias: Reference) -> tuple[Any, ...]:
        if self._altact:
            return (op.ALTACT_SIG_SEND, op.ALTACT_ALIAS, sender, alias)
        return (op.ALIAS_SEND, sender, alias)

    def send_alias(self, sender: Pid, alias: Reference, message: Any) -> None:
        control = self._alias_control(sender, alias)
        transport = self.transport
        if transport is not None:
            transport.write(self.encoder.frame(control, message))  # type: ignore[union-attr]
        else:
            self.emit(control, message)

    def call(
        self,
        caller: Pid,
        target: Pid | str,
        ref: Reference,
        message: Any,
        record: Watcher,
    ) -> None:
        transport, encoder = self.transport, self.encoder
        if transport is None or encoder is None:
            record.fire(NOCONNECTION)
            return
        if isinstance(target, Pid):
            request = encoder.frame((22, caller, target), message)
        else:
            target = Atom(target)
            request = encoder.frame((6, caller, EMPTY, target), message)
        watch = encoder.control((19, caller, target, ref))
        self.monitors[ref.words] = record
        transport.write(watch)
        transport.write(request)

    def monitor(
        self, watcher: Pid, target: Pid | str, ref: Reference, record: Watcher
    ) -> None:
        control = (op.MONITOR_P, watcher, _name(target), ref)
        self.monitors[ref.words] = record
        self.emit(control)

    def demonitor(self, watcher: Pid, target: Pid | str, ref: Reference) -> None:
        if self.monitors.pop(ref.words, None) is not None:
            self.emit((op.DEMONITOR_P, watcher, _name(target), ref))

    def down(self, asked: Any, watcher: Pid, ref: Reference, reason: Any) -> None:
        """Tell a watcher over there that a process of ours has ended."""
        if self.transport is not None:
            self._emit_reason((op.PAYLOAD_MONITOR_P_EXIT, asked, watcher, ref), reason)

    def link(self, process: Signals, to: Pid) -> None:
        self.linked.add(process)
        self.emit((op.LINK, process.pid, to))

    def unlink(self, process: Signals, to: Pid) -> int:
        self._unlink_ids += 1
        self.emit((op.UNLINK_ID, self._unlink_ids, process.pid, to))
        return self._unlink_ids

    def forget_link(self, process: Signals, to: Pid) -> None:
        if not any(pid.node == self.name for pid in process.links):
            self.linked.discard(process)

    def exit_link(self, sender: Pid, to: Pid, reason: Any) -> None:
        # A link exit to a pid of an old incarnation would kill the connection. While
        # there is none its LINK is still queued, and the exit goes behind it.
        if self._queue if self.transport is None else to.creation == self.creation:
            self._emit_reason((op.PAYLOAD_EXIT, sender, to), reason)

    def exit_signal(self, sender: Pid, to: Pid, reason: Any) -> None:
        self.emit((op.PAYLOAD_EXIT2, sender, to), reason)

    def group_leader(self, leader: Pid, to: Pid) -> None:
        self.emit((op.GROUP_LEADER, leader, to))

    def spawn(
        self, request: tuple[Any, ...], arguments: list[Any], waiter: SpawnWaiter
    ) -> None:
        """Send a spawn request; *waiter* gets its answer, or ``noconnection``."""
        words = request[1].words
        self.spawns[words] = waiter
        try:
            self.emit(request, arguments)
        except ValueError:
            self.spawns.pop(words, None)
            raise

    def _emit_reason(self, control: tuple[Any, ...], reason: Any) -> None:
        try:
            self.emit(control, reason)
        except ValueError:
            # The reason is some Python object: its text must do, the end must be told.
            self.emit(control, (PYTHON, _text(reason)))


class Dialler(Protocol):
    """Makes connections."""

    async def dial(self, peer: Peer) -> bool:
        """Connect, or join the attempt under way; return whether *peer* is up."""

    def dial_soon(self, peer: Peer) -> None:
        """Do so in the background."""


def _name(target: Pid | str) -> Pid | Atom:
    return target if isinstance(target, Pid) else Atom(target)


def _text(reason: Any) -> bytes:
    try:
        return repr(reason)[:200].encode("utf-8", "replace")
    except Exception:
        return b"(a reason that has no text)"
