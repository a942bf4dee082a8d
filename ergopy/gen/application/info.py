"""What can be seen of an application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from etf import Pid

    from .run import Run
    from .spec import ApplicationSpec, StartType


@final
@dataclass(frozen=True)
class ApplicationInfo:
    """An application as it was at that moment."""

    name: str
    version: str
    description: str
    dependencies: tuple[str, ...]
    state: str
    """``"loaded"``, ``"starting"``, ``"running"`` or ``"stopping"``."""
    start_type: StartType | None = None
    """How it was started."""
    pid: Pid | None = None
    """Its master, the group leader of its processes; a library has none."""
    top: Pid | None = None
    """Its top process, mostly a supervisor."""
    since: float | None = None
    """When its start began, by Trio's clock."""


def take(spec: ApplicationSpec, run: Run | None) -> ApplicationInfo:
    """Look at an application that is loaded, and at its *run* if there is one."""
    told = (spec.name, spec.version, spec.description, spec.needs)
    if run is None:
        return ApplicationInfo(*told, "loaded")
    state = "running" if run.up else "starting"
    return ApplicationInfo(
        *told,
        "stopping" if run.stopping else state,
        run.start_type,
        None if run.master is None else run.master.pid,
        None if run.top is None else run.top.pid,
        run.since,
    )
