"""The life that all behaviours share: ``init``, a loop, ``terminate``; and ``sys``.

A behaviour is a subclass with a loop of its own (:meth:`Loop._serve`). What surrounds
the loop is here, as ``gen`` and ``proc_lib`` do it: who started it hears how ``init``
went; an exit of the parent, a crash, a stop and :class:`Ending` leave through
``terminate``; a system message is answered by :meth:`Loop._system`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import trio

from etf import Atom

from ..errors import Exit
from ..process import reasons
from ..process.atoms import ANCESTORS, INITIAL_CALL, OK, SYSTEM
from ..process.messages import ExitMessage
from ..process.reports import crash_report
from . import system
from .behaviour import Behaviour
from .callbacks import require_async
from .returns import Ignore, Stop

if TYPE_CHECKING:
    from ..process.init_ack import Acknowledge
    from ..process.process import Process
    from .debug import Debug

TERMINATE_TIMEOUT = 5.0
"""Seconds for ``terminate`` when nobody waits who has a limit of their own."""


class Ending(Exception):
    """Leaves the loop of a behaviour for an end with ``terminate``.

    Args:
        reason: The exit reason.
        answer: ``(from_, reply)``, said last of all.
        failure: The exception that it comes from.
        told: Whether the parent asked for it, and waits.
    """

    def __init__(
        self,
        reason: Any,
        *,
        answer: tuple[Any, Any] | None = None,
        failure: BaseException | None = None,
        told: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answer = answer
        self.failure = failure
        self.told = told


class Loop(Behaviour):
    """A behaviour that reads its mailbox; the base of those that come with ergopy."""

    terminate_timeout: float | None = None
    """Seconds that ``terminate`` may take; after that it is cancelled.

    None is five seconds; or, when its supervisor or the node ends it, what those allow.
    """

    _kind: ClassVar[str] = "generic server"
    """What ``sys:get_status`` calls it."""

    _callbacks: ClassVar[frozenset[str]] = frozenset({"init", "terminate"})

    _suspended = False
    _debug: Debug | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        require_async(cls, cls._callbacks)

    async def init(self, *args: Any) -> Any:
        """Set up the state."""

    async def terminate(self, reason: Any) -> None:
        """Clean up. Runs after a stop, a crash, or the parent's exit.

        As in OTP it does *not* run when an exit signal ends a process that does not
        trap exits. It is shielded from cancellation for ``terminate_timeout``.
        """

    def format_state(self) -> Any:
        """Say what ``sys:get_state`` shows: by default the attributes, as a map."""
        return system.attributes(self)

    def _status_parts(self, state: Atom, parent: Any, events: list[Any]) -> list[Any]:
        """Say what ``sys:get_status`` shows below its header."""
        part = system.status_part
        return [
            part({"Status": state, "Parent": parent, "Logged events": events}),
            part({"State": system.shown_state(self)}),
        ]

    async def enter(
        self, process: Process, args: tuple[Any, ...], ack: Acknowledge | None = None
    ) -> None:
        self.process = process
        dictionary = process.dictionary
        # What started it may have said that already: see programs of other nodes.
        cls: Any = type(self)
        dictionary.setdefault(INITIAL_CALL, _initial_call(cls, len(args)))
        dictionary.setdefault(ANCESTORS, [process.parent])
        started = await self._start(args)
        if isinstance(started, Ignore):
            if ack is not None:
                ack.ignore()
            return
        if isinstance(started, Stop):
            raise Exit(started.reason)
        started = self._started(started)
        if ack is not None:
            ack.up()
        # This frame lives as long as the process.
        del args, ack
        process.log_crash = True
        try:
            await self._serve(process, started)
        except Ending as error:
            ending = error
        except BaseException as error:
            failure, rest = reasons.split(error)
            if rest is not None:
                # No frame may keep the exception that it is in the traceback of.
                failure = rest = None
                raise
            ending = Ending(reasons.from_exception(failure), failure=failure)
        if process.alive:
            await self._leave(ending)

    async def _start(self, args: tuple[Any, ...]) -> Any:
        """Do what is done before the starter hears that it is up: ``init``."""
        return await self.init(*args)

    def _started(self, result: Any) -> Any:
        """Check what ``init`` returned, and return what ``_serve`` is to begin with."""
        return result

    async def _serve(self, process: Process, started: Any) -> NoReturn:
        """Read the mailbox until something raises."""
        raise NotImplementedError

    async def _leave(self, ending: Ending) -> None:
        process, reason = self.process, ending.reason
        failure = ending.failure and reasons.unwrap(ending.failure)
        try:
            await self._clean_up(reason, told=ending.told)
        except Exit as error:
            # As in OTP this is why it ends, then.
            reason, failure = reasons.from_exception(error), None
        finally:
            # As in OTP the answer of a stop is the last thing that a server says.
            if ending.answer is not None and process.alive:
                process.reply_nowait(*ending.answer)
        if failure is not None and not isinstance(failure, Exit):
            crash_report(process, reason, failure)
        elif not reasons.is_clean(reason):
            crash_report(process, reason)
        raise Exit(reason)

    async def _clean_up(self, reason: Any, *, told: bool) -> None:
        process, seconds = self.process, self.terminate_timeout
        with trio.CancelScope(shield=True) as scope:
            if seconds is None and not (told and self._is_awaited()):
                seconds = TERMINATE_TIMEOUT
            if seconds is not None:
                scope.deadline = trio.current_time() + seconds
            process.shield = scope
            await self.terminate(reason)
        if scope.cancelled_caught and trio.current_time() >= scope.deadline:
            system.logger.error(
                "terminate of %s took longer than %g s", process.label, seconds
            )

    def _is_awaited(self) -> bool:
        """Tell whether the parent is there to lose patience, and kill this process."""
        parent, runtime = self.process.parent, self.process.runtime
        if parent is None:
            return False
        return parent.node != runtime.name or runtime.find(parent) is not None

    def _ended_by(self, message: Any) -> Ending | None:
        """Return the end that *message* means if it is an exit of the parent."""
        if isinstance(message, ExitMessage) and message.pid == self.process.parent:
            return Ending(message.reason, told=True)
        return None

    async def _reply(self, from_: Any, value: Any) -> None:
        """Answer a call, and wait if too much is under way to who asks."""
        full = (self._debug or self.process).reply_nowait(from_, value)
        if full is not None:
            await full.ready(self.process.pid)

    async def _system(self, message: Any) -> None:
        """Serve a system message, and while suspended nothing else."""
        process = self.process
        while True:
            ending = self._ended_by(message)
            if ending is not None:
                raise ending
            _, from_, request = message
            match request:
                case ("terminate", reason):
                    process.reply_nowait(from_, OK)
                    raise Ending(reason)
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


@lru_cache
def _initial_call(cls: type, arity: int) -> tuple[Atom, Atom, int]:
    """Return what ``'$initial_call'`` says of a behaviour."""
    return Atom(f"{cls.__module__}.{cls.__qualname__}"[:255]), Atom("init"), arity
