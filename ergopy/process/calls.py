"""``gen_server:call``: monitor, alias and reply slot in one record.

The reply, the end of the callee, the loss of its node and the timeout all resolve
the same slot, and the first one takes the record out of every table. A late reply
then finds no alias and is dropped; nothing stale can reach a mailbox.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import trio

from etf import ImproperList, Pid, Reference, same

from ..errors import CallExit, CallTimeout, NamesNotKept, NodeDown, NoProcess
from . import global_names
from .atoms import (
    ALIAS,
    CALLING_SELF,
    GEN_CALL,
    NOCONNECTION,
    NOPROC,
    SYSTEM,
    TERMINATE,
)
from .slot import UNSET, Slot

if TYPE_CHECKING:
    from .process import Process
    from .signals import RemoteNode
    from .timers import Timer

_ALIAS_ONLY = [ALIAS]


class Call(Slot):
    """One call in flight. Its value is ``(kind, term)``."""

    __slots__ = ("caller", "last", "ref", "remote", "target", "timer")

    def __init__(
        self,
        caller: Process,
        ref: Reference,
        remote: RemoteNode | None,
        target: Any,
        last: bool,
    ) -> None:
        super().__init__()
        self.last = last
        self.caller = caller
        self.ref = ref
        self.remote = remote
        # A name here is replaced by the process that has it now.
        self.target = target
        self.timer: Timer | None = None
        """What ends the waiting, if that has an end."""

    priority = False
    """An answer is an ordinary message."""

    @property
    def owner(self) -> Process:
        """Whom an exit signal to the alias is for."""
        return self.caller

    def deliver_priority(self, message: Any) -> None:
        self.deliver(message)

    def deliver(self, message: Any) -> None:
        """Take the reply, ``{Tag, Reply}``; anything else is no reply and is dropped.

        The last call of all is over when the callee is, not when it says ``ok``.
        """
        if message.__class__ is tuple and len(message) == 2 and not self.last:
            self.release()
            self.resolve(("reply", message[1]))

    def fire(self, reason: Any) -> None:
        """Take the callee's end."""
        if self.timer is not None:
            self.timer.drop()
        self.caller.runtime.aliases.pop(self.ref.words, None)
        self.resolve(("down", reason))

    def time_out(self) -> None:
        """Give up waiting."""
        self.release()
        self.resolve(("timeout", None))

    def release(self) -> None:
        """Leave the tables: drop the timer and the alias, end the monitor."""
        if self.timer is not None:
            self.timer.drop()
        runtime = self.caller.runtime
        ref, target = self.ref, self.target
        if runtime.aliases.pop(ref.words, None) is None:
            return
        if target.__class__ is Reference:
            return
        if self.remote is not None:
            self.remote.demonitor(self.caller.pid, target, ref)
        else:
            target.watchers.pop(ref.words, None)


async def call(
    caller: Process,
    dest: Any,
    request: Any,
    timeout: float | None,
    *,
    kind: Any = GEN_CALL,
) -> Any:
    """Send ``{'$gen_call', {Caller, [alias|Ref]}, Request}`` and wait for the answer.

    Local and remote alike. Cancelling it releases the monitor and the alias.
    """
    try:
        record, left = prepare(caller, dest, timeout), timeout
    except NamesNotKept:
        record, left = await prepare_asking(caller, dest, timeout)
    if record.remote is not None and not record.remote.is_ready(caller.pid):
        left = await _connect(record, dest, left)
    caller.spent += 1
    begin(record, kind, request, left)
    what, value = await record.wait(record.release)
    if what == "reply":
        return value
    raise failure(dest, what, value, timeout, record.target)


async def stop(caller: Process, dest: Any, reason: Any, timeout: float | None) -> None:
    """Send the system message ``{terminate, Reason}`` and wait for that very end."""
    try:
        record, left = prepare(caller, dest, timeout, last=True), timeout
    except NamesNotKept:
        record, left = await prepare_asking(caller, dest, timeout, last=True)
    if record.remote is not None and not record.remote.is_ready(caller.pid):
        left = await _connect(record, dest, left)
    begin(record, SYSTEM, (TERMINATE, reason), left)
    what, value = await record.wait(record.release)
    if what != "down" or not same(value, reason):
        raise failure(dest, what, value, timeout, record.target)


