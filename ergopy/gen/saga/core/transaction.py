"""What a saga knows of a transaction: itself, its steps and its jobs."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self, final

from ....errors import TransactionCanceled

if TYPE_CHECKING:
    from etf import Pid, Reference

    from .deadlines import Deadline

OPEN: Final = "open"
"""Callbacks work on it; there is no result yet."""
WAITING: Final = "waiting"
"""The result is sent; a commit or cancel will come."""
VOTING: Final = "voting"
"""Asked for a vote: those below are asked, and ``handle_tx_prepare``."""
PREPARED: Final = "prepared"
"""Has voted yes; only the saga above knows what comes of it."""
DECIDED: Final = "decided"
"""The initiator has decided to commit, and has not told anybody yet."""
COMMITTED: Final = "committed"
"""The commit is known, and safe; those below have to learn it."""
CANCELED: Final = "canceled"
"""It was cancelled; compensations may be running."""
FINISHED: Final = "done"
"""It is over, and was a success."""

UNDECIDED: Final = (OPEN, WAITING, VOTING)
"""The states in which its saga may still cancel it, and its lifespan does."""

SENT: Final = "sent"
"""A step or job that has no result yet."""
COMPLETED: Final = "completed"
"""A step or job that has a result."""
DROPPED: Final = "dropped"
"""A step or job that was cancelled, refused or lost."""

# Shared by all that have none: there may be many transactions.
_NOBODY: Final[Any] = frozenset()
_NONE: Final[Any] = MappingProxyType({})


def printed(kind: str, ref: Reference) -> str:
    """Print an identifier as ``TX#3.2.1``."""
    return f"{kind}#{'.'.join(map(str, reversed(ref.words)))}"


def key_of(ref: Reference) -> str:
    """Return a text that no other reference has, on any node."""
    words = ".".join(map(str, ref.words))
    return f"{ref.node}/{ref.creation}/{words}"


class Identified:
    """What is known by a reference: equal, and a term, by that alone."""

    __slots__ = ("id",)

    _kind = ""

    id: Reference

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return type(other) is type(self) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return printed(self._kind, self.id)

    def __repr__(self) -> str:
        return str(self)

    def __etf__(self) -> Reference:
        # In a message to another node it is its reference.
        return self.id

    def __deepcopy__(self, memo: Any) -> Self:
        # There is one of it at its saga; where messages are copied it is its name.
        return self

    @property
    def key(self) -> str:
        """The idempotency key: the same for every call of a callback about this, at
        each saga that takes part, and after a restart."""
        return key_of(self.id)


@final
class SagaTransaction(Identified):
    """A transaction, as one saga that takes part in it knows it.

    Callbacks are given it, and the verbs take it (or its ``id``).
    """

    __slots__ = (
        "address",
        "arrived",
        "canceling",
        "capable",
        "completions",
        "deadline",
        "ended",
        "error",
        "held",
        "hops_left",
        "jobs",
        "lifespan",
        "log_size",
        "open",
        "origin",
        "parent",
        "parents",
        "queue",
        "reason",
        "result",
        "since",
        "state",
        "steps",
        "timer",
        "told",
        "tries",
        "trouble",
        "two_phase_commit",
        "undo_tries",
        "undoing",
        "unsafe",
        "value",
        "waits",
    )

    _kind = "TX"

    def __init__(
        self,
        id: Reference,
        value: Any,
        *,
        hops_left: int,
        lifespan: float,
        two_phase_commit: bool,
        now: float,
        origin: Reference | None = None,
        parent: Pid | None = None,
        parents: list[Any] | None = None,
        capable: bool = False,
    ) -> None:
        self.id = id
        self.value = value
        """What it is about: what came with it, or was started with."""
        self.hops_left = hops_left
        """Through how many further sagas it may go from here, one after the other."""
        self.lifespan = lifespan
        """Seconds that it may take, counted from its arrival here."""
        self.deadline = now + lifespan
        """When that is over, in the time of ``trio.current_time()``."""
        self.two_phase_commit = two_phase_commit
        """Whether those who take part keep it until a commit."""
        self.state: str = OPEN
        """``open``, ``waiting`` (the result is sent), ``voting``, ``prepared``,
        ``decided``, ``committed``, ``canceled`` or ``done``."""
        self.reason: Any = None
        """Why it was cancelled."""
        self.parent = parent
        """The saga it came from; None if it was started here."""
        self.origin: Any = origin
        """The step of that saga, a reference; None if it was started here."""
        self.steps: dict[Reference, SagaStep] = _NONE
        """Where it was sent to, by reference; do not change it."""
        self.jobs: dict[Reference, SagaJob] = _NONE
        """Its jobs here, by reference; do not change it."""
        self.result: Any = None
        """What this saga has sent as the result; after a commit what came with that."""
        self.arrived = now
        """When it came here, in the time of ``trio.current_time()``."""
        self.since = now
        """When it came into the state it is in."""
        self.ended: float | None = None
        """When it was over here."""
        self.open = 0
        """How many steps and jobs have no result yet."""
        # The rest is the machine's.
        self.parents = parents or []
        self.capable = capable
        self.address: Any = None
        self.held: tuple[Pid, ...] = ()
        self.canceling = False
        self.told = False
        self.unsafe = False
        self.waits: set[Reference] = _NOBODY
        self.timer: Deadline | None = None
        self.error: type[TransactionCanceled] = TransactionCanceled
        self.queue: list[Any] = []
        self.undoing: str | None = None
        self.undo_tries = 0
        self.tries = 0
        self.trouble: str | None = None
        self.completions = 0
        self.log_size = 0

    @property
    def is_own(self) -> bool:
        """Whether this saga has started it."""
        return self.parent is None

    @property
    def is_over(self) -> bool:
        """Whether this saga takes no part in it any more."""
        return self.ended is not None


