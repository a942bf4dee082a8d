"""Pool: workers behind one name; a supervisor that passes on what it is sent.

A pool is called and cast to like one server. It gives each call to a worker that has
room; if none has, the call waits in a line of bounded length, and past that it fails at
once with ``overloaded``. It is the supervisor of its workers: one that ends is followed
by another in the same place, within the limits of ``intensity`` and ``period``, and the
calls that it had fail at once with its reason.

A pool answers itself: ``which_children``, ``count_children``, ``{which_child, Id}``
and ``{get_childspec, Id}`` as any supervisor does, and tuples that begin with
``'$pool'``, which the verbs of ``ergopy.pool`` send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid

from ...errors import StartError
from ...process.atoms import BADARG, ERROR, GEN_CAST, OK, SYSTEM_LIMIT
from ...process.mailbox import Mailbox
from ...process.messages import Down, ExitMessage
from ...process.refusals import refuse
from ..returns import NOREPLY, Ignore, Stop
from ..server import logger
from ..supervisor import Supervisor, requests
from ..supervisor.checks import Restart
from ..supervisor.group import Group
from ..supervisor.reading import as_spec
from .jobs import Checkout, Relay
from .line import Line
from .slots import ROUND_ROBIN, WAYS, Slots
from .staff import Staff
from .statistics import PoolStatistics

if TYPE_CHECKING:
    from .slots import Slot

POOL = Atom("$pool")
IDLE = Atom("idle")


class Pool(Supervisor):
    """Workers behind one name.

    ::

        await node.start(ergopy.Pool, Model, "small", size=4, name="models")
        await node.call("models", request)

    Args of its start: what a worker is, as for a supervisor's child (a class and its
    arguments, or a :class:`ergopy.ChildSpec`). Its options, besides those of a
    supervisor (``intensity``, ``period``, ``backoff``, ``budget``):

    Args:
        size: Workers.
        capacity: Calls that one worker may have at a time. More than one is for
            servers that answer later; the others work on one after the other.
        dispatch: ``"round_robin"``, or ``"least_loaded"``: the worker with the fewest
            calls, for casts with the fewest messages.
        max_waiting: Calls, and wishes for a worker, that wait when no worker has room.
            One more fails at once with ``overloaded``; 0 lets none wait.
        max_overflow: Workers besides, started when no other has room, and stopped when
            they have nothing to do.
        max_casts: Messages that wait in the mailbox of each worker before casts are
            dropped, and counted.
        retries: How many more workers a call gets if the one that has it ends. It may
            then run more than once. It waits before all others, however many wait.
        max_size: What ``pool.resize`` may make of *size*.

    Raises:
        ValueError, TypeError: An option makes no sense.
    """

    drain: str = "concurrent"

    def __init__(
        self,
        *,
        size: int = 1,
        capacity: int = 1,
        dispatch: str = ROUND_ROBIN,
        max_waiting: int = 1000,
        max_overflow: int = 0,
        max_casts: int = 1000,
        retries: int = 0,
        max_size: int = 1000,
        **flags: Any,
    ) -> None:
        super().__init__(**flags)
        if self.strategy != "one_for_one":
            raise ValueError(f"the workers of a pool fail alone, not {self.strategy!r}")
        if dispatch not in WAYS:
            raise ValueError(f"dispatch= is one of {WAYS}, not {dispatch!r}")
        _check_numbers(
            size=(size, 1),
            capacity=(capacity, 1),
            max_waiting=(max_waiting, 0),
            max_overflow=(max_overflow, 0),
            max_casts=(max_casts, 1),
            retries=(retries, 0),
            max_size=(max_size, size),
        )
        self._size = size
        self._max_size = max_size
        self._max_overflow = max_overflow
        self._max_casts = max_casts
        self._dropping = False
        self._slots = Slots(capacity, dispatch)
        self._line = Line(self._slots, max_waiting, retries, self._tell_idle)

    async def init(self, *worker: Any) -> Any:
        if not worker:
            raise TypeError("a pool starts with what its workers are")
        spec = as_spec(worker if len(worker) > 1 else worker[0])
        if spec.name is not None or spec.node is not None:
            raise ValueError("the workers of a pool have no name, and are on its node")
        self._worker = spec.replace(restart=Restart.PERMANENT)
        return [self._worker.replace(id=place) for place in range(self._size)]

    async def _start(self, args: tuple[Any, ...]) -> Any:
        refused = await super()._start(args)
        if not isinstance(refused, Ignore | Stop):
            self._staff = Staff(
                self._group, self._slots, self._worker, self._size, self._max_overflow
            )
        return refused

    @property
    def _group(self) -> Group:
        children = self._children
        assert isinstance(children, Group)
        return children

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case Atom("which_children" | "count_children"):
                return await requests.answer(self._group, request)
            case (Atom("which_child" | "get_childspec"), _):
                return await requests.answer(self._group, request)
            case (Atom("$pool"), *what):
                return await self._asked_itself(what, from_)
        await self._offer(Relay(self.process, from_, request, self._line.served))
        return NOREPLY

    async def _asked_itself(self, what: list[Any], from_: Any) -> Any:
        match what, from_:
            case [Atom("checkout"), lease], (Pid(), _):
                await self._offer(Checkout(self.process, from_, lease))
                return NOREPLY
            case [Atom("resize"), size], _ if type(size) is int and size >= 1:
                if size <= self._max_size:
                    return await self._resize(size)
                refuse(self.process, from_, SYSTEM_LIMIT)
                return NOREPLY
            case [Atom("statistics")], _:
                return self._numbers().as_map()
        refuse(self.process, from_, BADARG)
        return NOREPLY

    async def handle_cast(self, request: Any) -> Any:
        match request:
            case (Atom("$pool"), Atom("checkin"), lease):
                self._check_in(lease)
                return None
            case (Atom("$pool"), Atom("idle"), place):
                await self._let_go(place)
                return None
        over = await self._group.told_self(request)
        if over is None:
            self._pass_on((GEN_CAST, request))
            return None
        return self._after_restart(over)

    async def handle_info(self, message: Any) -> Any:
        if isinstance(message, ExitMessage):
            self._lose(message.pid, message.reason)
            over = await self._group.ended(message.pid, message.reason)
            return self._after_restart(over)
        if not (isinstance(message, Down) and self._return_from(message)):
            self._pass_on(message)
        return None

    def _after_restart(self, over: bool) -> Stop | None:
        self._staff.clear_away()
        self._all_may_have_changed()
        return Stop("shutdown") if over else None

    async def _offer(self, job: Relay | Checkout) -> None:
        """Give *job* to a worker, to a new one, or into the line."""
        if self._line.start(job):
            return
        if not len(self._line) and await self._staff.add_overflow():
            # While that one came up, another may have become free.
            given = self._line.start(job)
            self._all_may_have_changed()
            if given:
                return
        self._line.join(job)

    def _pass_on(self, message: Any) -> None:
        """Give a message that wants no answer to a worker, or drop it."""
        slot = self._slots.for_cast(self._max_casts)
        if slot is not None:
            self._dropping = False
            slot.process.deliver(message)
            return
        self._line.counts["dropped"] += 1
        if not self._dropping:
            self._dropping = True
            label = self.process.label
            logger.warning("%s drops casts: no worker has room for them", label)

    def _lose(self, pid: Pid, reason: Any) -> None:
        """Tell those whose worker has ended."""
        slot = self._staff.find(pid)
        if slot is None:
            return
        calls, slot.jobs = list(slot.jobs), {}
        self._line.lost(calls, reason)
        if slot.lent is not None:
            slot.lent.end()
            slot.lent = None

    def _tell_idle(self, slot: Slot) -> None:
        # Stopping waits, and this runs in the step of a worker.
        told = (GEN_CAST, (POOL, IDLE, slot.child.spec.id))
        Mailbox.deliver(self.process, told)

    async def _let_go(self, place: Any) -> None:
        """Stop the worker of a place that is to go, unless it has work again."""
        for slot in self._slots:
            if slot.child.spec.id == place and slot.leaving and slot.is_idle:
                await self._staff.let_go(slot)
                return

    async def _resize(self, size: int) -> Any:
        try:
            await self._staff.resize(size)
        except StartError as error:
            return (ERROR, error.reason)
        self._all_may_have_changed()
        return OK

    def _all_may_have_changed(self) -> None:
        self._line.freed(self._slots)

    def _check_in(self, lease: Any) -> None:
        if self._line.withdraw(lease):
            return
        for slot in self._slots:
            if slot.lent is not None and slot.lent.lease == lease:
                self._take_back(slot)
                return

    def _return_from(self, down: Down) -> bool:
        """Take back what a borrower had that has ended; return whether it had any."""
        for slot in self._slots:
            if slot.lent is not None and slot.lent.monitor == down.ref:
                self._take_back(slot)
                return True
        return False

    def _take_back(self, slot: Slot) -> None:
        assert slot.lent is not None
        slot.lent.end()
        slot.lent = None
        self._line.freed([slot])

    def _numbers(self) -> PoolStatistics:
        slots = list(self._slots)
        return PoolStatistics(
            size=self._staff.size,
            workers=sum(slot.child.is_alive for slot in slots),
            busy=sum(not slot.is_idle for slot in slots),
            calls=sum(len(slot.jobs) for slot in slots),
            waiting=len(self._line),
            restarts=sum(slot.child.restarts for slot in slots),
            **self._line.counts,
        )

    def format_state(self) -> Any:
        return {**super().format_state(), Atom("pool"): self._numbers().as_map()}


def _check_numbers(**given: tuple[Any, int]) -> None:
    for name, (value, least) in given.items():
        if type(value) is not int or value < least:
            raise ValueError(f"{name}= is a number from {least} on, not {value!r}")
