"""Callbacks are coroutine functions: checked when a class is made."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def require_async(cls: type, names: Iterable[str]) -> None:
    """Check those of the methods *names* that *cls* itself defines.

    Raises:
        TypeError: One is a plain function.
    """
    for name in vars(cls).keys() & set(names):
        callback = vars(cls)[name]
        plain = isinstance(callback, FunctionType)
        if plain and not inspect.iscoroutinefunction(inspect.unwrap(callback)):
            raise TypeError(f"{cls.__qualname__}.{name} has to be an 'async def'")
