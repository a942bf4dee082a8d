"""Who can have a scope besides a plain process: servers, nodes and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

import ergopy
from ergopy import GenServer, NeededChildExited, Scope
from tests.gen.scope.kit import Worker, end
from tests.runtimes import assert_only_the_root, idle, settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def test_a_server_has_a_scope_for_as_long_as_it_lives(runtime: Runtime) -> None:
    class Server(GenServer):
        async def init(self) -> None:
            self.mine = Scope(self)
            await self.mine.start(idle)
            self.news: list[Any] = []

        async def handle_call(self, request: Any, from_: Any) -> Any:
            return self.mine.children, self.news

        async def handle_info(self, message: Any) -> None:
            self.news.append(message)

    pid = await runtime.root.start(Server)
    [child], _ = await runtime.root.call(pid, "look")
    await end(runtime, child)
    children, [news] = await runtime.root.call(pid, "look")
    assert children == []
    assert (news.tag, news.pid, news.reason) == ("hosted", child, "gone")
    await runtime.root.stop(pid)
    await settle()
    assert_only_the_root(runtime)


async def test_a_node_has_scopes_for_programs() -> None:
    log: list[Any] = []
    async with ergopy.Node("scopes@127.0.0.1", cookie="x", epmd="off") as node:
        async with node.scope() as scope:
            pid = await scope.start(Worker, log, "it")
            assert node.runtime.find(pid) is not None
        assert log == [("it", "shutdown")]
        missed = None
        try:
            async with node.scope() as scope:
                pid = await scope.start(idle, needed=True)
                await node.exit(pid, "gone")
                await trio.sleep_forever()
        except NeededChildExited as error:
            missed = error.pid
        assert missed == pid

        class Server(GenServer):
            async def handle_call(self, request: Any, from_: Any) -> Any:
                async with self.scope() as scope:
                    await scope.start(Worker, log, request)
                    return len(scope.children)

        server = await node.start(Server)
        assert await node.call(server, "of a server") == 1
        assert log[1:] == [("of a server", "shutdown")]


async def test_a_behaviour_alone_in_a_test_has_scopes_too(runtime: Runtime) -> None:
    class Server(GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            async with self.scope() as scope:
                await scope.start(idle)
                return len(scope.children)

    assert await runtime.root.call(await runtime.root.start(Server), "go") == 1
