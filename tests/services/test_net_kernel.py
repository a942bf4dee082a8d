from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom
from ergopy.services import net_kernel
from tests.runtimes import settle

if TYPE_CHECKING:
    from tests.services.conftest import LoneNode


async def test_a_ping_is_answered_yes(node: LoneNode) -> None:
    await node.start(net_kernel.NetKernel, name="net_kernel")
    request = (Atom("is_auth"), Atom("other@host"))
    assert await node.call("net_kernel", request) == Atom("yes")


@pytest.mark.parametrize("message", [1, (1, 2), (Atom("$gen_cast"), 1), Atom("tick")])
async def test_nothing_else_ends_it(
    node: LoneNode, message: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await node.start(net_kernel.NetKernel, name="net_kernel")
    await node.runtime.root.send("net_kernel", message)
    await settle()
    assert await node.call("net_kernel", 1) == (Atom("error"), Atom("badarg"))
    assert caplog.records == []
