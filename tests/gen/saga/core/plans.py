"""What the sagas of a simulation are to do: their users' callbacks, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Branch:
    """A step to the saga of that number.

    ``compensate`` is how often its compensation fails before it works; None is none.
    """

    to: int
    timeout: float | None = None
    trap: bool = False
    compensate: int | None = None


@dataclass(frozen=True)
class Work:
    """A job: its worker sends a ``result``, does and ends at once (``brief``), dies
    (``fail``), is ``silent``, or cannot be started (``unlaunched``)."""

    outcome: str = "result"
    timeout: float | None = None
    compensate: int | None = None


@dataclass(frozen=True)
class Plan:
    """One saga: where it sends a transaction, and how it fails.

    ``cancels`` names the callback in which it cancels, ``silent`` says that it never
    has a result, ``in_turn`` that it sends to the next when it has the result of the
    one before, ``is_ergo`` that it does not know the commit of ergopy, ``votes`` that
    it has a ``handle_tx_prepare``, ``has_last_word`` a ``handle_tx_done``.
    """

    branches: tuple[Branch, ...] = ()
    works: tuple[Work, ...] = ()
    cancels: str | None = None
    silent: bool = False
    in_turn: bool = False
    named: bool = True
    is_ergo: bool = False
    votes: bool = True
    has_last_word: bool = True
    limit: int | None = None


def chain(length: int, **options: int | None) -> list[Plan]:
    """Each sends to the next."""
    plans = [Plan((Branch(number + 1, **options),)) for number in range(length - 1)]  # type: ignore[arg-type]
    return [*plans, Plan()]


def fan(width: int, **options: int | None) -> list[Plan]:
    """The first sends to all others."""
    return tree([0] * width, **options)


def tree(parents: Sequence[int], **options: int | None) -> list[Plan]:
    """Saga *n* + 1 gets it from ``parents[n]``."""
    plans = [Plan() for _ in range(len(parents) + 1)]
    for number, parent in enumerate(parents, 1):
        branch = Branch(number, **options)  # type: ignore[arg-type]
        plans[parent] = replace(
            plans[parent], branches=(*plans[parent].branches, branch)
        )
    return plans
