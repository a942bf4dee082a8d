"""A pause before a restart; OTP has none, and neither has ergopy unless told to."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Callable


@final
@dataclass(frozen=True)
class Backoff:
    """How long a supervisor waits before it restarts a child that has just failed.

    The pause grows with each restart in a row: *first*, *first* x *factor*, and so on
    up to *most*. A child that was up for *reset* seconds begins anew. Meanwhile it is
    ``restarting``, and the supervisor serves requests. A restart counts when the child
    ends, not when the pause is over.

    Raises:
        ValueError: A number that makes no sense.
    """

    first: float = 0.1
    """Seconds."""
    factor: float = 2.0
    """At least 1."""
    most: float = 30.0
    """Seconds."""
    jitter: float = 0.1
    """The share of a pause, up to 1, that chance takes off: so that children that
    fail together do not come back together."""
    reset: float = 60.0
    """Seconds."""
    chance: Callable[[], float] = random.random
    """Gives a number from 0 up to 1; a test gives its own."""

    def __post_init__(self) -> None:
        good = (
            0 <= self.first <= self.most < math.inf
            and 1 <= self.factor < math.inf
            and 0 <= self.jitter <= 1
            and self.reset >= 0
        )
        if not good:
            raise ValueError(f"a back-off that makes no sense: {self!r}")

    def pause(self, attempt: int) -> float:
        """Return the seconds before the restart number *attempt* in a row, from 1."""
        # A power that is too large for a float is past the longest pause anyway.
        exponent = min(attempt - 1, 1000)
        try:
            full = min(self.first * self.factor**exponent, self.most)
        except OverflowError:
            full = self.most
        return full * (1 - self.jitter * self.chance())
