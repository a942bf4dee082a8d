"""The node that programs use, and the way to run a program."""

from __future__ import annotations

import signal
from concurrent.futures import Future
from contextlib import suppress
from functools import cached_property
from threading import Thread
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import trio

from . import _collector
from .errors import ErgopyError
from .gen.application import KERNEL, Applications
from .gen.scope import Scope
from .gen.supervisor import all_trees
from .node.node import Node as _Node
from .process.reasons import unwrap
from .services import QUESTIONS, STANDARD
from .services.pg import ProcessGroups

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from .gen.supervisor import TreeNode
    from .node.from_thread import FromThread
    from .node.questions import Question
    from .process.process import Process
    from .services.globals import Globals

    T = TypeVar("T")


class Node(_Node):
    __doc__ = _Node.__doc__

    services: Sequence[Callable[[Any], Awaitable[object]]] = STANDARD
    questions: Iterable[Question] = QUESTIONS
    _pg: ProcessGroups | None = None

    @cached_property
    def applications(self) -> Applications:
        """The applications of this node; they can be loaded before it is up."""
        return Applications(self, self._environment)

    @property
    def globals(self) -> Globals:
        """The names and locks of the cluster; ``global`` of OTP."""
        found: Any = self.runtime.globals
        if found is None:
            raise ErgopyError(f"{self!r} was started without its services")
        return cast("Globals", found)

    @property
    def pg(self) -> ProcessGroups:
        """The process groups of the cluster; ``pg`` of OTP."""
        if self._pg is None or self._pg.runtime is not self.runtime:
            # A node that is entered again is another incarnation.
            self._pg = ProcessGroups(self)
        return self._pg

    def scope(self, owner: Process | None = None) -> Scope:
        """Make a scope, for processes that end with a block of code; see ``Scope``.

        *owner* is whose scope it is, by default the node's.
        """
        return Scope(self if owner is None else owner)

    async def __aenter__(self) -> Self:
        self.applications.reset()
        await super().__aenter__()
        try:
            await self.applications.start(*self._applications, start_type="permanent")
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    def supervision_tree(self) -> tuple[TreeNode, ...]:
        """Return the supervision trees of this node, from the top of each down.

        A snapshot: data, with what each supervisor knows of its children now. Nobody is
        asked, and nothing waits. ``str()`` of each draws it.
        """
        return all_trees(self.runtime)

    async def _stop_applications(self, over: float) -> None:
        await self.applications.stop_all(over, but=KERNEL)


class NodeThread:
    """A node in a thread of its own, for a program that does not use Trio.

    ::

        with ergopy.NodeThread("py@127.0.0.1", cookie="secret") as node:
            node.call(("counter", "a@127.0.0.1"), Atom("value"))

    It takes what :class:`ergopy.Node` takes. ``with`` gives what ``node.from_thread``
    is: the verbs of the node, which block, for any number of threads; the node itself
    is its ``node``. Leaving ends the node in order, and waits for that.

    Raises:
        Whatever keeps the node from coming up; no thread is left then. On leaving,
        whatever has ended the node, such as :exc:`ergopy.ApplicationTerminated`.
    """

    def __init__(self, name: str, **options: Any) -> None:
        self._node = Node(name, **options)
        self._up: Future[None] = Future()
        self._scope = trio.CancelScope()
        self._token: trio.lowlevel.TrioToken | None = None
        self._leaving = False
        self._thread: Thread | None = None
        self._failure: BaseException | None = None

    def __enter__(self) -> FromThread:
        if self._thread is not None:
            raise ErgopyError(f"{self._node!r} runs already, or has run")
        self._thread = Thread(
            target=self._run, name=f"ergopy {self._node.name}", daemon=True
        )
        self._thread.start()
        try:
            self._up.result()
        except BaseException:
            self._stop(self._thread)
            raise
        return self._node.from_thread

    def __exit__(self, *_: object) -> None:
        assert self._thread is not None
        self._stop(self._thread)
        if self._failure is not None:
            raise self._failure

    def _stop(self, thread: Thread) -> None:
        # One of the two threads sees what the other one has set.
        self._leaving = True
        if self._token is not None:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._scope.cancel)
        thread.join()

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:
            if self._up.done():
                # A group of one, if the thread was left at the same moment.
                self._failure = unwrap(error)
            else:
                self._up.set_exception(error)

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        if self._leaving:
            return
        with self._scope:
            async with self._node as node:
                self._up.set_result(None)
                await node.wait_closed()


def run(main: Callable[..., Awaitable[T]], *args: Any) -> T | None:
    """Run ``main(*args)`` with Trio until it returns; return what it returns.

    SIGTERM and Ctrl-C cancel *main*, so that nodes shut down in order, and ``run``
    returns None; a second signal ends the program at once.

    Python's collector of cycles is told to run less often, unless the program has set
    its thresholds already.
    """
    _collector.relax()
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        return trio.run(_with_signals, main, args)
    finally:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, on_interrupt or signal.SIG_DFL)


async def _with_signals(
    main: Callable[..., Awaitable[T]], args: tuple[Any, ...]
) -> T | None:
    result: T | None = None
    failure: Exception | SystemExit | None = None
    async with trio.open_nursery() as nursery:
        await nursery.start(_watch_signals, nursery.cancel_scope)
        try:
            result = await main(*args)
        except (Exception, SystemExit) as error:
            # Raised below: a nursery would wrap it in a group.
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return result


async def _watch_signals(
    scope: trio.CancelScope, *, task_status: trio.TaskStatus[None]
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
            break
    # From here on Ctrl-C kills, as SIGTERM does: raised as an exception it would come
    # out of whatever runs at that moment.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
