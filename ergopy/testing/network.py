"""A network in memory: nodes of one program, without sockets, ports or EPMD.

Everything above it is the real thing: handshake, framing, codec, ticks, connection
table. Bytes are never reordered, duplicated or changed, as TCP promises; they can be
late, stop, come in small pieces, or be lost together with their connection. All time
is Trio's, so a test with an autojump clock waits for nothing.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias, final

import trio

from .._main import Node
from ..errors import ConnectError
from . import pipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..dist.network import Listener

NodeLike: TypeAlias = "Node | str"
"""A node, its full name, or what is before the ``@`` of it."""

HOST = "memory"
COOKIE = "testing"


@final
class MemoryNetwork:
    """Nodes that reach each other, and what goes wrong between them.

    ``network.node("a")`` makes a node ``a@memory``, to be entered with ``async with``.
    Faults belong to a pair of nodes, or to one direction of it, *from* the first
    *to* the second. They hold for connections that are there and those to come, may
    be set before the nodes exist, and end with :meth:`heal`.

    Args:
        window: Bytes that a direction holds, sent and not read yet, until the sender
            has to wait.
        chunk: Bytes that one read gives at most; 1 delivers byte by byte, None all.
    """

    def __init__(self, *, window: int = pipe.WINDOW, chunk: int | None = None) -> None:
        _check_sizes(window, chunk)
        self._window = window
        self._chunk = chunk
        self._listeners: dict[str, _Listener] = {}
        self._ways: dict[tuple[str, str], pipe.Way] = {}
        self._ports = itertools.count(1)
        self._mended = trio.Event()

    def __repr__(self) -> str:
        return f"<MemoryNetwork: {', '.join(self._listeners) or 'nobody'}>"

    def node(self, name: str, **options: Any) -> Node:
        """Make a node of this network; enter it with ``async with``.

        *name* may lack its host. *options* are those of :class:`ergopy.Node`. The
        cookie is the same for all unless it is given; there is no EPMD, and no
        port that another program could connect to.
        """
        options.setdefault("cookie", COOKIE)
        view = _View(self, full_name(name))
        return Node(full_name(name), epmd="off", network=view, resolver=view, **options)

    def delay(self, a: NodeLike, b: NodeLike, seconds: float) -> None:
        """Let what *a* sends to *b* from now on arrive *seconds* later."""
        if not seconds >= 0:
            raise ValueError(f"a delay is a number of seconds, not {seconds!r}")
        self._way(a, b).delay = seconds

    def stall(self, a: NodeLike, b: NodeLike) -> None:
        """Deliver nothing of what *a* sends to *b*, as if *b* did not read.

        Up to the window is accepted; then *a* has to wait.
        """
        way = self._way(a, b)
        way.stalled, way.allowed = True, 0

    def resume(self, a: NodeLike, b: NodeLike, size: int | None = None) -> None:
        """End a stall. With *size*, deliver the next *size* bytes and stall again."""
        way = self._way(a, b)
        if size is None:
            way.stalled = False
        elif way.stalled:
            way.allowed += size
        way.wake()

    def under_way(self, a: NodeLike, b: NodeLike) -> int:
        """Return how many bytes *a* has sent to *b* that are not read yet."""
        return sum(stream.size for stream in self._way(a, b).streams)

    def limit(
        self,
        a: NodeLike,
        b: NodeLike,
        *,
        window: int | None = None,
        chunk: int | None = None,
    ) -> None:
        """Change the window, or the size of reads, of what *a* sends to *b*."""
        _check_sizes(window, chunk)
        way = self._way(a, b)
        way.window = window or way.window
        way.chunk = chunk or way.chunk
        way.wake()

    def cut(self, a: NodeLike, b: NodeLike) -> None:
        """Pull the cable between two nodes: nothing arrives, neither way.

        Nobody is told. The two find out by missing ticks (``net_ticktime``), and an
        attempt to connect by its ``setup_time``. What was sent arrives after
        :meth:`heal`, if the connection is still there.
        """
        for way in self._both(a, b):
            way.cut = True

    def reset(self, a: NodeLike, b: NodeLike) -> None:
        """Break the connections between two nodes, as a proxy that crashes does.

        Both see an error at once, and what is under way is lost. They may connect
        again; after :meth:`cut` they cannot.
        """
        for way in self._both(a, b):
            for stream in list(way.streams):
                stream.break_off()

    def heal(self, a: NodeLike, b: NodeLike) -> None:
        """End what :meth:`cut`, :meth:`stall` and :meth:`delay` began, both ways."""
        for way in self._both(a, b):
            way.cut = way.stalled = False
            way.delay = 0.0
            way.wake()
        mended, self._mended = self._mended, trio.Event()
        mended.set()

    def _way(self, a: NodeLike, b: NodeLike) -> pipe.Way:
        key = _name_of(a), _name_of(b)
        way = self._ways.get(key)
        if way is None:
            way = self._ways[key] = pipe.Way(self._window, self._chunk)
        return way

    def _both(self, a: NodeLike, b: NodeLike) -> Iterable[pipe.Way]:
        return self._way(a, b), self._way(b, a)

    def find(self, name: str) -> int | None:
        """Return the port of a node that is up, or None; what EPMD is for."""
        listener = self._listeners.get(name)
        return None if listener is None else listener.port

    async def dial(self, a: str, b: str) -> pipe.MemorySocket:
        """Connect *a* to *b*; it takes the time of a message there and one back.

        Raises:
            ConnectionRefusedError: *b* is not there.
        """
        there, back = self._both(a, b)
        await trio.sleep(there.delay + back.delay)
        while there.cut or back.cut:
            await self._mended.wait()
        listener = self._listeners.get(b)
        if listener is None:
            raise ConnectionRefusedError(
                errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)
            )
        ours, theirs = pipe.connect((a, there), (b, back))
        listener.offer(theirs)
        return ours

    def open(self, name: str) -> _Listener:
        """Let *name* be connected to.

        Raises:
            ConnectError: It is up already.
        """
        if name in self._listeners:
            raise ConnectError(name, "a node of this name runs in this network")
        listener = self._listeners[name] = _Listener(self, name, next(self._ports))
        return listener

    def shut(self, name: str) -> None:
        """Undo :meth:`open`."""
        self._listeners.pop(name, None)


@final
class _View:
    """The network as one of its nodes sees it: its ``network`` and its resolver."""

    prefix = 2

    def __init__(self, network: MemoryNetwork, name: str) -> None:
        self._network = network
        self._name = name

    async def resolve(self, node: str) -> tuple[str, int] | None:
        await trio.lowlevel.checkpoint()
        port = self._network.find(node)
        return None if port is None else (HOST, port)

    async def connect(self, node: str, host: str, port: int) -> pipe.MemorySocket:
        return await self._network.dial(self._name, node)

    def listen(
        self, node: str, hosts: Sequence[str], ports: tuple[int, int]
    ) -> list[Listener]:
        return [self._network.open(self._name)]


@final
class _Listener:
    """Where one node is connected to."""

    def __init__(self, network: MemoryNetwork, name: str, port: int) -> None:
        self._network = network
        self._name = name
        self.port = port
        self._waiting: deque[pipe.MemorySocket] = deque()
        self._accepting = pipe.Waiting()
        self._closed = False

    def offer(self, sock: pipe.MemorySocket) -> None:
        self._waiting.append(sock)
        self._accepting.wake()

    async def accept(self) -> pipe.MemorySocket:
        await trio.lowlevel.checkpoint()
        while not self._waiting:
            if self._closed:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            await self._accepting.park()
        return self._waiting.popleft()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._network.shut(self._name)
            while self._waiting:
                self._waiting.popleft().close()
            self._accepting.wake()


def _check_sizes(*sizes: int | None) -> None:
    if any(size is not None and size < 1 for size in sizes):
        raise ValueError("a window and a chunk are at least 1 byte")


def full_name(name: str) -> str:
    """Add the host to a node name that has none."""
    return name if "@" in name else f"{name}@{HOST}"


def _name_of(node: NodeLike) -> str:
    return full_name(node if isinstance(node, str) else node.name)
