"""Changes of groups, for a program outside of any process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, final

from ...node.stream import Stream

if TYPE_CHECKING:
    from etf import Atom, Pid

    from .scope import Scope
    from .table import Group


class Listener(Protocol):
    """Is told of each change of a scope; must neither wait nor raise."""

    def tell(self, what: Atom, group: Group, pids: list[Pid], /) -> None:
        """Take a change, which is in the table already."""


@final
@dataclass(frozen=True, slots=True)
class GroupChange:
    """Processes that have joined a group, or have left it or ended."""

    kind: Atom
    """``join`` or ``leave``."""
    group: Any
    pids: list[Pid]


@final
class GroupChanges(Stream[GroupChange]):
    """What becomes of a group, or of all of a scope; see ``ProcessGroups.changes``."""

    def __init__(self, scope: Scope, key: Any, limit: int) -> None:
        super().__init__(scope.runtime.node_monitors, limit)
        self._scope = scope
        self._key = key
        self.groups: list[tuple[Any, list[Pid]]] = []
        """Who was in the groups when the block was entered."""

    def _begin(self) -> None:
        self.groups = [
            (group.term, list(group.members()))
            for group in self._scope.table
            if self._key is None or group.key == self._key
        ]
        self._scope.listeners.append(self)

    def _end(self) -> None:
        self._scope.listeners.remove(self)

    def tell(self, what: Atom, group: Group, pids: list[Pid]) -> None:
        """Take a change."""
        if self._key is None or group.key == self._key:
            self.deliver(GroupChange(what, group.term, list(pids)))
