"""DynamicSupervisor: children that are started at run time; Elixir's of that name.

It speaks Elixir's messages and OTP's: a specification comes as the tuple of five that
``DynamicSupervisor.start_child`` sends, or as what any supervisor takes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid

from ...errors import SpecError
from ...process.atoms import ERROR, OK, UNDEFINED
from ..caller import acting
from ..portable import portable
from ..returns import Stop
from . import checks
from .checks import Restart
from .children import Child
from .crowd import Crowd
from .reading import as_spec
from .requests import NOT_FOUND_ERROR, UNKNOWN_REQUEST, counts, read, row
from .supervisor import Supervisor
from .terms import to_map
from .verbs import pid_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...process.process import Process
    from .flags import Flags
    from .spec import ChildSpec

_IGNORE = Atom("ignore")
_MAX_CHILDREN = (ERROR, Atom("max_children"))
_START_CHILD = Atom("start_child")
_BAD_START_SPEC = Atom("bad_start_spec")
_NO_ID = {Atom("id"): UNDEFINED}

_PARTS = tuple(map(Atom, ("start", "restart", "shutdown", "type", "modules")))
"""What Elixir's tuple of five has in it."""


class DynamicSupervisor(Supervisor):
    """Starts children on demand, any number of them; Elixir's ``DynamicSupervisor``.

    ::

        await node.start(ergopy.DynamicSupervisor, name="sessions", max_children=1000)
        pid = await DynamicSupervisor.start_child("sessions", (Session, user))

    Each child stands alone: it is known by its pid, has no id and restarts alone. When
    the supervisor ends they are all stopped at the same time. So ten thousand of them
    are no trouble.

    ``which_children``, ``count_children`` and ``terminate_child``, with the pid, are
    those of :mod:`ergopy.supervisor`. On a BEAM the functions of Elixir's module work
    on it, and those of ``supervisor``.

    The options of :class:`ergopy.Supervisor` hold here too, but the strategy is
    ``one_for_one`` and it never ends by itself. Elixir allows 3 restarts in 5 seconds,
    this 10 in 10 unless told. A subclass may have an ``init``, which returns nothing,
    ``IGNORE`` or ``Stop(reason)``.
    """

    max_children: int | None = None
    """How many children there may be; one more is refused. None is any number."""
    extra_arguments: Sequence[Any] = ()
    """What every child is started with, before its own arguments."""

    _options = (*Supervisor._options, "extra_arguments", "max_children")
    _without = ()

    @staticmethod
    async def start_child(
        dest: Any, child: Any, *args: Any, caller: Any = None
    ) -> Pid | None:
        """Start a child; return its pid, or None if its ``init`` ignored that.

        It speaks Elixir's form of it, so that *dest* may be a dynamic supervisor of
        Elixir: then *child* is a :class:`ergopy.ChildSpec` of ``(module, function)``.

        Args:
            dest: The supervisor: whatever can be called.
            child: A specification, a class, ``async def child(proc, *args)``, or a
                tuple ``(Class, *args)``.
            args: Its arguments, with a class or a function.
            caller: Who asks; see :func:`ergopy.supervisor.start_child`.

        Raises:
            ChildError: ``max_children``, or what is wrong with the specification.
            StartError: It did not come up; ``reason`` says why.
            SpecError: *child* is no specification.
            CallError, NodeDown: As for ``Process.call``.

        It waits for the child's ``init`` as long as that takes. Cancelled, it waits no
        more; the child may come up nevertheless.
        """
        spec = as_spec((child, *args) if args else child)
        request = (_START_CHILD, InFive(spec))
        answer = await acting(caller).call(dest, request, None)
        return pid_in(answer, dest, spec.id)

    def _checked(self) -> Flags:
        flags = super()._checked().each_alone()
        most, extra = self.max_children, self.extra_arguments
        if most is not None and (type(most) is not int or most < 0):
            raise checks.refused("invalid_max_children", most)
        if not isinstance(extra, list | tuple):
            raise checks.refused("invalid_extra_arguments", portable(extra))
        return flags

    async def _begin(self, flags: Flags, wanted: list[Any]) -> Stop | None:
        if wanted:
            return Stop((_BAD_START_SPEC, portable(wanted)))
        room = math.inf if self.max_children is None else self.max_children
        extra = tuple(self.extra_arguments)
        self._children = DynamicCrowd(self.process, flags, room, extra)
        return None

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return await answer(self._children, request)


@final
class DynamicCrowd(Crowd):
    """The children of a dynamic supervisor."""

    def __init__(
        self, process: Process, flags: Flags, room: float, extra: tuple[Any, ...]
    ) -> None:
        super().__init__(process, flags)
        self.room = room
        self.extra = extra

    def read(self, term: Any) -> ChildSpec:
        """Read a specification, whatever form it has.

        Raises:
            SpecError: It is none.
        """
        if isinstance(term, InFive):
            term = term.spec
        elif isinstance(term, tuple) and len(term) == len(_PARTS):
            term = {**_NO_ID, **dict(zip(_PARTS, term, strict=True))}
        return read(term, self.flags)


@final
class InFive:
    """A specification that goes to another node as Elixir's tuple of five."""

    __slots__ = ("spec",)

    handed_over = True  # see process/configured/copying.py

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec

    def __etf__(self) -> Any:
        told = self.spec.__etf__()
        return tuple([told[part] for part in _PARTS])


async def answer(crowd: DynamicCrowd, request: Any) -> Any:
    """Do what is asked, in the words of Elixir; of what only OTP knows, in OTP's."""
    match request:
        case "count_children":
            return _count(crowd)
        case ("start_child", term):
            return await _start_child(crowd, term)
    return await answer_by_pid(crowd, request)


async def answer_by_pid(crowd: Crowd, request: Any) -> Any:
    """Do what is asked about children that are known by their pids."""
    match request:
        case "which_children":
            return [row(UNDEFINED, child) for child in crowd]
        case ("terminate_child" | "which_child" | "get_childspec" as what, pid):
            child = crowd.find(pid) if isinstance(pid, Pid) else None
            if child is not None:
                return await _about(crowd, what, child)
            return NOT_FOUND_ERROR
    return (ERROR, (UNKNOWN_REQUEST, request))


async def _start_child(crowd: DynamicCrowd, term: Any) -> Any:
    if len(crowd) >= crowd.room:
        return _MAX_CHILDREN
    try:
        spec = crowd.read(term)
    except SpecError as error:
        return (ERROR, error.reason)
    child = Child(spec, (*crowd.extra, *(spec.args or ())))
    result = await crowd.answer_start(child)
    if spec.restart is Restart.TEMPORARY:
        # They are never needed again.
        child.spec, child.args = spec.without_args(), ()
    return as_elixir(result)


def as_elixir(result: Any) -> Any:
    """Return the answer to a start in the words of Elixir, which are not all OTP's."""
    match result:
        case (Atom("ok"), Atom("undefined")):
            return _IGNORE
        case (Atom("error"), (Atom("EXIT"), reason)):
            # So OTP says that the function raised; Elixir has the reason alone.
            return (ERROR, reason)
    return result


async def _about(crowd: Crowd, what: str, child: Child) -> Any:
    if what == "which_child":
        return (OK, row(UNDEFINED, child))
    if what == "get_childspec":
        return (OK, to_map(child.spec))
    await crowd.stop_one(child)
    return OK


def _count(crowd: DynamicCrowd) -> Any:
    everybody = len(crowd)
    supervisors = sum(child.spec.is_supervisor for child in crowd)
    return counts(everybody, len(crowd.running), supervisors, everybody)
