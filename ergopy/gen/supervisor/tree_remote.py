"""The tree below any supervisor, ours or a BEAM's, by asking it and those below."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ...errors import CallError, ChildError, ConnectError
from ...errors.text import shown
from ..caller import acting
from .checks import SUPERVISOR
from .tree import TreeNode
from .verbs import rows_in

if TYPE_CHECKING:
    from etf import Pid

    from ...process.process import Process
    from .verbs import ChildInfo

MAX_DEPTH = 100
"""How many supervisors may be below each other; what is deeper is not asked for."""

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
        ChildError: *dest* is no supervisor, and answered ``reason``.
    """
    process = acting(caller)
    match dest:
        case str() as name:
            pid = process.runtime.whereis(name)
        case (str() as name, str()):
            pid = None
        case _:
            name, pid = str(dest), dest
    children = await _Asking(process, timeout).children_of(dest, MAX_DEPTH)
    called = Atom(name) if id is None else id
    return TreeNode(called, pid, kind=str(SUPERVISOR), children=children)


@final
class _Asking:
    """Asks supervisors for their children, each once: what they say may be no tree."""

    def __init__(self, process: Process, timeout: float | None) -> None:
        self._process = process
        self._timeout = timeout
        self._asked: set[Pid] = set()

    async def children_of(self, dest: Any, depth: int) -> tuple[TreeNode, ...]:
        """Return the children of a supervisor, with what is below them."""
        answer = await self._process.call(dest, _WHICH_CHILDREN, self._timeout)
        rows = rows_in(answer, dest)
        return tuple([await self._below(row, depth - 1) for row in reversed(rows)])

    async def _below(self, row: ChildInfo, depth: int) -> TreeNode:
        kind = row.type if isinstance(row.type, str) else shown(row.type)
        if row.pid is None:
            state = "restarting" if row.restarting else "undefined"
            return TreeNode(row.id, None, kind=kind, state=state)
        children: tuple[TreeNode, ...] = ()
        if row.type == SUPERVISOR and depth and row.pid not in self._asked:
            self._asked.add(row.pid)
            # It may have ended meanwhile, or its node, or be none that can be asked.
            with suppress(CallError, ChildError, ConnectError):
                children = await self.children_of(row.pid, depth)
        return TreeNode(row.id, row.pid, kind=kind, children=children)
