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
from typing import TYPE_CHECKING, Any, Protocol, cast, final

import trio

from etf import Atom, Pid, Reference

from ..dist import control as op
from ..dist.coding import Coding
from ..dist.flags import WITH_HEADER, Flag
from ..dist.transport import HIGH_WATER
from ..process.atoms import EMPTY, NOCONNECTION
from . import forms
from .signalling import NONE, NOTSUP, Signalling
from .ties import SpawnWaiter as SpawnWaiter
from .ties import Watch as Watch

if TYPE_CHECKING:
    from ..dist.link import Encoder
    from ..dist.transport import Transport
    from ..process.runtime import Runtime
    from ..process.signals import Watcher

logger = logging.getLogger("ergopy.node")

_SENDER_IS_SECOND = frozenset(
    {op.SPAWN_REQUEST, op.UNLINK_ID, op.UNLINK_ID_ACK, op.ALTACT_SIG_SEND}
)

# What waits has no version byte before the message: the link may not want one.
_DEFAULT = Coding()
_VERSION = b"\x83"


@final
class Peer(Signalling):
    """See the module; made once per node name, by ``Connections``."""

    def __init__(
        self,
        name: Atom,
        runtime: Runtime,
        dialler: Dialler,
        high_water: int = HIGH_WATER,
        coding: Coding = _DEFAULT,
    ) -> None:
        super().__init__(name, runtime)
        self._dialler = dialler
        self._coding = coding
        self._early = coding.early
        self.transport: Transport | None = None
        self.encoder: Encoder | None = None
        self.plain: Encoder | None = None
        """Makes what leaves behind a large message: without the atom cache."""
        self.creation = 0
        self.flags = Flag(0)
        self.connection_id = 0
        """Which connection it is, or was last; no two of a node are the same."""
        self.problem = "nobody has tried"
        self.release: int | None = None
        """Its OTP release, once somebody wanted to know; 0 if it does not say."""
        self._queued = 0
        self._high_water = high_water
        self._altact = False

    def __repr__(self) -> str:
        return f"<Peer {self.name} {'up' if self.transport else 'down'}>"

    def up(
        self,
        transport: Transport,
        encoder: Encoder,
        creation: int,
        flags: Flag,
    ) -> None:
        """Take a connection into use, and send what waited for it."""
        self.transport, self.encoder = transport, encoder
        self.plain = self._coding.encoder(flags, cache=False)
        self.creation, self.flags = creation, flags
        self._altact = bool(flags & Flag.ALTACT_SIG)
        self.watches_processes = forms.can_watch(flags)
        version = _version(flags)
        queue, self.waiting, self._queued = self.waiting, [], 0
        for early, payload in queue:
            control = forms.on_link(flags, creation, early)
            if control is None:
                continue
            if control[0] == op.SPAWN_REQUEST and not flags & Flag.SPAWN:
                self.spawns.pop(control[1].words).spawned(0, NOTSUP)
            elif control[0] == op.LINK and control[2].creation != creation:
                self.no_link(*control[1:])
            elif payload is None:
                self._transmit(control)
            else:
                self._transmit(control, payload=version + payload)

    def lost(self) -> None:
        """Tell everybody who depends on the connection that it is gone.

        Watchers of all nodes come last. What is begun meanwhile belongs to the next
        connection.
        """
        transport, hidden = self.transport, not self.flags & Flag.PUBLISHED
        self.transport = self.encoder = self.plain = self.release = None
        self.creation, self.flags, self._altact = 0, Flag(0), False
        self.waiting, self._queued = [], 0
        self.cut()
        if transport is not None:
            changed = self.runtime.node_changed
            cause = transport.cause
            self.tell(changed, self.name, up=False, hidden=hidden, reason=cause)

    def watch_node(self, record: Watcher) -> None:
        """Fire *record* when the node is lost; begin to connect to it."""
        self.monitors[record] = record
        if self.transport is None:
            self._dialler.dial_soon(self)

    def unwatch_node(self, record: Watcher) -> None:
        self.monitors.pop(record, None)

    def is_ready(self, sender: Pid) -> bool:
        """Tell whether there is a connection with room: *sender* need not wait."""
        transport = self.transport
        return (
            transport is not None
            and transport.queued < transport.high_water
            and not (transport.unfinished and sender in transport.unfinished)
        )

    def has_room(self, sender: Pid) -> bool:
        """Tell whether *sender* may queue one more message, connected or not."""
        transport = self.transport
        if transport is None:
            return self._queued < self._high_water
        return transport.has_room(sender)

    async def ready(self, sender: Pid) -> bool:
        """Wait until there is a connection with room; return whether there is one."""
        while True:
            transport = self.transport
            if transport is None:
                if not await self._dialler.dial(self):
                    return False
            elif transport.has_room(sender):
                return True
            elif transport.closed is None:
                await transport.room(sender)
            else:
                # It is about to be lost.
                await trio.lowlevel.checkpoint()

    def emit(
        self,
        control: tuple[Any, ...],
        message: Any = NONE,
        *,
        sender: Pid | None = None,
    ) -> None:
        """Send one operation, or queue it and dial. It is never refused.

        *sender* is whose signal it is, if the control tuple does not say.

        Raises:
            etf.EncodeError: *message* is no term; nothing was sent.
        """
        if self.transport is None:
            payload = None if message is NONE else self._early.payload(message)
            self._wait(control, payload)
        else:
            self._transmit(control, message, sender=sender)

    def _transmit(
        self,
        control: tuple[Any, ...],
        message: Any = NONE,
        *,
        payload: bytes | None = None,
        sender: Pid | None = None,
    ) -> None:
        """Send one operation to who is connected, in order with its sender's others."""
        transport: Any = self.transport
        encoder: Any = self.encoder
        sender = sender or _sender(control)
        if transport.unfinished and sender in transport.unfinished:
            encoder = self.plain
        if payload is not None:
            frame = encoder.frame_payload(control, payload)
        elif message is NONE:
            frame = encoder.control(control)
        else:
            frame = encoder.frame(control, message)
        transport.post(frame, sender)

    def _wait(self, control: tuple[Any, ...], payload: bytes | None) -> None:
        self._queued += len(self._early.control(control)) + len(payload or b"")
        self.waiting.append((control, payload))
        self._dialler.dial_soon(self)

    def send(self, sender: Pid, to: Pid, message: Any) -> None:
        transport = self.transport
        if transport is not None and not transport.unfinished:
            frame = self.encoder.frame((22, sender, to), message)  # type: ignore[union-attr]
            transport.write(frame, sender)
        else:
            self.emit((op.SEND_SENDER, sender, to), message)

    def send_name(self, sender: Pid, name: str, message: Any) -> None:
        self.emit((op.REG_SEND, sender, EMPTY, Atom(name)), message)

    def encode(self, message: Any) -> bytes:
        """Encode a message for :meth:`send_many`, of this peer and any other."""
        return self._early.payload(message)

    def send_many(
        self, sender: Pid, targets: list[Pid | str | Reference], payload: bytes
    ) -> None:
        """Send what is encoded to several, with a control tuple for each."""
        controls = [self._send_control(sender, target) for target in targets]
        if self.transport is None:
            for control in controls:
                self._wait(control, payload)
            return
        payload = _version(self.flags) + payload
        for control in controls:
            self._transmit(control, payload=payload, sender=sender)

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
        if transport is not None and not transport.unfinished:
            transport.write(self.encoder.frame(control, message), sender)  # type: ignore[union-attr]
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
        control: tuple[Any, ...]
        if isinstance(target, Pid):
            control = (22, caller, target)
        else:
            target = Atom(target)
            control = (6, caller, EMPTY, target)
        if transport.unfinished and caller in transport.unfinished:
            encoder = cast("Encoder", self.plain)
        if self.watches_processes:
            frame = encoder.call((19, caller, target, ref), control, message)
        else:
            frame = encoder.frame(control, message)
        self.monitors[ref.words] = record
        transport.post(frame, caller)


class Dialler(Protocol):
    """Makes connections."""

    async def dial(self, peer: Peer) -> bool:
        """Connect, or join the attempt under way; return whether *peer* is up."""

    def dial_soon(self, peer: Peer) -> None:
        """Do so in the background."""


def _version(flags: Flag) -> bytes:
    """Return what is before a message, on a link with these flags."""
    return b"" if flags & WITH_HEADER else _VERSION


def _sender(control: tuple[Any, ...]) -> Any:
    """Say whose signal it is; mostly the control tuple begins with that."""
    return control[2 if control[0] in _SENDER_IS_SECOND else 1]
