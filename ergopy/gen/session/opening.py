"""How two processes come into a session, and out of it again.

Three messages open one, so that nobody is left waiting in a session that the other side
has given up: who asks says ``ready`` once it has been accepted, or ``cancel`` when it
waits no longer. At the end both say ``done``. Both watch each other from before the
first step.
"""

from __future__ import annotations

import math
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import trio

from etf import Atom

from ...errors import (
    LocalProtocolError,
    NotRegistered,
    ReceiveTimeout,
    SessionClosed,
    SessionError,
    SessionTimeout,
)
from ...process import reasons
from ...process.message_queue import carries
from ..caller import acting
from . import messages
from .channel import Channel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from etf import Reference

    from ...process.process import Process
    from .protocol import Protocol

_REFUSED = Atom("refused")
_CANCELLED = Atom("cancelled")

READY_WITHIN = 5.0
"""Seconds that one who asked for a session has to say that it is ready."""


@asynccontextmanager
async def open(
    dest: Any,
    protocol: Protocol,
    *,
    timeout: float = 5.0,
    step_timeout: float = math.inf,
    caller: Any = None,
) -> AsyncIterator[Channel]:
    """Ask a process for a session, and be in it: ``async with open(...) as channel``.

    *dest* has to :func:`accept` the dual of *protocol*. Leaving the block waits until
    both sides are at the end. Leaving it before the end is an error that both sides
    hear of: here ``WrongStep``, unless an exception is on its way, there
    ``SessionClosed``.

    Args:
        dest: A pid, a local name, or ``(name, node)``; here, on another node, or on a
            BEAM.
        protocol: What this side does.
        timeout: Seconds until the session is accepted.
        step_timeout: Seconds for each step in which the other side has to do
            something, and for the end.
        caller: The process or behaviour that is this side; by default the one that
            runs this code.

    Raises:
        ValueError: The protocol breaks a rule; see ``Protocol.check``.
        SessionTimeout: It was not accepted in time; it will not be later either.
        SessionClosed: Nobody is there, or it follows another protocol.
    """
    process = _body(caller)
    protocol.check()
    if dest == process.pid or dest in process.names:
        raise LocalProtocolError("a process cannot have a session with itself")
    ref = await process.monitor(dest, alias="explicit_unalias")
    channel = Channel(process, ref, protocol, step_timeout)
    try:
        await _ask(channel, process, dest, protocol, timeout)
    except BaseException:
        channel.close()
        raise
    async with _held(channel):
        yield channel


@asynccontextmanager
async def accept(
    protocol: Protocol,
    *,
    timeout: float = math.inf,
    step_timeout: float = math.inf,
    opening: Any = None,
    caller: Any = None,
) -> AsyncIterator[Channel]:
    """Take the next session that is asked for, and be in it.

    *protocol* is what this side does. Who asks for another one is refused, and the
    waiting goes on. All else is as for :func:`open`.

    Args:
        protocol: What this side does.
        timeout: Seconds until somebody asks.
        step_timeout: Seconds for each step of the other side.
        opening: The message that asks, if it has been received already: a behaviour
            finds it in ``handle_info``.
        caller: The process or behaviour that is this side.

    Raises:
        ValueError: The protocol breaks a rule, or *opening* is no such message.
        SessionTimeout: Nobody asked in time.
        SessionClosed: Who sent *opening* has given up (``cancelled``), or follows
            another protocol (``refused``).
    """
    process = _body(caller)
    protocol.check()
    channel = None
    deadline = trio.current_time() + timeout
    while channel is None:
        message = opening
        if opening is None:
            message = await _next_opening(process, deadline, timeout)
        elif not messages.is_opening(opening):
            raise ValueError(f"no message that opens a session: {opening!r}")
        answer = await _answer(process, protocol, message, step_timeout)
        if isinstance(answer, Channel):
            channel = answer
        elif opening is not None:
            raise SessionClosed(str(protocol), answer)
    async with _held(channel):
        yield channel


