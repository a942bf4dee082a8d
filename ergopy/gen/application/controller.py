"""``application_controller``: the process above all applications of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom

from ..server import GenServer
from . import terms

if TYPE_CHECKING:
    from .applications import Applications

NAME = "application_controller"


@final
class ApplicationController(GenServer):
    """The parent of the masters of the applications, which end with it.

    What it is to do is done by ``node.applications``, in the task that asks for it. As
    a process it answers other nodes, and ends in order what still runs when it ends.
    """

    def __init__(self, applications: Applications) -> None:
        self._applications = applications

    async def init(self) -> None:
        self.trap_exit = True
        self.process.watchers[self] = self

    def fire(self, reason: Any) -> None:
        """Hear of the own end."""
        self._applications.lost_controller(reason)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case Atom("which_applications"):
                return terms.descriptions(self._applications.which())
            case Atom("loaded_applications"):
                return terms.descriptions(self._applications.loaded())
        return (Atom("error"), Atom("badarg"))

    async def handle_cast(self, request: Any) -> None:
        """Ignore it."""

    async def handle_info(self, message: Any) -> None:
        """Ignore it: the ends of the masters are told otherwise."""

    async def terminate(self, reason: Any) -> None:
        await self._applications.stop_all()
