"""Who acts when a function is told ``caller=``."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import GenServer, LocalProtocolError
from ergopy.gen.caller import acting
from tests.runtimes import inside

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime


async def test_a_process_acts_for_itself(runtime: Runtime) -> None:
    async def body(me: Process) -> Any:
        assert acting() is me
        return acting(runtime.root) is runtime.root

    assert await inside(runtime, body)


async def test_a_behaviour_acts_as_its_process(runtime: Runtime) -> None:
    class Server(GenServer):
        async def init(self) -> None:
            assert acting(self) is self.process

    await runtime.root.start(Server)


async def test_a_node_acts_for_a_program(runtime: Runtime) -> None:
    node = SimpleNamespace(runtime=runtime)
    assert acting(node) is runtime.root


async def test_nobody_cannot_act(runtime: Runtime) -> None:
    with pytest.raises(LocalProtocolError, match="caller=node"):
        acting()
    for nobody in "name", 7, runtime.root.pid:
        with pytest.raises(TypeError, match="process, behaviour or node"):
            acting(nobody)
