"""What a process may do: the question that its verbs ask, if it has a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import NotPermitted

if TYPE_CHECKING:
    from ..process import Process
    from ..runtime import Runtime
    from .config import Right


def require(process: Process, right: Right) -> None:
    """Raise NotPermitted unless *process* has that right."""
    config = process.config
    if config is not None and not getattr(config, right):
        raise NotPermitted(process.pid, right)


def require_of_running(runtime: Runtime, right: Right) -> None:
    """Raise NotPermitted if a process runs now that does not have that right.

    For the verbs of the node, which belong to no process.
    """
    running = runtime.current
    config = getattr(running, "config", None)
    if config is not None and not getattr(config, right):
        raise NotPermitted(running.pid, right)  # type: ignore[attr-defined]


def require_call(process: Process, module: str) -> None:
    """Raise NotPermitted unless *process* may call functions of *module* with rpc."""
    config = process.config
    allowed = None if config is None else config.may_call
    if allowed is not None and module not in allowed:
        raise NotPermitted(process.pid, f"may_call {module}")