def prepare(
    caller: Process,
    dest: Any,
    timeout: float | None,
    *,
    last: bool = False,
    kind: type[Call] | None = None,
) -> Call:
    """Return the record of a call that has not begun.

    Raises:
        LocalProtocolError: *dest* is nothing that can be called.
        ValueError: *timeout* is no number of seconds.
    """
    if timeout is not None and not timeout >= 0:
        raise ValueError(f"a timeout is a number of seconds, not {timeout!r}")
    runtime = caller.runtime
    target: Any
    if dest.__class__ is Reference:
        remote, target = runtime.remote(dest), dest
    else:
        remote, target, _ = runtime.locate(dest)
    return (kind or Call)(caller, runtime.new_reference(), remote, target, last)


async def prepare_asking(
    caller: Process, dest: Any, timeout: float | None, **options: Any
) -> tuple[Call, float | None]:
    """Do as :func:`prepare` where another node has to be asked for a global name.

    Returns also the seconds that are left.

    Raises:
        NoProcess: Nobody has the name.
        CallTimeout: No answer in time.
    """
    seconds = math.inf if timeout is None else timeout
    pid = None
    with trio.move_on_after(seconds) as scope:
        pid = await global_names.ask(caller.runtime, dest)
    if scope.cancelled_caught:
        raise CallTimeout(dest, seconds)
    if pid is None:
        raise NoProcess(dest)
    left = max(0.0, scope.deadline - trio.current_time())
    return prepare(caller, pid, left, **options), left


def begin(record: Call, kind: Any, request: Any, timeout: float | None = None) -> None:
    """Send the request of a call, which is in flight then. Never waits."""
    caller, ref = record.caller, record.ref
    runtime = caller.runtime
    message = (kind, (caller.pid, ImproperList(_ALIAS_ONLY, ref)), request)
    runtime.aliases[ref.words] = record
    try:
        _send(record, message)
    except BaseException:
        record.release()
        raise
    if timeout is not None and timeout != math.inf and record.value is UNSET:
        record.timer = runtime.timers.start(timeout, record.time_out)


async def _connect(record: Call, dest: Any, timeout: float | None) -> float | None:
    """Wait for the connection; return the seconds that are left for the answer."""
    seconds = math.inf if timeout is None else timeout
    remote: Any = record.remote
    with trio.move_on_after(seconds) as scope:
        if not await remote.ready(record.caller.pid):
            node = _node_of(dest, record.target)
            raise NodeDown(node, f"not connected: {remote.problem}")
    if scope.cancelled_caught:
        raise CallTimeout(dest, seconds)
    return max(0.0, scope.deadline - trio.current_time())


def _send(record: Call, message: Any) -> None:
    caller, target, remote = record.caller, record.target, record.remote
    runtime = caller.runtime
    if target.__class__ is Reference:
        caller.send_nowait(target, message)
    elif remote is None:
        process = runtime.find(target)
        record.target = process
        if process is None or not process.alive:
            record.fire(NOPROC)
        elif process is caller and not caller.in_helper():
            raise CallExit(target, CALLING_SELF)
        else:
            process.watchers[record.ref.words] = record
            process.offer(message)
    else:
        remote.call(caller.pid, target, record.ref, message, record)


def failure(
    dest: Any, what: str, value: Any, timeout: float | None, target: Any = None
) -> Exception:
    """Make the exception for a call of *dest* that came to something else."""
    if what == "timeout":
        return CallTimeout(dest, timeout or 0.0)
    if value == NOPROC:
        return NoProcess(dest)
    if value == NOCONNECTION:
        node = _node_of(dest, target)
        return NodeDown(node, "the connection was lost during the call")
    return CallExit(dest, value)


def _node_of(dest: Any, target: Any) -> str:
    if target.__class__ is Pid:
        return str(target.node)
    return str(dest[1] if isinstance(dest, tuple) else dest.node)


def reply_alias(tag: Any) -> Reference | None:
    """Return the alias that the tag of a call has in it, if any: answer to that.

    It is ``[alias | Ref]``, or ``[[alias | Ref] | Other]`` of a multi_call.
    """
    if tag.__class__ is list and tag:
        tag = tag[0]
    if tag.__class__ is ImproperList:
        inner = tag.items[0]
        if inner.__class__ is ImproperList:
            # The other half may be a reference too, but nobody listens to it.
            tag = inner
        if tag.items[0] is ALIAS and tag.tail.__class__ is Reference:
            return tag.tail
    return None
