"""A supervision tree as text, one line for each process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._text import duration, printable
from ..._text import tree as drawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tree import TreeNode


def lines(node: TreeNode) -> Iterator[str]:
    """Draw *node* and all below it."""
    return drawn(_line(node), map(lines, node.children))


def _line(node: TreeNode) -> str:
    parts = [node.shown_id, node.kind, *filter(None, (node.strategy, node.restart))]
    if node.significant:
        parts.append("significant")
    if node.state != "running":
        parts.append(node.state)
    elif node.pid is not None:
        parts.append(str(node.pid))
    if node.name is not None and node.name != node.shown_id:
        parts.append(f"({node.name})")
    return printable("  ".join([" ".join(parts), *_numbers(node)]))


def _numbers(node: TreeNode) -> Iterator[str]:
    if node.uptime is not None:
        yield f"up {duration(node.uptime)}"
    if node.restarts:
        yield f"restarted {node.restarts}"
    if node.intensity is not None:
        used = node.restarts_in_period or 0
        yield f"{used}/{node.intensity} in {node.period:g} s"
    if node.forced_kills:
        yield f"killed {node.forced_kills}"
