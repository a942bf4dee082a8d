"""How a node name becomes an address."""

from __future__ import annotations

from typing import Any

import pytest

import epmd
from ergopy.errors import NodeNameError
from ergopy.node.resolvers import EpmdResolver, StandardResolver


class Mapper:
    """An EPMD that knows one node, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def lookup(self, name: str, host: str) -> epmd.NodeInfo | None:
        self.asked.append((name, host))
        return epmd.NodeInfo("known", 4711) if name == "known" else None


@pytest.fixture
def mapper() -> Any:
    return Mapper()


async def test_the_epmd_of_the_host_is_asked_for_the_rest(mapper: Any) -> None:
    resolver = StandardResolver(mapper, {})
    assert await resolver.resolve("known@host.org") == ("host.org", 4711)
    assert await resolver.resolve("unknown@host.org") is None
    assert mapper.asked == [("known", "host.org"), ("unknown", "host.org")]


async def test_a_route_goes_before_epmd_for_that_name_only(mapper: Any) -> None:
    routes = {"known@host.org": ("10.0.0.1", 5)}
    resolver = StandardResolver(mapper, routes)
    routes.clear()
    assert await resolver.resolve("known@host.org") == ("10.0.0.1", 5)
    assert mapper.asked == []
    assert await resolver.resolve("known@other.org") == ("other.org", 4711)


async def test_an_impossible_name_is_not_looked_up(mapper: Any) -> None:
    with pytest.raises(NodeNameError):
        await StandardResolver(mapper, {}).resolve("nohost")
    assert mapper.asked == []


async def test_a_resolver_of_a_command_line_only_asks() -> None:
    port = epmd.PortMapper("embedded", 0, address="127.0.0.1")
    async with port as mapper:
        await mapper.register("known", 4711)
        resolver = EpmdResolver(mapper.port)
        assert await resolver.resolve("known@127.0.0.1") == ("127.0.0.1", 4711)
        assert await resolver.resolve("unknown@127.0.0.1") is None
    with pytest.raises(OSError, match="EPMD"):
        await resolver.resolve("known@127.0.0.1")