@asynccontextmanager
async def spawn(
    function: Callable[..., Awaitable[Any]],
    protocol: Protocol,
    *args: Any,
    step_timeout: float = math.inf,
    caller: Any = None,
    **options: Any,
) -> AsyncIterator[Channel]:
    """Start a process whose body is the other side: ``function(proc, channel, *args)``.

    *protocol* is what this side does; the process has the dual of it. *options* are
    those of ``Process.spawn``, such as ``name``, ``link`` and ``config``. When
    *function* returns it has to be at the end; when it raises, this side gets
    ``SessionClosed``.
    """
    process = _body(caller)
    protocol.check()

    async def body(child: Process) -> None:
        async with accept(protocol.dual, caller=child) as channel:
            await function(child, channel, *args)

    body.__qualname__ = getattr(function, "__qualname__", body.__qualname__)
    pid = await process.spawn(body, **options)
    async with open(
        pid, protocol, step_timeout=step_timeout, caller=process
    ) as channel:
        yield channel


def _body(caller: Any) -> Process:
    process = acting(caller)
    if process is process.runtime.root:
        raise LocalProtocolError("a session is between processes; a node has no body")
    return process


async def _ask(
    channel: Channel, process: Process, dest: Any, protocol: Protocol, timeout: float
) -> None:
    try:
        asking = messages.opening(process.pid, channel.ref, protocol.dual)
        with suppress(NotRegistered):
            await process.send(dest, asking)
        await channel.enter(timeout)
    except SessionClosed:
        raise
    except BaseException:
        cancel = (messages.SESSION, channel.ref, messages.CANCEL)
        with suppress(NotRegistered):
            process.send_one(dest, cancel)
        raise


async def _next_opening(process: Process, deadline: float, timeout: float) -> Any:
    left = max(0.0, deadline - trio.current_time())
    try:
        return await process.receive(messages.is_opening, left)
    except ReceiveTimeout:
        raise SessionTimeout("that somebody asks for a session", timeout) from None


async def _answer(
    process: Process, protocol: Protocol, opening: Any, step_timeout: float
) -> Channel | Atom:
    """Accept the session, or return why it comes to nothing."""
    _, (_, pid, asked, written) = opening
    if not messages.agrees(written, protocol):
        refusal = messages.REFUSE, messages.written(protocol.dual)
        await process.send(asked, (messages.SESSION, asked, refusal))
        return _REFUSED
    ref = await process.monitor(pid, alias="explicit_unalias")
    channel = Channel(process, ref, protocol, step_timeout)
    try:
        accepted = messages.ACCEPT, process.pid, ref
        await process.send(asked, (messages.SESSION, asked, accepted))
        ready = await _is_ready(process, ref, asked)
    except BaseException:
        channel.close()
        raise
    if not ready:
        channel.close()
        return _CANCELLED
    channel.to, channel.peer = asked, pid
    return channel


async def _is_ready(process: Process, ref: Reference, asked: Reference) -> bool:
    """Wait for ``ready``; False if it was cancelled, or the other side is gone."""
    ours = carries(ref)

    def is_news(message: Any) -> bool:
        cancelled = messages.content(message, asked)
        return ours(message) or messages.is_word(cancelled, messages.CANCEL)

    try:
        news = await process.receive(is_news, READY_WITHIN)
    except ReceiveTimeout:
        return False
    return messages.is_word(messages.content(news, ref), messages.READY)


@asynccontextmanager
async def _held(channel: Channel) -> AsyncIterator[None]:
    try:
        yield
        await channel.finish()
    except BaseException as error:
        channel.leave(_why(error))
        raise
    finally:
        channel.close()


def _why(error: BaseException) -> Any:
    if isinstance(error, SessionError):
        return str(error).encode()
    return reasons.from_exception(error)
