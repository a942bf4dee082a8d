"""Where processes are that a test looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ..process.runtime import Runtime

if TYPE_CHECKING:
    from .._main import Node
    from .lone import Probe

Place: TypeAlias = "Node | Probe | Runtime"
"""A node; or what a process that runs alone is in, by its probe."""


def runtime_of(place: Place) -> Runtime:
    """Return the table of the processes of *place*."""
    return place if isinstance(place, Runtime) else place.runtime
