"""GenServer: ``gen_server`` and Elixir's ``GenServer``, with the state on ``self``."""

from __future__ import annotations

import inspect
import logging
import math
from inspect import iscoroutinefunction
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

import trio

from etf import Atom

from ..errors import Exit
from ..process import reasons
from ..process.atoms import (
    ANCESTORS,
    GEN_CALL,
    GEN_CAST,
    INITIAL_CALL,
    OK,
    SYSTEM,
    TIMEOUT,
)
from ..process.messages import ExitMessage
from ..process.runner import log_crash
from . import system
from .behaviour import Behaviour
from .returns import NOREPLY, Control, Ignore, NoReply, Reply, Stop

if TYPE_CHECKING:
    from ..process.init_ack import Acknowledge
    from ..process.process import Process

logger = logging.getLogger("ergopy.gen")

From = tuple[Any, Any]
"""Who asked: ``{Pid, Tag}`` as it came. A term: keep it, send it, answer it later."""


_CALLBACKS = frozenset(
    {
        "init",
        "handle_call",
        "handle_cast",
        "handle_info",
        "handle_continue",
        "terminate",
    }
)


class GenServer(Behaviour):
    """A server: one message at a time, state on ``self``.

    Override what you need. The value that ``handle_call`` returns is the reply; the
    other callbacks return nothing. Besides that a callback may return ``NOREPLY``
    (then answer later, from any process, with ``await self.reply(from_, value)``),
    ``Reply`` or ``NoReply`` with an idle timeout or a continuation, or
    ``Stop(reason)``. An exception is a crash: ``terminate`` runs, the process ends
    with ``{python, Class, Message, Frames}``, and the caller hears at once.

    Unlike in OTP the state is not passed through, so a crash in the middle of a
    callback leaves nothing half-changed behind only because the process ends.
    """

    terminate_timeout: float = 5.0
    """Seconds that ``terminate`` may take; after that it is cancelled."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in _CALLBACKS & vars(cls).keys():
            callback = vars(cls)[name]
            plain = isinstance(callback, FunctionType)
            if plain and not iscoroutinefunction(inspect.unwrap(callback)):
                raise TypeError(f"{cls.__qualname__}.{name} has to be an 'async def'")

    _suspended = False
    _statistics: system.Statistics | None = None

    async def init(self, *args: Any) -> Any:
        """Set up the state; return None, ``NoReply(...)``, ``Stop`` or ``IGNORE``."""

    async def handle_call(self, request: Any, from_: From) -> Any:
        """Answer *request*: return the reply, or ``NOREPLY``."""
        raise NotImplementedError(f"no handle_call for {request!r}")

    async def handle_cast(self, request: Any) -> Any:
        """Take a request that wants no answer."""
        raise NotImplementedError(f"no handle_cast for {request!r}")

    async def handle_info(self, message: Any) -> Any:
        """Take any other message, a ``Down`` for example. Logs it by default."""
        text = reasons.shown(message)
        logger.error("%s got an unexpected message: %s", self.process.label, text)

    async def handle_continue(self, value: Any) -> Any:
        """Go on after a callback that returned ``then=value``."""
        raise NotImplementedError(f"no handle_continue for {value!r}")

    async def terminate(self, reason: Any) -> None:
        """Clean up. Runs after ``Stop``, a crash, ``stop``, or the parent's exit.

        As in OTP it does *not* run when an exit signal ends a server that does not
        trap exits. It is shielded from cancellation for ``terminate_timeout``.
        """

    def format_state(self) -> Any:
        """Say what ``sys:get_state`` shows: by default the attributes, as a map."""
        return system.attributes(self)

    async def enter(
        self, process: Process, args: tuple[Any, ...], ack: Acknowledge | None = None
    ) -> None:
        self.process = process
        cls = type(self)
        # What started it may have said that already: see programs of other nodes.
        process.dictionary.setdefault(
            INITIAL_CALL,
            (
                Atom(f"{cls.__module__}.{cls.__qualname__}"[:255]),
                Atom("init"),
                len(args),
            ),
        )
        process.dictionary.setdefault(ANCESTORS, [process.parent])
        started = await self.init(*args)
        if isinstance(started, Ignore):
            if ack is not None:
                ack.ignore()
            return
        if isinstance(started, Stop):
            raise Exit(started.reason)
        if started is not None and not isinstance(started, NoReply):
            raise TypeError(f"init returned {started!r}")
        if ack is not None:
            ack.up()
        # This frame lives as long as the server.
        del args, ack
        process.log_crash = True
        try:
            await self._serve(process, started)
        except _Ending as error:
            ending = error
        except BaseException as error:
            failure, rest = reasons.split(error)
            if rest is not None:
                # No frame may keep the exception that it is in the traceback of.
                failure = rest = None
                raise
            ending = _Ending(reasons.from_exception(failure), failure=failure)
        if process.alive:
            await self._leave(ending)

    async def _leave(self, ending: _Ending) -> None:
        process, reason = self.process, ending.reason
        try:
            await self._clean_up(reason)
        finally:
            # As in OTP the answer of a stop is the last thing that a server says.
            if ending.answer is not None and process.alive:
                process.reply_nowait(*ending.answer)
        failure = ending.failure and reasons.unwrap(ending.failure)
        if failure is not None and not isinstance(failure, Exit):
            log_crash(process, failure)
        elif not reasons.is_clean(reason):
            logger.error("%s terminating: %s", process.label, reasons.shown(reason))
        raise Exit(reason)

    async def _clean_up(self, reason: Any) -> None:
        process = self.process
        with trio.CancelScope(shield=True) as scope:
            scope.deadline = trio.current_time() + self.terminate_timeout
            process.shield = scope
            await self.terminate(reason)
        if scope.cancelled_caught and trio.current_time() >= scope.deadline:
            logger.error(
                "terminate of %s took longer than %g s",
                process.label,
                self.terminate_timeout,
            )

    async def _serve(self, process: Process, result: Any) -> NoReturn:
        handle_call, reply = self.handle_call, process.reply_nowait
        timeout = math.inf
        if result is not None:
            timeout = await self._control(result)
        while True:
            queue = process.queue
            if not queue:
                if process.advance() or await process.park(timeout) or process.queue:
                    continue
                message: Any = TIMEOUT
            else:
                process.budget = budget = process.budget - 1
                if budget <= 0:
                    await process.let_others_run()
                    continue
                message = queue.popleft()
            kind = message[0] if message.__class__ is tuple and message else None
            if kind is GEN_CALL and len(message) == 3:
                _, from_, request = message
                timeout = math.inf
                result = await handle_call(request, from_)
                if not isinstance(result, Control):
                    full = reply(from_, result)
                    if full is not None:
                        await full.ready(process.pid)
                elif result is not NOREPLY:
                    timeout = await self._control(result, from_)
            elif kind is GEN_CAST and len(message) == 2:
                timeout = math.inf
                result = await self.handle_cast(message[1])
                if result is not None:
                    timeout = await self._control(result)
            elif kind is SYSTEM and len(message) == 3:
                # The idle timeout stays, and begins anew.
                await self._system(message)
                continue
            else:
                if isinstance(message, ExitMessage) and message.pid == process.parent:
                    raise _Ending(message.reason)
                timeout = math.inf
                result = await self.handle_info(message)
                if result is not None:
                    timeout = await self._control(result)
            if self._statistics is not None:
                self._statistics.messages_in += 1

    async def _control(self, result: Any, from_: From | None = None) -> float:
        """Do what a callback returned; return the idle timeout for the next message."""
        while True:
            if isinstance(result, Stop):
                has_answer = result.has_reply and from_ is not None
                answer = (from_, result.reply) if has_answer else None
                raise _Ending(result.reason, answer=answer)
            if isinstance(result, Reply) and from_ is not None:
                await self.reply(from_, result.value)
            elif result is not None and not isinstance(result, NoReply):
                raise TypeError(f"a callback returned {result!r}")
            if result is None or result.then is None:
                break
            result, from_ = await self.handle_continue(result.then), None
        if result is None or result.timeout is None:
            return math.inf
        return float(result.timeout)

    async def _system(self, message: Any) -> None:
        """Serve system messages, and while suspended nothing else."""
        process = self.process
        while True:
            if isinstance(message, ExitMessage):
                raise _Ending(message.reason)
            _, from_, request = message
            match request:
                case ("terminate", reason):
                    process.reply_nowait(from_, OK)
                    raise _Ending(reason)
            if request == "get_state":
                await system.show_state(self, from_)
            else:
                process.reply_nowait(from_, await system.serve(self, request))
            if not self._suspended:
                return
            message = await process.receive(self._while_suspended)

    def _while_suspended(self, message: Any) -> bool:
        if isinstance(message, ExitMessage):
            return bool(message.pid == self.process.parent)
        return isinstance(message, tuple) and len(message) == 3 and message[0] is SYSTEM


class _Ending(Exception):
    """Leaves the loop for an end with ``terminate``."""

    def __init__(
        self,
        reason: Any,
        *,
        answer: tuple[Any, Any] | None = None,
        failure: BaseException | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answer = answer
        self.failure = failure
