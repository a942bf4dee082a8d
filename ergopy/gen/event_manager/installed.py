"""One handler in its manager, and by what name it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from ..same import is_same

if TYPE_CHECKING:
    from etf import Atom, Pid

    from .handler import EventHandler

NO_ID = False
"""The id of a handler that was added without one; so it is in OTP."""


@final
class Installed:
    """A handler, who it is, and whose process supervises it."""

    __slots__ = ("handler", "id", "module", "supervisor")

    def __init__(
        self, handler: EventHandler, module: Atom, id_: Any, supervisor: Pid | None
    ) -> None:
        self.handler = handler
        self.module = module
        self.id = id_
        self.supervisor = supervisor

    @property
    def name(self) -> Any:
        """The module, or ``{Module, Id}``."""
        return self.module if self.id is NO_ID else (self.module, self.id)

    def is_called(self, module: Atom, id_: Any) -> bool:
        """Tell whether this is the handler that is meant."""
        return is_same(self.module, module) and is_same(self.id, id_)


def split_name(name: Any) -> tuple[Any, Any]:
    """Return class or module, and id, of what a handler is called by."""
    if isinstance(name, tuple) and len(name) == 2:
        return name[0], name[1]
    return name, NO_ID
