"""One message to processes on several nodes, over real connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy import Atom
from ergopy.dist.coding import Coding
from tests.nodes import Echo

if TYPE_CHECKING:
    import ergopy
    from tests.nodes import MakeNode


class Spy:
    """The encoder of what goes to several, with a count."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def payload(self, message: Any) -> bytes:
        self.count += 1
        return self.inner.payload(message)  # type: ignore[no-any-return]


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    make, spy = Coding.__init__, Spy(Coding().early)

    def spied(self: Coding, *options: Any) -> None:
        make(self, *options)
        self.early = spy

    monkeypatch.setattr(Coding, "__init__", spied)
    return spy


async def seen(node: ergopy.Node, count: int) -> Any:
    with trio.fail_after(30):
        while True:
            answer = await node.call("echo", Atom("seen"))
            if len(answer) == count:
                return answer
            await trio.sleep(0.001)


@pytest.mark.parametrize("connected", [True, False])
async def test_it_is_encoded_once_for_three_nodes(
    make_node: MakeNode, spy: Spy, connected: bool
) -> None:
    sender, *others = [await make_node() for _ in range(4)]
    message = (Atom("news"), b"x" * 1000, [1, {Atom("a"): 1.5}])
    dests: list[Any] = []
    for other in others:
        pid = await other.start(Echo, name="echo")
        dests += [pid, ("echo", other.name)]
        if connected:
            await sender.connect(other.name)
    await sender.start(Echo, name="echo")
    dests.append("echo")
    spy.count = 0
    await sender.send(dests, message)
    assert spy.count == 1
    for other in others:
        assert await seen(other, 2) == [message] * 2
    assert await seen(sender, 1) == [message]


async def test_a_message_that_is_no_term_reaches_nobody(make_node: MakeNode) -> None:
    sender, other = await make_node(), await make_node()
    pid = await other.start(Echo, name="echo")
    await sender.start(Echo, name="echo")
    with pytest.raises(etf.EncodeError):
        await sender.send(["echo", pid], object())
    assert await sender.call("echo", Atom("seen")) == []
    assert await sender.call(pid, Atom("seen")) == []