@final
class SagaStep(Identified):
    """A transaction on its way through another saga: what ``next`` returns."""

    __slots__ = (
        "address",
        "compensate",
        "ended",
        "joined",
        "order",
        "peer",
        "reason",
        "result",
        "saga",
        "sent",
        "state",
        "timeout",
        "timer",
        "transaction",
        "trap_cancel",
        "value",
    )

    _kind = "Next"

    def __init__(
        self,
        id: Reference,
        transaction: SagaTransaction,
        saga: Any,
        value: Any,
        *,
        timeout: float | None = None,
        trap_cancel: bool = False,
        compensate: str | None = None,
    ) -> None:
        self.id = id
        self.transaction = transaction
        """The transaction."""
        self.saga = saga
        """The saga: a pid, name or ``(name, node)``, as it was named."""
        self.value = value
        """What was sent."""
        self.timeout = timeout
        """Seconds; None is the rest of the lifespan."""
        self.trap_cancel = trap_cancel
        """Whether its end without a result leaves the transaction alive."""
        self.compensate = compensate
        """The method that undoes it."""
        self.state: str = SENT
        """``sent``, ``completed`` or ``dropped``."""
        self.reason: Any = None
        """Why it was dropped."""
        self.result: Any = None
        """What came of it."""
        self.sent = 0.0
        """When it was sent, in the time of ``trio.current_time()``."""
        self.ended: float | None = None
        """When it got a result, or was dropped."""
        # The rest is the machine's.
        self.address: Any = None
        self.joined = False
        self.peer: Any = saga
        self.order = 0
        self.timer: Deadline | None = None


@final
class SagaJob(Identified):
    """Work for a transaction, in a process of its own: what ``start_job`` returns."""

    __slots__ = (
        "compensate",
        "ended",
        "order",
        "reason",
        "result",
        "sent",
        "state",
        "timeout",
        "timer",
        "transaction",
        "value",
        "work",
        "worker",
    )

    _kind = "Job"

    def __init__(
        self,
        id: Reference,
        transaction: SagaTransaction,
        value: Any,
        *,
        timeout: float | None = None,
        work: Any = None,
        compensate: str | None = None,
    ) -> None:
        self.id = id
        self.transaction = transaction
        """The transaction."""
        self.value = value
        """What the work is about."""
        self.timeout = timeout
        """Seconds; None is the rest of the lifespan."""
        self.work = work
        """What does it: see :meth:`ergopy.Saga.start_job`."""
        self.compensate = compensate
        """The method that undoes it."""
        self.worker: Pid | None = None
        """The process, once it is there."""
        self.state: str = SENT
        """``sent``, ``completed`` or ``dropped``."""
        self.reason: Any = None
        """Why it was dropped."""
        self.result: Any = None
        """What came of it."""
        self.sent = 0.0
        """When it was started, in the time of ``trio.current_time()``."""
        self.ended: float | None = None
        """When it got a result, or was dropped."""
        # The rest is the machine's.
        self.order = 0
        self.timer: Deadline | None = None
