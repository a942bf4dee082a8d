"""Questions to an EPMD: a real one of ours, and streams that misbehave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import trio

import epmd
from epmd._client import MAX_REPLY

if TYPE_CHECKING:
    from .conftest import Network

Question = Callable[[], Awaitable[object]]
QUESTIONS = [
    pytest.param(lambda: epmd.names(port=1), id="names"),
    pytest.param(lambda: epmd.lookup("a", port=1), id="lookup"),
    pytest.param(lambda: epmd.dump(port=1), id="dump"),
    pytest.param(lambda: epmd.kill(port=1), id="kill"),
    pytest.param(lambda: epmd.stop("a", port=1), id="stop"),
]


def say(data: bytes) -> Callable[[trio.abc.Stream], Awaitable[None]]:
    """Answer anything with *data*, and close."""

    async def handler(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.send_all(data)

    return handler


async def be_silent(stream: trio.abc.Stream) -> None:
    await trio.sleep_forever()


async def test_all_questions_work_over_a_real_socket(server: epmd.Server) -> None:
    server.registry.relaxed = True
    port = server.port
    async with epmd.register("a", 7, epmd_port=port, extra=b"x") as registration:
        assert await epmd.names(port=port) == [epmd.NodeEntry("a", 7)]
        node = epmd.NodeInfo("a", 7, extra=b"x")
        assert await epmd.lookup("a", port=port) == node
        assert await epmd.lookup("b", port=port) is None
        (entry,) = await epmd.dump(port=port)
        assert (entry.name, entry.active) == ("a", True)
        await epmd.stop("a", port=port)
        with pytest.raises(epmd.NotRegistered) as missing:
            await epmd.stop("b", port=port)
        assert missing.value.name == "b"
        assert registration.creation >= 4
    await epmd.kill(port=port)
    await server.wait_shutdown()


async def test_kill_of_an_epmd_in_use_is_refused(server: epmd.Server) -> None:
    async with epmd.register("a", 7, epmd_port=server.port):
        with pytest.raises(epmd.EpmdRefused, match="registered") as info:
            await epmd.kill(port=server.port)
    assert info.value.request == "kill"


async def test_stop_without_relaxed_check_is_refused(server: epmd.Server) -> None:
    with pytest.raises(epmd.EpmdRefused, match="relaxed"):
        await epmd.stop("a", port=server.port)


async def test_port_comes_from_the_environment(
    server: epmd.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERL_EPMD_PORT", str(server.port))
    assert await epmd.names() == []
    assert await epmd.lookup("a") is None
    with pytest.raises(epmd.EpmdRefused):
        await epmd.stop("a")


@pytest.mark.parametrize("ask", QUESTIONS)
async def test_nobody_there_is_unreachable(ask: Question, network: Network) -> None:
    with pytest.raises(epmd.EpmdUnreachable, match="refused") as info:
        await ask()
    assert (info.value.host, info.value.port) == ("127.0.0.1", 1)


async def test_refused_connection_of_a_real_socket_is_told_in_plain_words() -> None:
    # A socket that is bound and does not listen keeps its port from others.
    with trio.socket.socket() as idle:
        await idle.bind(("127.0.0.1", 0))
        port = idle.getsockname()[1]
        with pytest.raises(epmd.EpmdUnreachable) as info:
            await epmd.names(port=port)
    assert str(info.value) == f"no EPMD at 127.0.0.1:{port}: Connection refused"


async def test_unknown_host_is_unreachable() -> None:
    with pytest.raises(epmd.EpmdUnreachable, match=r"no EPMD at host\.invalid:4369"):
        await epmd.names("host.invalid", 4369)


@pytest.mark.parametrize("ask", QUESTIONS)
async def test_silent_epmd_is_unreachable_after_five_seconds(
    ask: Question, network: Network, autojump_clock: trio.abc.Clock
) -> None:
    network.handle(1, be_silent)
    with pytest.raises(epmd.EpmdUnreachable, match="no answer within 5 s"):
        await ask()
    assert trio.current_time() == pytest.approx(5)


@pytest.mark.parametrize("ask", QUESTIONS)
async def test_answer_of_something_else_is_a_protocol_error(
    ask: Question, network: Network
) -> None:
    network.handle(1, say(b"HTTP/1.1 400 Bad Request\r\n"))
    with pytest.raises(epmd.EpmdProtocolError) as info:
        await ask()
    assert info.value.data


@pytest.mark.parametrize("ask", QUESTIONS[:-1])
async def test_end_without_a_byte_is_an_error_and_not_an_empty_answer(
    ask: Question, network: Network
) -> None:
    network.handle(1, say(b""))
    with pytest.raises(epmd.EpmdProtocolError, match="without an answer"):
        await ask()


async def test_endless_answer_is_cut_off(network: Network) -> None:
    network.handle(1, say(b"w" * (MAX_REPLY + 1)))
    with pytest.raises(epmd.EpmdProtocolError, match=str(MAX_REPLY)) as info:
        await epmd.names(port=1)
    assert len(info.value.data) == 100


@pytest.mark.parametrize("port", [0, 65536, -1])
async def test_impossible_port_is_a_value_error(port: int) -> None:
    with pytest.raises(epmd.EpmdValueError):
        await epmd.names(port=port)
