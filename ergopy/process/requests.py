"""Requests whose answers are fetched later, and requests to many nodes.

``gen_server:send_request/2`` and what takes its answer, ``multi_call`` and ``abcast``.
A request in flight is the same record as a call: nothing of it gets into a mailbox,
and an answer that nobody waits for any more is dropped.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, final

import trio

from ..errors import (
    CallError,
    CallTimeout,
    ConnectError,
    LocalProtocolError,
    NamesNotKept,
)
from .atoms import GEN_CALL, NOCONNECTION
from .calls import Call, begin, call, failure, prepare, prepare_asking
from .reasons import unwrap
from .slot import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etf import Reference

    from .process import Process


@final
class Request:
    """A request that was sent, and whose answer can be waited for, once.

    It is watched from the start: the end of the callee, or of the connection, counts
    as an answer. The process that sent it need not be the one that waits; but when
    that ends, the request is given up, and whoever waits gets CallExit.
    """

    __slots__ = ("_dest", "_record", "_taken")

    def __init__(self, dest: Any, record: Call) -> None:
        self._dest = dest
        self._record = record
        self._taken = False

    def __repr__(self) -> str:
        return f"<Request to {self._dest!r}{' (answered)' if self.is_done else ''}>"

    @property
    def ref(self) -> Reference:
        """What stands in the tag of the request."""
        return self._record.ref

    @property
    def is_done(self) -> bool:
        """Whether there is an answer, or the certainty that none will come."""
        return self._record.value is not UNSET

    async def wait_response(self, timeout: float | None = None) -> Any:
        """Wait for the answer and return it; ``gen_server:wait_response/2``.

        Args:
            timeout: Seconds; ``None`` waits for ever. After a timeout the request is
                still there, and can be waited for again.

        Raises:
            CallTimeout: No answer in time.
            NoProcess, CallExit, NodeDown: As for ``Process.call``.
            LocalProtocolError: The answer was taken already, or given up.
            trio.BusyResourceError: Another task waits for it.

        Cancelling it loses nothing either.
        """
        record = self._record
        if not self.is_done:
            seconds = math.inf if timeout is None else timeout
            with trio.move_on_after(seconds) as scope:
                await record.watch()
            if scope.cancelled_caught and not self.is_done:
                raise CallTimeout(self._dest, seconds)
        if self._taken:
            raise LocalProtocolError(f"the answer to {self!r} was taken already")
        self._taken = True
        what, value = record.value
        if what == "reply":
            return value
        raise failure(self._dest, what, value, timeout, record.target)

    async def receive_response(self, timeout: float | None = None) -> Any:
        """Wait as :meth:`wait_response` does, but give the request up after *timeout*.

        ``gen_server:receive_response/2``: a late answer is dropped. So it is when this
        is cancelled.
        """
        try:
            return await self.wait_response(timeout)
        except trio.BusyResourceError:
            raise
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Wait no more: the answer, when it comes, is dropped."""
        self._taken = True
        self._record.release()
        self._record.resolve(("timeout", None))


@final
class _Pending(Call):
    """A call in flight that nobody need wait for: its caller may end before it."""

    __slots__ = ()

    def fire(self, reason: Any) -> None:
        self.caller.watchers.pop(self, None)
        super().fire(reason)

    def release(self) -> None:
        self.caller.watchers.pop(self, None)
        super().release()


@final
class _EndOfCaller:
    """Hears that the process that sent a request has ended."""

    __slots__ = ("_record",)

    def __init__(self, record: Call) -> None:
        self._record = record

    def fire(self, reason: Any) -> None:
        self._record.release()
        self._record.resolve(("down", reason))


class MultiReply(NamedTuple):
    """What came of a call to the same name on several nodes."""

    replies: dict[str, Any]
    """The answers, by node."""

    bad_nodes: list[str]
    """The nodes that did not answer: not there, no such name, or too late."""


async def send_request(caller: Process, dest: Any, request: Any) -> Request:
    """Do what ``Process.send_request`` says."""
    try:
        record = prepare(caller, dest, None, kind=_Pending)
    except NamesNotKept:
        record, _ = await prepare_asking(caller, dest, None, kind=_Pending)
    remote = record.remote
    ready = remote is None or await remote.ready(caller.pid)
    if ready:
        caller.watchers[record] = _EndOfCaller(record)
        begin(record, GEN_CALL, request)
    else:
        record.fire(NOCONNECTION)
    return Request(dest, record)


async def multi_call(
    caller: Process,
    nodes: Iterable[str],
    name: str,
    request: Any,
    timeout: float | None,
) -> MultiReply:
    """Do what ``Node.multi_call`` says."""
    nodes = list(dict.fromkeys(nodes))
    replies: dict[str, Any] = {}

    async def ask(node: str) -> None:
        try:
            replies[node] = await call(caller, (name, node), request, timeout)
        except (CallError, ConnectError):
            return

    for node in nodes:
        way = caller.runtime.locate((name, node))[0]
        if way is not None:
            # What is no term is found once, before anybody has got it.
            way.encode(request)
            break
    try:
        async with trio.open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(ask, node)
    except BaseExceptionGroup as group:
        raise unwrap(group) from None
    answered = {node: replies[node] for node in nodes if node in replies}
    return MultiReply(answered, [node for node in nodes if node not in replies])
