"""Where the answers of tasks arrive for somebody who has no mailbox to read.

A process that starts tasks finds their messages in its own mailbox, as in Elixir, so
that a server may take them in ``handle_info``. A program outside of all processes has
no mailbox, and a helper task must not read that of its process: an :class:`Inbox`
stands in for it, with the same few verbs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import trio

from ...process.atoms import NOPROC
from ...process.late import Late
from ...process.mailbox import Mailbox
from ...process.messages import Down

if TYPE_CHECKING:
    from etf import Pid, Reference

    from ...process.process import Process
    from ...process.signals import RemoteNode


@final
class Inbox(Mailbox):
    """A mailbox of its own for what is asked in the name of a process."""

    __slots__ = ("_watches", "owner")

    priority = False
    """No answer is urgent."""

    def __init__(self, owner: Process) -> None:
        super().__init__(owner.timers)
        self.owner = owner
        self._watches: dict[Reference, _Watch] = {}

    def new_ref(self) -> Reference:
        """Make a reference."""
        return self.owner.runtime.new_reference()

    def monitor_nowait(self, target: Pid, *, alias: Any = False) -> Reference:
        """Watch *target*; with *alias* the reference leads here until that is over."""
        runtime = self.owner.runtime
        ref = runtime.new_reference()
        remote = runtime.remote(target)
        watch = _Watch(self, ref, target, remote)
        self._watches[ref] = watch
        if alias:
            runtime.aliases[ref.words] = self
        if remote is not None:
            remote.monitor(self.owner.pid, target, ref, watch)
        elif (process := runtime.find(target)) is not None:
            process.watchers[ref.words] = watch if process.alive else Late(watch.fire)
        else:
            watch.fire(NOPROC)
        return ref

    def demonitor(self, ref: Reference, *, flush: bool = True) -> bool:
        """Watch no longer, and take a ``Down`` that is here already out."""
        watch = self._watches.get(ref)
        if watch is not None:
            watch.release()
        elif flush:
            self.remove(lambda m: m.__class__ is Down and m.ref == ref)
        return watch is not None

    def forget(self, ref: Reference) -> None:
        """Take what belongs to a monitor out of the tables."""
        del self._watches[ref]
        self.owner.runtime.aliases.pop(ref.words, None)


@final
class _Watch:
    """A monitor whose ``Down`` goes to an inbox."""

    __slots__ = ("_inbox", "_ref", "_remote", "_target", "owner")

    def __init__(
        self, inbox: Inbox, ref: Reference, target: Pid, remote: RemoteNode | None
    ) -> None:
        self.owner = inbox.owner
        self._inbox = inbox
        self._ref = ref
        self._target = target
        self._remote = remote

    def fire(self, reason: Any) -> None:
        self._inbox.forget(self._ref)
        self._inbox.deliver(Down(self._ref, self._target, reason))

    def release(self) -> None:
        self._inbox.forget(self._ref)
        owner = self.owner
        if self._remote is not None:
            self._remote.demonitor(owner.pid, self._target, self._ref)
        elif (process := owner.runtime.find(self._target)) is not None:
            process.watchers.pop(self._ref.words, None)


def mailbox_of(process: Process) -> Process | Inbox:
    """Return where the running task may read what is for *process*.

    That is the mailbox of the process if its body runs, and a new inbox otherwise.
    """
    return process if is_body(process) else Inbox(process)


def is_body(process: Process) -> bool:
    """Tell whether the task that runs is the one that *process* is."""
    life = process.life
    return life is not None and trio.lowlevel.current_task().coro is life
