"""Another process under a name, for a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import LocalProtocolError
from ..process.via import Via
from ._tap import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etf import Pid

    from .._main import Node
    from ..process import Process


@contextmanager
def replaced(node: Node, name: str | Via, by: Pid) -> Iterator[Pid | None]:
    """Let *by* have a name of *node* meanwhile; ``with`` gives whom it is taken from.

    That process lives on, and has the name again at the end, if it still lives and
    nobody else took it. *by* is often a :func:`stand_in`; it keeps its other names. A
    name that nobody has is given, and free again at the end.

    While it holds, a supervisor that starts the former process again gets
    ``already_started``, as the name is taken. What a registry keeps with a key is, at
    the end, the ``value`` of the given :class:`ergopy.Via`.

    Raises:
        LocalProtocolError: *by* is no living process of the node.
        NameTaken: The keeper of a via name does not let it be given away.
    """
    stranger = find(node, by)
    if stranger is None:
        raise LocalProtocolError(f"no process of this node: {by!r}")
    former = find(node, name)
    _take_away(node, name, former)
    try:
        _give(node, name, stranger)
        yield None if former is None else former.pid
    finally:
        if find(node, name) is stranger:
            _take_away(node, name, stranger)
        free = find(node, name) is None
        if former is not None and former.alive and free:
            _give(node, name, former)


def _take_away(node: Node, name: str | Via, owner: Process | None) -> None:
    if owner is None:
        return
    if isinstance(name, Via):
        name.release(owner)
    else:
        node.unregister(name)


def _give(node: Node, name: Any, process: Process) -> None:
    if isinstance(name, Via):
        name.claim_for(process)
    else:
        node.register(name, process.pid)
