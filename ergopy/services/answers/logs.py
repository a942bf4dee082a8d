"""``logger``: from which level on the node logs, to Python's ``logging``."""

from __future__ import annotations

import logging
from typing import Any

from etf import Atom

from ...node.questions import Room, atom
from ...process.atoms import OK
from ..logger.levels import LEVELS, level_name

ROOM = Room("logger")

_OURS = logging.getLogger("ergopy")


@ROOM.reads
def get_primary_config(node: Any) -> dict[Atom, Any]:
    """The level of the logger ``ergopy``."""
    return {
        Atom("level"): level_name(_OURS.getEffectiveLevel()),
        Atom("filter_default"): Atom("log"),
        Atom("filters"): [],
        Atom("metadata"): {},
    }


@ROOM.acts
def set_primary_config(node: Any, key: Atom, value: Any) -> Atom:
    """Set that level."""
    if atom(key) != "level" or atom(value) not in LEVELS:
        raise ValueError(value)
    _OURS.setLevel(LEVELS[value])
    return OK


@ROOM.reads
def get_handler_ids(node: Any) -> list[Atom]:
    """The one that there always is: Python's."""
    return [Atom("default")]


@ROOM.reads
def get_module_level(node: Any, modules: Any = None) -> list[Any]:
    """No module has a level of its own."""
    return []
