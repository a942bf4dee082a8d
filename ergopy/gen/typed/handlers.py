"""One typed handler: its requests, and the codecs of what is in them."""

from __future__ import annotations

import inspect
import types
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Final, Union, final, get_args, get_origin

import etf
from etf.mapping.annotations import compiled, hints_of_method
from etf.mapping.errors import MappingError
from etf.mapping.shape import shape_of
from etf.mapping.verbs import too_deep

from ...process.messages import SystemMessage
from ..returns import Control, Reply, Stop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etf.mapping.codec import Codec

    from .markers import Marker

FROM: Final = "from_"
_POSITIONAL: Final = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
)


@final
class Handler:
    """A method that serves requests.

    Args:
        method: The function, as the class has it.
        marker: What its decorator said.
        name: The attribute that it is; None for its own name.

    Raises:
        TypeError: See :func:`ergopy.on_call`.
    """

    def __init__(self, method: Any, marker: Marker, name: str | None = None) -> None:
        self.name: str = name or method.__name__
        self.kind = marker.kind
        self.tag = etf.Atom(marker.tag or method.__name__)
        self.signature, self.takes_from = self._signature(method)
        self.names = tuple(self.signature.parameters)
        self.required = sum(
            item.default is item.empty for item in self.signature.parameters.values()
        )
        """How many arguments have to be in a request."""
        hints = hints_of_method(inspect.unwrap(method), but=FROM)
        single = hints.get(self.names[0]) if len(self.names) == 1 else None
        alone = () if marker.tag else _members(single)
        self.messages = tuple(cls for cls in alone if _is_message(cls))
        """The messages of the system that it serves, by class."""
        self.bare = frozenset(mark for cls in alone for mark in _bare(cls))
        """The classes, and what begins the terms, that need no tag."""
        self._codecs = [
            None if self.messages else _codec(hints.get(name, Any))
            for name in self.names
        ]
        self._returned = _codec(_reply_of(hints.get("return", Any)))

    def _signature(self, method: Any) -> tuple[inspect.Signature, bool]:
        """Give what may be in a request, and tell if the method wants who asked."""
        signature = inspect.signature(method)
        parameters = list(signature.parameters.values())[1:]
        wanted = [item for item in parameters if item.name != FROM]
        takes_from = len(wanted) < len(parameters)
        if takes_from and self.kind != "call":
            raise TypeError(f"{self.name}: only a call has {FROM}")
        for item in wanted:
            if item.kind not in _POSITIONAL:
                raise TypeError(f"{self.name}: {item.name} cannot be in a request")
        return signature.replace(parameters=wanted), takes_from

    def load(self, parts: Sequence[Any]) -> list[Any]:
        """Give the arguments for the method.

        Raises:
            MappingError: One does not fit; its path begins with the tag.
        """
        arguments: list[Any] = []
        for codec, part in zip(self._codecs, parts, strict=False):
            name = self.names[len(arguments)]
            arguments.append(self._loaded(codec, part, f"{self.tag}.{name}"))
        return arguments

    def load_bare(self, term: Any) -> list[Any]:
        """Give the only argument, which is the whole request."""
        return [self._loaded(self._codecs[0], term, self.tag)]

    def _loaded(self, codec: Codec | None, term: Any, where: str) -> Any:
        if codec is None:
            return term
        try:
            return codec.load(term)
        except MappingError as error:
            error.under(where)
            raise
        except (RecursionError, BytesWarning) as error:
            raise too_deep(term).under(where) from error

    def answer(self, result: Any) -> Any:
        """Give what the method returned in the form that its annotation says.

        Raises:
            EncodeError: It is not what the annotation says.
        """
        dump = None if self._returned is None else self._returned.dump
        if dump is None:
            return result
        if isinstance(result, Reply):
            value = dump(result.value)
            return Reply(value, timeout=result.timeout, then=result.then)
        if isinstance(result, Stop) and result.has_reply:
            return Stop(result.reason, reply=dump(result.reply))
        return result if isinstance(result, Control) else dump(result)

    def request(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Make the request that calls the method so.

        Raises:
            TypeError: The method does not take these arguments.
            EncodeError: One is not what its annotation says.
        """
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        parts = [
            value if codec is None or codec.dump is None else codec.dump(value)
            for codec, value in zip(self._codecs, bound.arguments.values(), strict=True)
        ]
        return (self.tag, *parts) if parts else self.tag

    def reply(self, term: Any) -> Any:
        """Give what a reply is for who called.

        Raises:
            MappingError: It is not what the annotation says.
        """
        return term if self._returned is None else self._returned.load(term)


def _codec(annotation: Any) -> Codec | None:
    return None if annotation is Any else compiled(annotation)


def _is_message(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, SystemMessage)


def _bare(cls: Any) -> frozenset[Any]:
    """Give what a request of this class begins with, if it says what it is."""
    if not isinstance(cls, type) or shape_of(cls) is None:
        return frozenset()
    marks = compiled(cls).marks
    return marks | {cls} if marks else marks


def _reply_of(annotation: Any) -> Any:
    """Give the annotation of the reply, without what only steers the server."""
    members = [
        member
        for member in _members(annotation)
        if not (isinstance(member, type) and issubclass(member, Control))
    ]
    return reduce(or_, members) if members else Any


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)
