"""How the fields of a class lie in a term: struct, record, map or keyword list.

``take`` gives the fields of a term by key, or raises ``MappingError``; ``put`` makes a
term of values, which are in the order of the keys.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .._types import Atom
from .codec import LISTS, MAPS, is_map
from .errors import MappingError
from .keywords import keyword_dict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STRUCT: Final = Atom("__struct__")
UNDEFINED: Final = Atom("undefined")


class Layout(ABC):
    """See the module."""

    expected: str
    takes: frozenset[Any]
    overhead: ClassVar[int] = 0
    """How many more parts than fields the result of ``take`` has."""
    none: tuple[Atom, ...] = ()
    """What is sent for None in a field; empty for what the encoder's options say."""

    def key(self, name: str) -> Any:
        """Give the key of a field of this name."""
        return Atom(name)

    def marks(self, size: int) -> frozenset[tuple[Any, ...]]:
        """Give what terms with so many fields begin with, if that is special."""
        return frozenset()

    @abstractmethod
    def take(self, term: Any, keys: Sequence[Any]) -> Mapping[Any, Any]: ...

    @abstractmethod
    def put(self, keys: Sequence[Any], values: Sequence[Any]) -> Any: ...


class StructLayout(Layout):
    """``%Name{}``: a map with atoms as keys, one of which is ``__struct__``."""

    overhead = 1
    takes: frozenset[Any] = MAPS

    def __init__(self, name: str) -> None:
        self.name = Atom(name)
        self.expected = f"%{name.removeprefix('Elixir.')}{{}}"

    def marks(self, size: int) -> frozenset[tuple[Any, ...]]:
        return frozenset({("struct", self.name)})

    def take(self, term: Any, keys: Sequence[Any]) -> Mapping[Any, Any]:
        if term.__class__ in MAPS and term.get(STRUCT) == self.name:
            return term  # type: ignore[no-any-return]
        raise MappingError(self.expected, term)

    def put(self, keys: Sequence[Any], values: Sequence[Any]) -> Any:
        made = dict(zip(keys, values, strict=True))
        made[STRUCT] = self.name
        return made


class RecordLayout(Layout):
    """``#tag{}``: a tuple of the tag and the fields, in the order of the class."""

    takes: frozenset[Any] = frozenset({tuple})
    none: tuple[Atom, ...] = (UNDEFINED,)

    def __init__(self, tag: str) -> None:
        self.tag = Atom(tag)
        self.expected = f"#{tag}{{}}"

    def marks(self, size: int) -> frozenset[tuple[Any, ...]]:
        return frozenset({("record", self.tag, size + 1)})

    def take(self, term: Any, keys: Sequence[Any]) -> Mapping[Any, Any]:
        if (
            term.__class__ is tuple
            and len(term) == len(keys) + 1
            and isinstance(term[0], str)
            and term[0] == self.tag
        ):
            return dict(zip(keys, term[1:], strict=True))
        raise MappingError(self.expected, term)

    def put(self, keys: Sequence[Any], values: Sequence[Any]) -> Any:
        return (self.tag, *values)


class MapLayout(Layout):
    """``%{id: 1}``: a map with atoms as keys, or with binaries: ``%{"id" => 1}``."""

    takes: frozenset[Any] = MAPS
    expected = "a map"

    def __init__(self, *, binary_keys: bool = False) -> None:
        self._binary_keys = binary_keys

    def key(self, name: str) -> Any:
        return name.encode() if self._binary_keys else Atom(name)

    def take(self, term: Any, keys: Sequence[Any]) -> Mapping[Any, Any]:
        if not is_map(term):
            raise MappingError(self.expected, term)
        if not self._binary_keys:
            return term  # type: ignore[no-any-return]
        # Text is a binary too: from a process of this node, or decoded so.
        return {
            key.encode() if key.__class__ is str else key: value
            for key, value in term.items()
        }

    def put(self, keys: Sequence[Any], values: Sequence[Any]) -> Any:
        return dict(zip(keys, values, strict=True))


class KeywordLayout(Layout):
    """``[id: 1]``: a list of pairs; of equal keys the first counts, as in Elixir."""

    takes: frozenset[Any] = LISTS
    expected = "a keyword list"

    def take(self, term: Any, keys: Sequence[Any]) -> Mapping[Any, Any]:
        return keyword_dict(term)

    def put(self, keys: Sequence[Any], values: Sequence[Any]) -> Any:
        return list(zip(keys, values, strict=True))
