"""The caller's side of typed handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, final

from ...errors import BadRequest
from ...process.atoms import ERROR
from .dispatch import BAD_REQUEST
from .handlers import Handler
from .markers import marker_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = ParamSpec("P")
R = TypeVar("R")


@final
class Client:
    """Calls the typed handlers of one server, with their types.

    ::

        shop = ergopy.Client(self, "shop", timeout=2)
        receipt = await shop.call(Shop.place, order)

    The arguments leave, and the reply comes back, as the annotations say, so that both
    sides have Python's values wherever the server is. It may be a server in Erlang or
    Elixir too: describe it with a class, say a ``Protocol``, whose methods are marked
    with ``on_call`` and ``on_cast`` and do nothing.

    Args:
        via: Who asks: a process, a behaviour or a node.
        dest: The server, as for ``call``.
        timeout: Seconds to wait for a reply; None waits for ever.
    """

    __slots__ = ("_via", "dest", "timeout")

    def __init__(self, via: Any, dest: Any, *, timeout: float | None = 5.0) -> None:
        self._via = via
        self.dest = dest
        self.timeout = timeout

    def __repr__(self) -> str:
        return f"Client({self._via!r}, {self.dest!r})"

    async def call(
        self,
        method: Callable[Concatenate[Any, P], Awaitable[R]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Call the handler *method* of the server, and return its reply.

        Cancelling it is as for ``call``: a late reply is dropped.

        Raises:
            BadRequest: The server says that the request does not fit.
            MappingError: The reply is not what the annotation says.
            EncodeError: An argument is not what its annotation says; nothing was sent.
            CallError: There was no answer.
        """
        handler = _handler(method, "call")
        request = handler.request(args, kwargs)
        reply = await self._via.call(self.dest, request, self.timeout)
        match reply:
            case (tag, (reason, text)) if tag is ERROR and reason is BAD_REQUEST:
                raise BadRequest(self.dest, _text(text))
        result: R = handler.reply(reply)
        return result

    async def cast(
        self,
        method: Callable[Concatenate[Any, P], Awaitable[Any]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Cast to the handler *method* of the server; nobody says how it went.

        Raises:
            EncodeError: An argument is not what its annotation says.
        """
        request = _handler(method, "cast").request(args, kwargs)
        await self._via.cast(self.dest, request)


def _handler(method: Any, kind: str) -> Handler:
    """Give the handler of a method; it is compiled once."""
    marker = marker_of(method)
    if marker is None or marker.kind != kind:
        name = getattr(method, "__qualname__", method)
        raise TypeError(f"{name} was not marked with @on_{kind}")
    if marker.handler is None:
        marker.handler = Handler(method, marker)
    return marker.handler


def _text(term: Any) -> str:
    return term.decode("utf-8", "replace") if isinstance(term, bytes) else str(term)
