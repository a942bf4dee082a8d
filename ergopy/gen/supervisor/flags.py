"""What a supervisor is told about itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, final

from . import checks
from .backoff import Backoff
from .checks import AutoShutdown, Strategy


class Drain(StrEnum):
    """How a supervisor stops its children when it has to stop several."""

    SEQUENTIAL = "sequential"
    """One after the other, the youngest first; as OTP does."""
    CONCURRENT = "concurrent"
    """All are told at once, and waited for together."""


@final
@dataclass(frozen=True)
class Flags:
    """The flags of a supervisor, checked; see :class:`ergopy.Supervisor`."""

    strategy: Strategy
    intensity: int
    period: float
    auto_shutdown: AutoShutdown
    backoff: Backoff | None
    drain: Drain
    budget: float | None

    @classmethod
    def checked(cls, given: Any) -> Flags:
        """Check the flags that are the attributes of *given*.

        Raises:
            SpecError: One is not possible; ``reason`` is OTP's for it, if it has one.
        """
        return cls(
            strategy=checks.strategy(given.strategy),
            intensity=checks.intensity(given.intensity),
            period=checks.period(given.period),
            auto_shutdown=checks.auto_shutdown(given.auto_shutdown),
            backoff=_backoff(given.backoff),
            drain=checks.one_of(Drain, given.drain, "invalid_drain"),
            budget=_budget(given.budget),
        )

    def each_alone(self) -> Flags:
        """Return these flags, which are for children that stand alone.

        Raises:
            SpecError: They say what becomes of others when one has ended.
        """
        if self.strategy is not Strategy.ONE_FOR_ONE:
            raise checks.refused("invalid_strategy", self.strategy)
        if self.auto_shutdown is not AutoShutdown.NEVER:
            raise checks.refused("invalid_auto_shutdown", self.auto_shutdown)
        return self


NAMES = tuple(Flags.__dataclass_fields__)


def _backoff(value: Any) -> Backoff | None:
    if value is None or isinstance(value, Backoff):
        return value
    raise checks.refused("invalid_backoff", repr(value).encode())


def _budget(value: Any) -> float | None:
    if value is None:
        return None
    if type(value) in (int, float) and value >= 0:
        return float(value)
    raise checks.refused("invalid_budget", value)
