"""A server with typed handlers of every kind, and what its messages are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import etf
from ergopy import (
    NOREPLY,
    Atom,
    Down,
    GenServer,
    NoReply,
    Reply,
    Stop,
    on_call,
    on_cast,
    on_info,
)


@etf.record("line")
@dataclass(frozen=True)
class Line:
    sku: Atom
    count: int = 1


@etf.struct("Elixir.Shop.Order")
@dataclass(frozen=True)
class Order:
    id: int
    lines: list[Line] = field(default_factory=list)


@etf.struct("Elixir.Shop.Refund")
@dataclass(frozen=True)
class Refund:
    id: int


class Shop(GenServer):
    async def init(self) -> None:
        self.log: list[Any] = []
        self.total = 0

    @on_call
    async def add(self, count: int, times: int = 1) -> int:
        self.total += count * times
        return self.total

    @on_call
    async def value(self) -> int:
        return self.total

    @on_call("empty?")
    async def is_empty(self) -> bool:
        return not self.log

    @on_call
    async def place(self, order: Order) -> list[date]:
        self.log.append(order)
        return [date(2024, 1, order.id)]

    @on_call
    async def scan(self, line: Line) -> Atom:
        return line.sku

    @on_call("cancel")
    async def cancel(self, refund: Refund) -> int:
        return refund.id

    @on_call
    async def anything(self, term: Any, other=None):  # type: ignore[no-untyped-def]
        return (term, other)

    @on_call
    async def later(self, seconds: float, from_: Any) -> NoReply:
        self.start_soon(self.reply, from_, ("later", seconds))
        return NOREPLY

    @on_call
    async def day(self, how: str) -> date | Reply | Stop:
        made = date(2024, 1, 1)
        match how:
            case "reply":
                return Reply(made)
            case "stop":
                return Stop("normal", reply=made)
        return made

    @on_cast
    async def note(self, text: str) -> None:
        self.log.append(text)

    @on_cast
    async def leave(self) -> Stop:
        return Stop("shutdown")

    @on_info
    async def tick(self, number: int) -> None:
        self.log.append(number)

    @on_info
    async def ended(self, message: Down) -> None:
        self.log.append(message.reason)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return ("by hand", request)

    async def handle_cast(self, request: Any) -> None:
        self.log.append(("cast", request))

    async def handle_info(self, message: Any) -> None:
        self.log.append(("info", message))
