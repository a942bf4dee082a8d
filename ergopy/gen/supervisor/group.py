"""Children that are known by their ids, in the order of their start.

What the strategies mean is here: ``one_for_one``, ``one_for_all``, ``rest_for_one``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom, EncodeError, identity_key

from ...errors import SpecError, StartError
from .checks import Restart, Strategy
from .children import Child, State
from .flags import Drain
from .supervision import Supervision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from etf import Pid

    from ...process.process import Process
    from ...process.timers import Timer
    from .flags import Flags
    from .spec import ChildSpec
    from .stopping import Stopping

_CONSTANTS = ("true", "false", "nil")
"""Atoms that Python has values of its own for, which are the same terms."""

_DUPLICATE = Atom("duplicate_child_name")
_FAILED_TO_START = Atom("failed_to_start_child")


def key_of(identity: Any) -> Any:
    """Return what two ids share exactly if they are the same term."""
    plain = identity.__class__ is Atom and identity not in _CONSTANTS
    return identity if plain else identity_key(identity)


def by_id(specs: Iterable[ChildSpec]) -> dict[Any, ChildSpec]:
    """Return specifications by the keys of their ids, in their order.

    Raises:
        SpecError: Two have the same id.
    """
    found: dict[Any, ChildSpec] = {}
    for spec in specs:
        key = key_of(spec.id)
        if key in found:
            raise SpecError((_DUPLICATE, spec.id))
        found[key] = spec
    return found


@final
class Group(Supervision):
    """The children of a supervisor that is not ``simple_one_for_one``."""

    def __init__(self, process: Process, flags: Flags) -> None:
        super().__init__(process, flags)
        self._children: dict[Any, Child] = {}
        self._by_pid: dict[Pid, Child] = {}

    def __iter__(self) -> Iterator[Child]:
        """All children, in the order of their start."""
        return iter(self._children.values())

    def find(self, identity: Any) -> Child | None:
        """Return the child with that id, running or not."""
        try:
            return self._children.get(key_of(identity))
        except EncodeError:
            # It is no term, and so it is the id of nobody.
            return None

    def add(self, spec: ChildSpec) -> Child:
        """Add a child that does not run yet; nobody has its id."""
        child = self._children[key_of(spec.id)] = Child(spec)
        return child

    def renew(self, flags: Flags, specs: list[ChildSpec]) -> None:
        renewed = by_id(specs)
        super().renew(flags, specs)
        former, self._children = self._children, {}
        for key, spec in renewed.items():
            child = former.pop(key) if key in former else Child(spec)
            child.spec, child.args = spec, spec.args or ()
            self._children[key] = child
        self._children.update(former)

    def remove(self, child: Child) -> None:
        """Forget a child and its specification."""
        self._gone(child)
        del self._children[key_of(child.spec.id)]

    def drop(self, child: Child) -> None:
        """Note that it runs no more; a temporary one is forgotten."""
        if child.spec.restart is Restart.TEMPORARY:
            self.remove(child)
        else:
            self._gone(child)

    def _gone(self, child: Child) -> None:
        self._forget_pid(child)
        child.is_gone()

    def _forget_pid(self, child: Child) -> None:
        if child.pid is not None:
            self._by_pid.pop(child.pid, None)

    def key(self, child: Child) -> Any:
        return child.spec.id

    def find_running(self, pid: Pid) -> Child | None:
        return self._by_pid.get(pid)

    def find_waiting(self, key: Any) -> Child | None:
        child = self.find(key)
        waits = child is not None and child.state is State.RESTARTING
        return child if waits else None

    def wait(self, child: Child, pause: Timer | None = None) -> None:
        self._forget_pid(child)
        child.waits(pause)

    def has_significant(self) -> bool:
        return any(
            child.spec.significant and child.state is not State.STOPPED
            for child in self
        )

    async def start(self, child: Child, *, told: bool = True) -> Pid | None:
        pid = await super().start(child, told=told)
        if pid is not None:
            self._by_pid[pid] = child
        return pid

    async def start_all(self) -> Any:
        """Start all children in order, or stop those that came up.

        Returns None, or why the supervisor cannot start, as a term.
        """
        failed = await self._start_in_order(list(self))
        if failed is None:
            return None
        await self.stop_all()
        return (_FAILED_TO_START, failed.spec.id, failed.reason)

    async def _start_in_order(self, children: Iterable[Child]) -> Child | None:
        """Start *children* until one fails; return that one."""
        for child in children:
            try:
                pid = await self.start(child)
            except StartError as error:
                child.reason = error.reason
                self.report("start_error", error.reason, child)
                return child
            if pid is None and child.spec.restart is Restart.TEMPORARY:
                self.remove(child)
        return None

    async def attempt(self, child: Child) -> None:
        match self.flags.strategy:
            case Strategy.ONE_FOR_ALL:
                await self._restart_all(list(self))
            case Strategy.REST_FOR_ONE:
                everybody = list(self)
                await self._restart_all(everybody[everybody.index(child) :])
            case _:
                await super().attempt(child)

    async def _restart_all(self, children: list[Child]) -> None:
        """Stop those of *children* that run, and start all that may be restarted."""
        await self._stop_in_order(children, self.stopping_now())
        left = [child for child in children if child is self.find(child.spec.id)]
        failed = await self._start_in_order(left)
        if failed is not None:
            self.try_again(failed, failed.reason)

    async def stop_all(self) -> None:
        self.stopping = True
        stopping = self.stopping_now(self.last_moment())
        await self._stop_in_order(list(self), stopping)

    async def _stop_in_order(self, children: list[Child], stopping: Stopping) -> None:
        youngest_first = children[::-1]
        if self.flags.drain is Drain.CONCURRENT:
            await self.stop(stopping, youngest_first)
        else:
            for child in youngest_first:
                await self.stop(stopping, [child])
        for child in youngest_first:
            self.drop(child)
