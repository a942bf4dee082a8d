"""The processes of an application as a tree, as the observer's view of them wants it.

From the master of the application on it follows the links. A link to a child, as the
ancestors of that one say, is drawn in full; every other link is a secondary one. What
belongs to another application is left out, and so is the application controller.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import etf
from etf import Charlist, Pid

from ...process.atoms import ANCESTORS
from ...process.info import process_info

if TYPE_CHECKING:
    from ...process.process import Process

MAX_PROCESSES = 10_000
"""Processes of one tree that are shown; nobody can look at more."""

_AVOIDED = ("application_controller", "init", "appmon_info")

Edge = tuple[Pid, Pid]


class AppTree(NamedTuple):
    """What is below the master of an application."""

    root: Pid
    members: list[Pid]
    children: list[Edge]
    """Links between a process and those that it started."""
    others: list[Edge]
    """The other links."""


def app_tree(node: Any, name: Any) -> AppTree | None:
    """Return the tree of an application; None if there is nothing of it that runs."""
    info = node.applications.find(name)
    master = None if info is None or info.pid is None else node.runtime.find(info.pid)
    return None if master is None else _Search(node, master).run()


def shown(node: Any, pid: Pid) -> Charlist:
    """Write who that is: its name, or its label and pid; with the node of another."""
    local = f"<0.{pid.id}.{pid.serial}>"
    if pid.node != node.name:
        return Charlist(f"<{pid.id}.{pid.serial}> {pid.node}")
    process = node.runtime.find(pid)
    if process is None:
        return Charlist(local)
    if process.names:
        return Charlist(process.names[0])
    label = process.label
    text = label if isinstance(label, str) else etf.format(label)
    return Charlist(f"{text} {local}")


def supervised(process: Process) -> list[Any]:
    """Return the children of a supervisor in the order of their start, or nothing."""
    supervisor = process.supervisor
    if getattr(supervisor, "process", None) is not process:
        return []
    return sorted(getattr(supervisor, "_children", ()), key=lambda one: one.number)


class _Search:
    def __init__(self, node: Any, master: Process) -> None:
        self._runtime = node.runtime
        self._leader = master.group_leader
        self._avoided = {node.whereis(name) for name in _AVOIDED}
        self._queue = deque([master.pid])
        self._known = {master.pid}
        self._tree = AppTree(master.pid, [], [], [])

    def run(self) -> AppTree:
        """Return what there is."""
        tree, queue = self._tree, self._queue
        done: set[Pid] = set()
        while queue and len(tree.members) < MAX_PROCESSES:
            pid = queue.popleft()
            done.add(pid)
            tree.members.append(pid)
            for other in self._links(pid):
                if other not in done and other not in self._avoided:
                    self._look_at(pid, other)
        return tree

    def _links(self, pid: Pid) -> list[Pid]:
        """Return to whom a process is linked, its children as they were started.

        A child that was restarted keeps its place.
        """
        process = self._runtime.find(pid)
        if process is None:
            return []
        links: list[Pid] = process_info(process, "links")[1]
        places = {child.pid: at for at, child in enumerate(supervised(process), 1)}
        return sorted(links, key=lambda other: places.get(other, 0))

    def _look_at(self, above: Pid, pid: Pid) -> None:
        process = self._runtime.find(pid)
        if pid.node != self._runtime.name:
            self._tree.others.append((above, pid))
            self._follow(pid)
        elif process is None:
            return
        elif (parent := _parent(process)) is not None:
            if self._pid_of(parent) == above:
                self._tree.children.append((above, pid))
                self._follow(pid)
            else:
                self._tree.others.append((above, pid))
        elif process.group_leader == self._leader:
            edges = self._tree.others if pid in self._known else self._tree.children
            edges.append((above, pid))
            self._follow(pid)

    def _follow(self, pid: Pid) -> None:
        if pid not in self._known:
            self._known.add(pid)
            self._queue.append(pid)

    def _pid_of(self, who: Any) -> Any:
        return self._runtime.whereis(who) if isinstance(who, str) else who


def _parent(process: Process) -> Any:
    """Return the first of the ancestors: a pid or a name; None if it tells none."""
    ancestors = (process._dictionary or {}).get(ANCESTORS)
    return ancestors[0] if isinstance(ancestors, list) and ancestors else None


def as_terms(node: Any, tree: AppTree | None) -> tuple[Any, ...]:
    """Return a tree in the form in which ``appmon_info`` delivers it."""
    if tree is None:
        return ([], [], [], [])
    names = {pid: shown(node, pid) for pid in tree.members}

    def name(pid: Pid) -> Charlist:
        return names[pid] if pid in names else shown(node, pid)

    return (
        name(tree.root),
        list(names.items()),
        [(name(above), name(below)) for above, below in tree.children],
        [(name(above), name(below)) for above, below in tree.others],
    )
