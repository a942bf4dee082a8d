"""What other nodes may ask by rpc of the process groups."""

from __future__ import annotations

from typing import Any

from etf import Atom

from ...node.questions import Refused, Room
from .groups import PG

ROOM = Room("pg")

_NONE: Any = object()


def _groups(node: Any, scope: Any) -> Any:
    return node.pg.existing(scope)


def _asked(node: Any, scope: Any, group: Any) -> tuple[Any, Any]:
    """Tell ``(Group)`` from ``(Scope, Group)``."""
    return (
        (_groups(node, PG), scope) if group is _NONE else (_groups(node, scope), group)
    )


@ROOM.reads
def get_members(node: Any, scope: Any, group: Any = _NONE) -> list[Any]:
    """Who is in a group, on all nodes."""
    groups, group = _asked(node, scope, group)
    return [] if groups is None else list(groups.members(group))


@ROOM.reads
def get_local_members(node: Any, scope: Any, group: Any = _NONE) -> list[Any]:
    """Who is in a group, of this node."""
    groups, group = _asked(node, scope, group)
    return [] if groups is None else list(groups.local_members(group))


@ROOM.reads
def which_groups(node: Any, scope: Any = PG) -> list[Any]:
    """The groups that have members."""
    return list(_present(node, scope).groups())


@ROOM.reads
def which_local_groups(node: Any, scope: Any = PG) -> list[Any]:
    """The groups that have members of this node."""
    return list(_present(node, scope).local_groups())


def _present(node: Any, scope: Any) -> Any:
    groups = _groups(node, scope)
    if groups is None:
        # There the table would be missing.
        raise Refused(Atom("badarg"))
    return groups
