"""Accepting nodes: every peer on its own, and none for too long."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy.dist.connect import Decision
from ergopy.dist.flags import OFFERED_VISIBLE
from ergopy.dist.handshake import Connected, Connector, Identity, NameReceived
from ergopy.dist.listener import serve
from ergopy.dist.network import TcpListener, TcpNetwork
from ergopy.errors import CookieMismatch, HandshakeError, NotAllowed
from tests.sockets import dial, plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

COOKIE = "secret"


class Gate:
    """Lets everybody in, unless told otherwise, and remembers all of it."""

    identity = Identity("b@h", 2, OFFERED_VISIBLE)

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.answer: Callable[[NameReceived], Decision] = self.welcome
        self.sockets: list[socket.socket] = []
        self.links: list[Connected] = []
        self.arrived = trio.Event()

    def welcome(self, who: NameReceived) -> Decision:
        return Decision("ok", COOKIE)

    def decide(self, who: NameReceived) -> Decision:
        self.log.append(("decide", who.name))
        return self.answer(who)

    def replace(self, name: str) -> None:
        self.log.append(("replace", name))

    def established(self, sock: Any, link: Connected) -> None:
        self.log.append(("established", link.peer))
        self.sockets.append(plain(sock))
        self.links.append(link)
        self.arrived.set()


class Served:
    """A listener that is being served, and its gate."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]

    async def dial(self, name: str = "a@h", cookie: str = COOKIE) -> Any:
        me = Identity(name, 1, OFFERED_VISIBLE)
        return await dial(
            "127.0.0.1",
            self.port,
            Connector(me, "b@h", cookie, challenge=3),
            setup_time=7,
        )

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)


async def serving(**options: Any) -> AsyncIterator[Served]:
    served = Served()
    try:
        with served.socket, trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    lambda: serve(
                        TcpNetwork(),
                        [TcpListener(served.socket)],
                        served.gate,
                        **options,
                    )
                )
                yield served
                nursery.cancel_scope.cancel()
    finally:
        for sock in served.gate.sockets:
            sock.close()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async for one in serving():
        yield one


@pytest.fixture
async def hasty() -> AsyncIterator[Served]:
    async for one in serving(setup_time=0.02):
        yield one


@pytest.fixture
async def narrow() -> AsyncIterator[Served]:
    async for one in serving(max_pending=1):
        yield one


async def test_a_node_is_let_in_and_handed_over(served: Served) -> None:
    sock, link = await served.dial()
    with sock:
        await served.gate.arrived.wait()
        gate = served.gate
        steps = ["decide", "replace", "established"]
        assert gate.log == [(step, "a@h") for step in steps]
        assert gate.links[0].peer == "a@h"
        assert link.peer == "b@h"
        (theirs,) = gate.sockets
        assert theirs.getblocking() is False
        theirs.send(b"x")
        await trio.lowlevel.wait_readable(sock)
        assert sock.recv(1) == b"x"


async def test_a_node_without_the_cookie_gets_nowhere(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(CookieMismatch):
        await served.dial(cookie="wrong")
    assert served.gate.log == [("decide", "a@h")]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "a@h" in record.message
    assert COOKIE not in record.message


async def test_a_refused_node_is_told_and_closed(served: Served) -> None:
    served.gate.answer = lambda who: Decision("not_allowed")
    with pytest.raises(NotAllowed):
        await served.dial()


async def test_a_silent_node_holds_up_nobody(served: Served) -> None:
    async with await served.connect():
        sock, _ = await served.dial()
        sock.close()


async def test_a_silent_node_is_closed_after_the_setup_time(hasty: Served) -> None:
    async with await hasty.connect() as stream:
        assert await stream.receive_some() == b""


async def test_a_stranger_is_closed_at_once(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with await served.connect() as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        try:
            answer = await stream.receive_some()
        except trio.BrokenResourceError:
            answer = b""
        assert answer == b""
    (record,) = caplog.records
    assert "GET" in record.message


async def test_of_too_many_handshakes_the_oldest_gives_way(narrow: Served) -> None:
    silent = await narrow.connect()
    await trio.testing.wait_all_tasks_blocked()
    sock, _ = await narrow.dial()
    with sock:
        await narrow.gate.arrived.wait()
        assert [step for step, _ in narrow.gate.log][-1] == "established"
        assert await silent.receive_some() == b""
    await silent.aclose()


async def test_a_gate_that_fails_ends_only_that_connection(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(who: NameReceived) -> Decision:
        raise LookupError(who.name)

    served.gate.answer = broken
    with pytest.raises(HandshakeError):
        await served.dial()
    served.gate.answer = served.gate.welcome
    sock, _ = await served.dial()
    sock.close()
    assert "LookupError" in caplog.text


async def test_many_nodes_at_a_time(served: Served) -> None:
    async def one(name: str) -> None:
        sock, _ = await served.dial(name)
        sock.close()

    names = [f"n{n}@h" for n in range(30)]
    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(one, name)
    await trio.testing.wait_all_tasks_blocked(0.05)
    assert sorted(link.peer for link in served.gate.links) == sorted(names)


async def test_cancelling_closes_what_is_half_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        gate = Gate()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, TcpNetwork(), [TcpListener(listener)], gate)
            port = listener.getsockname()[1]
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.send_all(b"\0")
            await trio.testing.wait_all_tasks_blocked(0.05)
            nursery.cancel_scope.cancel()
        async with stream:
            with trio.fail_after(60):
                with contextlib.suppress(trio.BrokenResourceError):
                    assert await stream.receive_some() == b""


async def test_running_out_of_files_is_waited_out(
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    problems = [errno.EMFILE, errno.ECONNABORTED, errno.EBADF]

    class Exhausted:
        async def accept(self) -> None:
            await trio.lowlevel.checkpoint()
            raise OSError(problems.pop(0), "no")

    monkeypatch.setattr(trio.socket, "from_stdlib_socket", lambda _: Exhausted())
    with socket.socket() as listener:
        listeners = [TcpListener(listener)]
        await serve(TcpNetwork(), listeners, Gate(), max_pending=1)
    assert problems == []
    assert trio.current_time() == pytest.approx(0.1)
    assert len(caplog.records) == 1
