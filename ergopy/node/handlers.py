"""The rarer operations from a peer, one function for each (protocol 4.1).

Each takes the dispatcher of the connection, the control tuple, and the message or
exit reason behind it. Ways to say the same in older forms, or with a trace token,
lead to one function. The token is ignored: this node does not trace.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from etf import Pid

from ..dist import control as op
from ..errors import RemoteProtocolError
from ..process.atoms import NOPROC
from ..process.late import Late
from ..process.links import is_active
from .checks import (
    as_atom,
    check_pid,
    check_reference,
    check_sender,
    check_unlink_id,
    find,
    find_ours,
    is_atom,
    is_own,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..process.process import Process
    from .dispatch import Dispatcher

    Control = tuple[Any, ...]
    Handler = Callable[[Dispatcher, Control, Any], None]


def send(at: Dispatcher, control: Control, message: Any) -> None:
    """Take SEND and SEND_SENDER: a message to a pid."""
    at.message(control[2], message)


def send_named(at: Dispatcher, control: Control, message: Any) -> None:
    """Take REG_SEND: a message to a name."""
    check_pid(control[1])
    at.named(control[3], message)


def send_alias(at: Dispatcher, control: Control, message: Any) -> None:
    """Take ALIAS_SEND: a message to an alias."""
    at.alias(control[2], message)


def _to_alias(at: Dispatcher, to: Any, message: Any, *, priority: bool) -> None:
    receiver = at.find_alias(to)
    if receiver is None:
        return
    if priority:
        receiver.deliver_priority(message)
    else:
        receiver.deliver(message)


def altact(at: Dispatcher, control: Control, message: Any) -> None:
    """Take ALTACT_SIG_SEND: its flags say what it is, and for whom."""
    if (problem := op.problem(control)) is not None:
        raise RemoteProtocolError(problem)
    _, flags, sender, to = control[:4]
    check_pid(sender)
    priority = bool(flags & op.ALTACT_PRIORITY)
    if not flags & op.ALTACT_EXIT:
        if flags & op.ALTACT_ALIAS:
            _to_alias(at, to, message, priority=priority)
        elif flags & op.ALTACT_NAME:
            at.named(to, message)
        else:
            at.message(to, message)
    elif flags & op.ALTACT_ALIAS:
        receiver = at.find_alias(to)
        if receiver is not None:
            urgent = priority and receiver.priority
            receiver.owner.exit_from(sender, message, link=False, priority=urgent)
    else:
        runtime = at.runtime
        named = flags & op.ALTACT_NAME
        process = runtime.names.get(as_atom(to)) if named else find(runtime, to)
        if process is not None:
            process.exit_from(sender, message, link=False)


def link(at: Dispatcher, control: Control, _: Any) -> None:
    """Take LINK; to nobody it is answered with an exit."""
    _, sender, to = control
    check_sender(sender, at.peer.name)
    process = find_ours(at.runtime, to)
    if process is None:
        at.peer.exit_link(to, sender, NOPROC)
    elif not process.alive:
        late = Late(partial(at.peer.exit_link, to, sender))
        process.watchers[late] = late
    elif sender not in process.links:
        # If it is there our own unlink may be on its way, and undoes this one.
        at.peer.add_link(process, sender)


def old_unlink(at: Dispatcher, control: Control, _: Any) -> None:
    """Take UNLINK of the oldest nodes, which wants no answer."""
    _, sender, to = control
    check_sender(sender, at.peer.name)
    _unlink(at, sender, to)


def unlink(at: Dispatcher, control: Control, _: Any) -> None:
    """Take UNLINK_ID, and acknowledge it before anything else, whoever it is for."""
    _, number, sender, to = control
    check_unlink_id(number, 1)
    check_sender(sender, at.peer.name)
    find_ours(at.runtime, to)
    at.peer.emit((op.UNLINK_ID_ACK, number, to, sender))
    _unlink(at, sender, to)


def _unlink(at: Dispatcher, sender: Pid, to: Any) -> None:
    process = find_ours(at.runtime, to)
    if process is not None and is_active(process.links.get(sender)):
        process.forget_link(sender)
        at.peer.forget_link(process, sender)


def unlink_ack(at: Dispatcher, control: Control, _: Any) -> None:
    """Take UNLINK_ID_ACK: only now the link is gone for good."""
    _, number, sender, to = control
    check_unlink_id(number, 0)
    check_sender(sender, at.peer.name)
    process = find_ours(at.runtime, to)
    if process is not None and number and process.links.get(sender) == number:
        process.forget_link(sender)
        at.peer.forget_link(process, sender)


def exit_link(at: Dispatcher, control: Control, reason: Any) -> None:
    """Take the end of a link partner."""
    sender, process, reason = _exit_parts(at, control, reason, op.EXIT)
    if process is not None:
        at.peer.forget_link(process, sender)
        process.break_link(sender, reason)


def exit_signal(at: Dispatcher, control: Control, reason: Any) -> None:
    """Take an exit signal as of ``exit/2``."""
    sender, process, reason = _exit_parts(at, control, reason, op.EXIT2)
    if process is not None:
        process.exit_from(sender, reason, link=False)


def _exit_parts(
    at: Dispatcher, control: Control, reason: Any, old_form: int
) -> tuple[Pid, Process | None, Any]:
    """Return sender, receiver and reason; in the old form that is in the tuple."""
    if control[0] == old_form:
        _, sender, to, reason = control
    else:
        _, sender, to = control
    check_sender(sender, at.peer.name)
    return sender, find_ours(at.runtime, to), reason


def down(at: Dispatcher, control: Control, reason: Any) -> None:
    """Take the end of a process that one of ours monitors."""
    if control[0] == op.MONITOR_P_EXIT:
        _, target, watcher, ref, reason = control
    else:
        _, target, watcher, ref = control
    check_reference(ref)
    find_ours(at.runtime, watcher)
    if target.__class__ is not Pid:
        as_atom(target)
    if is_own(at.runtime, ref):
        record = at.peer.monitors.pop(ref.words, None)
        if record is not None:
            record.fire(reason)


def spawn_request(at: Dispatcher, control: Control, arguments: Any) -> None:
    """Take SPAWN_REQUEST; somebody else answers it."""
    at.serve_spawn(at.peer, control, arguments)


def spawn_reply(at: Dispatcher, control: Control, _: Any) -> None:
    """Take the answer to a request of ours."""
    _, request, to, flags, result = control
    check_reference(request)
    if request.node != at.runtime.name:
        raise RemoteProtocolError("that is no request of ours")
    find_ours(at.runtime, to)
    if type(flags) is not int or not 0 <= flags < 1 << 32:
        raise TypeError("the flags of a spawn reply are a small number")
    if result.__class__ is not Pid:
        if not is_atom(result):
            raise TypeError("the result of a spawn is a pid or an atom")
    elif result.node == at.runtime.name:
        raise RemoteProtocolError("a peer cannot have started a process of ours")
    if is_own(at.runtime, request):
        waiter = at.peer.spawns.pop(request.words, None)
        if waiter is not None:
            waiter.spawned(flags, result)


def group_leader(at: Dispatcher, control: Control, _: Any) -> None:
    """Take GROUP_LEADER, for a process of ours that lives."""
    _, leader, to = control
    check_pid(leader)
    process = find(at.runtime, to)
    if process is not None:
        process.group_leader = leader


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


def traced(at: Dispatcher, control: Control, message: Any) -> None:
    """Take the form without the trace token."""
    number = control[0]
    if (problem := op.problem(control)) is not None:
        raise RemoteProtocolError(problem)
    plain = list(control)
    del plain[-2 if number in (op.EXIT_TT, op.EXIT2_TT) else -1]
    plain[0] = _PLAIN[number]
    HANDLERS[plain[0]](at, tuple(plain), message)


HANDLERS: dict[Any, Handler] = {
    op.SEND: send,
    op.SEND_SENDER: send,
    op.REG_SEND: send_named,
    op.ALIAS_SEND: send_alias,
    op.ALTACT_SIG_SEND: altact,
    op.LINK: link,
    op.EXIT: exit_link,
    op.PAYLOAD_EXIT: exit_link,
    op.UNLINK: old_unlink,
    op.UNLINK_ID: unlink,
    op.UNLINK_ID_ACK: unlink_ack,
    op.GROUP_LEADER: group_leader,
    op.EXIT2: exit_signal,
    op.PAYLOAD_EXIT2: exit_signal,
    op.MONITOR_P_EXIT: down,
    op.PAYLOAD_MONITOR_P_EXIT: down,
    op.SPAWN_REQUEST: spawn_request,
    op.SPAWN_REPLY: spawn_reply,
    **dict.fromkeys(_PLAIN, traced),
}
"""Who carries out an operation, by its number."""
