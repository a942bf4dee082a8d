"""``@on_call``, ``@on_cast`` and ``@on_info``: which methods serve requests.

They leave the method as it is, with its type.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, final, overload

if TYPE_CHECKING:
    from .handlers import Handler

F = TypeVar("F", bound=Callable[..., Any])

ATTRIBUTE: Final = "__ergopy_handler__"


@final
class Marker:
    """What a decorator says about a method."""

    __slots__ = ("handler", "kind", "tag")

    def __init__(self, kind: str, tag: str | None) -> None:
        self.kind = kind
        self.tag = tag
        self.handler: Handler | None = None
        """The method compiled, once a client has asked for it."""


@overload
def on_call(method: F) -> F: ...
@overload
def on_call(method: str) -> Callable[[F], F]: ...
def on_call(method: Any) -> Any:
    """Serve calls with this method of a :class:`GenServer`: a typed ``handle_call``.

    ::

        @ergopy.on_call
        async def add(self, sku: Atom, count: int = 1) -> int: ...

        @ergopy.on_call("place!")
        async def place(self, order: Order) -> Receipt: ...

    ``add`` serves ``{add, Sku, Count}``, and without what has a default ``{add, Sku}``.
    Each argument is converted by its annotation, as ``etf.convert`` does it; without
    one it is the term. A method without arguments serves the bare atom too.

    With a single argument that is a declared struct or record, the bare struct or
    record is served as well: ``GenServer.call(shop, %Order{})``; not so if the
    decorator was given a tag.

    What it returns is the reply, or ``NOREPLY`` and so on. A caller on another node
    gets it as its annotation says, where that makes a difference: ``-> list[date]``.
    An argument ``from_`` is no part of the request: it is who asked.

    A request that names the method and does not fit is answered with ``{error,
    {bad_request, <<"add.count: expected an integer, got x">>}}``.

    Raises:
        TypeError: The method is no ``async def``, or has an argument that cannot be in
            a request; when the class is made, an annotation that has no form in
            Erlang, or a request that two handlers would serve.
    """
    return _mark("call", method)


@overload
def on_cast(method: F) -> F: ...
@overload
def on_cast(method: str) -> Callable[[F], F]: ...
def on_cast(method: Any) -> Any:
    """Serve casts with this method, as ``on_call`` does calls.

    One that does not fit is logged, and dropped.
    """
    return _mark("cast", method)


@overload
def on_info(method: F) -> F: ...
@overload
def on_info(method: str) -> Callable[[F], F]: ...
def on_info(method: Any) -> Any:
    """Serve other messages with this method, as ``on_call`` does calls.

    A single argument that is a ``Down``, an ``ExitMessage`` or the like takes these. A
    message that does not fit is logged, and dropped.
    """
    return _mark("info", method)


def _mark(kind: str, method: Any) -> Any:
    if isinstance(method, str):
        return lambda inner: _marked(kind, inner, method)
    return _marked(kind, method, None)


def _marked(kind: str, method: Any, tag: str | None) -> Any:
    if not inspect.iscoroutinefunction(inspect.unwrap(method)):
        name = getattr(method, "__qualname__", method)
        raise TypeError(f"{name} has to be an 'async def'")
    setattr(method, ATTRIBUTE, Marker(kind, tag))
    return method


def marker_of(method: Any) -> Marker | None:
    """Give what was said about a method."""
    found = getattr(method, ATTRIBUTE, None)
    return found if isinstance(found, Marker) else None
