"""EventHandler: what an event manager calls; the callback module of a ``gen_event``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from etf import Atom

from ...process.reasons import shown
from .. import system
from ..callbacks import require_async

if TYPE_CHECKING:
    from .manager import EventManager

logger = logging.getLogger("ergopy.gen")

Handler: TypeAlias = Any
"""A class, the name under which a manager knows one, or ``(either, id)``."""

_CALLBACKS = ("init", "handle_event", "handle_call", "handle_info", "terminate")


class EventHandler:
    """One handler: an instance in the process of its manager, with state on ``self``.

    ``handle_event`` and ``handle_info`` return None, ``handle_call`` returns the reply.
    Each may return ``Remove`` or ``Swap`` instead. An exception is a crash of the
    handler alone: it is removed, and the manager lives on.
    """

    manager: EventManager
    """Who runs this; its verbs send in the name of the manager's process."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        require_async(cls, _CALLBACKS)

    async def init(self, args: Any) -> Any:
        """Set up the state; any other return value than None refuses.

        Who adds the handler hears that value. After a swap *args* is
        ``(args, result)``, with what ``terminate`` of the former handler returned, or
        ``error`` if there was none.
        """

    async def handle_event(self, event: Any) -> Any:
        """Take an event that somebody has notified."""
        raise NotImplementedError(f"no handle_event for {event!r}")

    async def handle_call(self, request: Any) -> Any:
        """Answer a request to this handler: return the reply."""
        raise NotImplementedError(f"no handle_call for {request!r}")

    async def handle_info(self, message: Any) -> Any:
        """Take any other message to the manager. Logs it by default."""
        logger.warning(
            "event handler %s of %s got an unexpected message: %s",
            type(self).__qualname__,
            self.manager.process.label,
            shown(message),
        )

    async def terminate(self, args: Any) -> Any:
        """Clean up; *args* says why.

        What ``delete_handler`` or a swap gave; the atoms ``remove_handler`` and
        ``stop`` (the manager ends); ``{stop, Reason}``, as its supervisor has ended;
        or ``{error, {'EXIT', Reason}}`` after a crash.
        """

    def format_state(self) -> Any:
        """Say what ``sys:get_state`` shows: by default the attributes, as a map."""
        shown_ones = system.attributes(self)
        shown_ones.pop(Atom("manager"), None)
        return shown_ones


class Leaving:
    """A return value after which a handler is there no more."""

    __slots__ = ("reply",)

    reply: Any


@final
class Remove(Leaving):
    """Leave; ``remove_handler``, in ``handle_call`` ``{remove_handler, Reply}``."""

    __slots__ = ()

    def __init__(self, reply: Any = None) -> None:
        self.reply = reply

    def __repr__(self) -> str:
        return f"Remove({self.reply!r})"


@final
class Swap(Leaving):
    """Let another handler take the place; ``{swap_handler, ...}``.

    Args:
        handler: Who comes.
        args: For its ``init``, which gets ``(args, result)``.
        leaving: For the ``terminate`` of this one, whose result that is.
        reply: In ``handle_call``, the reply.
    """

    __slots__ = ("args", "handler", "leaving")

    def __init__(
        self,
        handler: Handler,
        args: Any = None,
        *,
        leaving: Any = None,
        reply: Any = None,
    ) -> None:
        self.handler = handler
        self.args = args
        self.leaving = leaving
        self.reply = reply

    def __repr__(self) -> str:
        return f"Swap({self.handler!r}, {self.args!r}, leaving={self.leaving!r})"


REMOVE: Final = Remove()
