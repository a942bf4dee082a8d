"""A supervision tree as text, one line for each process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tree import TreeNode


def lines(node: TreeNode) -> Iterator[str]:
    """Draw *node* and all below it."""
    yield _line(node)
    *others, last = node.children or (None,)
    for child in others:
        if child is not None:
            yield from _branch(child, "├─ ", "│  ")
    if last is not None:
        yield from _branch(last, "└─ ", "   ")


def _branch(node: TreeNode, first: str, further: str) -> Iterator[str]:
    for number, line in enumerate(lines(node)):
        yield (further if number else first) + line


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
        yield f"up {_duration(node.uptime)}"
    if node.restarts:
        yield f"restarted {node.restarts}"
    if node.intensity is not None:
        used = node.restarts_in_period or 0
        yield f"{used}/{node.intensity} in {node.period:g} s"
    if node.forced_kills:
        yield f"killed {node.forced_kills}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 3600:
        return f"{minutes:.0f} min {seconds % 60:.0f} s"
    if seconds < 86400:
        return f"{hours:.0f} h {minutes % 60:.0f} min"
    return f"{days:.0f} d {hours % 24:.0f} h"
