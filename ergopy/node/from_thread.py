"""The verbs of a node for other threads: each blocks until there is an outcome.

A request of a thread becomes a task of the node. Its outcome, the end of the node, or
an interrupt of the waiting thread is what it ends with; no thread waits for ever for a
node that is no more.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, final

import trio

from ..errors import LocalProtocolError, NodeStopped
from ..process import reasons

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from etf import Pid, Reference

    from ..process.runtime import Runtime
    from .node import Node

    T = TypeVar("T")


@final
class _Request:
    """One function that a thread wants to be run, and where its outcome goes."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.function = function
        self.args = args
        self.outcome: Future[Any] = Future()
        self.scope = trio.CancelScope()

    async def carry_out(self) -> None:
        """Run it as a task of the node. Nothing but a cancellation leaves."""
        try:
            with self.scope:
                self.settle(await self.function(*self.args))
        except BaseException as error:
            failure, rest = reasons.split(error)
            if failure is not None:
                self.fail(failure)
            if rest is not None:
                raise rest from None

    def settle(self, value: Any) -> None:
        """Let the thread go on with *value*, unless it has something already."""
        if not self.outcome.done():
            self.outcome.set_result(value)

    def fail(self, error: BaseException) -> None:
        """Let the thread go on with an exception, likewise."""
        if not self.outcome.done():
            self.outcome.set_exception(error)


@final
class FromThread:
    """A running node, to be used from threads that Trio does not run.

    The verbs are those of :class:`ergopy.Node`, without ``await``. What they raise is
    raised in the thread. The sender is the node. A thread that was started by
    ``run_sync`` may use it as well; code that runs in the node's own thread must not:
    it would wait for itself.

    Raises:
        NodeStopped: The node is not running, or has ended meanwhile.
        LocalProtocolError: Used in the thread that the node runs in.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        """The node. Its own methods are for its own thread: see :meth:`run_sync`."""
        self._lock = threading.Lock()
        self._waiting: set[_Request] = set()
        self._runtime: Runtime | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._thread = 0

    def __repr__(self) -> str:
        return f"<FromThread of {self.node!r}>"

    def call(self, dest: Any, request: Any, timeout: float | None = 5.0) -> Any:
        """Ask and wait for the answer; see ``Process.call``."""
        return self.run(self.node.call, dest, request, timeout)

    def cast(self, dest: Any, request: Any) -> None:
        """Send a request that wants no answer; see ``Process.cast``."""
        self.run(self.node.cast, dest, request)

    def send(self, dest: Any, message: Any) -> None:
        """Send *message*; waits while too much is queued: see ``Process.send``."""
        self.run(self.node.send, dest, message)

    def rpc(
        self,
        peer: str,
        module: str,
        function: str,
        args: list[Any] | tuple[Any, ...] = (),
        timeout: float | None = 5.0,
    ) -> Any:
        """Run a function on another node; see ``Node.rpc``."""
        return self.run(self.node.rpc, peer, module, function, args, timeout)

    def spawn(
        self, function: Callable[..., Awaitable[Any]], *args: Any, **options: Any
    ) -> Pid:
        """Start a process, in the node's thread; see ``Node.spawn``."""
        pid: Pid = self.run(self._with(self.node.spawn, options), function, *args)
        return pid

    def start(self, behaviour: Any, *args: Any, **options: Any) -> Pid:
        """Start a behaviour; see ``Node.start``."""
        pid: Pid = self.run(self._with(self.node.start, options), behaviour, *args)
        return pid

    def exit(self, to: Pid | Reference, reason: Any) -> None:
        """Send an exit signal; see ``Process.exit``."""
        self.run(self.node.exit, to, reason)

    def stop(
        self, dest: Any, reason: Any = "normal", timeout: float | None = 5.0
    ) -> None:
        """Ask a behaviour to end and wait until it has; see ``Node.stop``."""
        self.run(self.node.stop, dest, reason, timeout)

    def run(
        self,
        function: Callable[..., Awaitable[T]],
        *args: Any,
        timeout: float | None = None,
    ) -> T:
        """Run ``await function(*args)`` in the node's thread and return its value.

        Past *timeout* seconds it is cancelled there, and ``TimeoutError`` raised here.
        Ctrl-C in this thread cancels it as well.
        """
        request = _Request(_limited(function, timeout), args)
        token = self._enter(request)
        try:
            token.run_sync_soon(self._begin, request)
            # The end of the node settles what nobody has taken up.
            return request.outcome.result()  # type: ignore[no-any-return]
        except trio.RunFinishedError:
            raise NodeStopped(self.node.name) from None
        except BaseException:
            if not request.outcome.done():
                with suppress(trio.RunFinishedError):
                    token.run_sync_soon(request.scope.cancel)
            raise
        finally:
            with self._lock:
                self._waiting.discard(request)

    def run_sync(self, function: Callable[..., T], *args: Any) -> T:
        """Run ``function(*args)`` in the node's thread and return its value.

        For whatever does not wait: ``run_sync(node.whereis, "counter")``.
        """

        async def call() -> T:
            return function(*args)

        return self.run(call)

    def open(self, runtime: Runtime) -> None:
        """Let threads in; the node does so when it is up, in its own thread."""
        with self._lock:
            self._runtime = runtime
            self._token = trio.lowlevel.current_trio_token()
            self._thread = threading.get_ident()

    def refuse(self) -> None:
        """Let no new request in; those under way go on."""
        with self._lock:
            self._runtime = None

    def close(self) -> None:
        """Release every thread that still waits: the node is no more."""
        with self._lock:
            self._runtime = self._token = None
            waiting, self._waiting = self._waiting, set()
        for request in waiting:
            request.fail(NodeStopped(self.node.name))

    def _enter(self, request: _Request) -> trio.lowlevel.TrioToken:
        with self._lock:
            if self._runtime is None or self._token is None:
                raise NodeStopped(self.node.name)
            if threading.get_ident() == self._thread:
                raise LocalProtocolError(
                    f"this is the thread of {self.node.name}: use the verbs of the "
                    "node itself, with await"
                )
            self._waiting.add(request)
            return self._token

    def _begin(self, request: _Request) -> None:
        runtime = self._runtime
        if runtime is None or runtime.nursery is None or runtime.closing:
            request.fail(NodeStopped(self.node.name))
        else:
            runtime.nursery.start_soon(request.carry_out)

    @staticmethod
    def _with(verb: Callable[..., Awaitable[T]], options: Any) -> Any:
        async def call(*args: Any) -> T:
            return await verb(*args, **options)

        return call


def _limited(function: Callable[..., Awaitable[T]], timeout: float | None) -> Any:
    if timeout is None:
        return function

    async def call(*args: Any) -> T:
        try:
            with trio.fail_after(timeout):
                return await function(*args)
        except trio.TooSlowError:
            raise TimeoutError(f"not done within {timeout:g} s") from None

    return call
