"""The classes that the tests of this folder share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 (read by the compiler of annotations)
from enum import Enum
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NewType,
    NotRequired,
    TypedDict,
    TypeVar,
)

import etf
from etf import Atom

T = TypeVar("T")
Sku = NewType("Sku", Atom)


class State(Enum):
    OPEN = "open"
    CLOSED = "closed"
    YES = "true"
    SEVEN = 7


@etf.record("line")
@dataclass(frozen=True)
class Line:
    sku: Sku
    count: int = 1
    note: str | None = None


@etf.record("mark")
@dataclass(frozen=True)
class Mark:
    color: Atom | None = None
    kind: Literal["undefined", "set"] | None = None


@etf.struct("Elixir.Shop.Order")
@dataclass(frozen=True)
class Order:
    id: int
    note: str
    lines: list[Line] = field(default_factory=list)
    placed_at: datetime | None = None
    state: State = State.OPEN


@etf.struct("Elixir.Shop.User", extra="ignore")
@dataclass
class User:
    name: str
    from_: Annotated[str, etf.Key("from")] = ""
    seen: int = field(default=0, init=False)


@etf.mapped(keys="binary")
@dataclass(frozen=True)
class Json:
    kind: Literal["json"]
    size: float


@etf.keyword_list()
@dataclass(frozen=True)
class Options:
    timeout: int
    verbose: bool = False


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list)


@dataclass
class Page(Generic[T]):
    items: list[T]
    next: Page[T] | None = None


class Point(TypedDict):
    x: int
    y: NotRequired[float]


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents

    def __hash__(self) -> int:
        return hash(self.cents)

    def __etf__(self) -> Any:
        return (Atom("money"), self.cents)

    @classmethod
    def __from_etf__(cls, term: Any) -> Money:
        tag, cents = term
        if tag != "money" or type(cents) is not int:
            raise ValueError("no money")
        return cls(cents)


def struct(name: str, /, **fields: Any) -> dict[Any, Any]:
    """A struct as it arrives."""
    made: dict[Any, Any] = {Atom(key): value for key, value in fields.items()}
    return {Atom("__struct__"): Atom(f"Elixir.{name}"), **made}
