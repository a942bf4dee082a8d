"""The decoder's part: instances of declared classes instead of maps and tuples.

The decoders give every map and tuple that they have read to ``Reviver``, inside out, if
their options have classes. What names one of them and fits becomes an instance,
anything else stays what it is: a peer may send any term, and that is no error of the
codec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

from .annotations import Compiler, compiled
from .converter import NO_CONVERTERS, Converters
from .errors import MappingError
from .layouts import STRUCT, RecordLayout, StructLayout
from .shape import shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .codec import Load

_FITS_NOT: Final = (MappingError, RecursionError, BytesWarning)


@final
class Reviver:
    """The classes that the decoder makes by itself.

    Args:
        structs: Classes declared with ``@struct``.
        records: Classes declared with ``@record``.
        converters: Those for structs are used; and all of them for the fields of the
            classes.
    """

    __slots__ = ("_converters", "_loads", "_records", "_structs")

    def __init__(
        self,
        structs: Iterable[type] = (),
        records: Iterable[type] = (),
        converters: Converters = NO_CONVERTERS,
    ) -> None:
        self._structs = tuple(structs)
        self._records = tuple(records)
        self._converters = converters
        for cls in self._structs:
            _check(cls, StructLayout, "structs")
        for cls in self._records:
            _check(cls, RecordLayout, "records")
        self._loads: dict[Any, Load] | None = None

    def __bool__(self) -> bool:
        return bool(self._structs or self._records or self._converters.by_struct)

    def __reduce__(self) -> tuple[Any, ...]:
        return Reviver, (self._structs, self._records, self._converters)

    @property
    def has_records(self) -> bool:
        """Whether tuples have to be looked at."""
        return bool(self._records)

    def of_map(self, term: Mapping[Any, Any], frozen: bool) -> Any:
        """Give what a map stands for; something that hashes if it is in a key."""
        try:
            name = term.get(STRUCT)
        except BytesWarning:
            return term
        if not isinstance(name, str):
            return term
        return self._revived(("struct", name), term, frozen)

    def of_tuple(self, term: tuple[Any, ...], frozen: bool) -> Any:
        """Give what a tuple stands for."""
        if not term or not isinstance(term[0], str):
            return term
        return self._revived(("record", term[0], len(term)), term, frozen)

    def _revived(self, mark: tuple[Any, ...], term: Any, frozen: bool) -> Any:
        loads = self._loads
        if loads is None:
            loads = self._loads = self._compiled()
        load = loads.get(mark)
        if load is None:
            return term
        try:
            made = load(term)
            if frozen:
                hash(made)
        except _FITS_NOT:
            return term
        except TypeError:
            return term
        return made

    def _compiled(self) -> dict[Any, Load]:
        loads: dict[Any, Load] = {
            ("struct", name): compiled(converter.type, self._converters).load
            for name, converter in self._converters.by_struct.items()
        }
        # Inside out: a part that is no instance by now did not fit, and is not tried
        # again and again for everything around it.
        made = frozenset({*self._structs, *self._records})
        for cls in made:
            codec = Compiler(self._converters, made).compile(cls)
            loads.update(dict.fromkeys(codec.marks, codec.load))
        return loads


def _check(cls: Any, layout: type, option: str) -> None:
    shape = shape_of(cls) if isinstance(cls, type) else None
    if shape is None or not isinstance(shape.layout, layout):
        kind = option.removesuffix("s")
        raise ValueError(f"{option}: {cls!r} was not declared with @{kind}")
