"""``module_info`` of the modules that processes say they are of."""

from __future__ import annotations

from typing import Any

import pytest

import ergopy
from ergopy import Atom, Node, RpcError
from ergopy.gen.state_machine import Next
from ergopy.process.atoms import INITIAL_CALL

Pair = tuple[Node, Node]


class Light(ergopy.StateMachine):
    async def init(self) -> Any:
        return Next("off")


async def module_info(pair: Pair, module: str, *item: str) -> Any:
    viewer, node = pair
    return await viewer.rpc(node.name, module, "module_info", [Atom(i) for i in item])


async def test_each_process_has_a_module_that_tells_its_behaviour(pair: Pair) -> None:
    node = pair[1]
    await node.start(Light)
    found = set()
    for pid in node.processes():
        call = dict(node.process_info(pid, "dictionary")[1]).get(INITIAL_CALL)
        if call is not None:
            told = await module_info(pair, call[0], "attributes")
            assert told in (
                [("behaviour", ["gen_server"])],
                [("behaviour", ["gen_statem"])],
            )
            found.add((call[0].rpartition(".")[2], told[0][1][0]))
    assert {("Till", "gen_server"), ("Light", "gen_statem")} <= found
    assert ("supervisor", "gen_server") in found


async def test_a_module_with_something_for_others_tells_what(pair: Pair) -> None:
    _viewer, node = pair
    node.export("math", {"add": lambda a, b: a + b, "sum": lambda *all_: sum(all_)})
    exports = await module_info(pair, "math", "exports")
    assert ("add", 2) in exports
    assert ("sum", 0) in exports
    assert ("sum", 9) in exports
    assert dict(await module_info(pair, "math"))["module"] == "math"
    assert ("sys_info", 0) in await module_info(pair, "observer_backend", "exports")


async def test_no_other_module_is_there(pair: Pair) -> None:
    with pytest.raises(RpcError) as caught:
        await module_info(pair, "os.path", "exports")
    assert caught.value.reason == "undef"
    with pytest.raises(RpcError) as caught:
        await module_info(pair, "observer_backend", "source")
    assert caught.value.reason == "badarg"


async def test_it_can_be_turned_off(pair: Pair) -> None:
    pair[1].unexport("_", "module_info")
    with pytest.raises(RpcError):
        await module_info(pair, "observer_backend", "exports")
