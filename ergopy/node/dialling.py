"""How one connection is made: find the node, connect, shake hands."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, final

import trio

import epmd

from ..dist.connect import dial
from ..dist.flags import Flag, offered
from ..dist.handshake import Connector, Identity
from ..errors import ConnectError, NodeNotFound, NotAllowed
from . import naming

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..abc import Address
    from ..dist.handshake import Connected
    from ..dist.network import Network, Socket
    from .allowed import AllowList
    from .cookies import Cookies
    from .resolvers import FirstOf

logger = logging.getLogger("ergopy.node")


@final
class Dialling:
    """What it takes to reach a node, whoever wants to.

    Args:
        network: Makes the socket.
        resolver: Says where the node is.
        cookies: What to prove to whom.
        allowed: Who may be dialled.
        setup_time: Seconds for each step: the question where it is, the connection,
            and each step of the handshake.
    """

    def __init__(
        self,
        network: Network,
        resolver: FirstOf,
        cookies: Cookies,
        allowed: AllowList,
        setup_time: float,
    ) -> None:
        self.cookies = cookies
        self.allowed = allowed
        self.setup_time = setup_time
        self._network = network
        self._resolver = resolver

    async def dial(self, me: Identity, own: str, peer: str) -> tuple[Socket, Connected]:
        """Connect to *peer* as *me*; *own* is a name of the kind that we have.

        Raises:
            NodeNameError: The two kinds of name do not fit.
            ConnectError: Why there is no connection, by kind.

        Cancelling it leaves nothing behind.
        """
        if not self.allowed.permits(peer):
            raise NotAllowed(peer, "it is not in allow=")
        address = await self._find(own, peer)
        connector = Connector(
            me,
            peer,
            self.cookies.of(peer),
            challenge=secrets.randbits(32),
            prefix=self._network.prefix,
        )
        return await dial(
            self._network, *address, connector, setup_time=self.setup_time
        )

    async def join(
        self, host: str, peers: Iterable[str]
    ) -> tuple[str, Socket, Connected]:
        """Connect to the first of *peers* that gives us a name at *host*.

        Raises:
            ConnectError: None does; of a single one it is why.
        """
        own = f"{naming.UNNAMED}@{host}"
        me = Identity(host, 0, offered(hidden=True) | Flag.NAME_ME)
        problems: list[ConnectError] = []
        for peer in peers:
            try:
                return peer, *await self.dial(me, own, peer)
            except ConnectError as error:
                logger.info("no name from %s", error)
                problems.append(error)
        if len(problems) == 1:
            raise problems[0]
        raise ConnectError(own, "; ".join(map(str, problems))) from problems[0]

    async def _find(self, own: str, peer: str) -> Address:
        try:
            naming.check_peer(own, peer)
            with trio.fail_after(self.setup_time):
                address = await self._resolver.resolve(peer)
        except trio.TooSlowError:
            problem = f"nobody said where it is within {self.setup_time:g} s"
            raise ConnectError(peer, problem) from None
        except ConnectError:
            raise
        except (OSError, ValueError, epmd.EpmdError) as error:
            raise ConnectError(peer, str(error)) from error
        if address is None:
            raise NodeNotFound(peer, self._resolver.nobody)
        return address
