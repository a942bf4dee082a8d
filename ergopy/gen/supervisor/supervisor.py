"""Supervisor: ``supervisor`` of OTP and Elixir's ``Supervisor``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from etf import Atom

from ...errors import Exit, SpecError
from ...process.atoms import INITIAL_CALL, SHUTDOWN
from ...process.messages import ExitMessage
from ...process.reasons import shown
from ...process.reports import about
from ..portable import portable
from ..returns import Ignore, Stop
from ..server import GenServer, logger
from . import ambient, requests, simple
from .checks import AutoShutdown, Strategy
from .flags import NAMES, Drain, Flags
from .group import Group
from .simple import SimpleCrowd
from .spec import SupervisorSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...process.init_ack import Acknowledge
    from ...process.process import Process
    from .backoff import Backoff
    from .spec import ChildSpec

_SUPERVISOR = Atom("supervisor")
_INIT = Atom("init")
_BAD_START_SPEC = Atom("bad_start_spec")
_BAD_RETURN = Atom("bad_return")
_START_SPEC = Atom("start_spec")
_SUPERVISOR_DATA = Atom("supervisor_data")


class Supervisor(GenServer):
    """Starts children in order, restarts those that fail, stops them in reverse.

    ::

        await node.start(ergopy.Supervisor, [Cache, (Worker, 3)], name="shop")

    or a subclass whose ``init`` returns the children::

        class Shop(ergopy.Supervisor):
            strategy = "rest_for_one"

            async def init(self, workers):
                return [Cache, *(ChildSpec(Worker, n, id=n) for n in range(workers))]

    A child is a :class:`ergopy.ChildSpec`, a class, a tuple ``(Class, *args)``, or the
    map of a child specification as it is in Erlang. It may be on this node or on
    another. Instead of a list ``init`` may return a :class:`ergopy.SupervisorSpec`,
    ``IGNORE`` or ``Stop(reason)``.

    What it does, and what it answers, is what ``supervisor`` of OTP does; on a BEAM
    ``supervisor:which_children`` and the others work on it. It traps exits.

    The attributes of the class are the defaults of the constructor's options.

    Raises:
        TypeError: There is no such option.
    """

    strategy: str = Strategy.ONE_FOR_ONE
    """``one_for_one``, ``one_for_all``, ``rest_for_one``, ``simple_one_for_one``."""
    intensity: int = 10
    """How many restarts within ``period`` are fine; with one more it stops its children
    and ends with ``shutdown``. 0 is none at all. OTP has 1 in 5 seconds."""
    period: float = 10.0
    """Seconds."""
    auto_shutdown: str = AutoShutdown.NEVER
    """``never``, ``any_significant`` or ``all_significant``: whether it ends, with
    ``shutdown``, when one or all of its significant children have ended by
    themselves."""
    backoff: Backoff | None = None
    """Pauses before restarts. Not in OTP."""
    drain: str = Drain.SEQUENTIAL
    """``sequential`` or ``concurrent``: how several children are stopped. Not in OTP,
    where only those of ``simple_one_for_one`` are all stopped at once."""
    budget: float | None = None
    """Seconds for the stop of all its children when it ends, whatever their own times
    are, supervisors among them included; who is left then is killed. Not in OTP."""

    terminate_timeout: float | None = math.inf
    """As long as the children may take: each has its own time."""

    child_defaults: ClassVar[Mapping[str, Any]] = {"type": _SUPERVISOR}

    def __init__(self, **flags: Any) -> None:
        unknown = flags.keys() - set(self._options)
        if unknown:
            raise TypeError(f"{type(self).__qualname__} has no {sorted(unknown)}")
        vars(self).update(flags)

    _options: ClassVar[tuple[str, ...]] = NAMES
    _without: ClassVar[Any] = None
    """The children of one whose ``init`` returns None."""

    _children: Any
    """What it does about its children: a Group or a Crowd."""
    _args: tuple[Any, ...]

    async def init(self, children: Any = (), /) -> Any:
        """Return the children, by default those that it was started with."""
        return children

    async def enter(
        self, process: Process, args: tuple[Any, ...], ack: Acknowledge | None = None
    ) -> None:
        # What observer and crash reports of OTP know a supervisor by.
        called = (_SUPERVISOR, self._name_of_class(), 1)
        process.dictionary.setdefault(INITIAL_CALL, called)
        await super().enter(process, args, ack)

    async def _start(self, args: tuple[Any, ...]) -> Any:
        self.trap_exit = True
        ambient.become_current(self)
        self._args = args
        wanted = await super()._start(args)
        if isinstance(wanted, Ignore | Stop):
            return wanted
        return await self._begin(*self._read(wanted))

    def _read(self, wanted: Any) -> tuple[Flags, list[Any]]:
        """Take what ``init`` returned: the flags, checked, and the children."""
        if isinstance(wanted, SupervisorSpec):
            vars(self).update(wanted.flags)
            wanted = wanted.children
        try:
            flags = self._checked()
        except SpecError as error:
            raise Exit((_SUPERVISOR_DATA, error.reason)) from None
        wanted = self._without if wanted is None else wanted
        if not isinstance(wanted, list | tuple):
            raise Exit((_BAD_RETURN, (self._name_of_class(), _INIT, portable(wanted))))
        return flags, list(wanted)

    def _checked(self) -> Flags:
        return Flags.checked(self)

    async def _begin(self, flags: Flags, wanted: list[Any]) -> Stop | None:
        crowd = self._crowd_of_one(flags)
        if crowd is not None and len(wanted) != 1:
            return Stop((_BAD_START_SPEC, portable(wanted)))
        try:
            specs = [self._spec(child, flags) for child in wanted]
            if crowd is not None:
                self._children = crowd(self.process, flags, specs[0])
                return None
            return await self._start_group(flags, specs)
        except SpecError as error:
            return Stop((_START_SPEC, portable(error.reason)))

    def _crowd_of_one(self, flags: Flags) -> type[SimpleCrowd] | None:
        """Say what holds the children if all are of one specification."""
        simple = flags.strategy is Strategy.SIMPLE_ONE_FOR_ONE
        return SimpleCrowd if simple else None

    def _spec(self, child: Any, flags: Flags) -> ChildSpec:
        """Read one of the children that ``init`` returned, or raise SpecError."""
        return requests.read(child, flags)

    async def _start_group(self, flags: Flags, specs: list[ChildSpec]) -> Stop | None:
        self._children = group = Group(self.process, flags)
        group.renew(flags, specs)
        failed = await group.start_all()
        return None if failed is None else Stop((SHUTDOWN, failed))

    async def handle_call(self, request: Any, from_: Any) -> Any:
        children = self._children
        if isinstance(children, Group):
            return await requests.answer(children, request)
        return await simple.answer(children, request)

    async def handle_cast(self, request: Any) -> Any:
        if isinstance(request, ambient.Soon):
            return await ambient.start(self, request)
        over = await self._children.told_self(request)
        if over is None:
            return await self.handle_info(request)
        return Stop(SHUTDOWN) if over else None

    async def handle_info(self, message: Any) -> Any:
        """Take the end of a child.

        A subclass that has messages of its own passes on what is none of them.
        """
        if not isinstance(message, ExitMessage):
            text = shown(message)
            logger.error("%s got an unexpected message: %s", self.process.label, text)
        elif await self._children.ended(message.pid, message.reason):
            return Stop(SHUTDOWN)
        return None

    async def code_change(self, vsn: Any, extra: Any) -> None:
        """Take the flags and the children that ``init`` returns now.

        As in OTP a child whose id is there already goes on, under its new
        specification. One that is new does not run until somebody says so, and one
        that is there no more stays.
        """
        wanted = await self.init(*self._args)
        if not isinstance(wanted, Ignore):
            flags, children = self._read(wanted)
            specs = [self._spec(child, flags) for child in children]
            self._children.renew(flags, specs)

    async def terminate(self, reason: Any) -> None:
        """Stop the children; a subclass that has more to do calls this one too."""
        await self._children.stop_all()
        ambient.drop_waiting(self)
        killed = self._children.forced_kills
        if killed:
            logger.error(
                "%s: processes below that had to be killed: %d",
                self.process.label,
                killed,
                extra={"forced_kills": killed, **about(self.process)},
            )

    @property
    def forced_kills(self) -> int:
        """How many processes below it had to be killed because their time was over."""
        return int(self._children.forced_kills)

    @property
    def gave_up(self) -> bool:
        """Whether it ends, or has ended, because of too many restarts."""
        return bool(self._children.gave_up)

    def format_state(self) -> Any:
        return {
            Atom("supervisor"): self._name_of_class(),
            **{Atom(name): _shown(getattr(self, name)) for name in self._options},
            Atom("restarts"): len(self._children.window),
            Atom("forced_kills"): self.forced_kills,
            Atom("children"): [
                (child.spec.id, child.shown, child.restarts) for child in self._children
            ],
        }

    def _name_of_class(self) -> Atom:
        cls = type(self)
        return Atom(f"{cls.__module__}.{cls.__qualname__}"[:255])


def _shown(flag: Any) -> Any:
    return Atom(flag) if isinstance(flag, str) else flag
