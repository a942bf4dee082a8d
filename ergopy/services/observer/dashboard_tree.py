"""The processes of an application as the LiveDashboard draws them.

Supervisors and their children come first. A process without children shows what it is
linked to, if that belongs to the same application and is not in the tree yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid

from ...process.atoms import ANCESTORS, ERROR
from ...process.info import process_info
from .app_tree import supervised

if TYPE_CHECKING:
    from ...process.process import Process

MAX_PROCESSES = 10_000
"""Processes of one tree that are shown; nobody can look at more."""

_ANCESTOR = Atom("ancestor")
_LINK = Atom("link")
_MASTER = Atom("master")
_SUPERVISOR = Atom("supervisor")
_WORKER = Atom("worker")

Tree = tuple[tuple[Atom, Any, Any], list[Any]]


def app_tree(node: Any, name: Any) -> Any:
    """Return ``{{master, Pid, []}, Children}``; ``error`` if nothing of it runs."""
    info = node.applications.find(name)
    if info is None or info.pid is None or info.top is None:
        return ERROR
    top = node.runtime.find(info.top)
    if top is None:
        return ERROR
    tree = [_Search(node, info.pid, top).tree(top, _SUPERVISOR)]
    ancestors = (top._dictionary or {}).get(ANCESTORS)
    if isinstance(ancestors, list) and len(ancestors) == 1:
        tree = [((_ANCESTOR, ancestors[0], []), tree)]
    return (_MASTER, info.pid, []), tree


class _Search:
    def __init__(self, node: Any, master: Pid, top: Process) -> None:
        self._runtime = node.runtime
        self._master = master
        self._seen = {master, top.pid}
        self._children: dict[Pid, list[tuple[Process, Atom]]] = {}
        self._survey(top)

    def _survey(self, top: Process) -> None:
        """Find all that is supervised before any link is followed."""
        waiting = [top]
        while waiting and len(self._seen) < MAX_PROCESSES:
            process = waiting.pop()
            below = self._children[process.pid] = list(self._supervised(process))
            self._seen.update(child.pid for child, _ in below)
            waiting.extend(child for child, kind in below if kind is _SUPERVISOR)

    def _supervised(self, process: Process) -> Any:
        for child in supervised(process):
            if child.process is not None and child.is_running:
                yield child.process, Atom(str(child.spec.type))

    def tree(self, process: Process, kind: Atom) -> Tree:
        """Return a process and what is below it."""
        below = self._children.get(process.pid)
        if not below and len(self._seen) < MAX_PROCESSES:
            below = list(self._linked(process, kind))
        name = Atom(process.names[0]) if process.names else []
        return (kind, process.pid, name), [self.tree(*child) for child in below or ()]

    def _linked(self, process: Process, kind: Atom) -> Any:
        found = _WORKER if kind is _SUPERVISOR else _LINK
        for pid in process_info(process, "links")[1]:
            other = self._runtime.find(pid)
            if pid in self._seen or other is None or other.group_leader != self._master:
                continue
            self._seen.add(pid)
            yield other, found
