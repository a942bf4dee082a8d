"""What can be seen of sagas, as data: a saga, a transaction at one saga, a whole graph.

All are frozen values. Between nodes they travel as maps with atoms as keys, under the
names of the fields; texts are binaries, what is not known is ``nil``, and whoever reads
one passes over keys that it does not know. In JSON they are objects with the same keys.

No value, result or interim of a transaction is in them: these may be secrets. Reasons
are, as text, cut at 500 characters. Times are seconds; a field ``started``
is the time of day, in seconds since 1970 by the clock of the node where it was.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self, final

import etf
from etf import Atom, Pid, Reference

from .core.transaction import key_of, printed

if TYPE_CHECKING:
    from collections.abc import Iterator


class Info:
    """What is shown of something: a value that can be sent, and be JSON."""

    __slots__ = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as ``json.dumps`` takes it; pids and references as text."""
        told: Any = self
        names = [item.name for item in fields(told)]
        return {name: _plain(name, getattr(self, name)) for name in names}

    def json(self) -> str:
        """Return it as JSON, several lines of it."""
        return json.dumps(self.as_json(), indent=2)

    @classmethod
    def from_term(cls, term: Any) -> Self:
        """Read what another node has sent.

        Raises:
            etf.MappingError: It is nothing of that sort.
        """
        return etf.convert(term, cls)


class _Identified(Info):
    """What has a reference; in JSON ``id`` is the printed form and ``key`` is added."""

    __slots__ = ()

    _kind = ""

    id: Reference

    def as_json(self) -> dict[str, Any]:
        return {**super().as_json(), "id": self.label, "key": key_of(self.id)}

    @property
    def label(self) -> str:
        """The printed form, like ``TX#3.2.1``."""
        return printed(self._kind, self.id)


@final
@etf.mapped(extra="ignore")
@dataclass(frozen=True, slots=True)
class JobInfo(_Identified):
    """A job of a transaction."""

    _kind = "Job"

    id: Reference
    state: Atom
    """``sent``, ``completed`` or ``dropped``."""
    work: str = ""
    """What does it: the name of a class or function."""
    worker: Pid | None = None
    """The process that does it, once it is there."""
    reason: str | None = None
    """Why it was dropped."""
    after: float = 0.0
    """How long after the arrival of the transaction it was started."""
    seconds: float = 0.0
    """How long it took; while it is ``sent``: has taken so far."""
    timeout: float | None = None
    """How long it may take; None is the rest of the lifespan."""
    compensate: str | None = None
    """The method that undoes it."""


@final
@etf.mapped(extra="ignore")
@dataclass(frozen=True, slots=True)
class StepInfo(_Identified):
    """A transaction on its way to a further saga, as the saga sees it that sent it."""

    _kind = "Next"

    id: Reference
    state: Atom
    """``sent``, ``completed`` or ``dropped``."""
    saga: str = ""
    """Whom it was sent to, as it was named there."""
    node: str = ""
    """The node of that saga."""
    reason: str | None = None
    """Why it was dropped."""
    after: float = 0.0
    """How long after the arrival of the transaction it was sent."""
    seconds: float = 0.0
    """How long it took to the result; while it is ``sent``: has taken so far."""
    timeout: float | None = None
    """How long it may take; None is the rest of the lifespan."""
    trap_cancel: bool = False
    """Whether its end without a result leaves the transaction alive."""
    compensate: str | None = None
    """The method that undoes it."""
    joined: bool = False
    """Whether the saga there votes, and confirms a commit."""
    below: TransactionInfo | None = None
    """In a graph: the transaction at the saga there."""
    unseen: str | None = None
    """In a graph: why it is not known what that saga does."""


