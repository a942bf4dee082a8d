"""What can be seen of the processes of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Pid

from ..process import tracing
from ..process.info import process_info
from .membership import Membership

if TYPE_CHECKING:
    from ..abc import Instrument
    from ..process.process import Process


class Introspection(Membership):
    """The verbs of a node that look at its processes."""

    def processes(self) -> list[Pid]:
        """Return the pids of all living processes of this node; ``processes/0``."""
        root = self.runtime.root
        everybody = self.runtime.processes.values()
        return [process.pid for process in everybody if process is not root]

    def is_process_alive(self, pid: Pid) -> bool:
        """Tell whether a process of this node lives; ``is_process_alive/1``.

        One that has been sent a signal that ends it does not count as alive.

        Raises:
            ValueError: *pid* is of another node; ask that.
        """
        return self._living(pid) is not None

    def process_info(self, pid: Pid, item: Any = None) -> Any:
        """Look at a process of this node; ``process_info/1,2``.

        With the name of an item it returns ``(item, value)``, with a list of names a
        list of these, and without one the items that OTP shows by default. The shapes
        are OTP's, and so is ``[]`` for the ``registered_name`` of a process without a
        name. A process that is not alive gives None. ``memory`` is an estimate,
        ``reductions`` are the messages it took and sent, and its calls.

        Beside OTP's items there is ``dropped``, what a limited mailbox has dropped.

        Raises:
            ValueError: There is no such item, or *pid* is of another node.
        """
        process = self._living(pid)
        # A wrong item is one for the dead as well.
        info = process_info(process or self.runtime.root, item)
        return None if process is None else info

    def add_instrument(self, instrument: Instrument) -> None:
        """Let *instrument* hear what processes do; see :class:`ergopy.abc.Instrument`.

        It hears of what happens from now on, until :meth:`remove_instrument`.
        """
        tracing.attach(self.runtime, instrument)

    def remove_instrument(self, instrument: Instrument) -> None:
        """Let *instrument* hear no more.

        Raises:
            ValueError: It is not attached (any more).
        """
        tracing.detach(self.runtime, instrument)

    def _living(self, pid: Pid) -> Process | None:
        if not isinstance(pid, Pid) or pid.node != self.runtime.name:
            raise ValueError(f"no process of this node: {pid!r}")
        process = self.runtime.find(pid)
        return process if process is not None and process.alive else None
