"""Saying what a dataclass is in Erlang: ``@struct``, ``@record``, ``@mapped`` and
``@keyword_list``, each written above ``@dataclass``.

What a class is said to be holds for that class, not for its subclasses: these have
other fields. The annotations are read when the first value is sent or read, so they may
name classes that come later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from .classes import own_fields
from .layouts import KeywordLayout, Layout, MapLayout, RecordLayout, StructLayout
from .shape import ATTRIBUTE, Extra, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def struct(name: str, *, extra: Extra = "error") -> Callable[[type[T]], type[T]]:
    """Say that a dataclass is an Elixir struct: ``%Shop.Order{}``.

    ::

        @etf.struct("Elixir.Shop.Order")
        @dataclass(frozen=True)
        class Order:
            id: int
            note: str = ""

    Instances are then sent as that struct wherever a term can be, and ``etf.convert``
    makes them of it. A field with a default may be missing.

    Args:
        name: The module of the struct as the atom it is, with ``Elixir.``.
        extra: What to do about keys that are no fields: ``"error"``, or ``"ignore"``
            them, as for a newer version of the struct, or ``__meta__`` of Ecto. What
            was ignored is lost when the instance is sent back.

    Raises:
        ValueError: The name of a module without ``Elixir.``.
        TypeError: The class is no dataclass.
    """
    if name[:1].isupper() and not name.startswith("Elixir."):
        raise ValueError(f'the module {name} of Elixir is the atom "Elixir.{name}"')
    return _shaped(StructLayout(name), extra)


def record(tag: str) -> Callable[[type[T]], type[T]]:
    """Say that a dataclass is an Erlang record: ``-record(line, {sku, count}).``

    The fields have to be in the order of the record. In them ``None`` is the atom
    ``undefined``, as in a record whose field was never set; ``nil`` is read too. In a
    field for any atom or ``None`` an ``undefined`` is ``None``, whoever wrote it.
    """
    return _shaped(RecordLayout(tag), "error")


def mapped(
    *, keys: Literal["atom", "binary"] = "atom", extra: Extra = "error"
) -> Callable[[type[T]], type[T]]:
    """Say that a dataclass is a map: ``%{id: 1}``, or ``%{"id" => 1}``.

    In an annotation a dataclass of which nothing is said is a map with atoms as keys,
    too; only with this can it be sent as it is.
    """
    if keys not in ("atom", "binary"):
        raise ValueError(f'keys is "atom" or "binary", not {keys!r}')
    return _shaped(MapLayout(binary_keys=keys == "binary"), extra)


def keyword_list(*, extra: Extra = "error") -> Callable[[type[T]], type[T]]:
    """Say that a dataclass is a keyword list, as options are: ``[id: 1]``.

    Of two pairs with the same key the first counts, and a bare atom is true, as
    ``proplists`` has it.
    """
    return _shaped(KeywordLayout(), extra)


def _shaped(layout: Layout, extra: Extra) -> Callable[[type[T]], type[T]]:
    def decorate(cls: type[T]) -> type[T]:
        own_fields(cls)
        setattr(cls, ATTRIBUTE, Shape(cls, layout, extra))
        return cls

    return decorate
