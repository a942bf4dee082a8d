"""A node's entry in the list of an EPMD, kept there for as long as the node lives.

The open connection of ALIVE2 is the registration; nothing is ever written to it, since
any byte would end it. When EPMD goes away we come back to it every two seconds, as
a BEAM does, and **keep the creation**: it is in our pids and references already.
"""

from __future__ import annotations

import logging
import random
import secrets
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, final

import trio

from ._addresses import LOOPBACK, default_port
from ._client import TIMEOUT, connect, reaching
from ._errors import EpmdError, EpmdProtocolError, NameTaken
from ._messages import (
    HIDDEN,
    NORMAL,
    AliveReply,
    AliveRequest,
    NodeInfo,
    read_alive_reply,
)
from ._registry import FIRST_CREATION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_log = logging.getLogger("epmd")

RETRY_SECONDS = 2.0
"""Mean pause between two attempts to come back, as in a BEAM."""
PATIENCE = 1.0
"""How long a taken name is tried again at first: its owner may be about to end."""
_DUPLICATE_PAUSE = 0.1
_WIDE_VERSION = 6


def random_creation() -> int:
    """Make a creation for a node that no EPMD gives one: 4..2**32-1."""
    return FIRST_CREATION + secrets.randbelow(2**32 - FIRST_CREATION)


def jittered(seconds: float) -> float:
    """Spread the attempts of many nodes that lost the same EPMD."""
    return seconds * random.uniform(0.75, 1.25)


async def _pause(attempt: int) -> None:
    await trio.sleep(jittered(RETRY_SECONDS))


Recover: TypeAlias = "Callable[[int], Awaitable[None]]"
OnChange: TypeAlias = "Callable[[Registration], object]"


