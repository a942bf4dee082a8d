"""The tree below any supervisor, ours or a BEAM's, by asking it and those below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom

from ...errors import CallError
from ..caller import acting
from .checks import SUPERVISOR
from .tree import TreeNode
from .verbs import info_of

if TYPE_CHECKING:
    from ...process.process import Process
    from .verbs import ChildInfo

_WHICH_CHILDREN = Atom("which_children")


async def ask_tree(
    dest: Any, *, id: Any = None, timeout: float | None = 5.0, caller: Any = None
) -> TreeNode:
    """Return the tree below a supervisor, which may be on any node.

    It asks with ``which_children``, so that it learns ids, pids and types and no more:
    the rest is None. What is of the type ``supervisor`` but gives no answer is shown
    without children.

    Args:
        dest: The supervisor: whatever can be called.
        id: What to call it in the tree; by default its name, or its pid.
        timeout: Seconds for each question; None waits as long as it takes.
        caller: Who asks; see :func:`ergopy.supervisor.start_child`.

    Raises:
        CallError, NodeDown: *dest* itself gave no answer, as for ``Process.call``.
    """
    process = acting(caller)
    rows = await _rows(process, dest, timeout)
    match dest:
        case str() as name:
            pid = process.runtime.whereis(name)
        case (str() as name, str()):
            pid = None
        case _:
            name, pid = str(dest), dest
    children = [await _below(process, row, timeout) for row in reversed(rows)]
    shown = Atom(name) if id is None else id
    return TreeNode(shown, pid, kind=str(SUPERVISOR), children=tuple(children))


async def _rows(process: Process, dest: Any, timeout: float | None) -> list[ChildInfo]:
    return [info_of(row) for row in await process.call(dest, _WHICH_CHILDREN, timeout)]


async def _below(process: Process, row: ChildInfo, timeout: float | None) -> TreeNode:
    kind = str(row.type)
    if row.pid is None:
        state = "restarting" if row.restarting else "undefined"
        return TreeNode(row.id, None, kind=kind, state=state)
    if row.type == SUPERVISOR:
        try:
            return await ask_tree(row.pid, id=row.id, timeout=timeout, caller=process)
        except (CallError, TypeError, ValueError):
            # It has ended meanwhile, or is none that can be asked.
            pass
    return TreeNode(row.id, row.pid, kind=kind)
