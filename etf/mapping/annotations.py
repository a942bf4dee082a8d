"""From an annotation to its codec; each is compiled once.

Whatever an annotation is made of, it is compiled when it is first used, so that an
annotation that cannot be is a ``TypeError`` there and not a surprise in some message.
"""

from __future__ import annotations

import types
import typing
from collections import abc
from dataclasses import is_dataclass
from enum import Enum
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from . import constants
from .classes import ClassCodec, Part, is_required, own_fields
from .codec import ANYTHING, Codec, exactly
from .containers import dict_of, list_of, tuple_of, tuple_of_any
from .converter import NO_CONVERTERS, Converter, Converters, Key, converted
from .hooks import has_hooks, hooked
from .layouts import MapLayout
from .scalars import SCALARS, none
from .sets import set_of
from .shape import shape_of
from .typed_dicts import typed_dict
from .unions import union

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_KEPT: Final = 1024
"""Annotations of which the codec is kept, for each set of converters."""

_NONE: Final = none()
_LISTS: Final = (list, abc.Sequence, abc.MutableSequence, abc.Collection, abc.Iterable)
_DICTS: Final = (dict, abc.Mapping, abc.MutableMapping)
_SETS: Final[dict[Any, type]] = {
    set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
    abc.Set: frozenset,
}


def compiled(annotation: Any, converters: Converters = NO_CONVERTERS) -> Codec:
    """Give the codec of *annotation*.

    Raises:
        TypeError: There is something in it that has no form in Erlang.
    """
    kept = _kept.get(converters)
    if kept is None:
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        kept = _kept.setdefault(converters, {})
    # ``int | str`` equals ``str | int``, but not in which one is tried first.
    key = annotation if type(annotation) is type else (annotation, repr(annotation))
    try:
        codec = kept.get(key)
    except TypeError:
        return Compiler(converters).compile(annotation)
    if codec is None:
        codec = Compiler(converters).compile(annotation)
        if len(kept) >= MAX_KEPT:
            kept.clear()
        kept[key] = codec
    return codec


_kept: Final[dict[Converters, dict[Any, Codec]]] = {}


def compiled_class(cls: type) -> ClassCodec:
    """Give the codec of a dataclass."""
    codec = compiled(cls)
    assert isinstance(codec, ClassCodec)
    return codec


