"""The server's shell: real loopback sockets, and memory streams for time."""

from __future__ import annotations

import errno
import socket

import pytest
import trio
import trio.testing

import epmd
from epmd._messages import AliveRequest, NamesRequest, PortRequest, StopRequest

NAMES = NamesRequest().encode()


def alive(name: str, port: int = 1) -> bytes:
    return AliveRequest(epmd.NodeInfo(name, port)).encode()


async def connect(server: epmd.Server) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", server.port)


async def read_all(stream: trio.abc.Stream) -> bytes:
    """Read to the end, and close."""
    got = b""
    try:
        while data := await stream.receive_some():
            got += data
    except trio.BrokenResourceError:
        # The server closed with bytes of ours unread.
        pass
    await stream.aclose()
    return got


async def exchange(server: epmd.Server, data: bytes) -> bytes:
    async with await connect(server) as stream:
        await stream.send_all(data)
        return await read_all(stream)


async def enroll(server: epmd.Server, name: str, port: int = 1) -> trio.SocketStream:
    stream = await connect(server)
    await stream.send_all(alive(name, port))
    assert (await stream.receive_some(8))[:2] == b"v\0"
    return stream


async def until_unregistered(server: epmd.Server, name: str) -> None:
    while server.registry.lookup(name):
        await trio.lowlevel.checkpoint()


async def test_registered_node_is_found_and_gone_when_its_connection_ends(
    server: epmd.Server,
) -> None:
    stream = await enroll(server, "snake", 9999)
    found = await exchange(server, PortRequest("snake").encode())
    assert found.hex() == "7700270f4d00000600050005736e616b650000"
    await stream.aclose()
    await until_unregistered(server, "snake")
    assert await exchange(server, PortRequest("snake").encode()) == b"w\1"


async def test_request_in_single_bytes_is_answered(server: epmd.Server) -> None:
    async with await connect(server) as stream:
        for byte in NAMES:
            await stream.send_all(bytes([byte]))
            await trio.lowlevel.checkpoint()
        assert await read_all(stream) == server.port.to_bytes(4, "big")


async def test_any_byte_on_a_registration_ends_it(server: epmd.Server) -> None:
    stream = await enroll(server, "snake")
    await stream.send_all(b"?")
    assert await read_all(stream) == b""
    assert server.registry.names() == []


async def test_half_close_ends_a_registration(server: epmd.Server) -> None:
    stream = await enroll(server, "snake")
    await stream.send_eof()
    assert await read_all(stream) == b""
    assert server.registry.names() == []


async def test_duplicate_name_is_refused_and_its_connection_left_open(
    server: epmd.Server,
) -> None:
    first = await enroll(server, "snake", 1)
    async with await connect(server) as second:
        await second.send_all(alive("snake", 2))
        assert (await second.receive_some(8)).hex() == "760100000063"
        await exchange(server, NAMES)
        assert server.statistics().connections == 2
        await second.send_all(b"?")
        assert await read_all(second) == b""
    assert server.registry.names() == [epmd.NodeEntry("snake", 1)]
    await first.aclose()


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0",
        b"\x0b\xf2",
        b"\xff\xff" + b"x" * 100,
        b"\0\1q",
        b"\0\1x",
        b"\0\1z",
        b"\0\2z\xff",
        NAMES + b"z",
        alive("more") + b"z",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60),
    ],
)
async def test_malformed_request_closes_only_its_own_connection(
    server: epmd.Server, data: bytes
) -> None:
    stream = await enroll(server, "snake")
    async with await connect(server) as bad:
        await bad.send_all(data)
        await bad.send_eof()
        assert await read_all(bad) == b""
    assert [node.name for node in server.registry.names()] == ["snake"]
    await stream.aclose()


async def test_request_cut_short_by_the_end_of_the_stream_gets_no_answer(
    server: epmd.Server,
) -> None:
    async with await connect(server) as stream:
        await stream.send_all(b"\0\5zab")
        await stream.send_eof()
        assert await read_all(stream) == b""


async def test_connection_reset_by_its_peer_is_forgotten(server: epmd.Server) -> None:
    stream = await enroll(server, "snake")
    linger = b"\1\0\0\0\0\0\0\0"
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    await stream.aclose()
    await until_unregistered(server, "snake")
    assert await exchange(server, NAMES) == server.port.to_bytes(4, "big")


async def test_kill_is_refused_while_in_use_and_ends_an_idle_server() -> None:
    async with trio.open_nursery() as nursery:
        server: epmd.Server = await nursery.start(epmd.serve, "127.0.0.1", 0)
        stream = await enroll(server, "snake")
        assert await exchange(server, b"\0\1k") == b"NO"
        await stream.aclose()
        await until_unregistered(server, "snake")
        assert await exchange(server, b"\0\1k") == b"OK"


async def test_stop_of_a_relaxed_server_closes_the_connection_of_the_node() -> None:
    async with trio.open_nursery() as nursery:
        server: epmd.Server = await nursery.start(
            lambda task_status: epmd.serve(
                "127.0.0.1", 0, relaxed=True, task_status=task_status
            )
        )
        stream = await enroll(server, "snake")
        assert await exchange(server, StopRequest("snake").encode()) == b"STOPPED"
        assert await read_all(stream) == b""
        assert server.registry.names() == []
        nursery.cancel_scope.cancel()


