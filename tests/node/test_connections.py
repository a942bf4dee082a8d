from __future__ import annotations

import secrets
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
import etf
from ergopy.dist.flags import offered
from ergopy.dist.handshake import Connector, Identity
from tests.nodes import COOKIE, unique_name
from tests.sockets import dial

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    MakeNode = Callable[..., Awaitable[ergopy.Node]]
    Pair = tuple[ergopy.Node, ergopy.Node]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("py", "has no host"),
        ("py@", "has no host"),
        ("@127.0.0.1", "one @"),
        ("a@b@c", "one @"),
        ("pü@127.0.0.1", "ASCII"),
        ("p y@127.0.0.1", "ASCII"),
        ("x" * 260 + "@h", "255"),
    ],
)
def test_an_impossible_name_says_what_to_write(name: str, words: str) -> None:
    with pytest.raises(ergopy.NodeNameError, match=words):
        ergopy.Node(name, cookie="c")


@pytest.mark.parametrize("name", [None, 5, b"a@127.0.0.1"])
def test_a_name_that_is_no_text_is_refused_by_name(name: Any) -> None:
    with pytest.raises(ergopy.NodeNameError, match="str"):
        ergopy.Node(name, cookie="c")


def test_a_cookie_is_text() -> None:
    cookie: Any = b"secret"
    with pytest.raises(ValueError, match="str of 1 to 255"):
        ergopy.Node("a@127.0.0.1", cookie=cookie)


async def test_a_node_that_is_stopping_lets_nobody_in(make_node: MakeNode) -> None:
    """While its processes clean up it goes on with those that it knows."""
    other, stranger = await make_node(), await make_node()
    leaving, left = trio.Event(), trio.Event()
    names: list[str] = []

    class Slow(ergopy.GenServer):
        async def init(self) -> None:
            self.trap_exit = True

        async def terminate(self, reason: Any) -> None:
            leaving.set()
            await left.wait()

    async def run_and_stop() -> None:
        async with ergopy.Node(unique_name(), cookie=COOKIE) as node:
            await node.start(Slow)
            await other.connect(node.name)
            names.append(node.name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_and_stop)
        await leaving.wait()
        assert other.nodes() == names
        with trio.move_on_after(0.2):
            await stranger.ping(names[0])
        assert stranger.nodes() == []
        left.set()


@pytest.mark.parametrize("cookie", ["", "ü€", "x" * 256])
def test_an_impossible_cookie_is_refused_without_being_shown(cookie: str) -> None:
    with pytest.raises(ValueError, match="Latin-1") as caught:
        ergopy.Node("a@127.0.0.1", cookie=cookie)
    assert not cookie or cookie not in str(caught.value)


def test_the_cookie_is_in_no_repr() -> None:
    node = ergopy.Node("a@127.0.0.1", cookie="sesame")
    assert "sesame" not in repr(node)


async def test_short_and_long_names_do_not_mix(make_node: MakeNode) -> None:
    node = await make_node()
    with pytest.raises(ergopy.NodeNameError, match="short"):
        await node.connect("other@localhost")


async def test_another_cookie_is_named_on_both_sides(
    make_node: MakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = await make_node(), await make_node(cookie="another")
    with pytest.raises(ergopy.CookieMismatch):
        await here.connect(there.name)
    with pytest.raises(ergopy.CookieMismatch):
        await there.connect(here.name)
    assert "the cookies differ" in caplog.text
    assert COOKIE not in caplog.text
    assert here.nodes() == there.nodes() == []


async def test_a_cookie_for_one_peer_is_used_for_it(make_node: MakeNode) -> None:
    there = await make_node(cookie="another")
    here = await make_node(cookies={there.name: "another"})
    assert await here.ping(there.name)


async def test_a_name_in_use_is_an_error_that_says_so(make_node: MakeNode) -> None:
    node = await make_node()
    with pytest.raises(ergopy.NameTaken, match="choose"):
        await make_node(node.name)


async def test_a_busy_port_is_an_error_that_says_what_to_do(
    make_node: MakeNode,
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ergopy.ConnectError, match="listen="):
            await make_node(listen=(port, port))


async def test_a_free_port_of_a_range_is_taken(make_node: MakeNode) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        node = await make_node(listen=(port, min(port + 20, 65535)))
        assert port < node.port <= port + 20


async def test_no_epmd_is_an_error_in_client_mode(make_node: MakeNode) -> None:
    with pytest.raises(Exception, match=r"(?i)epmd"):
        await make_node(epmd="client")


async def test_nodes_without_epmd_find_each_other_by_routes(
    make_node: MakeNode,
) -> None:
    there = await make_node(epmd="off")
    here = await make_node(epmd="off", routes={there.name: ("127.0.0.1", there.port)})
    assert await here.ping(there.name)
    assert there.creation >= 4


async def test_an_allow_list_keeps_others_out(make_node: MakeNode) -> None:
    friend, stranger = await make_node(), await make_node()
    node = await make_node(allow=[friend.name])
    with pytest.raises(ergopy.NotAllowed):
        await stranger.connect(node.name)
    assert await friend.ping(node.name)


async def test_two_nodes_that_dial_at_once_get_one_connection(
    make_node: MakeNode,
) -> None:
    for _ in range(20):
        first, second = await make_node(), await make_node()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first.connect, second.name)
            nursery.start_soon(second.connect, first.name)
        assert first.nodes() == [second.name]
        assert second.nodes() == [first.name]
        assert await first.ping(second.name)
        assert await second.ping(first.name)


