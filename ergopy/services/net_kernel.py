"""``net_kernel``: answers ``net_adm:ping`` and ``Node.ping`` (protocol 6.5).

A BEAM that pings and gets no answer from here ends the connection.
"""

from __future__ import annotations

from typing import Any

from etf import Atom

from ..gen.server import GenServer


class NetKernel(GenServer):
    """Says ``yes`` to ``{is_auth, Node}``; whoever could ask has the cookie."""

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case (Atom("is_auth"), _):
                return Atom("yes")
            case _:
                return (Atom("error"), Atom("badarg"))

    async def handle_cast(self, request: Any) -> None:
        """Ignore it, as a BEAM does."""

    async def handle_info(self, message: Any) -> None:
        """Ignore it, as a BEAM does."""
