"""What a program says about its own types, and about the names of fields."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Final, final

from .._errors import EncodeError
from .._types import Atom
from .codec import MAPS, Codec
from .errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@final
@dataclass(frozen=True, slots=True)
class Converter:
    """How values of one class become terms, and terms such values.

    It works for exactly that class, where it is asked for: in the options of the codec
    (``converters=``), or in an annotation, ``Annotated[Money, Converter(...)]``.
    """

    type: type
    """The class."""

    _: KW_ONLY

    encode: Callable[[Any], Any] | None = None
    """Gives the term of a value; None if values of this class are never sent."""

    decode: Callable[[Any], Any] | None = None
    """Gives the value of a term; whatever it raises means that the term does not fit.
    None if they never arrive."""

    structs: tuple[str, ...] = ()
    """The structs that are decoded so if nothing else says what they are:
    ``("Elixir.Date",)``."""

    expected: str = ""
    """What ``decode`` takes, in words."""

    def __post_init__(self) -> None:
        if not isinstance(self.type, type):
            raise ValueError(f"type must be a class, not {self.type!r}")
        for name in ("encode", "decode"):
            function = getattr(self, name)
            if function is not None and not callable(function):
                raise ValueError(f"{name} must be callable, not {function!r}")


@final
class Converters:
    """Some converters, at most one for a class; later ones replace earlier ones."""

    __slots__ = ("_items", "by_struct", "by_type")

    def __init__(self, converters: Iterable[Converter] = ()) -> None:
        self.by_type: dict[type, Converter] = {}
        for item in converters:
            if not isinstance(item, Converter):
                raise ValueError(f"converters must be of Converter, not {item!r}")
            self.by_type[item.type] = item
        self._items = tuple(self.by_type.values())
        self.by_struct: dict[str, Converter] = {
            name: item for item in self._items for name in item.structs
        }

    def __iter__(self) -> Iterator[Converter]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return type(other) is Converters and self._items == other._items

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return f"Converters({list(self._items)!r})"


@final
@dataclass(frozen=True, slots=True)
class Key:
    """Gives a field another name in the term: ``Annotated[str, Key("from")]``."""

    name: str


NO_CONVERTERS: Final = Converters()


def known(converters: Iterable[Converter]) -> Converters:
    """Give them as one object."""
    if isinstance(converters, Converters):
        return converters
    return Converters(converters)


def converted(converter: Converter, *, quiet: bool = False) -> Codec:
    """Make the codec of a class that has a converter."""
    cls, encode, decode = converter.type, converter.encode, converter.decode
    expected = converter.expected or f"what becomes {cls.__name__}"

    def load(term: Any) -> Any:
        if term.__class__ is cls:
            return term
        if decode is not None:
            try:
                return decode(term)
            except MappingError:
                raise
            except Exception as error:
                raise MappingError(expected, term) from error
        raise MappingError(expected, term)

    def dump(value: Any) -> Any:
        if not isinstance(value, cls) or encode is None:
            raise EncodeError(f"{type(value).__name__} where {cls.__name__} has to be")
        return encode(value)

    return Codec(
        load,
        expected,
        dump,
        exact=frozenset({cls}),
        takes=MAPS if converter.structs else None,
        values=(cls,),
        marks=frozenset(("struct", Atom(name)) for name in converter.structs),
        quiet=quiet,
    )
