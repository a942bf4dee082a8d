"""How a node name becomes an address.

A resolver is an object with ``resolve``, as :class:`ergopy.abc.Resolver`, or a
function with the same argument and result, ``async`` or not. Of several the first that
knows the node wins; one that fails does not keep the next from being asked.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeAlias, final

import epmd

from . import naming

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from epmd import PortMapper

    from ..abc import Address, Resolver

    Answer: TypeAlias = Address | None
    Function: TypeAlias = Callable[[str], Answer | Awaitable[Answer]]
    Source: TypeAlias = Resolver | Function
    Sources: TypeAlias = Source | Sequence[Source]


@final
class EpmdResolver:
    """Asks the EPMD on the host part of the name, as a BEAM does.

    A node asks EPMD by itself; this is for ``resolver=[mine, EpmdResolver()]``, and for
    nodes that are registered nowhere.

    Args:
        port: Where EPMD listens on every host; by default ``ERL_EPMD_PORT``, or 4369.
    """

    def __init__(self, port: int | None = None) -> None:
        self._port = epmd.default_port() if port is None else port

    def __repr__(self) -> str:
        return f"EpmdResolver({self._port})"

    async def resolve(self, node: str) -> Address | None:
        local, host = naming.split(node)
        return _at(host, await epmd.lookup(local, host, self._port))


@final
class DnsResolver:
    """Takes the host part of the name, and a port that all nodes have in common.

    The host is looked up when the node is dialled, A and AAAA, and its addresses are
    tried until one answers. So it finds the pods of a Kubernetes service, and BEAMs
    that were started with ``-start_epmd false -erl_epmd_port PORT``.

    Args:
        port: Where every node listens.
        domain: Put behind hosts that have no dot, as in ``app@pod-0``.
    """

    def __init__(self, port: int, *, domain: str = "") -> None:
        if not 0 < port <= 65535:
            raise ValueError(f"a port is a number from 1 to 65535, not {port!r}")
        self._port = port
        self._domain = domain.strip(".")

    def __repr__(self) -> str:
        domain = f", domain={self._domain!r}" if self._domain else ""
        return f"DnsResolver({self._port}{domain})"

    async def resolve(self, node: str) -> Address | None:
        host = naming.split(node)[1]
        if self._domain and not naming.is_long(host):
            host = f"{host}.{self._domain}"
        return host, self._port


@final
class MapperResolver:
    """Asks the EPMD that a node of this program is registered with, or is."""

    def __init__(self, mapper: PortMapper) -> None:
        self._mapper = mapper

    async def resolve(self, node: str) -> Address | None:
        local, host = naming.split(node)
        return _at(host, await self._mapper.lookup(local, host))


@final
class FirstOf:
    """What a node uses: its routes, and then each of its resolvers in order."""

    def __init__(
        self, routes: Mapping[str, Address], sources: Iterable[Resolver], nobody: str
    ) -> None:
        self._routes = dict(routes)
        self._sources = list(sources)
        self.nobody = nobody
        """What to say of a node that none of them knows."""

    async def resolve(self, node: str) -> Address | None:
        """Return the first answer; raise the first error if nobody has one."""
        if node in self._routes:
            return self._routes[node]
        problem: Exception | None = None
        for source in self._sources:
            try:
                address = await source.resolve(node)
            except (OSError, ValueError, epmd.EpmdError) as error:
                problem = problem or error
                continue
            if address is not None:
                return _checked(address, source)
        if problem is not None:
            raise problem
        return None


@final
class _Asked:
    """A function as a resolver."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def __repr__(self) -> str:
        return repr(self._function)

    async def resolve(self, node: str) -> Address | None:
        answer: Any = self._function(node)
        if inspect.isawaitable(answer):
            answer = await answer
        return answer  # type: ignore[no-any-return]


def standard(
    mapper: PortMapper, routes: Mapping[str, Address], sources: Sources | None
) -> FirstOf:
    """Return what a node finds others with: *routes*, then *sources* or its EPMD.

    Raises:
        TypeError: One of them cannot be asked.
        ValueError: A route has no address.
    """
    for node, address in routes.items():
        naming.split(node)
        _check_route(node, address)
    if sources is not None:
        several = sources if isinstance(sources, (list, tuple)) else [sources]
        asked = [_resolver(source) for source in several]
        by_epmd = all(isinstance(source, EpmdResolver) for source in asked)
        who = " at its EPMD" if by_epmd else ", says resolver="
        return FirstOf(routes, asked, f"no such name{who}")
    if mapper.mode == "off":
        return FirstOf(routes, [], "no such name in routes=, and epmd= is 'off'")
    return FirstOf(routes, [MapperResolver(mapper)], "no such name at its EPMD")


def _resolver(source: Any) -> Resolver:
    if callable(getattr(source, "resolve", None)) and not isinstance(source, type):
        return source  # type: ignore[no-any-return]
    if callable(source) and not isinstance(source, type):
        return _Asked(source)
    raise TypeError(
        f"resolver= is an object with 'async def resolve(node)', or a function of "
        f"the node name, or a list of these; not {source!r}"
    )


def _at(host: str, found: epmd.NodeInfo | None) -> Address | None:
    return None if found is None else (host, found.port)


def _is_address(address: object) -> bool:
    match address:
        case (str(host), int(port)):
            return bool(host) and 0 < port <= 65535
    return False


def _check_route(node: str, address: object) -> None:
    if not _is_address(address):
        raise ValueError(
            f"routes=: the address of {node} is (host, port), not {address!r}"
        )


def _checked(address: Address, source: object) -> Address:
    if not _is_address(address):
        raise TypeError(f"{source!r} answered {address!r}, which is no (host, port)")
    return address
