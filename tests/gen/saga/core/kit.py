"""A machine with one transaction, brought into any state by what may happen to it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from ergopy.gen.saga.core import events
from ergopy.gen.saga.core.actions import Call, Forget, Log, Tell
from ergopy.gen.saga.core.machine import Machine
from ergopy.gen.saga.core.transaction import SagaJob, SagaStep, SagaTransaction
from etf import Atom, Pid, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ME = Pid("me@test", 1, 0, 1)
PARENT = Pid("above@test", 2, 0, 1)
CHILD = Pid("below@test", 3, 0, 1)
OTHER = Pid("other@test", 4, 0, 1)
WORKER = Pid("me@test", 5, 0, 1)

MY_NAME = (Atom("me"), Atom("me@test"))
PARENTS_NAME = (Atom("above"), Atom("above@test"))
CHILDS_NAME = (Atom("below"), Atom("below@test"))

_numbers = count(1)


def ref(node: str = "me@test") -> Reference:
    return Reference(node, 1, (next(_numbers), 0, 0))


class Case:
    """A saga with one transaction, started there or come from ``PARENT``.

    What its methods do is told to the machine as it would be in life; each returns the
    actions of the last thing told.
    """

    def __init__(
        self,
        *,
        own: bool = False,
        two_phases: bool = False,
        capable: bool = True,
        lifespan: float = 60.0,
        hops: int = 10,
        limit: int | None = None,
        overrides: tuple[str, ...] = ("handle_tx_prepare", "handle_tx_done"),
    ) -> None:
        self.now = 0.0
        self.machine = Machine(
            ME, MY_NAME, max_transactions=limit, overrides=frozenset(overrides)
        )
        self.id = ref()
        self.origin = ref("above@test")
        self.two_phases = two_phases
        if own:
            self.tx = SagaTransaction(
                self.id,
                "value",
                hops_left=hops,
                lifespan=lifespan,
                two_phase_commit=two_phases,
                now=self.now,
            )
            self.arrival = self.take(events.Start(self.tx))
        else:
            event = self.next_event(
                hops=hops, lifespan=lifespan, capable=capable and two_phases
            )
            self.arrival = self.take(event)
            if self.id in self.machine.transactions:
                self.tx = self.machine.transactions[self.id]

    def next_event(
        self,
        sender: Pid = PARENT,
        *,
        id: Reference | None = None,
        hops: int = 10,
        lifespan: float = 60.0,
        capable: bool = False,
    ) -> events.Next:
        return events.Next(
            sender,
            id or self.id,
            self.origin,
            "value",
            [OTHER],
            hops,
            lifespan,
            self.two_phases,
            capable,
        )

    @property
    def state(self) -> str:
        return self.tx.state

    @property
    def is_known(self) -> bool:
        return self.id in self.machine.transactions

    def take(self, event: Any) -> list[Any]:
        return self.machine.take(event, self.now)

    def tick(self, seconds: float) -> list[Any]:
        """Let time go by, and take what is due."""
        self.now += seconds
        out = []
        while self.machine.deadlines.next <= self.now:
            out += self.take(events.Tick())
        return out

    # Steps and jobs.

    def step(
        self, to: Any = CHILD, *, joined: bool = False, **options: Any
    ) -> SagaStep:
        """Send it on; one with a compensation is safe in the log then."""
        step = SagaStep(ref(), self.tx, to, "order", **options)
        step.address = to
        self.sending = self.take(events.NextStep(self.id, step))
        if step.compensate is not None:
            self.sending = self.logged(self.sending)
        if joined:
            self.take(events.Joined(CHILD, self.id, step.id, CHILDS_NAME))
        return step

    def done_step(self, to: Any = CHILD, **options: Any) -> SagaStep:
        step = self.step(to, **options)
        self.result(step)
        return step

    def result(self, step: SagaStep, value: Any = "made") -> list[Any]:
        return self.take(events.Result(CHILD, self.id, step.id, value))

    def job(self, worker: Pid = WORKER, **options: Any) -> SagaJob:
        job = SagaJob(ref(), self.tx, "work", work="work", **options)
        out = self.take(events.StartJob(self.id, job))
        if job.compensate is not None:
            self.logged(out)
        self.take(events.Launched(job.id, worker))
        return job

    # The way of a transaction.

    def send_result(self, value: Any = "result") -> list[Any]:
        return self.take(events.SendResult(self.id, value))

    def cancel(self, reason: Any = "why") -> list[Any]:
        """Cancel it, as the saga itself."""
        self.take(events.CancelLater(self.id, reason))
        return self.take(events.OwnCancel(self.id, reason))

    def called(self) -> list[Any]:
        """Have run the callback of its end."""
        return self.take(events.Called(self.id))

    def vote(self) -> list[Any]:
        """Come to the voting; the callback has not run."""
        out = self.asked()
        return out + self.logged(out)

    def asked(self) -> list[Any]:
        """Be asked for a vote; nothing of that is in the log yet."""
        self.send_result()
        if self.tx.is_own:
            return self.take(events.OwnResult(self.id))
        return self.take(events.Prepare(PARENT, self.id, self.origin, PARENTS_NAME))

    def prepare(self) -> list[Any]:
        """Have voted yes, or decided, if none below has to; not in the log yet."""
        self.vote()
        return self.take(events.Voted(self.id))

    def prepared(self) -> list[Any]:
        return self.logged(self.prepare())

    def decide(self, final: Any = "final") -> list[Any]:
        """Hear of the commit; not in the log yet."""
        self.prepared()
        return self.take(events.Decide(PARENT, self.id, self.origin, final))

    def committed(self) -> list[Any]:
        """Have it there: with the callback at a participant, at its last word else."""
        if not self.tx.is_own:
            return self.logged(self.decide())
        self.prepared()
        return self.logged(self.take(events.Final(self.id, "final")))

    def logged(self, out: Iterable[Any]) -> list[Any]:
        """Take that the records in *out* are safe."""
        done = []
        for action in out:
            if isinstance(action, Log) and action.then is not None:
                done += self.take(action.then)
        return done

    def to(self, state: str) -> None:
        """Bring it to that state; to the beginning of it."""
        ways: dict[str, Callable[[], Any]] = {
            "open": lambda: None,
            "waiting": self.send_result,
            "voting": self.vote,
            "prepared": self.prepare,
            "decided": self.prepare,
            "committed": self.committed,
            "canceled": self.cancel,
            "done": self._be_done,
        }
        ways[state]()
        assert self.state == state

    def _be_done(self) -> None:
        # It stays as long as its result is not in the log.
        step = self.step(compensate="undo")
        self.result(step)
        self.send_result()


def in_state(state: str) -> Case:
    """Return a case that has come to that state, with as little as it takes."""
    case = Case(own=state == "decided", two_phases=state != "done")
    case.to(state)
    return case


def records(out: Iterable[Any]) -> list[str]:
    """Return what is written, by the first words."""
    return [str(action.record[0]) for action in out if isinstance(action, Log)]


def messages(out: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Return what is sent: to whom, and the message."""
    return [(action.dest, action.message) for action in out if isinstance(action, Tell)]


def calls(out: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Return the callbacks, with what they get beside the transaction."""
    return [
        (action.callback, *action.args[1:])
        for action in out
        if isinstance(action, Call)
    ]


def forgets(out: Iterable[Any]) -> bool:
    return any(isinstance(action, Forget) for action in out)
