"""Processes with a configuration, and how they come about.

A process without one is a plain :class:`Process`, and pays for nothing of this.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, final

import trio

from .. import environment
from ..limits import LimitedProcess
from ..root import RootProcess
from .allowance import Allowance
from .config import DEFAULT, ProcessConfig, narrowed
from .isolated import Isolated
from .lifetime import Lifetime
from .permissions import require
from .restricted import Restricted

if TYPE_CHECKING:
    from etf import Pid

    from ..limits import MailboxLimit
    from ..process import Process
    from ..runtime import Runtime
    from .copying import Copier


class Configured(Isolated, Restricted):
    """A process as one that has a configuration, and shares what that grants."""

    __slots__ = ()

    allowance: Allowance

    @property
    def copier(self) -> Copier:
        return self.allowance.copier

    def finish(self, reason: Any) -> None:
        self.allowance.give_back()
        super().finish(reason)


_SLOTS = ("allowance", "config")


@final
class ConfiguredProcess(Configured):
    """A configured process that takes any number of messages."""

    __slots__ = _SLOTS


@final
class ConfiguredLimitedProcess(Configured, LimitedProcess):
    """A configured process whose mailbox has a limit."""

    __slots__ = _SLOTS


@final
class ConfiguredRoot(Configured, RootProcess):
    """A node with a configuration, which is that of all its processes."""

    __slots__ = _SLOTS


def make_root(runtime: Runtime, config: ProcessConfig | None) -> Process:
    """Return the process in whose name the node acts."""
    if config is None:
        return RootProcess(runtime, "node")
    return _given(ConfiguredRoot(runtime, "node"), config, None)


def make(
    runtime: Runtime,
    label: Any,
    parent: Pid,
    starter: Process,
    config: ProcessConfig | None,
    mailbox: MailboxLimit | None,
    named: bool,
) -> Configured:
    """Return a process for the table; ``begin`` is to follow when it is in there.

    Raises:
        NotPermitted: *starter* may not start processes, or give them names.
        SystemLimit: There is no room for one more.
    """
    require(starter, "may_spawn")
    if named:
        require(starter, "may_register")
    above = starter.allowance if isinstance(starter, Configured) else None
    if above is not None:
        above.check_room()
    config = narrowed(starter.config or DEFAULT, config or DEFAULT)
    limit = mailbox or config.mailbox
    if limit is None:
        return _given(ConfiguredProcess(runtime, label, parent), config, above)
    process = ConfiguredLimitedProcess(runtime, label, parent, limit)
    return _given(process, config, above)


def begin(process: Configured) -> None:
    """Let the time of *process* begin, and its room be taken; it is in the table."""
    allowance = process.allowance
    allowance.take()
    if allowance.deadline != math.inf:
        Lifetime(process, max(0.0, allowance.deadline - trio.current_time()))
    environment.extend(process, allowance.config.environment)


def _given(
    process: ConfiguredProcess | ConfiguredLimitedProcess | ConfiguredRoot,
    config: ProcessConfig,
    above: Allowance | None,
) -> Configured:
    process.config = config
    copier = process.runtime.copiers[config.copy or "none"]
    process.allowance = Allowance(process.pid, config, above, copier)
    return process
