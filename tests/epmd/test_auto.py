"""The port mapper of a node, mode by mode, over real loopback sockets."""

from __future__ import annotations

import functools

import pytest
import trio

import epmd
from ergopy.testing.ports import free_port

LOOPBACK = "127.0.0.1"


class Daemon:
    """An EPMD of somebody else, which can die."""

    def __init__(self) -> None:
        self.server = epmd.Server()
        self._scope = trio.CancelScope()
        self._ended = trio.Event()

    async def run(self, port: int, task_status: trio.TaskStatus[epmd.Server]) -> None:
        with self._scope:
            await epmd.serve(LOOPBACK, port, task_status=task_status)
        self._ended.set()

    async def die(self) -> None:
        self._scope.cancel()
        await self._ended.wait()


async def start_daemon(nursery: trio.Nursery, port: int = 0) -> Daemon:
    daemon = Daemon()
    daemon.server = await nursery.start(daemon.run, port or free_port())
    return daemon


class Watch:
    """Waits for what ``on_change`` tells."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[bool](100)

    def __call__(self, registration: epmd.Registration) -> None:
        self._send.send_nowait(registration.registered)

    async def until(self, registered: bool) -> None:
        while await self._receive.receive() is not registered:
            pass


async def test_auto_uses_the_epmd_that_runs(server: epmd.Server) -> None:
    async with epmd.PortMapper("auto", server.port) as mapper:
        creation = await mapper.register("a", 7, hidden=True, extra=b"x")
        assert mapper.server is None
        assert creation == mapper.registrations[0].creation >= 4
        node = epmd.NodeInfo("a", 7, 72, extra=b"x")
        assert await mapper.lookup("a", LOOPBACK) == node
        assert server.registry.lookup("a") == node
        assert await mapper.lookup("b", LOOPBACK) is None


async def test_auto_serves_when_nobody_does() -> None:
    port = free_port()
    async with epmd.PortMapper("auto", port, address=LOOPBACK) as mapper:
        assert mapper.server is not None
        await mapper.register("a", 7)
        assert await epmd.names(port=port) == [epmd.NodeEntry("a", 7)]
    with pytest.raises(epmd.EpmdUnreachable):
        await epmd.names(port=port)


async def test_auto_takes_over_when_the_daemon_dies_and_keeps_the_creation(
    nursery: trio.Nursery,
) -> None:
    watch = Watch()
    daemon = await start_daemon(nursery)
    port = daemon.server.port
    async with epmd.PortMapper(
        "auto", port, address=LOOPBACK, on_change=watch
    ) as mapper:
        creation = await mapper.register("a", 7)
        assert mapper.server is None
        await daemon.die()
        await watch.until(True)
        assert mapper.server is not None
        assert await epmd.names(port=port) == [epmd.NodeEntry("a", 7)]
        assert mapper.registrations[0].creation == creation


async def test_of_two_that_lose_their_daemon_one_serves_and_both_are_listed(
    nursery: trio.Nursery,
) -> None:
    daemon = await start_daemon(nursery)
    port = daemon.server.port
    watches = [Watch(), Watch()]
    mappers = [
        epmd.PortMapper("auto", port, address=LOOPBACK, on_change=watch)
        for watch in watches
    ]
    for index, mapper in enumerate(mappers):
        await nursery.start(run_mapper, mapper, f"node{index}")
    await daemon.die()
    for watch in watches:
        await watch.until(True)
    assert sum(mapper.server is not None for mapper in mappers) == 1
    assert {n.name for n in await epmd.names(port=port)} == {"node0", "node1"}


async def run_mapper(
    mapper: epmd.PortMapper,
    name: str,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    async with mapper:
        await mapper.register(name, 7)
        task_status.started()
        await trio.sleep_forever()


async def test_of_two_that_start_at_once_one_serves_and_the_other_is_its_client() -> (
    None
):
    port = free_port()
    mappers = [epmd.PortMapper("auto", port, address=LOOPBACK) for _ in range(2)]
    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as starting:
            for index, mapper in enumerate(mappers):
                starting.start_soon(nursery.start, run_mapper, mapper, f"node{index}")
        assert sum(mapper.server is not None for mapper in mappers) == 1
        assert len(await epmd.names(port=port)) == 2
        nursery.cancel_scope.cancel()


async def test_loser_of_the_race_for_the_port_becomes_a_client(
    server: epmd.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([False, True])

    async def somebody_serves(self: epmd.PortMapper) -> bool:
        return next(looks)

    monkeypatch.setattr(epmd.PortMapper, "_somebody_serves", somebody_serves)
    async with epmd.PortMapper("auto", server.port, address=LOOPBACK) as mapper:
        assert mapper.server is None
        await mapper.register("a", 7)
        assert server.registry.lookup("a")


async def test_daemon_that_dies_before_the_first_registration_is_replaced(
    nursery: trio.Nursery,
) -> None:
    daemon = await start_daemon(nursery)
    port = daemon.server.port
    async with epmd.PortMapper("auto", port, address=LOOPBACK) as mapper:
        assert mapper.server is None
        await daemon.die()
        await mapper.register("a", 7)
        assert mapper.server is not None


async def test_killed_embedded_epmd_comes_back_with_its_node() -> None:
    watch = Watch()
    async with epmd.PortMapper(
        "embedded", 0, address=LOOPBACK, on_change=watch
    ) as mapper:
        await mapper.register("a", 7)
        first = mapper.server
        assert first is not None
        first.registry.relaxed = True
        await epmd.kill(port=mapper.port)
        await watch.until(True)
        assert mapper.server not in (None, first)
        assert await mapper.lookup("a", LOOPBACK) == epmd.NodeInfo("a", 7)


async def test_stopped_node_of_an_embedded_epmd_is_listed_again() -> None:
    watch = Watch()
    async with epmd.PortMapper(
        "embedded", 0, address=LOOPBACK, on_change=watch
    ) as mapper:
        await mapper.register("a", 7)
        assert mapper.server is not None
        mapper.server.registry.relaxed = True
        await epmd.stop("a", port=mapper.port)
        await watch.until(True)
        assert await mapper.lookup("a", LOOPBACK) == epmd.NodeInfo("a", 7)


async def test_auto_that_may_not_take_over_keeps_trying(
    nursery: trio.Nursery,
) -> None:
    watch = Watch()
    daemon = await start_daemon(nursery)
    port = daemon.server.port
    # The address of another machine: this process can never serve there.
    async with epmd.PortMapper(
        "auto", port, address="192.0.2.1", on_change=watch
    ) as mapper:
        await mapper.register("a", 7)
        await daemon.die()
        await watch.until(False)
        daemon = await start_daemon(nursery, port)
        await watch.until(True)
        assert daemon.server.registry.lookup("a")


async def test_embedded_says_what_to_do_about_a_busy_port(
    server: epmd.Server,
) -> None:
    with pytest.raises(epmd.PortBusy, match="ERL_EPMD_PORT"):
        async with epmd.PortMapper("embedded", server.port, address=LOOPBACK):
            pass


async def test_client_never_serves() -> None:
    port = free_port()
    async with epmd.PortMapper("client", port, address=LOOPBACK) as mapper:
        with pytest.raises(epmd.EpmdUnreachable):
            await mapper.register("a", 7)
        with pytest.raises(epmd.EpmdUnreachable):
            await mapper.lookup("a", LOOPBACK)
        assert mapper.server is None


async def test_client_comes_back_to_a_restarted_daemon(
    nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("epmd._auto.RETRY_SECONDS", 0.01)
    watch = Watch()
    daemon = await start_daemon(nursery)
    port = daemon.server.port
    async with epmd.PortMapper("client", port, on_change=watch) as mapper:
        creation = await mapper.register("a", 7)
        await daemon.die()
        daemon = await start_daemon(nursery, port)
        await watch.until(True)
        assert daemon.server.registry.lookup("a")
        assert mapper.registrations[0].creation == creation


async def test_off_asks_and_tells_nobody(server: epmd.Server) -> None:
    async with epmd.PortMapper("off", server.port) as mapper:
        creations = {await mapper.register("a", 7) for _ in range(3)}
        assert len(creations) == 3
        assert min(creations) >= 4
        assert await mapper.lookup("a", LOOPBACK) is None
    assert server.registry.dump() == []


async def test_taken_name_is_an_error_in_every_mode(server: epmd.Server) -> None:
    server.registry.register(epmd.NodeInfo("a", 1), 1, 0)
    async with epmd.PortMapper("client", server.port) as mapper:
        with pytest.raises(epmd.NameTaken):
            await mapper.register("a", 7, patience=0)


async def test_auto_does_not_take_a_web_server_for_an_epmd(
    nursery: trio.Nursery,
) -> None:
    async def web(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    (listener,) = await nursery.start(
        functools.partial(trio.serve_tcp, host=LOOPBACK), web, 0
    )
    port = listener.socket.getsockname()[1]
    with pytest.raises(epmd.EpmdProtocolError, match=f"port {port} is no EPMD"):
        async with epmd.PortMapper("auto", port):
            pass


async def test_error_in_the_block_comes_out_as_it_is(server: epmd.Server) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with epmd.PortMapper("auto", server.port):
            raise KeyError("mine")


@pytest.mark.parametrize(
    ("mode", "port"), [("sometimes", 4369), ("auto", 0), ("client", 65536)]
)
def test_nonsense_is_refused_when_the_mapper_is_made(mode: str, port: int) -> None:
    with pytest.raises(epmd.EpmdValueError):
        epmd.PortMapper(mode, port)  # type: ignore[arg-type]


async def test_the_epmd_of_this_machine_can_be_asked_over_ipv6() -> None:
    if not await has_ipv6():
        pytest.skip("no IPv6 here")
    options = {"address": "::1", "host": "::1"}
    async with epmd.PortMapper("embedded", 0, **options) as ours:
        await ours.register("one", 4711)
        async with epmd.PortMapper("auto", ours.port, **options) as other:
            await other.register("two", 4712)
            assert other.server is None
            assert await other.lookup("one", "::1") is not None
            names = [entry.name for entry in await epmd.names("::1", ours.port)]
            assert sorted(names) == ["one", "two"]


async def has_ipv6() -> bool:
    try:
        listeners = await trio.open_tcp_listeners(0, host="::1")
    except OSError:
        return False
    for listener in listeners:
        await listener.aclose()
    return True
