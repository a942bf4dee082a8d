"""The typed handlers of a class, and which of them a request is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from etf import MappingError
from etf.mapping.unions import mark_of

from .handlers import Handler
from .markers import marker_of

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS: Final = ("call", "cast", "info")

Found: TypeAlias = tuple[Handler, list[Any]]


@final
class Table:
    """The handlers of one kind: calls, casts or other messages."""

    def __init__(self) -> None:
        self._tagged: dict[tuple[str, int], Handler] = {}
        self._arities: dict[str, set[int]] = {}
        self._bare: dict[Any, Handler] = {}
        self._messages: dict[type, Handler] = {}

    def add(self, handler: Handler) -> None:
        """Add a handler.

        Raises:
            TypeError: Another one serves the same request.
        """
        for cls in handler.messages:
            _put(self._messages, cls, handler, cls.__name__)
        if handler.messages:
            return
        for count in range(handler.required, len(handler.names) + 1):
            _put(self._tagged, (str(handler.tag), count), handler, handler.tag)
            self._arities.setdefault(str(handler.tag), set()).add(count)
        for mark in handler.bare:
            what = mark.__name__ if isinstance(mark, type) else mark[1]
            _put(self._bare, mark, handler, what)

    def find(self, request: Any) -> Found | None:
        """Give the handler of a request, and its arguments; None if nobody is meant.

        Raises:
            MappingError: Somebody is meant, and the request does not fit.
        """
        kind = request.__class__
        if kind is tuple and request:
            tag, parts = request[0], request[1:]
        else:
            tag, parts = request, ()
        if isinstance(tag, str):
            handler = self._tagged.get((tag, len(parts)))
            if handler is not None:
                return handler, handler.load(parts)
        if kind in self._messages:
            return self._messages[kind], [request]
        if self._bare:
            handler = self._bare.get(kind) or self._bare.get(mark_of(request))
            if handler is not None:
                return handler, handler.load_bare(request)
        if isinstance(tag, str) and tag in self._arities:
            raise MappingError(_counts(self._arities[tag]), len(parts), str(tag))
        return None


def _put(table: dict[Any, Handler], key: Any, handler: Handler, what: str) -> None:
    other = table.setdefault(key, handler)
    if other is not handler:
        raise TypeError(
            f"{other.name} and {handler.name} would both serve {what}; "
            f'give one of them a tag: @on_{handler.kind}("name")'
        )


def _counts(arities: set[int]) -> str:
    counts = " or ".join(map(str, sorted(arities)))
    return f"{counts} argument{'' if arities == {1} else 's'}"


def handlers_of(cls: type) -> Iterator[Handler]:
    """Yield the handlers of a class and its bases, each name once.

    A method that overrides a handler is one too, with the types of that.
    """
    seen: set[str] = set()
    for base in cls.__mro__:
        for name, method in vars(base).items():
            marker = marker_of(method)
            if marker is not None and name not in seen:
                seen.add(name)
                yield Handler(method, marker, name)


def tables_of(cls: type) -> dict[str, Table]:
    """Make the tables of a class: for calls, casts and other messages.

    Raises:
        TypeError: See :func:`ergopy.on_call`; or a name that is not there yet.
    """
    tables = {kind: Table() for kind in KINDS}
    for handler in handlers_of(cls):
        tables[handler.kind].add(handler)
    return tables


def has_handlers(cls: type) -> bool:
    """Tell if a class has a typed handler."""
    return any(
        marker_of(method) is not None
        for base in cls.__mro__
        for method in vars(base).values()
    )