async def test_stop_is_not_answered_unless_relaxed(server: epmd.Server) -> None:
    stream = await enroll(server, "snake")
    assert await exchange(server, StopRequest("snake").encode()) == b""
    assert len(server.registry) == 1
    await stream.aclose()


async def test_environment_relaxes_the_server(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERL_EPMD_RELAXED_COMMAND_CHECK", "1")
    server: epmd.Server = await nursery.start(epmd.serve, "127.0.0.1", 0)
    assert server.registry.relaxed


async def test_port_to_serve_on_comes_from_the_environment(
    server: epmd.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERL_EPMD_PORT", str(server.port))
    with pytest.raises(epmd.PortBusy) as info:
        await epmd.serve("127.0.0.1")
    assert info.value.port == server.port


async def test_machine_without_ipv6_is_served_on_ipv4(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = trio.open_tcp_listeners

    async def without_ipv6(port: int, *, host: str) -> list[trio.SocketListener]:
        if ":" in host:
            raise OSError(errno.EAFNOSUPPORT, "not here")
        return await listen(port, host="127.0.0.1")

    monkeypatch.setattr(trio, "open_tcp_listeners", without_ipv6)
    server: epmd.Server = await nursery.start(epmd.serve, "", 0)
    assert server.addresses == [("127.0.0.1", server.port)]


async def test_busy_port_is_an_error_that_says_what_to_do(
    server: epmd.Server,
) -> None:
    with pytest.raises(epmd.PortBusy, match="ERL_EPMD_PORT") as info:
        await epmd.serve("127.0.0.1", server.port)
    assert (info.value.address, info.value.port) == ("127.0.0.1", server.port)


async def test_address_of_another_machine_is_an_error_and_nothing_stays_open() -> None:
    with pytest.raises(epmd.CannotListen) as info:
        await epmd.serve(["127.0.0.1", "192.0.2.1"], 0)
    assert info.value.address == "192.0.2.1"
    assert not isinstance(info.value, epmd.PortBusy)


async def test_all_addresses_are_served_on_the_same_port(
    nursery: trio.Nursery,
) -> None:
    server: epmd.Server = await nursery.start(epmd.serve, ["127.0.0.1", "127.0.0.2"], 0)
    assert server.addresses == [
        ("127.0.0.1", server.port),
        ("127.0.0.2", server.port),
    ]


async def test_host_name_that_brings_loopback_is_not_bound_twice(
    nursery: trio.Nursery,
) -> None:
    server: epmd.Server = await nursery.start(epmd.serve, "localhost", 0)
    assert ("127.0.0.1", server.port) in server.addresses


async def test_without_addresses_every_one_is_served(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ERL_EPMD_ADDRESS", raising=False)
    server: epmd.Server = await nursery.start(epmd.serve, None, 0)
    assert ("0.0.0.0", server.port) in server.addresses


async def test_remote_peer_cannot_register(nursery: trio.Nursery) -> None:
    server = epmd.Server()
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(server.serve_stream, theirs)
    await ours.send_all(alive("snake"))
    assert await read_all(ours) == b""
    assert server.registry.names() == []


async def test_silent_connection_is_closed_after_a_minute(
    nursery: trio.Nursery, autojump_clock: trio.abc.Clock
) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(epmd.Server().serve_stream, theirs)
    await ours.send_all(b"\0\1")
    assert await read_all(ours) == b""
    assert trio.current_time() == pytest.approx(60)


async def test_refused_registration_is_closed_after_a_minute(
    nursery: trio.Nursery, autojump_clock: trio.abc.Clock
) -> None:
    server = epmd.Server()
    server.registry.register(epmd.NodeInfo("snake", 1), 1, 0)
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(lambda: server.serve_stream(theirs, local=True))
    await ours.send_all(alive("snake"))
    assert (await read_all(ours)).hex() == "760100000063"
    assert trio.current_time() == pytest.approx(60)


async def test_registration_may_be_silent_for_ever(
    nursery: trio.Nursery, autojump_clock: trio.abc.Clock
) -> None:
    server = epmd.Server()
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(lambda: server.serve_stream(theirs, local=True))
    await ours.send_all(alive("snake"))
    await ours.receive_some()
    await trio.sleep(80_000)
    assert len(server.registry) == 1


async def test_peer_that_does_not_take_its_answer_is_dropped_after_a_minute(
    autojump_clock: trio.abc.Clock,
) -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(epmd.Server().serve_stream, theirs)
        await ours.send_all(NAMES)
    assert trio.current_time() == pytest.approx(60)


async def test_connection_over_the_maximum_is_closed_at_once(
    nursery: trio.Nursery,
) -> None:
    server = epmd.Server(max_connections=1)
    first = trio.testing.memory_stream_pair()
    second = trio.testing.memory_stream_pair()
    nursery.start_soon(server.serve_stream, first[1])
    await trio.testing.wait_all_tasks_blocked()
    await server.serve_stream(second[1])
    assert await read_all(second[0]) == b""
    assert server.statistics() == epmd.ServerStatistics(1, 0, 1)


async def test_names_of_closed_connections_reach_no_log_unescaped(
    server: epmd.Server, caplog: pytest.LogCaptureFixture
) -> None:
    await exchange(server, b"\0\7zab\x1b[2J"[:9])
    await exchange(server, b"\0\6z\x1b[2Ja")
    assert "\x1b" not in caplog.text
    assert "closes a connection" in caplog.text
