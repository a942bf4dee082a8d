"""Who forgets the ``async`` of a callback hears it when the class is made."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from ergopy.gen.callbacks import require_async


def plain(self: Any) -> None:
    pass


async def fine(self: Any) -> None:
    pass


@functools.wraps(fine)
def wrapped(self: Any) -> Any:
    return fine(self)


@pytest.mark.parametrize("callback", [fine, wrapped, None, functools.partial(fine)])
def test_a_coroutine_function_is_one_also_when_wrapped(callback: Any) -> None:
    require_async(type("Some", (), {"init": callback, "other": plain}), ["init"])


def test_a_plain_function_is_named() -> None:
    with pytest.raises(TypeError, match=r"Some\.init has to be an 'async def'"):
        require_async(type("Some", (), {"init": plain}), ["init"])


def test_what_a_base_defines_was_checked_there() -> None:
    base = type("Base", (), {"init": plain})
    require_async(type("Some", (base,), {}), ["init"])
