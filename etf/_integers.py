"""An integer in a form that is not its shortest."""

from __future__ import annotations

from typing import Any, final


@final
class WideInteger(int):
    """An integer that is written in 32 bits even if 8 are enough for it.

    An ``int`` in every respect, only that ``0..255`` goes out as ``INTEGER_EXT`` and
    not as ``SMALL_INTEGER_EXT``, for programs that read the second as another type. A
    BEAM does not see the difference; what arrives here is an ``int`` in either form,
    and so is the result of any arithmetic.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"WideInteger({int(self)})"

    def __str__(self) -> str:
        return int.__repr__(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return WideInteger, (int(self),)
