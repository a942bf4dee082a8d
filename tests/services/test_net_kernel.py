from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom
from ergopy.services import global_names, net_kernel
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


async def test_a_visible_node_that_connects_is_told_that_we_are_in_sync(
    node: LoneNode,
) -> None:
    sent: list[Any] = []

    class Way:
        def __init__(self, name: str) -> None:
            self.name = name

        def send_name(self, sender: Any, name: str, message: Any) -> None:
            sent.append((self.name, sender, name, message))

    fake: Any = node
    fake.nodes = lambda kind: [Atom("seen@host")] if kind == "visible" else []
    fake.pid = node.runtime.root.pid
    fake.runtime._remote_node = Way
    await global_names.start(fake)
    node.runtime.node_changed("seen@host", up=True)
    node.runtime.node_changed("hidden@host", up=True)
    node.runtime.node_changed("seen@host", up=False)
    in_sync = (Atom("$gen_cast"), (Atom("in_sync"), node.name, True))
    assert sent == [("seen@host", fake.pid, "global_name_server", in_sync)]
