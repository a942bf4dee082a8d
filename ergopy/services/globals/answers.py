"""What other nodes may ask by rpc of a node that keeps the names."""

from __future__ import annotations

from typing import Any

from etf import Atom, Export, Pid

from ...errors import NameTaken
from ...node.questions import Refused, Room
from ...process.atoms import UNDEF, UNDEFINED
from .words import NO, OK, RANDOM_EXIT, YES

ROOM = Room("global")


def _globals(node: Any) -> Any:
    if not node.takes_part:
        # As if there were no such module: who asks goes on to another node.
        raise Refused(UNDEF)
    return node.globals


@ROOM.reads
def whereis_name(node: Any, name: Any) -> Any:
    """Who has a global name, or ``undefined``."""
    found = _globals(node).whereis(name)
    return UNDEFINED if found is None else found


@ROOM.reads
def registered_names(node: Any) -> list[Any]:
    """All global names."""
    names: list[Any] = _globals(node).names()
    return names


@ROOM.acts
async def register_name(
    node: Any, name: Any, pid: Pid, method: Any = RANDOM_EXIT
) -> Atom:
    """Give a process a global name: ``yes`` or ``no``."""
    return await _register(_globals(node).register, name, pid, method)


@ROOM.acts
async def re_register_name(
    node: Any, name: Any, pid: Pid, method: Any = RANDOM_EXIT
) -> Atom:
    """Give a global name to another process."""
    return await _register(_globals(node).re_register, name, pid, method)


@ROOM.acts
async def unregister_name(node: Any, name: Any) -> Atom:
    """Take a global name away."""
    await _globals(node).unregister(name)
    return OK


async def _register(verb: Any, name: Any, pid: Any, method: Any) -> Atom:
    match method:
        case (Atom() as module, Atom() as function):
            method = Export(module, function, 3)
    try:
        await verb(name, pid, method)
    except NameTaken:
        return NO
    return YES
