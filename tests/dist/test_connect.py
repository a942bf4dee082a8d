"""The handshake over streams: deadlines, refusals, and dialling a real socket."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy.dist.connect import Decision, answer, ask
from ergopy.dist.flags import MANDATORY, OFFERED_VISIBLE, Flag
from ergopy.dist.handshake import (
    Acceptor,
    Connected,
    Connector,
    Identity,
    NameReceived,
)
from ergopy.dist.network import receive_some, send_all, tcp_socket
from ergopy.errors import (
    AlreadyConnected,
    ConnectError,
    CookieMismatch,
    HandshakeError,
    HandshakeTimeout,
    MissingFlags,
    NodeNotFound,
    NotDistribution,
)
from ergopy.testing.ports import free_port
from tests.sockets import End, dial

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    Pairs = Callable[[], tuple[End, End]]

COOKIE = "secret"
A = Identity("a@h", 1, OFFERED_VISIBLE)
B = Identity("b@h", 2, OFFERED_VISIBLE)
NAME = b"\0\x12N" + bytes(8) + b"\0\0\0\1\0\3x@h"


def connector(me: Identity = A, cookie: str = COOKIE) -> Connector:
    return Connector(me, B.name, cookie, challenge=11)


def acceptor() -> Acceptor:
    return Acceptor(B, challenge=22)


class Gate:
    """Gives one answer to everybody."""

    identity = B

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.replaced: list[str] = []

    def decide(self, who: NameReceived) -> Decision:
        return self.decision

    def replace(self, name: str) -> None:
        self.replaced.append(name)

    def established(self, sock: socket.socket, link: Connected) -> None:
        raise AssertionError("that is up to the listener")


REFUSING = Gate(Decision("nok"))


async def both(
    ends: tuple[End, End], ours: Connector, theirs: Acceptor, decision: Decision
) -> list[Any]:
    """Let the two shake hands; return what became of each, error or not."""
    left, right = ends
    results: list[Any] = [None, None]

    async def run(at: int, stream: Any, talk: Any) -> None:
        try:
            results[at] = await talk
        except ConnectError as exc:
            results[at] = exc
        await stream.aclose()

    gate = Gate(decision)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, 0, left, ask(left, ours, setup_time=7))
            talk = answer(right, theirs, gate, setup_time=7)
            nursery.start_soon(run, 1, right, talk)
    return results


@pytest.mark.parametrize("status", ["ok", "ok_simultaneous", "alive"])
async def test_two_nodes_connect(status: Any, socket_pair: Pairs) -> None:
    ours, theirs = await both(
        socket_pair(), connector(), acceptor(), Decision(status, COOKIE)
    )
    assert ours == Connected("b@h", 2, OFFERED_VISIBLE, "a@h", 1, b"")
    assert theirs == Connected("a@h", 1, OFFERED_VISIBLE, "b@h", 2, b"")


async def test_a_node_without_a_name_gets_one(socket_pair: Pairs) -> None:
    nameless = Identity("h", 0, OFFERED_VISIBLE | Flag.NAME_ME)
    decision = Decision("ok", COOKIE, "x@h", 9)
    ours, theirs = await both(socket_pair(), connector(nameless), acceptor(), decision)
    assert (ours.name, ours.own_creation) == ("x@h", 9)
    assert theirs.peer == "x@h"


async def test_an_attempt_that_is_no_longer_wanted_is_no_error(
    socket_pair: Pairs,
) -> None:
    ours, theirs = socket_pair()
    peer = connector()
    async with trio.open_nursery() as nursery:

        async def change_of_mind() -> None:
            await theirs.send_all(peer.data_to_send())
            while not peer.receive_data(await theirs.receive_some()):
                pass
            peer.answer_alive(False)
            await theirs.send_all(peer.data_to_send())

        nursery.start_soon(change_of_mind)
        gate = Gate(Decision("alive", COOKIE))
        assert await answer(ours, acceptor(), gate, setup_time=7) is None
    assert gate.replaced == []


async def test_an_old_connection_is_replaced_only_by_who_has_the_cookie(
    socket_pair: Pairs,
) -> None:
    for cookie, replaced in ((COOKIE, ["a@h"]), ("wrong", [])):
        ours, theirs = socket_pair()
        gate = Gate(Decision("ok", COOKIE))

        async def dialler(stream: Any = theirs, cookie: str = cookie) -> None:
            with contextlib.suppress(CookieMismatch):
                await ask(stream, connector(cookie=cookie), setup_time=7)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(dialler)
            with contextlib.suppress(CookieMismatch):
                await answer(ours, acceptor(), gate, setup_time=7)
            await ours.aclose()
        assert gate.replaced == replaced


async def test_a_refusal_is_no_error_for_who_refuses(socket_pair: Pairs) -> None:
    ours, theirs = await both(socket_pair(), connector(), acceptor(), Decision("nok"))
    assert isinstance(ours, AlreadyConnected)
    assert theirs is None


async def test_both_sides_learn_of_different_cookies(socket_pair: Pairs) -> None:
    ours, theirs = await both(
        socket_pair(), connector(cookie="x"), acceptor(), Decision("ok", COOKIE)
    )
    assert isinstance(ours, CookieMismatch)
    assert isinstance(theirs, CookieMismatch)


async def test_a_peer_that_lacks_flags_is_told_before_the_error(
    socket_pair: Pairs,
) -> None:
    old = Identity("a@h", 1, MANDATORY[25])
    ours, theirs = await both(
        socket_pair(), connector(old), acceptor(), Decision("ok", COOKIE)
    )
    assert isinstance(theirs, MissingFlags)
    assert ours.__class__.__name__ == "NotAllowed"


async def test_a_silent_peer_is_given_up_after_the_setup_time(
    autojump_clock: trio.testing.MockClock, socket_pair: Pairs
) -> None:
    ours, _theirs = socket_pair()
    with pytest.raises(HandshakeTimeout) as caught:
        await ask(ours, connector(), setup_time=7)
    assert caught.value.seconds == 7
    assert caught.value.peer == B.name
    assert trio.current_time() == 7


async def test_a_peer_that_trickles_bytes_gains_no_time(
    autojump_clock: trio.testing.MockClock, socket_pair: Pairs
) -> None:
    ours, theirs = socket_pair()

    async def trickle() -> None:
        for byte in NAME:
            await theirs.send_all(bytes([byte]))
            await trio.sleep(5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trickle)
        with pytest.raises(HandshakeTimeout):
            await answer(ours, acceptor(), REFUSING, setup_time=7)
        assert trio.current_time() == 7
        nursery.cancel_scope.cancel()


async def test_each_step_has_the_setup_time_for_itself(
    autojump_clock: trio.testing.MockClock, socket_pair: Pairs
) -> None:
    ours, theirs = socket_pair()
    peer = connector()

    async def slow_peer() -> None:
        while not peer.done:
            await trio.sleep(6)
            await theirs.send_all(peer.data_to_send())
            peer.receive_data(await theirs.receive_some())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(slow_peer)
        gate = Gate(Decision("ok", COOKIE))
        assert await answer(ours, acceptor(), gate, setup_time=7) is not None
    assert trio.current_time() == 12


async def test_a_peer_that_does_not_read_is_given_up(
    autojump_clock: trio.testing.MockClock, socket_pair: Pairs
) -> None:
    ours, _theirs = socket_pair()
    with pytest.raises(HandshakeTimeout):
        await ask(ours, connector(), setup_time=7)
    assert trio.current_time() == 7


async def test_a_cancelled_handshake_is_cancelled(
    autojump_clock: trio.testing.MockClock, socket_pair: Pairs
) -> None:
    ours, _theirs = socket_pair()
    with trio.move_on_after(3) as scope:
        await ask(ours, connector(), setup_time=7)
    assert scope.cancelled_caught


async def test_a_broken_connection_says_what_was_missing(socket_pair: Pairs) -> None:
    ours, theirs = socket_pair()
    await theirs.aclose()
    with pytest.raises(HandshakeError, match="its status"):
        await ask(ours, connector(), setup_time=7)


def test_a_decision_does_not_show_the_cookie() -> None:
    assert COOKIE not in repr(Decision("ok", COOKIE))
    assert COOKIE not in repr(Decision("ok", COOKIE, "x@h", 1))


@pytest.fixture
async def server() -> AsyncIterator[trio.SocketListener]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        yield listener


def port_of(listener: trio.SocketListener) -> int:
    return int(listener.socket.getsockname()[1])


async def dial_it(listener: trio.SocketListener) -> Any:
    with trio.fail_after(60):
        port = port_of(listener)
        return await dial("127.0.0.1", port, connector(), setup_time=7)


async def serve_one(listener: trio.SocketListener, decision: Decision) -> None:
    stream = await listener.accept()
    sock = tcp_socket(stream.socket, "a peer")
    link = await answer(sock, acceptor(), Gate(decision), setup_time=7)
    if link is not None:
        await send_all(sock, b"frames")
        assert await receive_some(sock) == b"reply"
    sock.close()


async def test_dialling_gives_a_socket_that_does_not_block(
    server: trio.SocketListener,
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_one, server, Decision("ok", COOKIE))
        sock, link = await dial_it(server)
        with sock:
            assert sock.getblocking() is False
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert link.peer == "b@h"
            data: bytes = link.surplus
            while len(data) < 6:
                await trio.lowlevel.wait_readable(sock)
                data += sock.recv(6)
            assert data == b"frames"
            sock.send(b"reply")


async def test_a_failed_handshake_closes_the_socket(
    server: trio.SocketListener,
) -> None:
    async def foreign() -> None:
        async with await server.accept() as stream:
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with trio.fail_after(60):
                while await stream.receive_some():
                    pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(foreign)
        with pytest.raises(NotDistribution, match="HTTP"):
            await dial_it(server)


async def test_nobody_there_is_node_not_found() -> None:
    port = free_port()
    with pytest.raises(NodeNotFound, match=str(port)) as caught:
        await dial("127.0.0.1", port, connector(), setup_time=7)
    assert caught.value.peer == B.name


async def test_a_host_that_does_not_answer_is_given_up(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(host: str, port: int) -> trio.SocketStream:
        await trio.sleep_forever()

    monkeypatch.setattr(trio, "open_tcp_stream", never)
    with pytest.raises(HandshakeTimeout):
        await dial("h", 1, connector(), setup_time=7)
    assert trio.current_time() == 7


async def test_taking_the_socket_leaves_a_dead_stream(
    server: trio.SocketListener,
) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", port_of(server))
    with tcp_socket(stream.socket, "a peer").sock as sock:
        assert stream.socket.fileno() == -1
        assert sock.fileno() != -1
