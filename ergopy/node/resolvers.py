"""How a node name becomes an address: fixed routes, EPMD, or both in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import epmd

from . import naming

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epmd import PortMapper


@final
class StandardResolver:
    """Looks into *routes*, then asks the EPMD on the host part of the name."""

    def __init__(
        self, mapper: PortMapper, routes: Mapping[str, tuple[str, int]]
    ) -> None:
        self._mapper = mapper
        self._routes = dict(routes)

    async def resolve(self, node: str) -> tuple[str, int] | None:
        if node in self._routes:
            return self._routes[node]
        local, host = naming.split(node)
        found = await self._mapper.lookup(local, host)
        return None if found is None else (host, found.port)


@final
class EpmdResolver:
    """Asks the EPMD on the host part of the name, and is registered nowhere."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(self, node: str) -> tuple[str, int] | None:
        local, host = naming.split(node)
        found = await epmd.lookup(local, host, self._port)
        return None if found is None else (host, found.port)
