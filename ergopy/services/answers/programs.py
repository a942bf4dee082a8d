"""``code``, ``init`` and ``ets``: what runs, of what code, and with which tables.

A module is here if there is something in it for other nodes: functions that were
exported, standard ones, or programs to spawn. There is no code to be sent or loaded.
"""

from __future__ import annotations

import logging
from typing import Any

from etf import Atom, Charlist

from ..._version import __version__
from ...node.questions import Refused, Room, atom
from ...process.atoms import ERROR, UNDEFINED

CODE = Room("code")
INIT = Room("init")
ETS = Room("ets")

logger = logging.getLogger("ergopy.node")

_PRELOADED = Atom("preloaded")
"""What OTP says instead of a file of modules that are part of the system."""


def is_here(node: Any, module: Any) -> bool:
    """Tell whether there is anything in *module* for other nodes."""
    return atom(module) in node.exports.modules()


@CODE.reads
def is_loaded(node: Any, module: Atom) -> Any:
    """Whether there is something in a module for other nodes."""
    return (Atom("file"), _PRELOADED) if is_here(node, module) else False


@CODE.reads
def ensure_loaded(node: Any, module: Atom) -> Any:
    """The same; nothing is ever loaded."""
    if is_here(node, module):
        return Atom("module"), module
    return ERROR, Atom("nofile")


@CODE.reads
def which(node: Any, module: Atom) -> Atom:
    """Where a module is from."""
    return _PRELOADED if is_here(node, module) else Atom("non_existing")


@CODE.reads
def all_loaded(node: Any) -> list[tuple[Atom, Atom]]:
    """All those modules."""
    return [(Atom(module), _PRELOADED) for module in sorted(node.exports.modules())]


@CODE.reads
def get_mode(node: Any) -> Atom:
    """When modules are loaded: before they are asked for."""
    return Atom("embedded")


@CODE.reads
def get_path(node: Any) -> list[Any]:
    """Where Erlang code is looked for: nowhere."""
    return []


@INIT.reads
def get_status(node: Any) -> tuple[Atom, Atom]:
    """Whether the node is up, or on its way down."""
    phase = Atom("stopping" if node.runtime.closing else "started")
    return phase, phase


@INIT.reads
def script_id(node: Any) -> tuple[Charlist, Charlist]:
    """What it is, and its version."""
    return Charlist("ergopy"), Charlist(__version__)


@INIT.reads
def get_arguments(node: Any) -> list[Any]:
    """Nothing: what the command line has is not for others."""
    return []


@INIT.reads
def get_plain_arguments(node: Any) -> list[Any]:
    """Nothing, for the same reason."""
    return []


@INIT.reads
def get_argument(node: Any, flag: Any) -> Atom:
    """Nothing, for the same reason."""
    return ERROR


@INIT.acts
def stop(node: Any, status: Any = 0) -> Atom:
    """End the node in order: ``node.wait_closed()`` returns there."""
    logger.warning("%s was told to stop by another node (init:stop)", node.name)
    node.close()
    return Atom("ok")


@INIT.acts
def restart(node: Any, options: Any = None) -> Any:
    """Refused, always: a program does not start itself again."""
    raise Refused(Atom("notsup"))


@INIT.acts
def reboot(node: Any) -> Any:
    """Refused, always."""
    raise Refused(Atom("notsup"))


@ETS.reads
def all_(node: Any) -> list[Any]:
    """There are no tables."""
    return []


@ETS.reads
def info(node: Any, table: Any, item: Any = None) -> Atom:
    """There are no tables."""
    return UNDEFINED


@ETS.reads
def whereis(node: Any, table: Any) -> Atom:
    """There are no tables."""
    return UNDEFINED
