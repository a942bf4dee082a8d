"""Another process under a name, for a while."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import LocalProtocolError
from ..process.via import Via
from ._place import runtime_of
from ._tap import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etf import Pid

    from ..process import Process
    from ..process.runtime import Runtime
    from ._place import Place


@contextmanager
def replaced(where: Place, name: str | Via, by: Pid) -> Iterator[Pid | None]:
    """Let *by* have another's name meanwhile; ``with`` gives whom it is taken from.

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
    runtime = runtime_of(where)
    stranger = find(runtime, by)
    if stranger is None:
        raise LocalProtocolError(f"no process of this node: {by!r}")
    former = find(runtime, name)
    _take_away(runtime, name, former)
    try:
        _give(runtime, name, stranger)
        yield None if former is None else former.pid
    finally:
        if find(runtime, name) is stranger:
            _take_away(runtime, name, stranger)
        free = find(runtime, name) is None
        if former is not None and former.alive and free:
            _give(runtime, name, former)


def _take_away(runtime: Runtime, name: str | Via, owner: Process | None) -> None:
    if owner is None:
        return
    if isinstance(name, Via):
        name.release(owner)
    else:
        runtime.unregister(name)


def _give(runtime: Runtime, name: Any, process: Process) -> None:
    if isinstance(name, Via):
        name.claim_for(process)
    else:
        runtime.register(name, process.pid)
