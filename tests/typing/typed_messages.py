"""Checked by mypy, not run: the types of typed messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, assert_type

import ergopy
import etf
from ergopy import Atom, Client, GenServer, NoReply, on_call, on_cast


@etf.struct("Elixir.Shop.Order", extra="ignore")
@dataclass(frozen=True)
class Order:
    id: int


@ergopy.record("line")
@dataclass
class Line:
    sku: Atom


class Shop(GenServer):
    @on_call
    async def place(self, order: Order, count: int = 1) -> Line:
        return Line(Atom("a"))

    @on_call("later!")
    async def later(self) -> int | NoReply:
        return 1

    @on_cast
    async def note(self, text: str) -> None: ...


class Elsewhere(Protocol):
    @on_call
    async def today(self) -> str: ...


async def calls(node: ergopy.Node, shop: Shop) -> None:
    client = Client(node, "shop", timeout=2)
    assert_type(await client.call(Shop.place, Order(1)), Line)
    assert_type(await client.call(Shop.place, Order(1), count=2), Line)
    assert_type(await client.call(Shop.later), int | NoReply)
    assert_type(await client.call(Elsewhere.today), str)
    await client.cast(Shop.note, "text")
    await client.call(Shop.place)  # type: ignore[call-arg]
    await client.call(Shop.place, 5)  # type: ignore[arg-type]
    await client.call(Shop.place, Order(1), many=2)  # type: ignore[call-arg]
    await client.cast(Shop.note, b"text")  # type: ignore[arg-type]
    # A decorated method is still what it was.
    assert_type(await shop.place(Order(1)), Line)
    await shop.place("order")  # type: ignore[arg-type]


def conversions(term: Any) -> None:
    assert_type(etf.convert(term, Order), Order)
    assert_type(etf.convert(term, list[Order]), list[Order])
    assert_type(etf.loader(Order), Callable[[Any], Order])
    assert_type(etf.keywords(a=1), list[tuple[Atom, Any]])
    assert_type(Order(1).id, int)
    assert_type(Line(Atom("a")), Line)
    Order("1")  # type: ignore[arg-type]
    etf.EncodeOptions(converters=etf.converters.ALL)
    etf.DecodeOptions(structs=[Order], records=[Line], converters=etf.converters.DATES)
    etf.mapped(keys="text")  # type: ignore[arg-type]
