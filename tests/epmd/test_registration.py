"""A registration's life: taken names, a lost EPMD, and coming back."""

from __future__ import annotations

import itertools
import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import epmd
from epmd._messages import AliveReply

if TYPE_CHECKING:
    from .conftest import Handler, Network

PORT = 4369


def answering(data: bytes) -> Handler:
    async def handler(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(data)
        await stream.receive_some()

    return handler


class Changes:
    """Collects what ``on_change`` tells, with the time."""

    def __init__(self) -> None:
        self.seen: list[tuple[bool, float]] = []
        self.news = trio.Event()

    def __call__(self, registration: epmd.Registration) -> None:
        self.seen.append((registration.registered, trio.current_time()))
        self.news.set()
        self.news = trio.Event()


async def test_name_is_taken_while_the_block_runs_and_free_after_it(
    server: epmd.Server,
) -> None:
    async with epmd.register(
        "a", 7, hidden=True, epmd_port=server.port, high=7, low=6, extra=b"x"
    ) as registration:
        node = epmd.NodeInfo("a", 7, 72, high=7, low=6, extra=b"x")
        assert server.registry.lookup("a") == registration.node == node
        assert registration.registered
        assert registration.error is None
        assert "'a' registered" in repr(registration)
    while server.registry.lookup("a"):
        await trio.lowlevel.checkpoint()
    assert not registration.registered


async def test_port_of_epmd_comes_from_the_environment(
    server: epmd.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERL_EPMD_PORT", str(server.port))
    async with epmd.register("a", 7) as registration:
        assert registration.epmd_port == server.port


async def test_error_in_the_block_comes_out_as_it_is(server: epmd.Server) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with epmd.register("a", 7, epmd_port=server.port):
            raise KeyError("mine")


async def test_cancelled_block_frees_the_name(
    network: Network, autojump_clock: trio.abc.Clock
) -> None:
    server = network.serve(PORT)
    with trio.move_on_after(1):
        async with epmd.register("a", 7, epmd_port=PORT):
            await trio.sleep_forever()
    await trio.testing.wait_all_tasks_blocked()
    assert server.registry.names() == []


@pytest.mark.parametrize("seconds", [0.5, 60])
async def test_taken_name_is_tried_again_for_a_second(
    seconds: float, network: Network, autojump_clock: trio.abc.Clock
) -> None:
    server = network.serve(PORT)
    server.registry.register(epmd.NodeInfo("a", 1), 1, 0)

    async def predecessor() -> None:
        await trio.sleep(seconds)
        server.registry.release(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(predecessor)
        if seconds < 1:
            async with epmd.register("a", 7, epmd_port=PORT):
                assert trio.current_time() == pytest.approx(seconds, abs=0.11)
        else:
            with pytest.raises(epmd.NameTaken, match="'a' is taken") as info:
                async with epmd.register("a", 7, epmd_port=PORT):
                    pass
            assert info.value.name == "a"
            assert trio.current_time() == pytest.approx(1, abs=0.11)
        nursery.cancel_scope.cancel()
    await trio.testing.wait_all_tasks_blocked()
    assert server.statistics().connections == 0


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (None, epmd.EpmdUnreachable),
        (answering(b""), epmd.EpmdUnreachable),
        (answering(b"HTTP/1.1 400"), epmd.EpmdProtocolError),
        (answering(b"v\0\0\0"), epmd.EpmdUnreachable),
    ],
    ids=["nobody", "silent", "http", "half an answer"],
)
async def test_first_registration_does_not_wait_for_a_broken_epmd(
    handler: Handler | None,
    error: type[Exception],
    network: Network,
    autojump_clock: trio.abc.Clock,
) -> None:
    if handler is not None:
        network.handle(PORT, handler)
    with pytest.raises(error):
        async with epmd.register("a", 7, epmd_port=PORT):
            pass
    assert len(network.attempts) == 1


async def test_end_without_an_answer_is_a_protocol_error(network: Network) -> None:
    async def close(stream: trio.abc.Stream) -> None:
        await stream.receive_some()

    network.handle(PORT, close)
    with pytest.raises(epmd.EpmdProtocolError, match="without an answer"):
        async with epmd.register("a", 7, epmd_port=PORT):
            pass


async def test_lost_epmd_is_tried_about_every_two_seconds_and_creation_kept(
    network: Network, autojump_clock: trio.abc.Clock
) -> None:
    changes = Changes()
    network.serve(PORT)
    await trio.sleep(1000)
    async with epmd.register("a", 7, epmd_port=PORT, on_change=changes) as registration:
        assert registration.creation == 1000
        network.attempts.clear()
        network.down(PORT)
        await trio.sleep(100)
        assert changes.seen == [(False, 1000)]
        assert isinstance(registration.error, epmd.EpmdUnreachable)
        assert "refused" in repr(registration)
        times = [1000.0, *network.attempts]
        pauses = [b - a for a, b in itertools.pairwise(times)]
        assert all(1.5 <= pause <= 2.5 for pause in pauses)
        assert len(set(pauses)) > 10

        second = network.serve(PORT)
        await changes.news.wait()
        assert second.registry.lookup("a") == registration.node
        assert registration.creation == 1000
        assert registration.registered
        assert registration.error is None
        assert [registered for registered, _ in changes.seen] == [False, True]


async def test_name_taken_by_another_meanwhile_is_waited_for(
    network: Network, autojump_clock: trio.abc.Clock
) -> None:
    changes = Changes()
    network.serve(PORT)
    async with epmd.register("a", 7, epmd_port=PORT, on_change=changes) as registration:
        network.down(PORT)
        server = network.serve(PORT)
        server.registry.register(epmd.NodeInfo("a", 1), 1, 0)
        await trio.sleep(10)
        assert isinstance(registration.error, epmd.NameTaken)
        server.registry.release(1)
        await trio.sleep(3)
        assert server.registry.lookup("a") == registration.node


async def test_stopped_registration_comes_back_with_its_creation(
    network: Network, autojump_clock: trio.abc.Clock
) -> None:
    server = network.serve(PORT)
    server.registry.relaxed = True
    async with epmd.register("a", 7, epmd_port=PORT) as registration:
        creation = registration.creation
        await epmd.stop("a", port=PORT)
        assert server.registry.names() == []
        await trio.sleep(3)
        assert server.registry.names() == [epmd.NodeEntry("a", 7)]
        assert registration.creation == creation


async def test_bytes_from_epmd_on_a_registration_mean_nothing(
    network: Network, autojump_clock: trio.abc.Clock
) -> None:
    async def talkative(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(AliveReply(0, 77).encode() + b"noise")
        await stream.send_all(b"more")
        await trio.sleep_forever()

    network.handle(PORT, talkative)
    changes = Changes()
    async with epmd.register("a", 7, epmd_port=PORT, on_change=changes) as registration:
        await trio.sleep(10)
        assert registration.creation == 77
    assert changes.seen == []


async def test_given_creation_is_used_whatever_epmd_says(network: Network) -> None:
    network.serve(PORT)
    async with epmd.register("a", 7, epmd_port=PORT, creation=123456) as registration:
        assert registration.creation == 123456


async def test_old_node_has_the_small_creation_that_epmd_gives(
    network: Network,
) -> None:
    network.handle(PORT, answering(AliveReply(0, 2, wide=False).encode()))
    async with epmd.register("a", 7, epmd_port=PORT, high=5) as registration:
        assert registration.creation == 2


@pytest.mark.parametrize("wide", [False, True])
async def test_epmd_that_gives_everybody_creation_1_is_not_believed(
    wide: bool, network: Network
) -> None:
    network.handle(PORT, answering(AliveReply(0, 1, wide).encode()))
    creations = set()
    for _ in range(3):
        async with epmd.register("a", 7, epmd_port=PORT) as registration:
            creations.add(registration.creation)
    assert len(creations) == 3
    assert min(creations) >= 4


def test_creation_is_not_there_before_the_registration() -> None:
    registration = epmd.Registration(epmd.NodeInfo("a", 1), epmd_port=PORT)
    with pytest.raises(RuntimeError, match="not registered"):
        _ = registration.creation


def test_random_creations_are_legal_and_differ() -> None:
    creations = {epmd.random_creation() for _ in range(100)}
    assert len(creations) > 90
    assert 4 <= min(creations) <= max(creations) < 2**32


class ResetStream(trio.abc.Stream):
    """Answers ALIVE2; then the connection is reset."""

    def __init__(self) -> None:
        self._answers = [AliveReply(0, 77).encode()]

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self._answers:
            raise trio.BrokenResourceError
        return self._answers.pop()

    async def send_all(self, data: object) -> None:
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def test_reset_connection_is_a_lost_one(
    network: Network, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.abc.Clock
) -> None:
    async def connect(host: str, port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return ResetStream()

    monkeypatch.setattr("epmd._registration.connect", connect)
    changes = Changes()
    async with epmd.register("a", 7, epmd_port=PORT, on_change=changes):
        await trio.sleep(3)
    assert [registered for registered, _ in changes.seen][:2] == [False, True]


async def test_reset_question_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(host: str, port: int) -> trio.abc.Stream:
        stream = ResetStream()
        await stream.receive_some()
        return stream

    monkeypatch.setattr("epmd._client.connect", connect)
    with pytest.raises(epmd.EpmdUnreachable, match="connection broke"):
        await epmd.names(port=PORT)


async def test_nothing_is_ever_written_on_a_registration(
    network: Network, autojump_clock: trio.abc.Clock
) -> None:
    """An EPMD forgets a node that writes on it."""
    requests: list[bytes] = []

    async def reads(stream: trio.abc.Stream) -> None:
        requests.append(bytes(await stream.receive_some()))
        await stream.send_all(AliveReply(0, 77).encode())
        requests.append(bytes(await stream.receive_some()))

    network.handle(PORT, reads)
    async with epmd.register("a", 7, epmd_port=PORT) as registration:
        await trio.sleep(24 * 3600)
        assert registration.registered
        assert len(requests) == 1
    await trio.testing.wait_all_tasks_blocked()
    assert requests[1:] == [b""]


async def test_both_ends_of_a_registration_notice_a_machine_that_is_gone(
    server: epmd.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be silent for ever, so that TCP itself has to ask now and then."""
    kept: list[trio.SocketStream] = []
    whole = trio.SocketStream.setsockopt

    def setsockopt(stream: trio.SocketStream, *option: Any) -> None:
        whole(stream, *option)
        if option[:2] == (socket.SOL_SOCKET, socket.SO_KEEPALIVE):
            kept.append(stream)

    monkeypatch.setattr(trio.SocketStream, "setsockopt", setsockopt)
    async with epmd.register("a", 7, epmd_port=server.port):
        with trio.fail_after(60):
            while len(kept) < 2:
                await trio.lowlevel.checkpoint()
        ports = {stream.socket.getsockname()[1] for stream in kept}
        assert len(ports) == len(kept) == 2
        assert server.port in ports
        for stream in kept:
            assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
