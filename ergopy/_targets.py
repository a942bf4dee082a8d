"""What a program that is named on a command line may be: ``MODULE:OBJECT``."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from typing import Any

from .gen.behaviour import Behaviour


def find(path: str) -> Any:
    """Import ``MODULE:OBJECT``, also from the current folder.

    Raises:
        ValueError: It is neither an ``async def`` nor a behaviour.
        ImportError, AttributeError, TypeError: It is not to be had.
    """
    module, colon, name = path.partition(":")
    if not colon or not name:
        raise ValueError("write MODULE:OBJECT, as in shop.main:main")
    if "" not in sys.path:
        sys.path.insert(0, "")
    target: Any = import_module(module)
    for part in name.split("."):
        target = getattr(target, part)
    if isinstance(target, type):
        if not issubclass(target, Behaviour):
            raise ValueError(f"the class {name} is no behaviour, such as a GenServer")
    elif not inspect.iscoroutinefunction(target):
        raise ValueError(f"{name} is no 'async def' and no behaviour")
    return target
