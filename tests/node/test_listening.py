"""Where a node listens."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy.node import listening
from ergopy.testing import MemoryNetwork
from ergopy.testing.ports import free_port
from tests.node.raw_node import until
from tests.nodes import COOKIE, unique_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    MakeNode = Callable[..., Awaitable[ergopy.Node]]


@pytest.mark.parametrize(
    ("given", "ports"),
    [
        (9100, (9100, 9100)),
        (0, (0, 0)),
        ((9100, 9110), (9100, 9110)),
        ([9100, 9110], (9100, 9110)),
        (range(9100, 9111), (9100, 9110)),
        ((0, 0), (0, 0)),
    ],
)
def test_ports_are_one_or_a_range(given: Any, ports: tuple[int, int]) -> None:
    assert listening.ports(given) == ports


@pytest.mark.parametrize(
    "given", [(2, 1), -1, 65536, (0, 65536), range(5, 5), range(1, 9, 2), "9100", None]
)
def test_what_is_no_range_of_ports_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="listen="):
        listening.ports(given)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_a_loopback_name_listens_there_only(host: str) -> None:
    assert listening.addresses(None, host) == [host]


def test_any_other_name_listens_everywhere() -> None:
    found = listening.addresses(None, "host.org")
    assert found[0] == "0.0.0.0"
    assert found[1:] in (["::"], [])


def test_without_ipv6_it_is_everywhere_that_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(family: int, kind: int) -> socket.socket:
        raise OSError("no such family")

    monkeypatch.setattr(socket, "socket", refuse)
    assert listening.addresses(None, "host.org") == ["0.0.0.0"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("10.0.0.1", ["10.0.0.1"]),
        (["127.0.0.1", "::1"], ["127.0.0.1", "::1"]),
        (("127.0.0.1", "127.0.0.1"), ["127.0.0.1"]),
    ],
)
def test_given_addresses_are_taken(given: Any, found: list[str]) -> None:
    assert listening.addresses(given, "host.org") == found


@pytest.mark.parametrize("given", ["", [], [""], [5]])
def test_no_address_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="listen_host="):
        listening.addresses(given, "host.org")


def is_listening(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        return probe.connect_ex((host, port)) == 0


async def test_a_node_listens_on_every_address_with_one_port(
    make_node: MakeNode,
) -> None:
    hosts = ["127.0.0.1", "127.0.0.2"]
    async with ergopy.Node(
        unique_name(),
        cookie=COOKIE,
        epmd="off",
        listen=free_port(),
        listen_host=hosts,
    ) as node:
        port = node.port
        for host in hosts:
            assert is_listening(host, port)
            name = node.name
            other = await make_node(epmd="off", routes={name: (host, port)})
            assert await other.ping(name)
        assert not is_listening("127.0.0.3", port)
    assert not any(is_listening(host, port) for host in hosts)


async def test_a_port_that_is_taken_on_one_address_is_taken_on_none(
    make_node: MakeNode,
) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.2", port)):
        options: dict[str, Any] = {"listen_host": ["127.0.0.1", "127.0.0.2"]}
        with pytest.raises(ergopy.ConnectError, match="listen_host="):
            await make_node(listen=port, **options)
        assert not is_listening("127.0.0.1", port)
        node = await make_node(listen=range(port, min(port + 20, 65536)), **options)
        assert port < node.port


async def test_an_address_that_is_not_ours_is_an_error_that_says_what_to_do(
    make_node: MakeNode,
) -> None:
    with pytest.raises(ergopy.ConnectError, match="listen_host="):
        await make_node(listen_host=["127.0.0.1", "192.0.2.1"])


async def test_the_address_is_apart_from_the_host_of_the_name(
    make_node: MakeNode,
) -> None:
    name = "py@there.example.org"
    there = await make_node(name, epmd="off", listen_host="127.0.0.1")
    routes = {name: ("127.0.0.1", there.port)}
    here = await make_node("py@here.example.org", epmd="off", routes=routes)
    assert await here.ping(name)
    assert there.nodes() == [here.name]


async def test_nodes_over_ipv6_find_each_other(epmd_port: int) -> None:
    if not socket.has_ipv6 or not _loopback6():
        pytest.skip("no IPv6 here")
    names = [unique_name(word).replace("127.0.0.1", "::1") for word in ("a", "b")]
    async with (
        ergopy.Node(names[0], cookie=COOKIE, listen=free_port()) as one,
        ergopy.Node(names[1], cookie=COOKIE) as two,
    ):
        assert await one.ping(two.name)
        one.disconnect(two.name)
        await until(lambda: not two.nodes())
        assert await two.ping(one.name)
        assert is_listening("::1", one.port)
        assert not is_listening("127.0.0.1", one.port)


def _loopback6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


async def test_a_node_that_is_no_loopback_listens_on_both_families(
    make_node: MakeNode,
) -> None:
    node = await make_node("py@here.example.org", epmd="off")
    assert is_listening("127.0.0.1", node.port)
    if _loopback6():
        assert is_listening("::1", node.port)


async def test_another_network_is_asked_for_the_same_addresses() -> None:
    network = MemoryNetwork()
    async with network.node("a", listen=range(5, 10)) as node:
        assert node.port
