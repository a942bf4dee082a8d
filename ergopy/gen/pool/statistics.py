"""The numbers of a pool."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self, final

from etf import Atom


@final
@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """What ``pool.statistics`` returns; on the wire a map with atoms as keys."""

    size: int = 0
    """Workers that it is to have."""
    workers: int = 0
    """Workers that run, those of an overflow included."""
    busy: int = 0
    """Workers that have a call or are lent."""
    calls: int = 0
    """Calls that workers have."""
    waiting: int = 0
    """Calls and wishes that wait for a worker."""
    restarts: int = 0
    """Workers that were started again, in the places that there are now."""
    served: int = 0
    """Calls that a worker has answered, since the pool started; so are the rest."""
    failed: int = 0
    """Calls whose worker ended before it answered."""
    retried: int = 0
    """Calls that got another worker because of that."""
    rejected: int = 0
    """Calls, and wishes for a worker, for which there was no room."""
    abandoned: int = 0
    """Those whose caller gave up before a worker was free; no worker has seen them."""
    dropped: int = 0
    """Casts and other messages for which there was no room."""

    def as_map(self) -> dict[Atom, int]:
        """Return it as it travels."""
        return {Atom(name): number for name, number in asdict(self).items()}

    @classmethod
    def from_map(cls, numbers: dict[Any, int]) -> Self:
        """Make it of what has travelled; what is not known here is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{str(k): n for k, n in numbers.items() if str(k) in known})
