"""What arrives from a peer, turned into signals for our processes (protocol 4).

One call per batch of packets; the frequent operations first. Whatever breaks a rule
of protocol 4.2 closes that connection, and nothing else. A signal for a process,
name, alias or incarnation that is not there is dropped, or answered ``noproc``, as a
BEAM does. Nothing that a peer sends makes :meth:`Dispatcher.deliver` raise.
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
        names = self.runtime.names
        try:
            for control, message in packets:
                number = control[0]
                if number == 6:
                    _, _, _, name = control
                    process = names.get(name) if name.__class__ is Atom else None
                    if process is not None:
                        process.deliver(message)
                    else:
                        self._rarely_named(name, message)
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
                    handler = _HANDLERS.get(number)
                    if handler is None:
                        raise RemoteProtocolError("nobody sends that")
                    handler(self, control, message)
        except (ValueError, TypeError, AttributeError, RemoteProtocolError) as error:
            # Unpacking failed, or an identifier is none: the tuple is malformed.
            self._fail(RemoteProtocolError(f"{op.describe(control)}: {error}"))
        except Exception as error:
            logger.exception("%s could not be carried out", op.describe(control))
            self._fail(RemoteProtocolError(f"{op.describe(control)}: {error!r}"))

    def _fail(self, error: RemoteProtocolError) -> None:
        if self.peer.transport is not None:
            self.peer.transport.fail(error)

    def _rarely_named(self, name: Any, message: Any) -> None:
        process = self.runtime.names.get(_atom(name))
        if process is not None:
            process.deliver(message)

    def _message(self, to: Any, message: Any) -> None:
        if to.__class__ is not Pid:
            raise TypeError("the receiver is a pid")
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
            raise TypeError("an alias is a reference")
        runtime = self.runtime
        receiver = runtime.aliases.get(to.words)
        if (
            receiver is not None
            and to.creation == runtime.creation
            and to.node == runtime.name
        ):
            receiver.deliver(message)

    def _altact(self, control: Control, message: Any) -> None:
        _, flags, sender, to = control[:4]
        if flags == op.ALTACT_ALIAS:
            self._alias(to, message)
            return
        if problem := op.problem(control):
            raise RemoteProtocolError(problem)
        if flags & op.ALTACT_EXIT:
            self._check_sender(sender)
            process = self._addressed(flags, to)
            if process is not None:
                process.exit_from(sender, message, link=False)
        elif flags & op.ALTACT_ALIAS:
            self._alias(to, message)
        elif flags & op.ALTACT_NAME:
            self._rarely_named(to, message)
        else:
            self._message(to, message)

    def _addressed(self, flags: int, to: Any) -> Process | None:
        """Find the process that an exit signal with these flags is for."""
        if flags & op.ALTACT_NAME:
            return self.runtime.names.get(_atom(to))
        if not flags & op.ALTACT_ALIAS:
            return self._process(to)
        if to.__class__ is not Reference:
            raise TypeError("an alias is a reference")
        runtime = self.runtime
        if to.creation != runtime.creation or to.node != runtime.name:
            return None
        return getattr(runtime.aliases.get(to.words), "owner", None)

    def _monitor(self, control: Control) -> None:
        _, watcher, target, ref = control
        peer = self.peer
        if watcher.__class__ is not Pid or ref.__class__ is not Reference:
            raise TypeError("a watcher is a pid, its monitor a reference")
        if watcher.node != peer.name:
            raise RemoteProtocolError("that is no process of this peer")
        if target.__class__ is Pid:
            process = self.runtime.processes.get(target.id)
            if process is None or process.pid != target:
                process = self._process(target)
        else:
            process = self.runtime.names.get(target)
            if process is None:
                process = self.runtime.names.get(_atom(target))
        if process is None:
            peer.down(target, watcher, ref, NOPROC)
            return
        watch = Watch(peer, process, watcher, ref, target)
        if peer.watches.setdefault(ref.words, watch) is watch:
            process.watchers[watch] = watch

    def _demonitor(self, control: Control) -> None:
        _, _, _, ref = control
        if ref.__class__ is not Reference:
            raise TypeError("a monitor is a reference")
        watch = self.peer.watches.pop(ref.words, None)
        if watch is not None:
            watch.process.watchers.pop(watch, None)

    def _traced(self, control: Control, message: Any) -> None:
        """Take the form without the trace token; we do not trace."""
        number = control[0]
        at = -2 if number in (op.EXIT_TT, op.EXIT2_TT) else -1
        if (problem := op.problem(control)) is not None:
            raise RemoteProtocolError(problem)
        plain = list(control)
        del plain[at]
        plain[0] = _PLAIN[number]
        _HANDLERS[plain[0]](self, tuple(plain), message)

    def _send(self, control: Control, message: Any) -> None:
        self._message(control[2], message)

    def _send_named(self, control: Control, message: Any) -> None:
        self._rarely_named(control[3], message)

    def _send_alias(self, control: Control, message: Any) -> None:
        self._alias(control[2], message)

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
        if type(flags) is not int or not (result.__class__ is Pid or is_atom(result)):
            raise TypeError("flags are a number, a result is a pid or an atom")
        waiter = self.peer.spawns.pop(request.words, None)
        if waiter is not None:
            waiter.spawned(flags, result)

    def _link(self, control: Control, _: Any) -> None:
        _, sender, to = control
        self._check_sender(sender)
        process = self._process(to)
        if process is None:
            self.peer.exit_link(to, sender, NOPROC)
        elif sender not in process.links:
            # If it is there our own unlink may be on its way, and undoes this one.
            process.links[sender] = LINKED
            self.peer.linked.add(process)

    def _unlink(self, control: Control, _: Any) -> None:
        """UNLINK_ID is acknowledged before anything else, whoever it is for."""
        number = None
        if control[0] == op.UNLINK:
            _, sender, to = control
        else:
            _, number, sender, to = control
            if type(number) is not int or not 0 < number < 1 << 64:
                raise RemoteProtocolError("that is no unlink id")
        self._check_sender(sender)
        process = self._process(to)
        if number is not None:
            self.peer.emit((op.UNLINK_ID_ACK, number, to, sender))
        if process is not None and process.links.get(sender) == LINKED:
            del process.links[sender]
            self.peer.forget_link(process, sender)

    def _unlink_ack(self, control: Control, _: Any) -> None:
        _, number, sender, to = control
        if type(number) is not int or not 0 < number < 1 << 64:
            raise RemoteProtocolError("that is no unlink id")
        self._check_sender(sender)
        process = self._process(to)
        if process is not None and process.links.get(sender) == number:
            del process.links[sender]
            self.peer.forget_link(process, sender)

    def _exit_link(self, control: Control, reason: Any) -> None:
        if control[0] == op.EXIT:
            _, sender, to, reason = control
        else:
            _, sender, to = control
        self._check_sender(sender)
        process = self._process(to)
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
        process = self._process(to)
        if process is not None:
            process.exit_from(sender, reason, link=False)

    def _group_leader(self, control: Control, _: Any) -> None:
        _, leader, to = control
        if leader.__class__ is not Pid:
            raise TypeError("a group leader is a pid")
        process = self._process(to)
        if process is not None:
            process.group_leader = leader

    def _check_sender(self, sender: Any) -> None:
        if sender.__class__ is not Pid or sender.node != self.peer.name:
            raise RemoteProtocolError("the sender is no process of this peer")

    def _process(self, to: Any) -> Process | None:
        """Find a process of ours; None if it is dead, or of an earlier start."""
        if to.__class__ is not Pid:
            raise TypeError("the receiver is a pid")
        process = self.runtime.processes.get(to.id)
        if process is not None and process.pid == to:
            return process
        if to.node != self.runtime.name:
            raise RemoteProtocolError("the receiver is no process of ours")
        return None


def is_atom(term: Any) -> bool:
    """Tell whether *term* is an atom, also one with a Python value of its own."""
    return term is None or term.__class__ is bool or isinstance(term, Atom)


def _atom(name: Any) -> Atom:
    if isinstance(name, Atom):
        return name
    if name is None:
        return _NIL
    if name.__class__ is bool:
        return _TRUE if name else _FALSE
    raise TypeError("a name is an atom")


_NIL, _TRUE, _FALSE = Atom("nil"), Atom("true"), Atom("false")

_PLAIN = {
    op.SEND_TT: op.SEND,
    op.EXIT_TT: op.EXIT,
    op.REG_SEND_TT: op.REG_SEND,
    op.EXIT2_TT: op.EXIT2,
    op.SEND_SENDER_TT: op.SEND_SENDER,
    op.PAYLOAD_EXIT_TT: op.PAYLOAD_EXIT,
    op.PAYLOAD_EXIT2_TT: op.PAYLOAD_EXIT2,
    op.SPAWN_REQUEST_TT: op.SPAWN_REQUEST,
    op.SPAWN_REPLY_TT: op.SPAWN_REPLY,
    op.ALIAS_SEND_TT: op.ALIAS_SEND,
}
"""The operation that a traced one is, without its token."""

_HANDLERS: dict[Any, Handler] = {
    op.SEND: Dispatcher._send,
    op.SEND_SENDER: Dispatcher._send,
    op.REG_SEND: Dispatcher._send_named,
    op.ALIAS_SEND: Dispatcher._send_alias,
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
    **dict.fromkeys(_PLAIN, Dispatcher._traced),
}