@final
@etf.mapped(extra="ignore")
@dataclass(frozen=True, slots=True)
class TransactionInfo(_Identified):
    """A transaction, as one saga that takes part in it knows it."""

    _kind = "TX"

    id: Reference
    state: Atom
    """``open``, ``waiting`` (the result is sent), ``voting``, ``prepared`` (in doubt),
    ``decided``, ``committed``, ``canceled`` or ``done``."""
    saga: Pid
    """The saga that tells this."""
    name: str | None = None
    """What that is registered as."""
    over: bool = False
    """Whether it is over there; it is kept for a while, to be shown."""
    reason: str | None = None
    """Why it was cancelled."""
    started: float = 0.0
    """When it arrived there, or was started."""
    seconds: float = 0.0
    """How long it took there; while it is not over: has taken so far."""
    since: float = 0.0
    """How long it has been in this state."""
    left: float | None = None
    """How much of its lifespan is left; None if that does not end it any more."""
    hops_left: int = 0
    """Through how many further sagas it may go from there."""
    two_phase_commit: bool = False
    """Whether those who take part keep it until a commit."""
    parent: Pid | None = None
    """The saga it came from; None if it was started there."""
    origin: Reference | None = None
    """The step of that saga."""
    initiator: Pid | None = None
    """The saga that has started it all, as far as it has said so."""
    waits_for: list[str] = field(default_factory=list)
    """Who has to vote, or to confirm a commit, or to say what was decided."""
    tries: int = 0
    """How often these were asked, or told, again."""
    undoing: str | None = None
    """The step or job that is compensated now."""
    undo_left: int = 0
    """How many compensations are still to come, that one included."""
    undo_tries: int = 0
    """How often that one was tried in vain."""
    trouble: str | None = None
    """What it has raised last."""
    steps: list[StepInfo] = field(default_factory=list)
    """Where it was sent to from there, in order; the first ones, if they are many."""
    more_steps: int = 0
    """How many steps there are besides."""
    jobs: list[JobInfo] = field(default_factory=list)
    """Its jobs there, in order; the first ones, if they are many."""
    more_jobs: int = 0
    """How many jobs there are besides."""

    def __str__(self) -> str:
        from .graph_text import transaction

        return "\n".join(transaction(self, at_top=True))


def flat(info: TransactionInfo) -> TransactionInfo:
    """Return it without what only a graph has: a peer may have put that in."""
    steps = [replace(step, below=None, unseen=None) for step in info.steps]
    return replace(info, steps=steps)


@final
@etf.mapped(extra="ignore")
@dataclass(frozen=True, slots=True)
class SagaStatistics(Info):
    """The numbers of a saga."""

    open: int = 0
    """Transactions that it takes part in."""
    in_doubt: int = 0
    """Those of them that have voted yes, and wait for the decision."""
    committing: int = 0
    """Those that are decided, and not confirmed by all."""
    compensating: int = 0
    """Those that are cancelled, with compensations still to run."""
    steps: int = 0
    """Steps that have no result yet, or wait for a commit."""
    jobs: int = 0
    """Jobs that have no result yet, or wait for a commit."""
    done: int = 0
    """Transactions that ended well, since the saga started; so is the next one."""
    canceled: int = 0
    """Those that were cancelled."""


@final
@etf.mapped(extra="ignore")
@dataclass(frozen=True, slots=True)
class SagaInfo(Info):
    """A saga with its transactions."""

    @classmethod
    def from_term(cls, term: Any) -> SagaInfo:
        info = etf.convert(term, SagaInfo)
        listed = list(map(flat, info.transactions))
        return replace(info, transactions=listed, ended=list(map(flat, info.ended)))

    saga: Pid
    """The saga."""
    name: str | None = None
    """What it is registered as."""
    behaviour: str = ""
    """Its class."""
    max_transactions: int | None = None
    """How many transactions it takes part in at most."""
    statistics: SagaStatistics = field(default_factory=SagaStatistics)
    """Its numbers."""
    transactions: list[TransactionInfo] = field(default_factory=list)
    """Those that are open, oldest first; the first ones, if they are many."""
    ended: list[TransactionInfo] = field(default_factory=list)
    """Those that are over, latest first; the latest only."""

    def __str__(self) -> str:
        from .graph_text import saga

        return "\n".join(saga(self))


@final
@dataclass(frozen=True, slots=True)
class SagaGraph(_Identified):
    """A transaction at all sagas that could be asked, each below the one before it."""

    _kind = "TX"

    id: Reference
    roots: tuple[TransactionInfo, ...]
    """The saga that has started it. If that is not known any more, or there is a gap,
    those that nobody is known to be above; empty if nobody knows of it."""
    silent: dict[str, str]
    """The nodes that did not say what their sagas know, and why."""

    def walk(self) -> Iterator[TransactionInfo]:
        """Go through all of it, from the top down."""
        waiting = list(reversed(self.roots))
        while waiting:
            info = waiting.pop()
            yield info
            below = [step.below for step in reversed(info.steps)]
            waiting.extend(found for found in below if found is not None)

    def __str__(self) -> str:
        from .graph_text import graph

        return "\n".join(graph(self))


_KINDS = {"transaction": "TX", "origin": "Next"}


def _plain(name: str, value: Any) -> Any:
    """Return what JSON has for a field."""
    match value:
        case Info():
            return value.as_json()
        case list() | tuple():
            return [_plain(name, item) for item in value]
        case Reference():
            return printed(_KINDS.get(name, "Ref"), value)
        case Pid() | Atom():
            return str(value)
    return value
