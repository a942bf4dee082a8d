"""What a GenServer with typed handlers has in the place of its callbacks.

Each callback becomes one that asks the table first, and goes on to the callback that
the class has by itself. A class without typed handlers is left as it is.
"""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING, Any, final

from etf import Atom, MappingError

from ...process.atoms import ERROR
from .handlers import FROM
from .table import Found, Table, has_handlers, tables_of

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("ergopy.gen")

BAD_REQUEST = Atom("bad_request")


@final
class Tables:
    """The tables of a class, made when it is, or when all that they name is there."""

    def __init__(self, cls: type) -> None:
        self._cls = cls
        self._tables: dict[str, Table] | None = None
        try:
            self._tables = tables_of(cls)
        except TypeError as error:
            # The annotations may name a class that comes later in the module.
            if not isinstance(error.__cause__, NameError):
                raise

    def find(self, kind: str, request: Any) -> Found | None:
        """Give the handler of a request, and its arguments; see ``Table.find``."""
        if self._tables is None:
            self._tables = tables_of(self._cls)
        return self._tables[kind].find(request)


def install(cls: Any) -> None:
    """Have the callbacks of *cls* ask its typed handlers first, if it has any."""
    if not has_handlers(cls):
        return
    tables = Tables(cls)
    cls.handle_call = _calls(tables, _own(cls, "handle_call"))
    cls.handle_cast = _others(tables, _own(cls, "handle_cast"), "cast", "a cast")
    cls.handle_info = _others(tables, _own(cls, "handle_info"), "info", "a message")


def _own(cls: Any, name: str) -> Callable[..., Any]:
    """Give the callback that the class, or its base, has written itself."""
    callback: Any = getattr(cls, name)
    return getattr(callback, "__ergopy_own__", callback)  # type: ignore[no-any-return]


def _calls(tables: Tables, own: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(own)
    async def handle_call(self: Any, request: Any, from_: Any) -> Any:
        try:
            found = tables.find("call", request)
        except MappingError as error:
            return (ERROR, (BAD_REQUEST, str(error).encode("utf-8", "replace")))
        if found is None:
            return await own(self, request, from_)
        handler, arguments = found
        method = getattr(self, handler.name)
        who = {FROM: from_} if handler.takes_from else {}
        result = await method(*arguments, **who)
        # To a process of this node the very object goes.
        return result if _is_here(self, from_) else handler.answer(result)

    return _marked(handle_call, own)


def _others(
    tables: Tables, own: Callable[..., Any], kind: str, what: str
) -> Callable[..., Any]:
    @wraps(own)
    async def handle(self: Any, message: Any) -> Any:
        try:
            found = tables.find(kind, message)
        except MappingError as error:
            logger.error("%s refused %s: %s", self.process.label, what, error)
            return None
        if found is None:
            return await own(self, message)
        handler, arguments = found
        return await getattr(self, handler.name)(*arguments)

    return _marked(handle, own)


def _marked(callback: Any, own: Callable[..., Any]) -> Callable[..., Any]:
    callback.__ergopy_own__ = own
    return callback  # type: ignore[no-any-return]


def _is_here(server: Any, from_: Any) -> bool:
    caller = from_[0] if from_.__class__ is tuple and from_ else None
    return bool(getattr(caller, "node", None) == server.process.pid.node)
