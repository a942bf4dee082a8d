"""What programs call: terms to values and back, by annotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from .._errors import EncodeError
from .annotations import compiled
from .converter import NO_CONVERTERS, Converter, known
from .errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


@overload
def convert(
    term: Any, annotation: type[T], *, converters: Iterable[Converter] = ...
) -> T: ...
@overload
def convert(
    term: Any, annotation: Any, *, converters: Iterable[Converter] = ...
) -> Any: ...
def convert(
    term: Any, annotation: Any, *, converters: Iterable[Converter] = NO_CONVERTERS
) -> Any:
    """Make of a term the value that *annotation* names.

    ::

        order = etf.convert(term, Order)
        names = etf.convert(term, list[str])

    Takes numbers, text, atoms, identifiers, ``None``, ``Any``, ``Literal``, enums,
    lists, tuples, dicts, sets, unions, dataclasses, ``TypedDict``, ``NewType`` and
    ``Annotated``, classes with a method ``__from_etf__``, and those of
    ``etf.converters``. What is the value already, and not a term, is taken too.

    Args:
        term: What ``decode`` gave, or a message.
        annotation: A class, or any of the above.
        converters: For other classes, or to have known ones otherwise.

    Raises:
        MappingError: The term does not fit; it says where.
        TypeError: The annotation has no form in Erlang.
    """
    load = compiled(annotation, known(converters)).load
    try:
        return load(term)
    except (RecursionError, BytesWarning) as error:
        raise too_deep(term) from error


@overload
def loader(
    annotation: type[T], *, converters: Iterable[Converter] = ...
) -> Callable[[Any], T]: ...
@overload
def loader(
    annotation: Any, *, converters: Iterable[Converter] = ...
) -> Callable[[Any], Any]: ...
def loader(
    annotation: Any, *, converters: Iterable[Converter] = NO_CONVERTERS
) -> Callable[[Any], Any]:
    """Give the function that ``convert`` uses for *annotation*, to keep it.

    Looking it up for a class costs next to nothing, for ``list[Order]`` some
    microseconds.
    """
    load = compiled(annotation, known(converters)).load

    def checked(term: Any) -> Any:
        try:
            return load(term)
        except (RecursionError, BytesWarning) as error:
            raise too_deep(term) from error

    return checked


def too_deep(term: Any) -> MappingError:
    """Give the error of a term that Python cannot go through.

    That is one nested deeper than its recursion; and under ``python -bb``, which minds
    it, a binary in the place of an atom of the same name.
    """
    return MappingError("what is not so deep", term)


def as_term(
    value: Any, annotation: Any, *, converters: Iterable[Converter] = NO_CONVERTERS
) -> Any:
    """Give *value*, which *annotation* describes, in a form that ``encode`` takes.

    The other direction of ``convert``; needed where a class says nothing about itself:
    ``as_term([date.today()], list[date])``. Instances of declared classes stay what
    they are, as the encoder knows them.

    Raises:
        EncodeError: The value is not what the annotation says, as far as that matters.
        TypeError: The annotation has no form in Erlang.
    """
    dump = compiled(annotation, known(converters)).dump
    if dump is None:
        return value
    try:
        return dump(value)
    except RecursionError as error:
        raise EncodeError("nested too deep to convert") from error
