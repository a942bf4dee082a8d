"""How a node name becomes an address."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import trio

import epmd
import ergopy
from ergopy.errors import NodeNameError
from ergopy.node.resolvers import DnsResolver, EpmdResolver, standard
from tests.node.fakes import Resolver

HERE = ("10.0.0.1", 5)
THERE = ("10.0.0.2", 6)
NODE = "known@host.org"


class Mapper:
    """An EPMD that knows one node, and notes what it was asked."""

    def __init__(self, mode: str = "auto") -> None:
        self.mode = mode
        self.asked: list[tuple[str, str]] = []

    async def lookup(self, name: str, host: str) -> epmd.NodeInfo | None:
        self.asked.append((name, host))
        return epmd.NodeInfo("known", 4711) if name == "known" else None


@pytest.fixture
def mapper() -> Any:
    return Mapper()


async def test_the_epmd_of_the_host_is_asked_for_the_rest(mapper: Any) -> None:
    resolver = standard(mapper, {}, None)
    assert await resolver.resolve(NODE) == ("host.org", 4711)
    assert await resolver.resolve("unknown@host.org") is None
    assert mapper.asked == [("known", "host.org"), ("unknown", "host.org")]


async def test_a_route_goes_before_epmd_for_that_name_only(mapper: Any) -> None:
    routes = {NODE: HERE}
    resolver = standard(mapper, routes, None)
    routes.clear()
    assert await resolver.resolve(NODE) == HERE
    assert mapper.asked == []
    assert await resolver.resolve("known@other.org") == ("other.org", 4711)


async def test_a_route_goes_before_a_resolver_which_goes_before_epmd(
    mapper: Any,
) -> None:
    source = Resolver(THERE)
    resolver = standard(mapper, {NODE: HERE}, source)
    assert await resolver.resolve(NODE) == HERE
    assert await resolver.resolve("other@host.org") == THERE
    assert source.asked == 1
    assert mapper.asked == []


async def test_an_impossible_name_is_not_looked_up(mapper: Any) -> None:
    with pytest.raises(NodeNameError):
        await standard(mapper, {}, None).resolve("nohost")
    assert mapper.asked == []


async def test_of_several_the_first_that_knows_wins(mapper: Any) -> None:
    sources = [Resolver(None), Resolver(HERE), Resolver(THERE)]
    assert await standard(mapper, {}, sources).resolve(NODE) == HERE
    assert [source.asked for source in sources] == [1, 1, 0]


async def test_one_that_fails_does_not_keep_the_next_from_being_asked(
    mapper: Any,
) -> None:
    sources = [
        Resolver(OSError("down")),
        Resolver(ValueError("odd")),
        Resolver(HERE),
    ]
    assert await standard(mapper, {}, sources).resolve(NODE) == HERE


async def test_if_none_knows_the_first_failure_is_the_reason(mapper: Any) -> None:
    sources = [
        Resolver(None),
        Resolver(OSError("first")),
        Resolver(OSError("second")),
    ]
    with pytest.raises(OSError, match="first"):
        await standard(mapper, {}, sources).resolve(NODE)


@pytest.mark.parametrize("kind", ["function", "async function", "object"])
async def test_a_resolver_is_an_object_or_a_function_of_either_kind(
    mapper: Any, kind: str
) -> None:
    async def later(node: str) -> tuple[str, int] | None:
        await trio.lowlevel.checkpoint()
        return HERE if node == NODE else None

    sources: dict[str, Any] = {
        "function": {NODE: HERE}.get,
        "async function": later,
        "object": Resolver(HERE),
    }
    assert await standard(mapper, {}, sources[kind]).resolve(NODE) == HERE


@pytest.mark.parametrize("what", [5, "host", Resolver, object(), [Resolver(HERE), 5]])
def test_what_cannot_be_asked_is_refused_at_once(mapper: Any, what: Any) -> None:
    with pytest.raises(TypeError, match="resolver="):
        standard(mapper, {}, what)


@pytest.mark.parametrize("answer", [("h", "5"), ("h", 0), ("", 5), ("h", 1, 2), "h"])
async def test_an_answer_that_is_no_address_is_named(mapper: Any, answer: Any) -> None:
    with pytest.raises(TypeError, match="no \\(host, port\\)"):
        await standard(mapper, {}, lambda _: answer).resolve(NODE)


@pytest.mark.parametrize("address", [("h", "5"), ("h", 70000), None, "h:5"])
def test_a_route_without_an_address_is_refused(mapper: Any, address: Any) -> None:
    with pytest.raises(ValueError, match=r"known@host\.org"):
        standard(mapper, {NODE: address}, None)


def test_a_route_for_what_is_no_name_is_refused(mapper: Any) -> None:
    with pytest.raises(NodeNameError):
        standard(mapper, {"known": HERE}, None)


@pytest.mark.parametrize(
    ("mode", "sources", "words"),
    [
        ("auto", None, "no such name at its EPMD"),
        ("off", None, "epmd= is 'off'"),
        ("auto", Resolver(None), "says resolver="),
        ("auto", EpmdResolver(1), "no such name at its EPMD"),
    ],
)
def test_who_was_asked_is_said(mode: str, sources: Any, words: str) -> None:
    mapper: Any = Mapper(mode)
    assert words in standard(mapper, {}, sources).nobody


@pytest.mark.parametrize(
    ("options", "node", "address"),
    [
        ({}, "app@pod-0.svc", ("pod-0.svc", 9100)),
        ({}, "app@pod-0", ("pod-0", 9100)),
        ({}, "app@::1", ("::1", 9100)),
        ({"domain": "app.shop.svc"}, "app@pod-0", ("pod-0.app.shop.svc", 9100)),
        ({"domain": ".app.shop.svc."}, "app@pod-0", ("pod-0.app.shop.svc", 9100)),
        ({"domain": "app.shop.svc"}, "app@10.0.0.5", ("10.0.0.5", 9100)),
    ],
)
async def test_dns_takes_the_host_of_the_name_and_one_port_for_all(
    options: Any, node: str, address: Any
) -> None:
    assert await DnsResolver(9100, **options).resolve(node) == address


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_dns_wants_a_port(port: int) -> None:
    with pytest.raises(ValueError, match="port"):
        DnsResolver(port)


async def test_a_host_that_dns_does_not_know_is_node_not_found() -> None:
    # Not the system's, which may ask the network, and wait for it.
    trio.socket.set_custom_hostname_resolver(Names())
    here = "py@here.invalid"
    resolver = ergopy.DnsResolver(9100)
    node = ergopy.Node(
        here, cookie="c", epmd="off", resolver=resolver, listen_host="127.0.0.1"
    )
    async with node:
        with pytest.raises(ergopy.NodeNotFound, match=r"there\.invalid:9100"):
            await node.connect("app@there.invalid")


class Names(trio.abc.HostnameResolver):
    """DNS that knows one host, with several addresses."""

    async def getaddrinfo(self, host: Any, port: Any, *options: Any) -> Any:
        if host != b"pods.test":
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        stream = (socket.SOCK_STREAM, 6, "")
        hosts = ["127.0.0.8", "127.0.0.9", "127.0.0.1"]
        return [(socket.AF_INET, *stream, (one, port)) for one in hosts]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        raise NotImplementedError


async def test_all_addresses_of_a_host_are_tried() -> None:
    trio.socket.set_custom_hostname_resolver(Names())
    options: dict[str, Any] = {"cookie": "c", "epmd": "off"}
    there = ergopy.Node("app@pods.test", listen_host="127.0.0.1", **options)
    async with there:
        options["resolver"] = ergopy.DnsResolver(there.port)
        async with ergopy.Node("py@here.test", **options) as here:
            assert await here.ping(there.name)
            with pytest.raises(ergopy.NodeNotFound, match="no such host"):
                await here.connect("app@gone.test")


async def test_an_epmd_resolver_only_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    port = epmd.PortMapper("embedded", 0, address="127.0.0.1")
    async with port as mapper:
        await mapper.register("known", 4711)
        monkeypatch.setenv("ERL_EPMD_PORT", str(mapper.port))
        for resolver in (EpmdResolver(mapper.port), EpmdResolver()):
            assert await resolver.resolve("known@127.0.0.1") == ("127.0.0.1", 4711)
            assert await resolver.resolve("unknown@127.0.0.1") is None
    with pytest.raises(OSError, match="EPMD"):
        await resolver.resolve("known@127.0.0.1")
