"""What arrives from a peer, turned into signals for our processes (protocol 4).

One call per batch of packets; the frequent operations first. Whatever breaks a rule
of protocol 4.2 raises RemoteProtocolError: that connection is closed, and nothing
else. A signal for a process, name, alias or incarnation that is not there is
dropped, or answered ``noproc``, as a BEAM does.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from etf import Atom, ImproperList, Pid, Reference

from ..dist import control as op
from ..errors import RemoteProtocolError
from ..process.atoms import NOPROC
from ..process.signals import LINKED
from .peer import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..process.process import Process
    from ..process.runtime import Runtime
    from .peer import Peer

    Control = tuple[Any, ...]
    Handler = Callable[["Dispatcher", Control, Any], None]

logger = logging.getLogger("ergopy.dist")


class Dispatcher:
    """The incoming side of one connection."""

    def __init__(
        self,
        peer: Peer,
        runtime: Runtime,
        serve_spawn: Callable[[Peer, Control, Any], None],
    ) -> None:
        self.peer = peer
        self.runtime = runtime
        self._serve_spawn = serve_spawn

    def deliver(self, packets: list[tuple[Control, Any]]) -> None:
        """Carry out a batch.

        A broken rule closes the connection with a reason; what came before it counts.
        """
        control: Control = ()
        try:
            for control, message in packets:
                number = control[0]
                if number == 6:
                    _, _, _, name = control
                    process = self.runtime.names.get(name)
                    if process is not None:
                        process.deliver(message)
                    elif not _is_atom(name):
                        raise TypeError(f"not a name: {name!r}")
                elif number == 19:
                    self._monitor(control)
                elif number == 20:
                    self._demonitor(control)
                elif number == 22 or number == 2:
                    _, _, to = control
                    self._message(to, message)
                elif number == 37:
                    self._altact(control, message)
                elif number == 33:
                    _, _, to = control
                    self._alias(to, message)
                else:
                    self._rare(control, message)
        except (ValueError, TypeError, AttributeError) as error:
            # Unpacking failed, or an identifier is none: the tuple is malformed.
            self._broken(f"malformed {op.describe(control)}: {error}")
        except RemoteProtocolError as error:
            self._broken(str(error))

    def _broken(self, problem: str) -> None:
        logger.warning(
            "invalid distribution message from %s: %s; closing the connection",
            self.peer.name,
            problem,
            extra={"node": self.runtime.name, "peer": self.peer.name},
        )
        if self.peer.transport is not None:
            self.peer.transport.close(problem)

    def _message(self, to: Any, message: Any) -> None:
        if to.__class__ is not Pid:
            raise TypeError(f"not a pid: {to!r}")
        if (
            message.__class__ is tuple
            and len(message) == 2
            and message[0].__class__ is ImproperList
            and message[0].tail.__class__ is Reference
            and message[0].tail.node == self.runtime.name
        ):
            # A reply to a call of ours that was sent to the pid, not to the alias (a
            # BEAM's net_kernel does). If nobody waits for it any more it is stray.
            self._alias(message[0].tail, message)
            return
        process = self.runtime.processes.get(to.id)
        if process is not None and (process.pid is to or process.pid == to):
            process.deliver(message)

    def _alias(self, to: Any, message: Any) -> None:
        if to.__class__ is not Reference:
            raise TypeError(f"not an alias: {to!r}")
        receiver = self.runtime.aliases.get(to.words)
        if (
            receiver is not None
            and to.creation == self.runtime.creation
            and to.node == self.runtime.name
        ):
            receiver.deliver(message)

    def _altact(self, control: Control, message: Any) -> None:
        _, flags, sender, to = control[:4]
        if flags < 0 or flags & 12 == 12 or (flags & 2 and len(control) < 5):
            raise RemoteProtocolError(f"bad flags {flags} in ALTACT_SIG_SEND")
        process: Process | None
        if flags & op.ALTACT_EXIT:
            if flags & op.ALTACT_ALIAS:
                record: Any = self.runtime.aliases.get(to.words)
                process = getattr(record, "owner", None)
            else:
                process = self.runtime.find(to)
            if process is not None:
                process.exit_from(sender, message, link=False)
        elif flags & op.ALTACT_ALIAS:
            self._alias(to, message)
        elif flags & op.ALTACT_NAME:
            process = self.runtime.names.get(to)
            if process is not None:
                process.deliver(message)
        else:
            self._message(to, message)

    def _monitor(self, control: Control) -> None:
        _, watcher, target, ref = control
        peer = self.peer
        if watcher.__class__ is not Pid or ref.__class__ is not Reference:
            raise TypeError("a watcher is a pid, its monitor a reference")
        if watcher.node != peer.name:
            raise RemoteProtocolError(f"a monitor for a process of {watcher.node}")
        if target.__class__ is Pid:
            process = self.runtime.processes.get(target.id)
            if process is not None and process.pid != target:
                process = None
        else:
            process = self.runtime.names.get(target)
        if process is None:
            peer.down(target, watcher, ref, NOPROC)
            return
        watch = Watch(peer, process, watcher, ref, target)
        peer.watches[ref.words] = watch
        process.watchers[watch] = watch

    def _demonitor(self, control: Control) -> None:
        _, _, _, ref = control
        if ref.__class__ is not Reference:
            raise TypeError("a monitor is a reference")
        watch = self.peer.watches.pop(ref.words, None)
        if watch is not None:
            watch.process.watchers.pop(watch, None)

    def _rare(self, control: Control, message: Any) -> None:
        handler = _HANDLERS.get(control[0])
        if handler is None:
            raise RemoteProtocolError(f"unknown operation {op.describe(control)}")
        handler(self, control, message)

    def _traced(self, control: Control, message: Any) -> None:
        """Take the form without the trace token; we do not trace."""
        number = control[0]
        if number == op.SEND_TT:
            _, unused, to, _ = control
            plain: Control = (op.SEND, unused, to)
        elif number == op.REG_SEND_TT:
            _, sender, unused, to, _ = control
            plain = (op.REG_SEND, sender, unused, to)
        elif number in (op.EXIT_TT, op.EXIT2_TT):
            _, sender, to, _, reason = control
            plain = (number - 10, sender, to, reason)
        elif number == op.SPAWN_REQUEST_TT:
            plain = (op.SPAWN_REQUEST, *control[1:6])
        elif number == op.SPAWN_REPLY_TT:
            plain = (op.SPAWN_REPLY, *control[1:5])
        else:
            _, sender, to, _ = control
            plain = (number - 1, sender, to)
        self.deliver([(plain, message)])

    def _down(self, control: Control, reason: Any) -> None:
        if control[0] == op.MONITOR_P_EXIT:
            _, _, _, ref, reason = control
        else:
            _, _, _, ref = control
        watcher = self.peer.monitors.pop(ref.words, None)
        if watcher is not None:
            watcher.fire(reason)

    def _spawn_request(self, control: Control, arguments: Any) -> None:
        self._serve_spawn(self.peer, control, arguments)

    def _spawn_reply(self, control: Control, _: Any) -> None:
        _, request, _, flags, result = control
        waiter = self.peer.spawns.pop(request.words, None)
        if waiter is not None:
            waiter.spawned(flags, result)

    def _link(self, control: Control, _: Any) -> None:
        _, sender, to = control
        self._check_sender(sender)
        process = self.runtime.find(to)
        if process is None:
            self.peer.exit_link(to, sender, NOPROC)
        else:
            process.links[sender] = LINKED
            self.peer.linked.add(process)

    def _unlink(self, control: Control, _: Any) -> None:
        """UNLINK_ID is acknowledged before anything else, whoever it is for."""
        if control[0] == op.UNLINK:
            _, sender, to = control
        else:
            _, number, sender, to = control
            if not isinstance(number, int) or number < 1:
                raise RemoteProtocolError(f"bad unlink id {number!r}")
            self.peer.emit((op.UNLINK_ID_ACK, number, to, sender))
        self._check_sender(sender)
        process = self.runtime.find(to)
        if process is not None and process.links.get(sender) == LINKED:
            del process.links[sender]
            self.peer.forget_link(process, sender)

    def _unlink_ack(self, control: Control, _: Any) -> None:
        _, number, sender, to = control
        process = self.runtime.find(to)
        if process is not None and number and process.links.get(sender) == number:
            del process.links[sender]
            self.peer.forget_link(process, sender)

    def _exit_link(self, control: Control, reason: Any) -> None:
        if control[0] == op.EXIT:
            _, sender, to, reason = control
        else:
            _, sender, to = control
        self._check_sender(sender)
        process = self.runtime.find(to)
        if process is None:
            return
        state = process.links.pop(sender, None)
        self.peer.forget_link(process, sender)
        if state == LINKED:
            process.exit_from(sender, reason, link=True)

    def _exit_signal(self, control: Control, reason: Any) -> None:
        if control[0] == op.EXIT2:
            _, sender, to, reason = control
        else:
            _, sender, to = control
        self._check_sender(sender)
        process = self.runtime.find(to)
        if process is not None:
            process.exit_from(sender, reason, link=False)

    def _group_leader(self, control: Control, _: Any) -> None:
        _, leader, to = control
        process = self.runtime.find(to)
        if process is not None and leader.__class__ is Pid:
            process.group_leader = leader

    def _check_sender(self, sender: Any) -> None:
        if sender.__class__ is not Pid or sender.node != self.peer.name:
            raise RemoteProtocolError(f"a signal in the name of {sender!r}")


def _is_atom(term: Any) -> bool:
    return term is None or isinstance(term, Atom | bool)


_HANDLERS: dict[Any, Handler] = {
    op.LINK: Dispatcher._link,
    op.EXIT: Dispatcher._exit_link,
    op.PAYLOAD_EXIT: Dispatcher._exit_link,
    op.UNLINK: Dispatcher._unlink,
    op.UNLINK_ID: Dispatcher._unlink,
    op.UNLINK_ID_ACK: Dispatcher._unlink_ack,
    op.GROUP_LEADER: Dispatcher._group_leader,
    op.EXIT2: Dispatcher._exit_signal,
    op.PAYLOAD_EXIT2: Dispatcher._exit_signal,
    op.MONITOR_P_EXIT: Dispatcher._down,
    op.PAYLOAD_MONITOR_P_EXIT: Dispatcher._down,
    op.SPAWN_REQUEST: Dispatcher._spawn_request,
    op.SPAWN_REPLY: Dispatcher._spawn_reply,
    **dict.fromkeys(
        (
            op.SEND_TT,
            op.EXIT_TT,
            op.REG_SEND_TT,
            op.EXIT2_TT,
            op.SEND_SENDER_TT,
            op.PAYLOAD_EXIT_TT,
            op.PAYLOAD_EXIT2_TT,
            op.SPAWN_REQUEST_TT,
            op.SPAWN_REPLY_TT,
            op.ALIAS_SEND_TT,
        ),
        Dispatcher._traced,
    ),
}
