"""What a process is started with: how long it lives, what it may do, how it sends.

A configuration is that of one process and, as far as it takes something away, of all
that the process starts: whoever has no right cannot give it to another. The limits are
*soft*. The verbs of ergopy look at them when something is started, registered, called
or sent to another node. They keep a mistake from spreading, not an attacker: Python
code can reach all that there is in its interpreter, and memory or CPU time of one
process cannot be limited at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, final

from .. import environment
from .copying import STRICTNESS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..limits import MailboxLimit
    from .copying import CopyPolicy

Right = Literal["may_spawn", "may_register", "may_distribute", "may_run_sync"]

RIGHTS: Final[tuple[Right, ...]] = (
    "may_spawn",
    "may_register",
    "may_distribute",
    "may_run_sync",
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessConfig:
    """How a process is started; ``config=`` of spawn, start and what else starts one.

    What it starts in turn inherits the rights, the copy policy, the room in
    *max_processes* and what is left of *lifetime*, and can only have less. The mailbox
    is its own affair.
    """

    mailbox: MailboxLimit | None = None
    """How many messages may wait for it, and what becomes of more."""

    lifetime: float | None = None
    """Seconds after which it is told to end, with ``{shutdown, lifetime}``, as if by
    its parent: a behaviour that traps exits runs ``terminate``. What is still there
    five seconds later is killed."""

    max_processes: int | None = None
    """How many processes that it has started, or these in turn, may live at a time."""

    may_spawn: bool = True
    """Whether it may start processes, here or on other nodes."""

    may_register: bool = True
    """Whether it may give, have from its start, and take away names."""

    may_distribute: bool = True
    """Whether it may send to, call, link, monitor and connect to what is on other
    nodes. It may answer whoever called it."""

    may_run_sync: bool = True
    """Whether it may use threads, by ``run_sync``."""

    may_call: Collection[str] | None = None
    """The modules whose functions it may call with ``rpc``; None is all of them."""

    copy: CopyPolicy | None = None
    """How it hands over messages to processes of its node: ``"none"``, ``"deep"``,
    ``"etf"``. None is as its starter does it."""

    environment: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What it has in its environment on top of what it inherits."""

    def __post_init__(self) -> None:
        if self.lifetime is not None and not self.lifetime >= 0:
            raise ValueError(f"a lifetime is a number of seconds, not {self.lifetime}")
        most = self.max_processes
        if most is not None and (type(most) is not int or most < 0):
            raise ValueError(f"max_processes= is a number of processes, not {most!r}")
        if self.copy is not None and self.copy not in STRICTNESS:
            known = ", ".join(STRICTNESS)
            raise ValueError(f"copy= is one of {known}, not {self.copy!r}")
        if isinstance(self.may_call, str):
            raise TypeError(f"may_call= is several names, not {self.may_call!r}")
        if self.may_call is not None:
            object.__setattr__(self, "may_call", frozenset(self.may_call))
        values = environment.checked(self.environment)
        object.__setattr__(self, "environment", values)


DEFAULT: Final = ProcessConfig()
"""A configuration that takes nothing away."""


def narrowed(above: ProcessConfig, own: ProcessConfig) -> ProcessConfig:
    """Return *own*, less what *above*, that of the starter, does not allow."""
    rights: dict[Any, bool] = {
        right: getattr(above, right) and getattr(own, right) for right in RIGHTS
    }
    return ProcessConfig(
        mailbox=own.mailbox,
        lifetime=own.lifetime,
        max_processes=own.max_processes,
        may_call=_in_both(above.may_call, own.may_call),
        copy=_stricter(above.copy, own.copy),
        environment=own.environment,
        **rights,
    )


def _in_both(
    one: Collection[str] | None, other: Collection[str] | None
) -> Collection[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return frozenset(one) & frozenset(other)


def _stricter(one: CopyPolicy | None, other: CopyPolicy | None) -> CopyPolicy:
    return max(one or "none", other or "none", key=STRICTNESS.index)
