"""What the chapters on typed messages have on the Python side."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 (the annotations are read)
from decimal import Decimal
from typing import Annotated, Any, Protocol
from urllib.parse import SplitResult  # noqa: TC003

import etf
from ergopy import Atom, GenServer, on_call, on_cast


@etf.record("line")
@dataclass(frozen=True)
class RecordLine:
    sku: Atom
    count: int = 1


@etf.record("order")
@dataclass(frozen=True)
class RecordOrder:
    id: int | None
    lines: list[RecordLine] = field(default_factory=list)
    note: str | None = None


@etf.struct("Elixir.Shop.Line")
@dataclass(frozen=True)
class Line:
    sku: Atom
    count: int = 1


@etf.struct("Elixir.Shop.Order")
@dataclass(frozen=True)
class Order:
    id: int
    note: str = ""
    photo: bytes = b""
    price: Decimal = Decimal(0)
    placed_at: datetime | None = None
    tags: frozenset[str] = frozenset()
    link: SplitResult | None = None
    lines: list[Line] = field(default_factory=list)
    class_: Annotated[Atom | None, etf.Key("class")] = None


@etf.struct("Elixir.Shop.Receipt")
@dataclass(frozen=True)
class Receipt:
    order: Order
    total: int


class Till(GenServer):
    """Serves a shop in Elixir."""

    async def init(self) -> None:
        self.notes: list[str] = []

    @on_call
    async def place(self, order: Order) -> Receipt:
        return Receipt(order, sum(line.count for line in order.lines))

    @on_call
    async def due(self, order: Order, days: int = 30) -> list[datetime]:
        assert order.placed_at is not None
        return [order.placed_at] * days

    @on_call
    async def total(self, orders: RecordOrder) -> int:
        return sum(line.count for line in orders.lines)

    @on_cast
    async def note(self, text: str) -> None:
        self.notes.append(text)

    @on_call("notes")
    async def all_notes(self) -> list[str]:
        return self.notes

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return request


class Shop(Protocol):
    """The server of ``SHOP`` below, as Python sees it."""

    @on_call
    async def order(self, id: int) -> Order: ...

    @on_call
    async def ship(self, order: Order) -> str: ...


SHOP = """
unless Code.ensure_loaded?(Shop.Order) do
  defmodule Shop.Line do
    defstruct sku: nil, count: 1
  end

  defmodule Decimal do
    defstruct sign: 1, coef: 0, exp: 0
  end

  defmodule Shop.Order do
    defstruct id: nil, note: "", photo: "", price: %Decimal{}, placed_at: nil,
              tags: MapSet.new(), link: nil, lines: [], class: nil
  end

  defmodule Shop.Receipt do
    defstruct [:order, :total]
  end

  defmodule Shop do
    use GenServer

    def sample(id) do
      %Shop.Order{
        id: id,
        note: "grün",
        photo: <<255, 0>>,
        price: %Decimal{sign: 1, coef: 1250, exp: -2},
        placed_at: ~U[2024-07-01 10:00:00.123456Z],
        tags: MapSet.new(["a", "b"]),
        link: URI.new!("https://u@example.org:8443/p?q=1#f"),
        lines: [%Shop.Line{sku: :tea}, %Shop.Line{sku: :jam, count: 3}],
        class: :first
      }
    end

    def init(nil), do: {:ok, nil}
    def handle_call({:order, id}, _, s), do: {:reply, sample(id), s}
    def handle_call({:ship, %Shop.Order{note: note}}, _, s) when is_binary(note),
      do: {:reply, "shipped " <> note, s}
  end
end
"""
