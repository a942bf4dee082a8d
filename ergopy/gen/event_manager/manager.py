"""EventManager: ``gen_event``, with classes as handlers.

The requests are those of ``gen_event``, ``{Pid, From, Request}``, so that a BEAM's own
functions work; it can add only those handlers that the manager was given by name.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from etf import Atom, Charlist, EncodeError, Pid

from ...errors import Exit
from ...process import reasons
from ...process.atoms import ERROR, EXIT, NORMAL, OK, SYSTEM
from ...process.messages import ExitMessage
from .. import system
from ..loop import Ending, Loop
from .crashes import report_crash
from .roster import Roster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...process.process import Process
    from .handler import EventHandler

HANDLER: Final = Atom("handler")
ITEMS: Final = Atom("items")

_NO_REQUEST: Any = object()


class EventManager(Loop):
    """Events for whoever wants them: each handler gets each one; ``gen_event``.

    ::

        await node.start(ergopy.EventManager, (Audit, path), name="events")
        await event_manager.notify(("events", "py@host"), ("paid", 3))

    The verbs are the functions of ``ergopy.event_manager``, and those of ``gen_event``
    on a BEAM. The newest handler gets an event first.

    Args:
        handlers: The classes that may be added by name, which is what a BEAM takes for
            the module; also a class attribute. A process of this node may add any
            class.
    """

    handlers: Mapping[str, type[EventHandler]] = MappingProxyType({})

    max_handlers: ClassVar[int] = 10_000
    """Handlers at a time; one more is refused with ``{error, system_limit}``."""

    child_defaults: ClassVar[Mapping[str, Any]] = {"modules": "dynamic"}

    _kind = "event handler"

    def __init__(
        self, handlers: Mapping[str, type[EventHandler]] | None = None
    ) -> None:
        if handlers is not None:
            self.handlers = handlers
        self._roster = Roster(self)

    async def init(self, *handlers: Any) -> Any:
        """Add handlers: each a class, or ``(class, args)``. All have to start."""
        for handler in handlers:
            name, args = handler if isinstance(handler, tuple) else (handler, None)
            answer = await self._roster.add(name, args)
            if answer is not OK:
                raise Exit(answer)

    async def terminate(self, reason: Any) -> None:
        """End all handlers, each with the atom ``stop``."""
        await self._roster.end_all()
        for one in self._roster:
            if one.supervisor is not None and one.supervisor != self.process.parent:
                self.process.unlink(one.supervisor)

    def format_state(self) -> Any:
        """Say what ``sys:get_state`` shows: ``[{Module, Id, State}]``."""
        return [
            (one.module, one.id, system.shown_state(one.handler))
            for one in self._roster
        ]

    def _status_parts(self, state: Atom, parent: Any, events: list[Any]) -> list[Any]:
        records = [
            (
                HANDLER,
                one.module,
                one.id,
                system.shown_state(one.handler),
                one.supervisor or False,
            )
            for one in self._roster
        ]
        data = {"Status": state, "Logged Events": events, "Parent": parent}
        items = (Charlist("Installed handlers"), records)
        return [system.status_part(data), (ITEMS, items)]

    async def _start(self, args: tuple[Any, ...]) -> Any:
        self.process.trap_exit = True
        return await super()._start(args)

    async def _serve(self, process: Process, started: Any) -> NoReturn:
        while True:
            message = await process.receive()
            shape = message[0] if message.__class__ is tuple and message else None
            if shape is SYSTEM and len(message) == 3:
                await self._system(message)
                continue
            if self._debug is not None:
                self._debug.took(message)
            ending = self._ended_by(message)
            if ending is not None:
                raise ending
            await self._handle(message)

    async def _handle(self, message: Any) -> None:
        match message:
            case ExitMessage(pid=pid, reason=reason):
                await self._roster.lose(pid, reason)
            case tuple(("notify", event)):
                await self._roster.notify("handle_event", event)
                return
            case tuple((_, from_, "stop")):
                raise Ending(NORMAL, answer=(from_, OK))
            case tuple((_, from_, tuple() | Atom() as request)):
                answer = await self._serve_request(request)
                if answer is not _NO_REQUEST:
                    await self._answer(from_, answer)
                    return
        await self._roster.notify("handle_info", message)

    async def _serve_request(self, request: tuple[Any, ...] | Atom) -> Any:
        roster = self._roster
        match request:
            case ("sync_notify", event):
                await roster.notify("handle_event", event)
                return OK
            case ("call", name, query):
                return await roster.call(name, query)
            case ("add_handler", name, args):
                return await roster.add(name, args)
            case ("add_sup_handler", name, args, Pid() as supervisor):
                return await roster.add(name, args, supervisor)
            case ("delete_handler", name, args):
                return await roster.delete(name, args)
            case ("swap_handler", old, leaving, new, args):
                return await roster.swap(old, leaving, new, args, None)
            case ("swap_sup_handler", old, leaving, new, args, Pid() as supervisor):
                return await roster.swap(old, leaving, new, args, supervisor)
            case "which_handlers":
                return [one.name for one in roster]
            case "get_modules":
                return sorted({one.module for one in roster})
        return _NO_REQUEST

    async def _answer(self, from_: Any, value: Any) -> None:
        """Answer; who answers with what is no term does not take the manager along."""
        try:
            await self._reply(from_, value)
        except EncodeError as error:
            answer = (EXIT, reasons.from_exception(error))
            report_crash(self.process, None, value, answer, error)
            await self._reply(from_, (ERROR, answer))
