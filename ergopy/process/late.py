"""What reaches a process after the signal that ends it, and before its end is over.

It finds nobody, as on the BEAM, where the signal has ended the process already. The
answer comes behind everything else that the end makes known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from .atoms import NOPROC

if TYPE_CHECKING:
    from collections.abc import Callable


@final
class Late:
    """A watcher that tells ``noproc``, whatever the reason is."""

    __slots__ = ("_tell",)

    def __init__(self, tell: Callable[[Any], object]) -> None:
        self._tell = tell

    def fire(self, reason: Any) -> None:
        self._tell(NOPROC)
