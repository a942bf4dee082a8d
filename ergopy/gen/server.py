"""GenServer: ``gen_server`` and Elixir's ``GenServer``, with the state on ``self``."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn

from ..process import reasons
from ..process.atoms import (
    GEN_CALL,
    GEN_CAST,
    SYSTEM,
    TIMEOUT,
)
from ..process.messages import ExitMessage
from .loop import Ending, Loop
from .returns import NOREPLY, Control, NoReply, Reply, Stop
from .typed.dispatch import install

if TYPE_CHECKING:
    from ..process.process import Process

logger = logging.getLogger("ergopy.gen")

Handler = Callable[..., Awaitable[Any]]

From = tuple[Any, Any]
"""Who asked: ``{Pid, Tag}`` as it came. A term: keep it, send it, answer it later."""


class GenServer(Loop):
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

    _callbacks = Loop._callbacks | {
        "handle_call",
        "handle_cast",
        "handle_info",
        "handle_continue",
    }

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        install(cls)

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

    def _handlers(self) -> tuple[Handler, Handler, Handler]:
        """Say who takes calls, casts and all other messages: here the callbacks."""
        return self.handle_call, self.handle_cast, self.handle_info

    async def _go_on(self, value: Any) -> Any:
        """Do what a callback wanted done next; return what may steer the server."""
        return await self.handle_continue(value)

    def _started(self, result: Any) -> NoReply | None:
        if result is not None and not isinstance(result, NoReply):
            raise TypeError(f"init returned {result!r}")
        return result

    async def _serve(self, process: Process, result: Any) -> NoReturn:
        handle_call, handle_cast, handle_info = self._handlers()
        reply = process.reply_nowait
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
            if self._debug is not None and kind is not SYSTEM:
                self._debug.took(message)
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
                result = await handle_cast(message[1])
                if result is not None:
                    timeout = await self._control(result)
            elif kind is SYSTEM and len(message) == 3:
                # The idle timeout stays, and begins anew.
                await self._system(message)
                reply = (self._debug or process).reply_nowait
            else:
                if message.__class__ is ExitMessage:
                    ending = self._ended_by(message)
                    if ending is not None:
                        raise ending
                timeout = math.inf
                result = await handle_info(message)
                if result is not None:
                    timeout = await self._control(result)

    async def _control(self, result: Any, from_: From | None = None) -> float:
        """Do what a callback returned; return the idle timeout for the next message."""
        while True:
            if isinstance(result, Stop):
                has_answer = result.has_reply and from_ is not None
                answer = (from_, result.reply) if has_answer else None
                raise Ending(result.reason, answer=answer)
            if isinstance(result, Reply) and from_ is not None:
                await self._reply(from_, result.value)
            elif result is not None and not isinstance(result, NoReply):
                raise TypeError(f"a callback returned {result!r}")
            if result is None or result.then is None:
                break
            result, from_ = await self._go_on(result.then), None
        if result is None or result.timeout is None:
            return math.inf
        return float(result.timeout)