async def test_many_waiters_share_one_attempt(pair: Pair, echo: Any) -> None:
    here, there = pair
    await there.start(echo, name="echo")
    answers: list[Any] = []

    async def ask(number: int) -> None:
        answers.append(await here.call(("echo", there.name), number))

    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(ask, number)
    assert sorted(answers) == list(range(30))


async def test_a_restarted_node_is_another_incarnation(
    make_node: MakeNode, echo: Any
) -> None:
    here, name = await make_node(), unique_name()
    async with ergopy.Node(name, cookie=COOKIE) as there:
        old = await there.start(echo, name="echo")
        assert await here.call(old, 1) == 1
        creation = there.creation
    async with ergopy.Node(name, cookie=COOKIE) as there:
        assert there.creation != creation
        new = await there.start(echo, name="echo")
        assert await here.call(("echo", name), 2) == 2
        assert await here.call(new, 3) == 3
        with pytest.raises(ergopy.NoProcess):
            await here.call(old, 4)


async def test_a_peer_that_is_back_before_we_noticed_replaces_itself(
    make_node: MakeNode,
) -> None:
    node = await make_node()
    name = unique_name("raw")
    first = await _raw_peer(node, name)
    assert node.nodes() == [name]
    second = await _raw_peer(node, name)
    assert node.nodes() == [name]
    assert await _closed(first)
    second.close()


async def test_garbage_closes_that_connection_and_nothing_else(
    pair: Pair, echo: Any, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = pair
    await there.start(echo, name="echo")
    assert await here.call(("echo", there.name), 1) == 1
    for garbage in (
        b"\xff\xff\xff\xff",
        b"\0\0\0\x03\x70\x83\x6a",
        b"\0\0\0\x05\x83\x44\x00\x68\x00",
        _packet((99, 1)),
        _packet((19, 1, 2, 3)),
        _packet((6, 1)),
        _packet((6, 1, etf.Atom(""), [1])),
        _packet((1, etf.Pid("third@127.0.0.1", 1, 0, 1), there.pid)),
        _packet((5,)),
        _packet((31, 1, 2, 3, 4)),
    ):
        sock = await _raw_peer(there, unique_name("raw"))
        sock.send(garbage)
        assert await _closed(sock), garbage
    assert await here.call(("echo", there.name), 2) == 2
    assert caplog.text.count("closing the connection") >= 5


async def test_strangers_on_the_port_are_turned_away(
    make_node: MakeNode, echo: Any, caplog: pytest.LogCaptureFixture
) -> None:
    node = await make_node()
    for first_words in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0",
        b"\xff\xff" + b"x" * 70000,
        b"\0\x05N\0\0\0\0",
    ):
        stream = await trio.open_tcp_stream("127.0.0.1", node.port)
        with trio.CancelScope():
            try:
                await stream.send_all(first_words)
                assert await stream.receive_some() == b""
            except trio.BrokenResourceError:
                pass
        await stream.aclose()
    assert caplog.text.count("refused a connection") == 5
    other = await make_node()
    assert await other.ping(node.name)


