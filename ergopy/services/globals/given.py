"""What the verbs of ``node.globals`` are given, checked."""

from __future__ import annotations

from typing import Any

from etf import Pid

from ...gen.registry.keys import mark_of
from ...process.global_names import name_of


def pid_of(process: Any) -> Pid:
    """Return the pid of a process, a behaviour, or itself."""
    found = getattr(process, "pid", process)
    if found.__class__ is not Pid:
        raise TypeError(f"a process, or its pid, is to have the name, not {process!r}")
    return found


def lock_id(id: Any) -> tuple[Any, Any]:
    """Return the id of a lock, two terms."""
    if not (isinstance(id, tuple) and len(id) == 2):
        raise ValueError(f"the id of a lock is (resource, requester), not {id!r}")
    for part in id:
        mark_of(part)
    return name_of(id[0]), name_of(id[1])
