"""The process of a scope: it hears what the scopes of other nodes say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from etf import Atom

from ...gen.returns import IGNORE
from ...gen.server import GenServer
from ...process.messages import Down
from ...process.reasons import shown
from . import messages as says

if TYPE_CHECKING:
    from .scope import Scope

logger = logging.getLogger("ergopy.pg")


class ScopeServer(GenServer):
    """Feeds a scope; a kill, or a message that is none, does no harm to that."""

    async def init(self, name: Any) -> Any:
        groups = getattr(self.process.node, "pg", None)
        if groups is None:
            # A runtime without connections.
            return IGNORE
        self._scope: Scope = groups.attach(Atom(name), self.process)
        self._warned = False
        return None

    def format_state(self) -> Any:
        """Show what an operator wants to know."""
        return {
            Atom("scope"): self._scope.name,
            Atom("groups"): len(self._scope.table),
            Atom("peers"): self._scope.peers(),
        }

    async def handle_call(self, request: Any, from_: Any) -> Any:
        self._refuse(request)
        return (Atom("error"), Atom("badarg"))

    async def handle_cast(self, request: Any) -> None:
        if not self._scope.receive(says.read_cast(request)):
            self._refuse(request)

    async def handle_info(self, message: Any) -> None:
        if message.__class__ is Down:
            self._scope.peer_down(message.ref)
        elif not self._scope.receive(says.read(message)):
            self._refuse(message)

    def _refuse(self, message: Any) -> None:
        # A peer may send any number of them.
        if not self._warned:
            self._warned = True
            logger.warning(
                "scope %s of pg: a message that is none: %s; later ones are not logged",
                self._scope.name,
                shown(message),
            )
