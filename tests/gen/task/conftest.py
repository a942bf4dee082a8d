from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import TaskSupervisor
from ergopy.node.exports import Exports
from tests.gen.task.kit import TASKS, double, hang
from tests.nodes import epmd_port, make_node
from tests.runtimes import inside, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Process
    from ergopy.process.runtime import Runtime

__all__ = ["epmd_port", "make_node"]


@pytest.fixture
async def tasks() -> AsyncIterator[Runtime]:
    """A runtime with a task supervisor, whose node exports ``m:double/1``."""
    exports = Exports()
    exports.export("m", {"double": double, "hang": hang})
    async with running(owner=SimpleNamespace(exports=exports)) as runtime:
        await runtime.root.start(TaskSupervisor, name=TASKS)
        yield runtime


@pytest.fixture(params=["process", "program", "helper"])
def owning(request: pytest.FixtureRequest, runtime: Runtime) -> Any:
    """Run ``body(caller)`` as each kind of owner."""

    async def run(body: Any) -> Any:
        if request.param == "program":
            return await body(runtime.root)
        if request.param == "process":
            return await inside(runtime, body)
        result: list[Any] = []

        async def outer(process: Process) -> None:
            done = trio.Event()

            async def helper() -> None:
                result.append(await body(process))
                done.set()

            process.start_soon(helper)
            await done.wait()

        await inside(runtime, outer)
        return result[0]

    return run