async def test_silent_sockets_are_dropped_and_block_nobody(
    make_node: MakeNode, loopback_clock: trio.testing.MockClock
) -> None:
    node = await make_node(setup_time=1)
    silent = [await trio.open_tcp_stream("127.0.0.1", node.port) for _ in range(120)]
    other = await make_node()
    with trio.fail_after(10):
        assert await other.ping(node.name)
        for stream in silent:
            assert await stream.receive_some() == b""
            await stream.aclose()


async def test_a_peer_that_reads_nothing_makes_senders_wait_and_nobody_else(
    pair: Pair, echo: Any
) -> None:
    here, there = pair
    await there.start(echo, name="echo")
    name = unique_name("slow")
    sock = await _raw_peer(here, name, receive_buffer=4096)
    blob = bytes(30_000)
    for _ in range(10):
        with pytest.raises(trio.WouldBlock):
            _flood(here, ("sink", name), blob)
        # A turn of the scheduler hands only about a megabyte to the kernel.
        await trio.testing.wait_all_tasks_blocked()
    statistics = here.statistics().connections[etf.Atom(name)]
    assert statistics.queued >= statistics.high_water
    with trio.move_on_after(0.05) as scope:
        await here.send(("sink", name), b"waits")
    assert scope.cancelled_caught
    assert await here.call(("echo", there.name), 1) == 1
    sock.close()
    while name in here.nodes():
        await trio.lowlevel.checkpoint()
    await here.send(("sink", name), b"is dropped")


async def test_the_timeout_of_a_call_covers_the_wait_for_room(pair: Pair) -> None:
    here, _ = pair
    name = unique_name("slow")
    sock = await _raw_peer(here, name, receive_buffer=4096)
    for _ in range(10):
        with pytest.raises(trio.WouldBlock):
            _flood(here, ("sink", name), bytes(30_000))
        await trio.testing.wait_all_tasks_blocked()
    ended: list[Any] = []

    async def caller(proc: ergopy.Process) -> None:
        with pytest.raises(ergopy.CallTimeout) as caught:
            await proc.call(("sink", name), 1, timeout=0.05)
        ended.append(caught.value.seconds)
        with trio.move_on_after(0.05) as scope:
            await proc.call(("sink", name), 1, timeout=None)
        ended.append(scope.cancelled_caught)
        ended.append(list(proc.runtime.aliases))
        ended.append(proc.messages())
        # One that waits with no timeout is ended as any other.
        await proc.call(("sink", name), 1, timeout=None)

    pid = await here.spawn(caller)
    while len(ended) < 4:
        await trio.lowlevel.checkpoint()
    assert ended == [0.05, True, [], []]
    await here.spawn(ergopy.Process.exit, pid, "kill")
    while here.process_info(pid) is not None:
        await trio.lowlevel.checkpoint()
    sock.close()


async def test_a_silent_peer_is_given_up_after_net_ticktime(
    make_node: MakeNode,
) -> None:
    node = await make_node(net_ticktime=0.4)
    sock = await _raw_peer(node, unique_name("raw"))
    with trio.fail_after(30):
        ticks = 0
        while data := await _receive(sock):
            ticks += data.count(b"\0\0\0\0")
    assert ticks >= 2
    assert node.nodes() == []
    sock.close()


def _flood(node: ergopy.Node, dest: Any, message: bytes) -> None:
    for _ in range(200):
        node.send_nowait(dest, message)


async def _raw_peer(
    node: ergopy.Node, name: str, receive_buffer: int | None = None
) -> socket.socket:
    """Be a node that has shaken hands, and does whatever the test wants then."""
    me = Identity(name, 7, offered(hidden=False))
    connector = Connector(me, node.name, COOKIE, challenge=secrets.randbits(32))
    sock, _ = await dial("127.0.0.1", node.port, connector, setup_time=5)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    while name not in node.nodes():
        await trio.lowlevel.checkpoint()
    return sock


async def _receive(sock: socket.socket) -> bytes:
    while True:
        try:
            return sock.recv(65536)
        except BlockingIOError:
            await trio.lowlevel.wait_readable(sock)
        except ConnectionError:
            return b""


async def _closed(sock: socket.socket) -> bool:
    with trio.move_on_after(30) as scope:
        while await _receive(sock):
            pass
    sock.close()
    return not scope.cancelled_caught


def _packet(control: tuple[Any, ...]) -> bytes:
    body = b"\x83\x44\x00" + etf.encode(control)[1:]
    return struct.pack(">I", len(body)) + body
