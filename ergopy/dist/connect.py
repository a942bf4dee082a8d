"""The handshake on a socket: dialling, and answering one that dialled (protocol 2.8).

Each step waits ``setup_time`` seconds for the peer, however it spreads its bytes; the
few steps bound the whole. A peer that is silent, closes or talks nonsense is a named
``ConnectError``, and its socket is closed. What comes out is a socket for
``Transport``.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import trio

from ..errors import CertificateError, ConnectError, HandshakeTimeout, NodeNotFound
from .handshake import (
    Acceptor,
    AliveAsked,
    Connected,
    Connector,
    NameReceived,
    Verified,
)
from .network import receive_some, send_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from .handshake import Answer, Event, Handshake, Identity, Step
    from .network import Network, Socket


@dataclass(frozen=True, slots=True)
class Decision:
    """What to answer a node that dials us; the cookie is not part of the ``repr``."""

    status: Answer
    cookie: str = ""
    name: str | None = None
    """The name to give to a node that asks for one."""
    creation: int = 0
    """The creation that goes with it."""
    over: Callable[[bool], object] | None = None
    """Called when the handshake has ended, with whether a connection came of it."""

    def __repr__(self) -> str:
        return f"Decision({self.status!r}, name={self.name!r})"


class Gate(Protocol):
    """Who decides about incoming connections: the table of peers."""

    @property
    def identity(self) -> Identity:
        """What we say about ourselves."""

    def decide(self, who: NameReceived) -> Decision:
        """Answer a node that wants in."""

    def replace(self, name: str) -> None:
        """End the old connection of a node that has proved to know the cookie."""

    def established(self, sock: Socket, link: Connected) -> None:
        """Take over a connection whose handshake is complete."""


async def dial(
    network: Network, host: str, port: int, connector: Connector, *, setup_time: float
) -> tuple[Socket, Connected]:
    """Connect to *port* and carry out the handshake as the node that dials.

    Raises:
        NodeNotFound: Nobody listens there.
        HandshakeError: Or a subclass, which says why there is no connection.

    Cancelling it closes the socket.
    """
    peer = connector.peer
    try:
        with trio.fail_after(setup_time):
            sock = await network.connect(peer, host, port)
    except trio.TooSlowError:
        raise HandshakeTimeout(peer, setup_time) from None
    except ConnectError:
        raise
    except (OSError, ValueError) as error:
        # A host can be so wrong that it is not even looked up.
        raise NodeNotFound(
            peer, f"nobody listens at {host}:{port} ({error})"
        ) from error
    try:
        return sock, await ask(sock, connector, setup_time=setup_time)
    except BaseException:
        sock.close()
        raise


async def ask(sock: Socket, connector: Connector, *, setup_time: float) -> Connected:
    """Carry out the handshake as the node that dials, on a socket."""
    talk = _Talk(sock, connector, setup_time)
    while True:
        for event in await talk.events():
            if isinstance(event, Connected):
                return event
            if isinstance(event, AliveAsked):
                talk.more(connector.answer_alive(True))


async def answer(
    sock: Socket, acceptor: Acceptor, gate: Gate, *, setup_time: float
) -> Connected | None:
    """Carry out the handshake as the node that was dialled.

    Returns None if one of the two did not want it, without anybody being wrong.
    """
    talk = _Talk(sock, acceptor, setup_time)
    link: Connected | None = None
    over: Callable[[bool], object] | None = None
    try:
        while link is None and not (acceptor.done and not talk.pending):
            for event in await talk.events():
                if isinstance(event, Connected):
                    link = event
                elif isinstance(event, NameReceived):
                    await _check_name(sock, event, acceptor, talk)
                    decision = gate.decide(event)
                    over = decision.over
                    talk.more(_admit(acceptor, decision))
                elif isinstance(event, Verified):
                    gate.replace(acceptor.peer)
                    talk.more(acceptor.confirm())
        if link is None:
            await talk.finish()
    finally:
        if over is not None:
            over(link is not None)
    return link


async def _check_name(
    sock: Socket, who: NameReceived, acceptor: Acceptor, talk: _Talk
) -> None:
    """Turn away a node that is not who it says."""
    try:
        sock.check_name(who.name)
    except CertificateError:
        acceptor.accept("not_allowed")
        await talk.finish()
        raise


def _admit(acceptor: Acceptor, decision: Decision) -> list[Event]:
    if decision.name is not None:
        return acceptor.give_name(
            decision.name, decision.creation, cookie=decision.cookie
        )
    return acceptor.accept(decision.status, cookie=decision.cookie or None)


class _Talk:
    """The bytes of one handshake; a deadline begins anew with every step of it."""

    def __init__(self, sock: Socket, machine: Handshake, setup_time: float) -> None:
        self._sock = sock
        self._machine = machine
        self._setup_time = setup_time
        self._step: Step | None = None
        self._deadline = 0.0
        self.pending: list[Event] = []

    def more(self, events: list[Event]) -> None:
        """Queue what an answer of ours made happen at once."""
        self.pending += events

    async def events(self) -> list[Event]:
        """Send what is to be sent; return the next events, waiting for bytes."""
        machine = self._machine
        if machine.step is not self._step:
            self._step = machine.step
            self._deadline = trio.current_time() + self._setup_time
        try:
            with trio.fail_at(self._deadline):
                await self._send()
                if self.pending or machine.done:
                    events, self.pending = self.pending, []
                    return events
                data = await receive_some(self._sock)
                if not data:
                    machine.receive_eof()
                return machine.receive_data(data)
        except trio.TooSlowError:
            raise HandshakeTimeout(machine.peer, self._setup_time) from None
        except ConnectError:
            await self.finish()
            raise
        except (OSError, trio.ClosedResourceError) as error:
            machine.receive_eof()
            raise ConnectError(machine.peer, f"broken: {error}") from error

    async def finish(self) -> None:
        """Send our last word, a refusal, if the peer is still there."""
        with (
            trio.move_on_after(self._setup_time),
            contextlib.suppress(OSError, trio.ClosedResourceError),
        ):
            await self._send()

    async def _send(self) -> None:
        if data := self._machine.data_to_send():
            await send_all(self._sock, data)