@final
class Registration:
    """One name at one EPMD. `register` makes them.

    Args:
        node: What to tell EPMD.
        host: Where EPMD runs; it only takes nodes of its own machine.
        epmd_port: By default that of `default_port`.
        creation: Keep this one, whatever EPMD says.
        timeout: Seconds for one attempt.
        on_change: Called with the registration, from its task, each time that it
            was lost or regained. What it raises ends `keep`.
        recover: Awaited before each attempt to come back, with the number of attempts
            that failed since the loss; by default it sleeps about two seconds.
    """

    def __init__(
        self,
        node: NodeInfo,
        host: str = LOOPBACK,
        epmd_port: int | None = None,
        *,
        creation: int | None = None,
        timeout: float = TIMEOUT,
        on_change: OnChange | None = None,
        recover: Recover = _pause,
    ) -> None:
        self.node = node
        self.host = host
        self.epmd_port = default_port() if epmd_port is None else epmd_port
        self._creation = creation
        self._timeout = timeout
        self._on_change = on_change
        self._recover = recover
        self._stream: trio.abc.Stream | None = None
        self._error: EpmdError | None = None

    def __repr__(self) -> str:
        state = "registered" if self.registered else f"not registered: {self._error}"
        return f"<Registration {self.node.name!r} {state}>"

    @property
    def creation(self) -> int:
        """The creation in use. It never changes, whatever EPMD says later on.

        It is what EPMD gave first, with one exception: an EPMD that gives 32-bit
        nodes the same small number each time, as some do that are not OTP's, is
        not believed, and the creation is a random one.
        """
        if self._creation is None:
            raise RuntimeError("not registered yet")
        return self._creation

    @property
    def registered(self) -> bool:
        """Whether EPMD lists us, as far as we know."""
        return self._stream is not None

    @property
    def socket(self) -> Any:
        """Trio's socket of the registration, to be looked at; ``None`` without one."""
        return getattr(self._stream, "socket", None)

    @property
    def error(self) -> EpmdError | None:
        """Why the last attempt to come back failed; ``None`` when registered."""
        return self._error

    async def start(self, *, patience: float = PATIENCE) -> None:
        """Register for the first time.

        Cancelled or failed, nothing is registered.

        Args:
            patience: Seconds to try again while the name is taken.

        Raises:
            NameTaken: And it stayed so.
            EpmdUnreachable: Nobody answers there, or not in time.
            EpmdProtocolError: What answers is no EPMD.
        """
        give_up = trio.current_time() + patience
        while self._stream is None:
            try:
                await self._attempt()
            except NameTaken:
                if trio.current_time() >= give_up:
                    raise
                await trio.sleep(_DUPLICATE_PAUSE)

    async def keep(self) -> NoReturn:
        """Stay registered until cancelled; then the name is free again.

        Run it in a nursery, after `start`.
        """
        try:
            while True:
                if self._stream is not None:
                    await _until_lost(self._stream)
                    await self.close()
                    _log.warning("epmd lost our registration of %r", self.node.name)
                    self._changed()
                await self._come_back()
                _log.info("epmd has our registration of %r again", self.node.name)
                self._changed()
        finally:
            await self.close()

    async def close(self) -> None:
        """Give the name back. EPMD frees it as soon as it sees the end."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await trio.aclose_forcefully(stream)

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self)

    async def _come_back(self) -> None:
        attempt = 0
        while self._stream is None:
            await self._recover(attempt)
            attempt += 1
            try:
                await self._attempt()
            except EpmdError as exc:
                level = (
                    logging.DEBUG if type(exc) is type(self._error) else logging.INFO
                )
                _log.log(level, "epmd does not register us yet: %s", exc)
                self._error = exc

    async def _attempt(self) -> None:
        async with reaching(self.host, self.epmd_port, self._timeout):
            stream = await connect(self.host, self.epmd_port)
            try:
                await stream.send_all(AliveRequest(self.node).encode())
                reply = await _read_reply(stream)
                if reply.result != 0:
                    raise NameTaken(self.node.name, self.host, self.epmd_port)
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
        if isinstance(stream, trio.SocketStream):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._creation is None:
            self._creation = self._believe(reply.creation)
        self._stream, self._error = stream, None

    def _believe(self, creation: int) -> int:
        if creation < FIRST_CREATION and self.node.high >= _WIDE_VERSION:
            return random_creation()
        return creation


@asynccontextmanager
async def register(
    name: str,
    port: int,
    *,
    hidden: bool = False,
    host: str = LOOPBACK,
    epmd_port: int | None = None,
    high: int = 6,
    low: int = 5,
    extra: bytes = b"",
    creation: int | None = None,
    patience: float = PATIENCE,
    timeout: float = TIMEOUT,
    on_change: OnChange | None = None,
) -> AsyncIterator[Registration]:
    """Be in EPMD's list under *name* while the block runs.

    Like ``erl_epmd:register_node/3``. A lost EPMD is not an error: the registration
    comes back by itself, with the same creation::

        async with epmd.register("py", 40123) as registration:
            print(registration.creation)

    Args:
        name: The part of the node name before ``@``.
        port: Where the node listens.
        hidden: Say 72 instead of 77 as node type, which nobody minds.
        host: Where EPMD runs; it only takes nodes of its own machine.
        epmd_port: By default that of `default_port`.
        high: The newest handshake version. Below 6, EPMD gives a creation of 1..3.
        low: The oldest one.
        extra: Free data for who looks us up.
        creation: Use this one, and not that of EPMD.
        patience: Seconds to try again while the name is taken: the previous owner may
            be about to end.
        timeout: Seconds for one attempt.
        on_change: Called with the registration each time that it was lost or
            regained.

    Raises:
        NameTaken: Another node has the name, and kept it.
        EpmdUnreachable: No EPMD answers there, or not in time.
        EpmdProtocolError: What answers is no EPMD.
        EpmdValueError: EPMD cannot carry one of the values.
    """
    node_type = HIDDEN if hidden else NORMAL
    registration = Registration(
        NodeInfo(name, port, node_type, 0, high, low, extra),
        host,
        epmd_port,
        creation=creation,
        timeout=timeout,
        on_change=on_change,
    )
    await registration.start(patience=patience)
    async with background() as nursery:
        nursery.start_soon(registration.keep)
        yield registration


@asynccontextmanager
async def background() -> AsyncIterator[trio.Nursery]:
    """Open a nursery for tasks that end with the block.

    What the block raises comes out as it is, and not in an exception group.
    """
    error: BaseException | None = None
    async with trio.open_nursery() as nursery:
        try:
            yield nursery
        except trio.Cancelled:
            raise
        except BaseException as exc:
            error = exc
        nursery.cancel_scope.cancel()
    if error is not None:
        raise error


async def _read_reply(stream: trio.abc.ReceiveStream) -> AliveReply:
    buffer = bytearray()
    while True:
        # A reply has 4 or 6 bytes, and nothing follows it.
        data = await stream.receive_some(8)
        if not data:
            raise EpmdProtocolError(
                "EPMD closed without an answer to ALIVE2", bytes(buffer)
            )
        buffer += data
        reply = read_alive_reply(buffer)
        if reply is not None:
            return reply


async def _until_lost(stream: trio.abc.ReceiveStream) -> None:
    try:
        while await stream.receive_some(64):
            # EPMD never says anything here; if it does, it means nothing.
            pass
    except trio.BrokenResourceError:
        pass
