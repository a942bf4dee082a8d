"""PartitionSupervisor: one child for each part of the keys; Elixir's of that name.

Which part a key belongs to is decided as Elixir does, bit for bit: an integer by its
absolute value, anything else by ``erlang:phash2``, modulo the number of partitions.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, final

import etf
from etf import Atom, Pid, phash2

from ...errors import ChildError, SpecError, StartError
from ...process import reasons
from ...process.atoms import BADARG, ERROR, OK, UNDEFINED
from ..caller import acting
from ..portable import portable
from ..returns import Stop
from . import checks, requests
from .checks import Strategy
from .supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from .flags import Flags
    from .group import Group
    from .spec import ChildSpec

MAX_KEY_SIZE = 64 * 1024
"""Bytes that a key may have, encoded, when it is asked for by a request."""

_PARTITIONS = Atom("partitions")
_RESIZE = Atom("resize")
_WHEREIS_NAME = Atom("whereis_name")
_BAD_START_SPEC = Atom("bad_start_spec")
_START_SPEC = Atom("start_spec")
_INVALID = Atom("invalid_partitions")
_BADARG = (ERROR, BADARG)
_NOT_FOR_PARTITIONS = (ERROR, Atom("partition_supervisor"))


def partition_of(key: Any, partitions: int) -> int:
    """Return which of so many partitions *key* belongs to.

    Raises:
        EncodeError: The key is no Erlang term.
    """
    if isinstance(key, int) and not isinstance(key, bool):
        return abs(key) % partitions
    return phash2(key, partitions)


class PartitionSupervisor(Supervisor):
    """Runs the same child several times and sends each key to one of them.

    ::

        await node.start(ergopy.PartitionSupervisor, Counter, name="counters")
        await node.cast(ergopy.Via("counters", user), "hit")

    For a process that everybody needs, and that is too slow alone. The children have
    the ids 0, 1, 2 and so on, and are supervised as those of any
    :class:`ergopy.Supervisor`, whose options hold here too. While one of them is being
    restarted nobody has its keys: a call raises ``NoProcess``.

    On one Python node partitions share one processor; they help where the work waits,
    or is handed to threads. Elixir's default is the number of its schedulers.

    ``Via`` works on the same node. From elsewhere ask :meth:`whereis_name`, or for all
    of them ``which_children``.
    """

    partitions: int | None = None
    """How many; None is the number of processors."""
    with_arguments: Callable[[tuple[Any, ...], int], Any] | None = None
    """Called with the arguments of the child and the number of a partition; returns
    the arguments that this one is started with."""

    _options = (*Supervisor._options, "partitions", "with_arguments")

    _children: Group
    _size: int
    """How many partitions have keys."""
    _most: int
    """How many it began with."""
    _template: ChildSpec

    @staticmethod
    async def count(dest: Any, *, caller: Any = None) -> int:
        """Return the number of partitions; ``PartitionSupervisor.partitions/1``.

        Raises:
            CallError, NodeDown: As for ``Process.call``.
        """
        return int(await acting(caller).call(dest, _PARTITIONS, None))

    @staticmethod
    async def whereis_name(dest: Any, key: Any, *, caller: Any = None) -> Pid | None:
        """Return who has *key*, or None while it is restarted; ``whereis_name/1``.

        Raises:
            ValueError: The key has more than 64 KiB, or is no Erlang term.
            CallError, NodeDown: As for ``Process.call``.
        """
        _check_key(key)
        found = await acting(caller).call(dest, (_WHEREIS_NAME, key), None)
        return found if isinstance(found, Pid) else None

    @staticmethod
    async def resize(dest: Any, partitions: int, *, caller: Any = None) -> None:
        """Change the number of partitions; ``PartitionSupervisor.resize!/2``.

        Most keys belong to another one afterwards. New partitions get keys when all of
        them are up. Those that are too many get no more from the beginning, and are
        then stopped, the last first. As in Elixir there can be no more than it began
        with; at least one has to stay.

        Raises:
            ChildError: That number is not possible; ``reason`` is
                ``{invalid_partitions, N}``.
            StartError: A new one did not come up. The number is what it was.
            CallError, NodeDown: As for ``Process.call``.
        """
        match await acting(caller).call(dest, (_RESIZE, partitions), None):
            case (Atom("error"), (Atom("invalid_partitions"), _) as reason):
                raise ChildError(dest, partitions, reason)
            case (Atom("error"), reason):
                raise StartError(str(dest), reason)

    async def init(self, child: Any = None, /) -> Any:
        """Return the child that there is to be of each partition, in a list."""
        return [child]

    def _checked(self) -> Flags:
        flags = super()._checked()
        if flags.strategy is Strategy.SIMPLE_ONE_FOR_ONE:
            raise checks.refused("invalid_strategy", flags.strategy)
        wanted = self.partitions
        self._size = self._most = (os.cpu_count() or 1) if wanted is None else wanted
        if not _is_size(self._size):
            raise SpecError((_INVALID, self._size))
        return flags

    async def _begin(self, flags: Flags, wanted: list[Any]) -> Stop | None:
        if len(wanted) != 1:
            return Stop((_BAD_START_SPEC, portable(wanted)))
        try:
            self._template = requests.read(wanted[0], flags)
            if self._template.name is not None:
                raise checks.refused("one_name_for_all", self._template.name)
        except SpecError as error:
            return Stop((_START_SPEC, portable(error.reason)))
        children = [self._partition(number) for number in range(self._size)]
        return await super()._begin(flags, children)

    def _partition(self, number: int) -> ChildSpec:
        args = self._template.args or ()
        if self.with_arguments is not None:
            args = tuple(self.with_arguments(args, number))
        return self._template.replace(id=number, args=args)

    async def _start_group(self, flags: Flags, specs: list[ChildSpec]) -> Stop | None:
        register = _Register(self)
        self.process.runtime.registers[self.pid.id] = register
        self.process.claim(register, register)
        return await super()._start_group(flags, specs)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case "partitions":
                return self._size
            case ("whereis_name", key):
                return self._found(key)
            case ("resize", size):
                return await self._resize(size)
            case ("start_child" | "delete_child", _) if from_ is not None:
                # Nobody is who called spawn_soon, in a child of a partition.
                return _NOT_FOR_PARTITIONS
        return await super().handle_call(request, from_)

    def _found(self, key: Any) -> Any:
        try:
            _check_key(key)
        except ValueError:
            return _BADARG
        return self.find(key) or UNDEFINED

    def find(self, key: Any) -> Pid | None:
        """Return who has *key*; None if nobody has at the moment."""
        child = self._children.find(partition_of(key, self._size))
        return child.pid if child is not None and child.is_alive else None

    async def _resize(self, size: Any) -> Any:
        if not _is_size(size) or size > self._most:
            return (ERROR, (_INVALID, size))
        before = self._size
        for number in range(before, size):
            answer = await self._start_one(number)
            if answer[0] is ERROR:
                await self._stop_last(number, before)
                return answer
        self._size = size
        await self._stop_last(before, size)
        return OK

    async def _start_one(self, number: int) -> Any:
        try:
            spec = self._partition(number)
        except Exception as error:
            # A mistake in with_arguments is no reason to end.
            return (ERROR, reasons.from_exception(error))
        return await self._ask("start_child", spec)

    async def _stop_last(self, end: int, first: int) -> None:
        for number in reversed(range(first, end)):
            await self._ask("terminate_child", number)
            await self._ask("delete_child", number)

    async def _ask(self, what: str, about: Any) -> Any:
        return await requests.answer(self._children, (Atom(what), about))


def _check_key(key: Any) -> None:
    """Refuse what would take long to hash: who asks may be a peer."""
    size = len(etf.encode(key))
    if size > MAX_KEY_SIZE:
        raise ValueError(f"a key of {size} bytes; at most {MAX_KEY_SIZE} can be")


def _is_size(size: Any) -> bool:
    return type(size) is int and size >= 1


@final
class _Register:
    """What ``Via`` asks; there as long as its supervisor."""

    __slots__ = ("_supervisor",)

    def __init__(self, supervisor: PartitionSupervisor) -> None:
        self._supervisor = supervisor

    def whereis_name(self, name: Any, /) -> Pid | None:
        return self._supervisor.find(name)

    def register_name(self, name: Any, pid: Pid, /) -> bool:
        # Who has a key is not for others to say.
        return False

    def unregister_name(self, name: Any, /) -> None:
        """Do nothing, as nobody has registered a name."""

    def fire(self, reason: Any) -> None:
        """Take the end of the supervisor."""
        process = self._supervisor.process
        process.runtime.registers.pop(process.pid.id, None)
