"""Dataclasses: their fields, and the codec that is compiled of them once."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, final

from .._errors import EncodeError, step
from .codec import Codec
from .containers import dumped
from .errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .layouts import Layout

MAX_REASON: Final = 200
"""Characters of what the checks of a class say."""

_ABSENT: Final = object()


@final
class Part:
    """One field of a class."""

    __slots__ = ("codec", "key", "name", "required")

    def __init__(self, name: str, key: Any, codec: Codec, required: bool) -> None:
        self.name = name
        self.key = key
        self.codec = codec
        self.required = required


def own_fields(cls: type) -> list[Field[Any]]:
    """Give the fields that are in the term: those that ``__init__`` takes."""
    if not is_dataclass(cls):
        raise TypeError(f"{cls.__qualname__} is no dataclass")
    return [field for field in fields(cls) if field.init]


def is_required(field: Field[Any]) -> bool:
    """Tell if a value of this field has to come."""
    return field.default is MISSING and field.default_factory is MISSING


class ClassCodec(Codec):
    """The codec of a dataclass.

    It exists before those of its fields do, as these may be of the same class.

    Args:
        cls: The class.
        layout: How its fields lie in a term.
        ignore: Whether keys that are no fields are passed over.
        declared: Whether the encoder knows the class by itself.
    """

    def __init__(self, cls: type, layout: Layout, ignore: bool, declared: bool) -> None:
        super().__init__(self._load, layout.expected)
        self._cls = cls
        self._layout = layout
        self._ignore = ignore
        self.exact = frozenset({cls})
        self.takes = layout.takes
        if not declared:
            self.dump = self.put
            self.values = (cls,)

    def complete(self, parts: Sequence[Part]) -> None:
        """Set the fields."""
        self._keys = tuple(part.key for part in parts)
        self.marks = self._layout.marks(len(parts))
        needed = frozenset(part.key for part in parts if part.required)
        self.keys = (needed, None if self._ignore else frozenset(self._keys))
        self._plan = tuple(
            (part.key, part.name, part.codec.plain, part.codec.load, part)
            for part in parts
        )
        self._values = _getter([part.name for part in parts])
        dumps = [
            (index, part.codec.dump, part.key)
            for index, part in enumerate(parts)
            if part.codec.dump is not None
        ]
        self._dumps = tuple(dumps)
        self.quiet = _reads_plainly(self._cls, parts)

    def _load(self, term: Any) -> Any:
        if term.__class__ is self._cls:
            return term
        taken = self._layout.take(term, self._keys)
        values: dict[str, Any] = {}
        for key, name, plain, load, part in self._plan:
            value = taken.get(key, _ABSENT)
            if value.__class__ is plain:
                values[name] = value
            elif value is not _ABSENT:
                try:
                    values[name] = load(value)
                except MappingError as error:
                    error.under(_step(key))
                    raise
            elif part.required:
                raise MappingError(part.codec.expected).under(_step(key))
        if not self._ignore and len(taken) > len(values) + self._layout.overhead:
            self._refuse_more(taken)
        try:
            return self._cls(**values)
        except Exception as error:
            # Whatever its own checks raise; their text may quote what came.
            why = str(error)[:MAX_REASON]
            problem = f"{self.expected} that {self._cls.__name__} takes ({why})"
            raise MappingError(problem, term) from error

    def _refuse_more(self, taken: Any) -> None:
        for key in taken:
            if key not in self._keys and key != "__struct__":
                raise MappingError("nothing", taken[key]).under(_step(key))

    def put(self, value: Any) -> Any:
        """Give the term of an instance; its parts may be instances themselves."""
        if value.__class__ is not self._cls:
            raise EncodeError(
                f"{type(value).__name__} where {self._cls.__name__} has to be"
            )
        try:
            values = self._values(value)
        except AttributeError as error:
            raise EncodeError(f"{self._cls.__name__}: {error}") from error
        if self._dumps:
            values = list(values)
            for index, dump, key in self._dumps:
                values[index] = dumped(dump, values[index], key)
        return self._layout.put(self._keys, values)


def _step(key: Any) -> str:
    """One step of ``MappingError.path``."""
    if key.__class__ is bytes:
        key = key.decode("utf-8", "replace")
    return str(key) if isinstance(key, str) and key.isidentifier() else step(key)


def _getter(names: Sequence[str]) -> Callable[[Any], Sequence[Any]]:
    """Make the function that gives the fields of an instance."""
    if not names:
        return lambda value: ()
    get = attrgetter(*names)
    if len(names) == 1:
        return lambda value: (get(value),)
    return get


def _reads_plainly(cls: type, parts: Sequence[Part]) -> bool:
    """Tell if to dump an instance runs nobody's code."""
    plain: Any = object.__getattribute__
    if cls.__getattribute__ is not plain or hasattr(cls, "__getattr__"):
        return False
    for part in parts:
        found = getattr(cls, part.name, None)
        slot = type(found).__name__ == "member_descriptor"
        if hasattr(type(found), "__get__") and not slot:
            return False
    return all(part.codec.quiet for part in parts)
