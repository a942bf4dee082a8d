"""The handlers of an event manager: who is there, and how they come and go.

As in ``gen_event`` whatever a handler does wrong is its own end alone, and every end is
told to the process that supervises it, as ``{gen_event_EXIT, Handler, Reason}``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from etf import Atom

from ...errors import MailboxFull
from ...process import reasons
from ...process.atoms import ERROR, EXIT, NORMAL, OK, SHUTDOWN, SYSTEM_LIMIT, UNDEF
from ..portable import portable
from .crashes import report_crash
from .handler import EventHandler, Handler, Leaving, Remove, Swap
from .installed import Installed, split_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from etf import Pid

    from .manager import EventManager

BAD_MODULE: Final = Atom("bad_module")
CRASH: Final = Atom("crash")
DELETE: Final = Atom("delete")
GEN_EVENT_EXIT: Final = Atom("gen_event_EXIT")
INIT: Final = Atom("init")
MODULE_NOT_FOUND: Final = Atom("module_not_found")
PARENT_TERMINATED: Final = Atom("parent_terminated")
REMOVE_HANDLER: Final = Atom("remove_handler")
STOP: Final = Atom("stop")
SWAPPED: Final = Atom("swapped")


class Roster:
    """All handlers of one manager, the newest first."""

    def __init__(self, manager: EventManager) -> None:
        self._manager = manager
        self._installed: list[Installed] = []

    def __iter__(self) -> Iterator[Installed]:
        return iter(self._installed)

    async def notify(self, callback: str, event: Any) -> None:
        """Give *event* to each, by ``handle_event`` or ``handle_info``."""
        kept = []
        for one in self._installed:
            work = getattr(one.handler, callback)
            result, failure = await _attempt(work, event)
            stays: Installed | None = one
            if failure is not None or result is not None:
                stays = await self._replace(one, result, failure, event)
            if stays is not None:
                kept.append(stays)
        self._installed = kept

    async def call(self, name: Any, request: Any) -> Any:
        """Return the reply of one handler."""
        one = self._find(name)
        if one is None:
            return (ERROR, BAD_MODULE)
        result, failure = await _attempt(one.handler.handle_call, request)
        if failure is None and not isinstance(result, Leaving):
            return result
        place = self._installed.index(one)
        follower = await self._replace(one, result, failure, request)
        self._installed[place : place + 1] = [] if follower is None else [follower]
        return result.reply if failure is None else (ERROR, _exit(failure))

    async def add(self, name: Any, args: Any, supervisor: Pid | None = None) -> Any:
        """Add a handler; return ``ok``, or why not."""
        if len(self._installed) >= self._manager.max_handlers:
            return (ERROR, SYSTEM_LIMIT)
        if supervisor is not None:
            await self._manager.link(supervisor)
        one, answer = await self._make(name, args, supervisor)
        if one is not None:
            self._installed.insert(0, one)
        return answer

    async def delete(self, name: Any, args: Any) -> Any:
        """Take a handler out; return what its ``terminate`` returned."""
        one = self._find(name)
        if one is None:
            return (ERROR, MODULE_NOT_FOUND)
        self._installed.remove(one)
        return await self._end(one, args, NORMAL, DELETE)

    async def swap(
        self, old: Any, leaving: Any, new: Any, args: Any, supervisor: Pid | None
    ) -> Any:
        """Add *new* with what *old* leaves behind, if there is one."""
        one, left = self._find(old), ERROR
        if one is not None:
            self._installed.remove(one)
            supervisor = supervisor or one.supervisor
            left = await self._end_swapped(one, leaving, new, supervisor)
        answer = await self.add(new, (args, left), supervisor)
        return answer if answer is OK else (ERROR, answer)

    async def lose(self, supervisor: Pid, reason: Any) -> None:
        """Take out whom a process that has ended was to supervise."""
        lost = [one for one in self._installed if one.supervisor == supervisor]
        self._installed = [one for one in self._installed if one not in lost]
        for one in lost:
            last = (PARENT_TERMINATED, (supervisor, reason))
            await self._end(one, (STOP, reason), SHUTDOWN, last)

    async def end_all(self) -> None:
        """End them, as the manager does."""
        for one in self._installed:
            await self._end(one, STOP, SHUTDOWN, STOP)

    async def _make(
        self, name: Any, args: Any, supervisor: Pid | None
    ) -> tuple[Installed | None, Any]:
        """Make a handler and ``ok``; or none, and what ``init`` said instead."""
        what, id_ = split_name(name)
        cls = self._class_of(what)
        if cls is None:
            return None, (EXIT, (UNDEF, [(what, INIT, [args], [])]))
        made, failure = await _attempt(self._begin, cls, args)
        if failure is not None:
            return None, _exit(failure)
        handler, refusal = made
        if refusal is not None:
            return None, refusal
        return Installed(handler, self._module_of(what), id_, supervisor), OK

    async def _begin(
        self, cls: type[EventHandler], args: Any
    ) -> tuple[EventHandler, Any]:
        handler = cls()
        handler.manager = self._manager
        return handler, await handler.init(args)

    async def _replace(
        self, one: Installed, result: Any, failure: BaseException | None, last: Any
    ) -> Installed | None:
        """End a handler that wants to, or failed; return who takes its place."""
        if isinstance(result, Swap):
            left = await self._end_swapped(
                one, result.leaving, result.handler, one.supervisor
            )
            args = (result.args, left)
            follower, why = await self._make(result.handler, args, one.supervisor)
            if follower is None:
                # As in gen_event the log says why, and the supervisor hears no more.
                name = self._name_of(result.handler)
                await self._tell(one.supervisor, name, CRASH, (SWAPPED, why))
            return follower
        if isinstance(result, Remove):
            await self._end(one, REMOVE_HANDLER, NORMAL, last)
            return None
        why = portable(result) if failure is None else _exit(failure)
        await self._end(one, (ERROR, why), why, last, failure)
        return None

    async def _end_swapped(
        self, one: Installed, leaving: Any, new: Handler, supervisor: Pid | None
    ) -> Any:
        reason = (SWAPPED, self._name_of(new), supervisor or False)
        return await self._end(one, leaving, reason, SWAPPED)

    async def _end(
        self,
        one: Installed,
        args: Any,
        reason: Any,
        last: Any,
        failure: BaseException | None = None,
    ) -> Any:
        """Let a handler terminate, and tell who has to know; return its result."""
        result, broken = await _attempt(one.handler.terminate, args)
        if broken is not None:
            result = _exit(broken)
            report_crash(self._manager.process, one.name, args, result, broken)
        await self._tell(one.supervisor, one.name, reason, last, failure)
        return result

    async def _tell(
        self,
        supervisor: Pid | None,
        name: Any,
        reason: Any,
        last: Any,
        failure: BaseException | None = None,
    ) -> None:
        """Log the end of a handler if it is no good one; tell its supervisor of any."""
        if not _is_good(reason):
            report_crash(self._manager.process, name, last, reason, failure)
        if supervisor is not None:
            with suppress(MailboxFull):
                await self._manager.send(supervisor, (GEN_EVENT_EXIT, name, reason))

    def _find(self, name: Any) -> Installed | None:
        what, id_ = split_name(name)
        module = self._module_of(what)
        for one in self._installed:
            if one.is_called(module, id_):
                return one
        return None

    def _class_of(self, what: Any) -> type[EventHandler] | None:
        if isinstance(what, type) and issubclass(what, EventHandler):
            return what
        known = self._manager.handlers
        return known.get(what) if isinstance(what, str) else None

    def _module_of(self, what: Any) -> Any:
        """Return what a class is known by: its name here, or where it is defined."""
        if not isinstance(what, type):
            return Atom(what) if isinstance(what, str) else what
        for name, cls in self._manager.handlers.items():
            if cls is what:
                return Atom(name)
        return Atom(f"{what.__module__}.{what.__qualname__}"[:255])

    def _name_of(self, name: Handler) -> Any:
        what, id_ = split_name(name)
        module = self._module_of(what)
        return (module, id_) if isinstance(name, tuple) else module


def _is_good(reason: Any) -> bool:
    """Tell whether OTP would log nothing."""
    if isinstance(reason, tuple):
        return len(reason) == 3 and reason[0] is SWAPPED
    return isinstance(reason, Atom) and reason in (NORMAL, SHUTDOWN)


def _exit(failure: BaseException) -> Any:
    """Return ``{'EXIT', Reason}``, as ``catch`` makes it."""
    return (EXIT, reasons.from_exception(failure))


async def _attempt(
    work: Callable[..., Awaitable[Any]], *args: Any
) -> tuple[Any, BaseException | None]:
    """Return what a callback returned, or how it failed."""
    try:
        return await work(*args), None
    except BaseException as error:
        failure, rest = reasons.split(error)
        if rest is None:
            return None, failure
        # No frame may keep the exception that it is in the traceback of.
        failure = rest = None
        raise
