"""A node without a network: what the services need of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy.node.exports import Exports
from tests.runtimes import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Pid
    from ergopy.process.runtime import Runtime


class LoneNode:
    runtime: Runtime

    def __init__(self) -> None:
        self.exports = Exports()

    @property
    def name(self) -> Any:
        return self.runtime.name

    async def start(self, behaviour: Any, *args: Any, **options: Any) -> Pid:
        return await self.runtime.root.start(behaviour, *args, **options)

    async def spawn(self, function: Any, *args: Any, **options: Any) -> Pid:
        return await self.runtime.root.spawn(function, *args, **options)

    async def call(self, dest: Any, request: Any, timeout: float = 5) -> Any:
        return await self.runtime.root.call(dest, request, timeout)


@pytest.fixture
async def node() -> AsyncIterator[LoneNode]:
    lone = LoneNode()
    async with running(lone) as runtime:
        lone.runtime = runtime
        yield lone