class Compiler:
    """Compiles one annotation, and all classes that it leads to.

    Args:
        converters: They go before what is known of a class.
        made: Classes of which only instances are taken, wherever they are inside of
            what is compiled: somebody else has made them, if that was possible.
    """

    def __init__(
        self, converters: Converters, made: frozenset[type] = frozenset()
    ) -> None:
        self._converters = converters
        self._made = made
        self._classes: dict[Any, ClassCodec] = {}
        self._none = _NONE

    def compile(self, annotation: Any) -> Codec:
        """Give the codec of *annotation*."""
        origin = get_origin(annotation)
        if origin is not None:
            return self._generic(annotation, origin, get_args(annotation))
        if annotation is Any or annotation is object:
            return ANYTHING
        if annotation is None or annotation is type(None):
            return self._none
        if isinstance(annotation, TypeVar):
            return self.compile(annotation.__bound__ or Any)
        for alias in ("__supertype__", "__value__"):
            # NewType, and ``type X = ...``.
            if not isinstance(annotation, type) and hasattr(annotation, alias):
                return self.compile(getattr(annotation, alias))
        if isinstance(annotation, type):
            return self._class(annotation)
        raise _unknown(annotation)

    def _generic(self, annotation: Any, origin: Any, args: Sequence[Any]) -> Codec:
        if origin is Annotated:
            return self._annotated(args[0], args[1:])
        if origin is Union or origin is types.UnionType:
            return union([self.compile(arg) for arg in args])
        if origin is Literal:
            return constants.literal(args)
        if origin in _LISTS:
            return list_of(self.compile(args[0]))
        if origin in _DICTS:
            return dict_of(self.compile(args[0]), self.compile(args[1]))
        if origin in _SETS:
            return set_of(_SETS[origin], self.compile(args[0]))
        if origin is tuple:
            if len(args) == 2 and args[1] is Ellipsis:
                return tuple_of_any(self.compile(args[0]))
            return tuple_of([self.compile(arg) for arg in args])
        if origin in (typing.Final, typing.Required, typing.NotRequired):
            return self.compile(args[0])
        if is_dataclass(origin):
            return self._dataclass(annotation, origin, args)
        raise _unknown(annotation)

    def _annotated(self, annotation: Any, about: Sequence[Any]) -> Codec:
        for item in about:
            if isinstance(item, Converter):
                return converted(item)
        return self.compile(annotation)

    def _class(self, cls: Any) -> Codec:
        converter = self._converters.by_type.get(cls)
        if converter is not None:
            return converted(converter)
        scalar = SCALARS.get(cls)
        if scalar is not None:
            return scalar
        if cls is tuple:
            return tuple_of_any(ANYTHING)
        if cls in _LISTS:
            return list_of(ANYTHING)
        if cls in _DICTS:
            return dict_of(ANYTHING, ANYTHING)
        if cls in _SETS:
            return set_of(_SETS[cls], ANYTHING)
        if issubclass(cls, Enum):
            return constants.enum(cls)
        if typing.is_typeddict(cls):
            return typed_dict(cls, self.compile)
        if shape_of(cls) is None and has_hooks(cls):
            return hooked(cls)
        if is_dataclass(cls):
            return self._dataclass(cls, cls, ())
        return self._standard(cls)

    def _standard(self, cls: type) -> Codec:
        from ..converters import ALL

        converter = ALL.by_type.get(cls)
        if converter is None:
            raise _unknown(cls)
        return converted(converter, quiet=True)

    def _dataclass(self, annotation: Any, cls: Any, args: Sequence[Any]) -> Codec:
        if cls in self._made and self._classes:
            return exactly(cls, f"what became {cls.__name__}")
        known = self._classes.get(annotation)
        if known is not None:
            return known
        shape = shape_of(cls)
        layout = MapLayout() if shape is None else shape.layout
        ignore = shape is not None and shape.ignore
        codec = ClassCodec(cls, layout, ignore, declared=shape is not None)
        self._classes[annotation] = codec
        none_before = self._none
        self._none = none(*layout.none) if layout.none else _NONE
        try:
            hints = hints_of(cls)
            resolve = _resolver(cls, args)
            codec.complete(
                [
                    Part(
                        field.name,
                        layout.key(_key_of(hints[field.name], field.name)),
                        self.compile(resolve(hints[field.name])),
                        is_required(field),
                    )
                    for field in own_fields(cls)
                ]
            )
        finally:
            self._none = none_before
        return codec


def hints_of(thing: Any) -> dict[str, Any]:
    """Give the annotations of a class or function, as what they mean.

    Raises:
        TypeError: One names what is not there.
    """
    try:
        return typing.get_type_hints(thing, include_extras=True)
    except NameError as error:
        name = getattr(thing, "__qualname__", thing)
        raise TypeError(f"an annotation of {name}: {error}") from error


def hints_of_method(method: Any, *, but: str) -> dict[str, Any]:
    """Give those of a method without that of the argument *but*; it may mean nothing.

    Raises:
        TypeError: One names what is not there.
    """
    wanted = {
        name: hint for name, hint in method.__annotations__.items() if name != but
    }
    try:
        return typing.get_type_hints(
            types.SimpleNamespace(__annotations__=wanted),
            globalns=getattr(method, "__globals__", {}),
            include_extras=True,
        )
    except NameError as error:
        raise TypeError(f"an annotation of {method.__qualname__}: {error}") from error


def _key_of(annotation: Any, name: str) -> str:
    """Give the name of a field in the term."""
    if get_origin(annotation) is Annotated:
        for item in get_args(annotation)[1:]:
            if isinstance(item, Key):
                return item.name
    return name


def _resolver(cls: type, args: Sequence[Any]) -> Callable[[Any], Any]:
    """Make what puts *args* in the place of the type variables of a generic class."""
    variables = dict(zip(getattr(cls, "__parameters__", ()), args, strict=False))

    def resolve(annotation: Any) -> Any:
        if isinstance(annotation, TypeVar):
            return variables.get(annotation, annotation)
        inside = getattr(annotation, "__parameters__", ())
        if not variables or not inside or isinstance(annotation, type):
            return annotation
        return annotation[tuple(variables.get(item, Any) for item in inside)]

    return resolve


def _unknown(annotation: Any) -> TypeError:
    name = getattr(annotation, "__qualname__", None) or repr(annotation)
    return TypeError(f"the annotation {name} has no form in Erlang")
