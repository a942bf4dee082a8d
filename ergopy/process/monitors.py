"""Monitors that a process holds: one ``Down`` for each, and never more.

The record of a monitor leaves every table before it tells anything. So whatever
comes first (the end of the process, the loss of its node, ``demonitor``, the first
message to its alias) is the only thing that comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, final

from ..errors import LocalProtocolError
from .aliases import Aliases
from .atoms import DOWN, NOPROC
from .late import Late
from .messages import Down

if TYPE_CHECKING:
    from etf import Pid, Reference

    from .signals import RemoteNode, Signals

AliasMode = Literal["explicit_unalias", "demonitor", "reply_demonitor"]
"""What ends the alias of a monitor, besides ``unalias``; the modes of OTP."""

# For each mode: its first message ends it, the end of the monitor ends it.
_MODES: dict[Any, tuple[bool, bool]] = {
    "explicit_unalias": (False, False),
    "demonitor": (False, True),
    "reply_demonitor": (True, True),
    True: (True, True),
    False: (False, False),
}


def _mode(alias: Any) -> tuple[bool, bool]:
    mode = _MODES.get(alias)
    if mode is None:
        modes = ", ".join(repr(mode) for mode in _MODES)
        raise ValueError(f"alias= is one of {modes}, not {alias!r}")
    return mode


@final
class Monitor:
    """A monitor that a process of ours holds, on whomever."""

    __slots__ = ("owner", "priority", "ref", "remote", "reported", "tag", "target")

    def __init__(
        self,
        owner: Signals,
        ref: Reference,
        remote: RemoteNode | None,
        reported: Any,
        tag: Any = DOWN,
        priority: bool = False,
    ) -> None:
        self.owner = owner
        self.ref = ref
        self.remote = remote
        self.reported = reported
        self.tag = tag
        self.priority = priority
        # A process here, once it is found; over there, what the monitor names.
        self.target: Any = None

    def fire(self, reason: Any) -> None:
        owner, ref = self.owner, self.ref
        if owner.monitors.pop(ref, None) is not None:
            owner.end_bound_alias(ref)
            down = Down(ref, self.reported, reason, self.tag)
            if self.priority:
                owner.deliver_priority(down)
            else:
                owner.deliver(down)

    def release(self) -> None:
        """Make the other side forget it."""
        if self.remote is not None:
            self.remote.demonitor(self.owner.pid, self.target, self.ref)
        else:
            self.target.watchers.pop(self.ref.words, None)


class Monitors(Aliases):
    """A process as one that watches others."""

    __slots__ = ("_monitors",)

    _monitors: dict[Reference, Monitor] | None

    @property
    def monitors(self) -> dict[Reference, Monitor]:
        """The monitors that this process holds."""
        if self._monitors is None:
            self._monitors = {}
        return self._monitors

    def monitor_nowait(
        self,
        target: Pid | str | tuple[str, str],
        *,
        alias: bool | AliasMode = False,
        tag: Any = DOWN,
        priority: bool = False,
    ) -> Reference:
        """Start a monitor without waiting for a connection; see ``Process.monitor``."""
        runtime = self.runtime
        self.check_not_over()
        once, bound = _mode(alias)
        remote, whom, reported = runtime.locate(target)
        process = runtime.find(whom) if remote is None else None
        ref = self.new_ref()
        if process is self:
            # It would never fire; a BEAM keeps none either, and no alias.
            return ref
        owner: Any = self
        record = Monitor(owner, ref, remote, reported, tag, priority)
        self.monitors[ref] = record
        if alias is not False:
            self.add_alias(ref, once=once, bound=bound)
        if remote is not None:
            record.target = whom
            try:
                remote.monitor(self.pid, whom, ref, record)
            except BaseException:
                self.unalias(ref)
                del self.monitors[ref]
                raise
            return ref
        record.target = process
        if process is None:
            record.fire(NOPROC)
        else:
            process.watchers[ref.words] = record if process.alive else Late(record.fire)
        return ref

    def demonitor(
        self, ref: Reference, *, flush: bool = True, info: bool = True
    ) -> bool:
        """End a monitor; like ``erlang:demonitor/2``.

        Args:
            flush: Take a ``Down`` that is in the mailbox already out. It is the
                default here, and an option there.
            info: Return whether the monitor was there; without it always True. It is
                the default here, and an option there.

        Raises:
            LocalProtocolError: The reference is of another node.
        """
        record = self.monitors.pop(ref, None)
        if record is None:
            if ref.node != self.runtime.name:
                raise LocalProtocolError(f"no monitor of this node: {ref}")
            if flush:
                self.remove(
                    lambda m: m.__class__ is Down and m.ref == ref, self.number_of(ref)
                )
            return not info
        self.end_bound_alias(ref)
        record.release()
        return True
