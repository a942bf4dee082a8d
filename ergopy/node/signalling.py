"""Signals to a peer other than messages: links, monitors, exits, spawn requests.

They never wait and are never refused. Here is what is told, and what is noted of it;
how it leaves, or waits for a connection, is the affair of :class:`~.peer.Peer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid, Reference

from ..dist import control as op
from ..dist.flags import Flag
from ..process.atoms import NOPROC, PYTHON
from . import forms
from .ties import Ties

if TYPE_CHECKING:
    from ..dist.transport import Transport
    from ..process.runtime import Runtime
    from ..process.signals import Signals, Watcher
    from .ties import SpawnWaiter

NONE: Any = object()
"""No message; None is one: the atom ``nil``."""

NOTSUP = Atom("notsup")


class Signalling(Ties):
    """The half of a peer that signals."""

    transport: Transport | None
    flags: Flag
    creation: int
    watches_processes = True
    """Whether the connection has monitors; else only its loss is told."""

    def __init__(self, name: Atom, runtime: Runtime) -> None:
        super().__init__(name, runtime)
        self._unlink_ids = 0
        self.waiting: list[tuple[tuple[Any, ...], bytes | None]] = []
        """What waits for a connection: control tuples, and encoded messages."""

    def emit(
        self,
        control: tuple[Any, ...],
        message: Any = NONE,
        *,
        sender: Pid | None = None,
    ) -> None:
        """Send one operation, or queue it and dial; see ``Peer``."""
        raise NotImplementedError

    def monitor(
        self, watcher: Pid, target: Pid | str, ref: Reference, record: Watcher
    ) -> None:
        control = (op.MONITOR_P, watcher, _name(target), ref)
        self.monitors[ref.words] = record
        if self.transport is None or self.watches_processes:
            self.emit(control)

    def demonitor(self, watcher: Pid, target: Pid | str, ref: Reference) -> None:
        if self.monitors.pop(ref.words, None) is None:
            return
        if self.transport is None or self.watches_processes:
            self.emit((op.DEMONITOR_P, watcher, _name(target), ref))

    def down(
        self,
        asked: Any,
        watcher: Pid,
        ref: Reference,
        reason: Any,
        ended: Pid | None = None,
    ) -> None:
        """Tell a watcher over there that a process of ours has ended."""
        if self.transport is not None:
            control = (op.PAYLOAD_MONITOR_P_EXIT, asked, watcher, ref)
            self._emit_reason(control, reason, ended)

    def link(self, process: Signals, to: Pid) -> None:
        if self.transport is not None and to.creation != self.creation:
            process.break_link(to, NOPROC)
            return
        self.links[process, to] = None
        self.emit((op.LINK, process.pid, to))

    def no_link(self, sender: Pid, to: Pid) -> None:
        """End a link to a process of an earlier start, before it is asked for."""
        process = self.runtime.find(sender)
        if process is not None:
            self.forget_link(process, to)
            process.break_link(to, NOPROC)

    def unlink(self, process: Signals, to: Pid) -> int:
        self._unlink_ids += 1
        self.emit((op.UNLINK_ID, self._unlink_ids, process.pid, to))
        return self._unlink_ids

    def exit_link(self, sender: Pid, to: Pid, reason: Any) -> None:
        # A link exit to a pid of an old incarnation would kill the connection. While
        # there is none its LINK is still queued, and the exit goes behind it.
        if self.waiting if self.transport is None else to.creation == self.creation:
            self._emit_reason((op.PAYLOAD_EXIT, sender, to), reason)

    def exit_signal(
        self, sender: Pid, to: Pid | Reference, reason: Any, *, priority: bool = False
    ) -> None:
        self._emit_form(forms.exit_signal(sender, to, priority=priority), reason)

    def send_priority(
        self, sender: Pid, to: Pid | str | Reference, message: Any
    ) -> None:
        target = Atom(to) if isinstance(to, str) else to
        self._emit_form(forms.priority_message(sender, target), message)

    def _emit_form(self, control: tuple[Any, ...], message: Any) -> None:
        form: tuple[Any, ...] | None = control
        if self.transport is not None:
            form = forms.on_link(self.flags, self.creation, control)
        if form is not None:
            self.emit(form, message)

    def group_leader(self, leader: Pid, to: Pid) -> None:
        self.emit((op.GROUP_LEADER, leader, to))

    def spawn(
        self, request: tuple[Any, ...], arguments: list[Any], waiter: SpawnWaiter
    ) -> None:
        """Send a spawn request; *waiter* gets its answer, or ``noconnection``."""
        if self.transport is not None and not self.flags & Flag.SPAWN:
            waiter.spawned(0, NOTSUP)
            return
        words = request[1].words
        self.spawns[words] = waiter
        try:
            self.emit(request, arguments)
        except ValueError:
            self.spawns.pop(words, None)
            raise

    def _emit_reason(
        self, control: tuple[Any, ...], reason: Any, sender: Pid | None = None
    ) -> None:
        try:
            self.emit(control, reason, sender=sender)
        except ValueError:
            # The reason is some Python object: its text must do, the end must be told.
            self.emit(control, (PYTHON, _text(reason)), sender=sender)


def _name(target: Pid | str) -> Pid | Atom:
    return target if isinstance(target, Pid) else Atom(target)


def _text(reason: Any) -> bytes:
    try:
        return repr(reason)[:200].encode("utf-8", "replace")
    except Exception:
        return b"(a reason that has no text)"
