"""What stands for code: no process can change it, and none of it can travel."""

from __future__ import annotations

import types
from functools import partial
from typing import Any

_CODE = (
    type,
    partial,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
)


def is_code(value: Any) -> bool:
    """Tell whether *value* is a function or a class, or says that it is like one.

    It says so with a class attribute ``handed_over = True``.
    """
    return isinstance(value, _CODE) or getattr(value, "handed_over", False) is True
