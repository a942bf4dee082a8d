"""How many restarts a supervisor puts up with: intensity and period."""

from __future__ import annotations

from collections import deque
from math import floor
from typing import final


@final
class RestartWindow:
    """Counts restarts; more than *intensity* within *period* seconds are too many.

    OTP counts in whole seconds: a restart leaves the window when its second is more
    than *period* seconds before that of the latest one. So does this for a period of
    whole seconds, which is all that OTP takes. A period like 0.5 is measured exactly.

    Args:
        intensity: How many are fine; 0 is none at all.
        period: Seconds, above 0.
    """

    __slots__ = ("_times", "_whole", "intensity", "period")

    def __init__(self, intensity: int, period: float) -> None:
        self.intensity = intensity
        self.period = period
        self._whole = period == floor(period)
        self._times: deque[float] = deque()

    def __len__(self) -> int:
        """How many restarts were in the window when it was last looked at."""
        return len(self._times)

    def count(self, now: float) -> int:
        """Return how many restarts are in the window at *now*."""
        oldest = self._instant(now) - self.period
        return sum(time >= oldest for time in self._times)

    def renewed(self, intensity: int, period: float) -> RestartWindow:
        """Return a window of another size, with the restarts counted so far."""
        window = RestartWindow(intensity, period)
        window._times.extend(self._times)
        return window

    def add(self, now: float) -> bool:
        """Count a restart at *now*; return whether it may still be made."""
        times = self._times
        now = self._instant(now)
        while times and times[0] < now - self.period:
            times.popleft()
        times.append(now)
        return len(times) <= self.intensity

    def _instant(self, now: float) -> float:
        return floor(now) if self._whole else now
