"""Scopes: processes that belong to a part of the life of another one.

A scope has an owner, and ends no later than that. ``async with`` ties it to a block of
code; without, it lasts until it is closed or its owner has ended.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Self, final

import trio

from etf import Atom

from ...errors import ChildError, ErgopyError, Ignored, NeededChildExited
from ...process.atoms import SHUTDOWN
from ...process.messages import Down
from .. import supervisor
from ..caller import acting
from ..supervisor import ChildSpec
from .helpers import Helpers
from .keeper import Keeper

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from etf import Pid

HOSTED = Atom("hosted")
"""The tag of the ``Down`` by which an owner hears of a hosted child."""


@final
class _End:
    """Hears of the end of the process behind a scope: nothing is left in it then."""

    def __init__(self) -> None:
        self.event = trio.Event()

    def fire(self, reason: Any) -> None:
        self.event.set()


@final
class Scope:
    """The children of a part of a process's life; ``proc.scope()``, ``self.scope()``.

    ::

        async with self.scope() as scope:
            log = await scope.start(Logger)
            await scope.start(Worker, log, needed=True)
            ...                     # the children end with this block

    A *hosted* child may end when it likes: the owner gets a ``Down`` with the tag
    ``hosted`` and the ``ref`` of the scope. A *needed* one may not: then the block is
    cancelled and raises :exc:`ergopy.NeededChildExited`; without a block the owner gets
    the exit signal ``{needed_child_exited, Pid, Reason}`` over a link. A child whose
    end was asked for is neither told of nor missed.

    Children are stopped as a supervisor does it: in reverse, each within the time that
    its ``shutdown`` says. They inherit the environment that the owner has at that time.

    Args:
        owner: A process, a behaviour, or a node.
    """

    def __init__(self, owner: Any) -> None:
        self.owner = acting(owner)
        """Whose scope it is; a node's is that of its root."""
        self.ref = self.owner.new_ref()
        """Stands in the ``Down`` of a hosted child."""
        self._keeper: Keeper | None = None
        self._opening = trio.Lock()
        self._numbers = count(1)
        self._helpers = Helpers(self.owner, self._fail)
        self._block: trio.CancelScope | None = None
        self._failure: BaseException | None = None
        self._closing = False
        self._end = _End()

    def __repr__(self) -> str:
        closed = self._closing or self._is_over
        state = "closed" if closed else f"{len(self.children)} children"
        return f"<Scope of {self.owner.label}: {state}>"

    @property
    def children(self) -> list[Pid]:
        """The processes that run in it, the oldest first; without helper tasks."""
        if self._keeper is None or self._is_over:
            return []
        kept = self._keeper._children
        return [child.pid for child in kept if child.is_alive]

    async def start(
        self, child: Any, *args: Any, needed: bool = False, **options: Any
    ) -> Pid:
        """Start a child and return its pid when it is up.

        Args:
            child: A behaviour, an ``async def fn(process, *args)``, or a ``ChildSpec``.
            args: What it is started with.
            needed: Whether the owner cannot go on without it.
            options: Those of :class:`ergopy.ChildSpec`: ``name``, ``shutdown``,
                ``mailbox``, ``config``, ... Unlike there ``restart`` is ``temporary``:
                what ends is not started again.

        Raises:
            StartError, AlreadyStarted, Ignored: As for ``Process.start``.
            SpecError: These options do not go together.
            ErgopyError: The scope is closed.
        """
        spec = self._specified(child, args, needed, options)
        keeper = await self._open()
        keeper.process.environment = self.owner.environment
        pid = await supervisor.start_child(keeper.pid, spec, caller=self.owner)
        if pid is None:
            raise Ignored(spec.id)
        return pid

    def start_soon(
        self, function: Callable[..., Awaitable[Any]], *args: Any, needed: bool = True
    ) -> None:
        """Run ``function(*args)`` as a helper task, until the scope closes.

        Like ``Process.start_soon`` of the owner, in whose name it acts. If it raises,
        the owner fails as with a needed child, with that exception; unless it is not
        *needed*: then it is logged.
        """
        self._check_open()
        self._helpers.start_soon(function, args, needed)

    async def stop(self, pid: Pid) -> None:
        """Stop a child, as its ``shutdown`` says, and wait until it has ended.

        Nobody misses it then, also if it was needed, and it is not started again. One
        that has ended already is no error.
        """
        keeper = self._keeper
        child = None if keeper is None else keeper._children.find_running(pid)
        if keeper is None or child is None or self._is_over:
            return
        dest, identity = keeper.pid, child.spec.id
        with suppress(ChildError):
            await supervisor.terminate_child(dest, identity, caller=self.owner)
            if child.spec.restart != "temporary":
                await supervisor.delete_child(dest, identity, caller=self.owner)

    async def aclose(self) -> None:
        """Stop what runs in it, and wait until it has ended.

        Cancelled, it does not wait any longer; the children are stopped all the same.
        """
        self._closing = True
        self._helpers.cancel()
        if self._keeper is None:
            return
        keeper = self._keeper.process
        if keeper.alive and not self._is_over:
            # As if the owner had ended; the link would tell of the end once more.
            self.owner.unlink(keeper.pid)
            keeper.exit_from(self.owner.pid, SHUTDOWN, link=True)
        try:
            await self._end.event.wait()
        finally:
            self._forget_news()

    async def __aenter__(self) -> Self:
        self._check_open()
        if self._block is not None:
            raise ErgopyError(f"{self!r} is in a block already")
        self._block = trio.CancelScope()
        self._block.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._block is not None
        try:
            cancelled = self._block.__exit__(kind, error, trace)
        finally:
            self._block = None
            await self.aclose()
        # What the block itself raises goes first.
        if self._failure is not None and (error is None or cancelled):
            raise self._failure

    @property
    def _is_over(self) -> bool:
        return self._end.event.is_set()

    def _opened(self, keeper: Keeper) -> None:
        """Take the process behind the scope, which has begun."""
        self._keeper = keeper
        keeper.process.watchers[self._end] = self._end

    def _lost(self, why: tuple[Any, Any, Any]) -> bool:
        """Take the end of a needed child; return whether a block hears of it.

        Otherwise the keeper ends with *why*, and the owner hears of that.
        """
        if self._keeper is None or self._block is None:
            return False
        self.owner.unlink(self._keeper.pid)
        self._fail(NeededChildExited(*why))
        return True

    def _tell(self, pid: Pid, reason: Any) -> None:
        """Tell the owner that a hosted child has ended by itself."""
        self.owner.deliver(Down(self.ref, pid, reason, HOSTED))

    def _fail(self, error: BaseException) -> None:
        """Let the block raise *error*; without one the owner ends of it."""
        if self._block is None:
            raise error
        if self._failure is None:
            self._failure = error
        self._block.cancel()

    def _specified(
        self, child: Any, args: tuple[Any, ...], needed: bool, options: dict[str, Any]
    ) -> ChildSpec:
        self._check_open()
        own = {"id": next(self._numbers), "significant": needed}
        if isinstance(child, ChildSpec):
            return child.replace(**{**own, **options})
        return ChildSpec(child, *args, **{"restart": "temporary", **own, **options})

    async def _open(self) -> Keeper:
        async with self._opening:
            if self._keeper is None:
                await self.owner.start(Keeper, scope=self, link=True)
        self._check_open()
        assert self._keeper is not None
        return self._keeper

    def _check_open(self) -> None:
        if self._closing or self._is_over:
            raise ErgopyError(f"{self!r}: nothing can be started any more")

    def _forget_news(self) -> None:
        while self.owner.remove(self._is_news, self.owner.number_of(self.ref)):
            pass

    def _is_news(self, message: Any) -> bool:
        return isinstance(message, Down) and message.ref == self.ref
