"""Waiting for a slot, for a number of seconds at most."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...process.slot import Slot
    from ...process.timers import Timers


def check_timeout(seconds: float | None) -> None:
    """Refuse what is no time to wait, before anything is done.

    Raises:
        ValueError: It is none.
    """
    if seconds is not None and not seconds >= 0:
        raise ValueError(f"a timeout is a number of seconds, not {seconds!r}")


async def wait_for(
    slot: Slot,
    timers: Timers,
    seconds: float | None,
    *,
    on_timeout: Callable[[], object],
    on_cancel: Callable[[], object] | None = None,
) -> Any:
    """Return what *slot* resolves to; when the time is over *on_timeout* resolves it.

    Both functions are called at once, and not when the waiting task runs again.
    """
    if seconds is None or seconds == math.inf:
        return await slot.wait(on_cancel)
    timer = timers.start(seconds, on_timeout)
    try:
        return await slot.wait(on_cancel)
    finally:
        timer.cancel()
