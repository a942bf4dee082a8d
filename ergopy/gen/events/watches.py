"""Whose end an event server hears of: subscribers, owners, and other servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Pid

if TYPE_CHECKING:
    from etf import Reference

    from ...process.messages import Down
    from ...process.process import Process
    from ...process.signals import Watcher


@final
class Watches:
    """Records to be told when a process ends.

    Of a process of this node they hear in the step in which it ends, so that nothing is
    ever sent to it after that; of others by a monitor that the server holds.
    """

    def __init__(self, server: Process) -> None:
        self._server = server
        self._here: dict[Watcher, Process] = {}
        self._refs: dict[Watcher, Reference] = {}
        self._by_ref: dict[Reference, Watcher] = {}

    def watch(self, target: Any, record: Watcher) -> bool:
        """Tell *record* of the end of *target*; return False if that is over."""
        runtime = self._server.runtime
        if isinstance(target, Pid) and runtime.is_local(target.node):
            process = runtime.find(target)
            if process is None or not process.alive:
                return False
            self._here[record] = process
            process.watchers[record] = record
        else:
            ref = self._refs[record] = self._server.monitor_nowait(target)
            self._by_ref[ref] = record
        return True

    def unwatch(self, record: Watcher) -> None:
        """Tell *record* nothing any more."""
        process = self._here.pop(record, None)
        if process is not None:
            process.watchers.pop(record, None)
        ref = self._refs.pop(record, None)
        if ref is not None:
            del self._by_ref[ref]
            self._server.demonitor(ref)

    def took(self, down: Down) -> bool:
        """Pass a ``DOWN`` on; return whether somebody waited for it."""
        record = self._by_ref.get(down.ref)
        if record is not None:
            record.fire(down.reason)
        return record is not None
