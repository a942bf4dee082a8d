"""Sockets over TLS, where :class:`ergopy.dist.network.TcpNetwork` makes plain ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from ..network import TcpNetwork
from .sockets import TlsSocket

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from ..network import Listener, Socket
    from .settings import Tls


@final
class TlsListener:
    """A listening socket; what it accepts begins with TLS when it is started."""

    def __init__(self, tcp: Listener, tls: Tls) -> None:
        self.tcp = tcp
        self._tls = tls
        self.port = tcp.port

    async def accept(self) -> TlsSocket:
        tcp = await self.tcp.accept()
        return TlsSocket(
            tcp,
            self._tls.server_context,
            peer=f"{tcp}",
            check_names=self._tls.check_names,
        )

    def close(self) -> None:
        self.tcp.close()


@final
class TlsNetwork:
    """Connections over TLS."""

    prefix = 4

    def __init__(self, tls: Tls) -> None:
        self._tcp = TcpNetwork()
        self._tls = tls

    async def connect(self, node: str, host: str, port: int) -> TlsSocket:
        """Connect; the certificate has to be good for the host part of *node*."""
        tcp = await self._tcp.connect(node, host, port)
        tls = self._tls
        return await secured(tcp, tls.client_context, node, check_names=tls.check_names)

    def listen(
        self, node: str, hosts: Sequence[str], ports: tuple[int, int]
    ) -> list[Listener]:
        return [
            TlsListener(listener, self._tls)
            for listener in self._tcp.listen(node, hosts, ports)
        ]


async def secured(
    tcp: Socket,
    context: Callable[[], ssl.SSLContext],
    node: str,
    *,
    check_names: bool,
) -> TlsSocket:
    """Begin TLS as the one that dials *node*; a failure closes the socket."""
    sock = TlsSocket(
        tcp,
        context,
        peer=node,
        host=node.rpartition("@")[2],
        check_names=check_names,
    )
    try:
        await sock.start()
    except BaseException:
        sock.close()
        raise
    return sock
