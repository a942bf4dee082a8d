"""The caller's side of typed handlers, to this node and to another one."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

import pytest

import etf
from ergopy import Atom, BadRequest, CallTimeout, Client, GenServer, on_call, on_cast
from etf import EncodeError, MappingError
from tests.gen.typed.shop import Line, Order, Shop
from tests.nodes import epmd_port, make_node

if TYPE_CHECKING:
    from tests.nodes import MakeNode

__all__ = ["epmd_port", "make_node"]

A = Atom


@pytest.fixture(params=["here", "there"])
async def client(request: pytest.FixtureRequest, make_node: MakeNode) -> Client:
    node = await make_node()
    await node.start(Shop, name="shop")
    if request.param == "here":
        return Client(node, "shop")
    other = await make_node()
    return Client(other, ("shop", node.name))


async def test_a_call_has_the_types_of_its_handler(client: Client) -> None:
    assert await client.call(Shop.add, 3) == 3
    assert await client.call(Shop.add, 3, times=2) == 9
    assert await client.call(Shop.value) == 9
    assert await client.call(Shop.is_empty) is True
    order = Order(9, [Line(A("a"))])
    assert await client.call(Shop.place, order) == [date(2024, 1, 9)]
    assert await client.call(Shop.scan, Line(A("a"))) == "a"
    for how in ("now", "reply", "stop"):
        assert await client.call(Shop.day, how) == date(2024, 1, 1)


async def test_a_cast_has_the_types_of_its_handler(client: Client) -> None:
    await client.cast(Shop.note, "text")
    assert await client.call(Shop.is_empty) is False


async def test_a_request_that_does_not_fit_is_an_exception(client: Client) -> None:
    with pytest.raises(BadRequest, match=r"add\.count: expected an integer") as caught:
        await client.call(Shop.add, "x")  # type: ignore[arg-type]
    assert caught.value.problem == 'add.count: expected an integer, got <<"x">>'
    assert caught.value.dest == client.dest


async def test_what_cannot_be_sent_is_refused_before(client: Client) -> None:
    with pytest.raises(TypeError, match="missing a required argument"):
        await client.call(Shop.add)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Shop.add was not marked with @on_cast"):
        await client.cast(Shop.add, 3)
    with pytest.raises(TypeError, match="handle_call was not marked"):
        await client.call(GenServer.handle_call, 1, 2)


class Elsewhere(Protocol):
    """A server that is not written in Python."""

    @on_call
    async def today(self, how: str) -> date: ...

    @on_call
    async def at(self, day: date) -> date: ...

    @on_cast
    async def note(self, day: date) -> None: ...


class Untyped(GenServer):
    async def init(self) -> None:
        self.seen: list[Any] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("today", b"wrong"):
                return A("monday")
            case ("today", _):
                return etf.as_term(date(2024, 1, 1), date)
            case ("at", day):
                return day
            case "seen":
                return self.seen
        raise LookupError(request)

    async def handle_cast(self, request: Any) -> None:
        self.seen.append(request)


async def test_a_protocol_describes_a_server_of_another_language(
    make_node: MakeNode,
) -> None:
    node, other = await make_node(), await make_node()
    await node.start(Untyped, name="calendar")
    client = Client(other, ("calendar", node.name))
    assert await client.call(Elsewhere.today, "x") == date(2024, 1, 1)
    assert await client.call(Elsewhere.at, date(2020, 2, 3)) == date(2020, 2, 3)
    await client.cast(Elsewhere.note, date(2020, 2, 3))
    ((tag, day),) = await other.call(client.dest, A("seen"))
    assert tag == "note"
    assert day[A("__struct__")] == "Elixir.Date"
    with pytest.raises(MappingError, match=r"expected %Date{}, got monday"):
        await client.call(Elsewhere.today, "wrong")
    with pytest.raises(EncodeError, match="str where date has to be"):
        await client.call(Elsewhere.at, "today")  # type: ignore[arg-type]


async def test_the_timeout_is_that_of_the_client(make_node: MakeNode) -> None:
    class Silent(GenServer):
        @on_call
        async def ask(self, from_: Any = None) -> Any:
            from ergopy import NOREPLY

            return NOREPLY

    node = await make_node()
    await node.start(Silent, name="silent")
    with pytest.raises(CallTimeout):
        await Client(node, "silent", timeout=0.01).call(Silent.ask)
    assert "Client(<Node" in repr(Client(node, "silent"))
