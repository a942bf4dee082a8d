"""Lists, tuples and maps, with the codecs of what is in them.

Each ``load`` makes a new container; a part that does not fit says where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .._containers import FrozenList
from .._errors import EncodeError, step
from .codec import LISTS, MAPS, Codec, Dump, as_key, is_map, items_of
from .errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TUPLE: Final = frozenset({tuple})


def list_of(item: Codec) -> Codec:
    """Make the codec of ``list[item]``."""
    dump_item = item.dump

    def load(term: Any) -> list[Any]:
        items = items_of(term)
        if items is None:
            raise MappingError("a list", term)
        return load_all(items, item)

    def dump(value: Any) -> Any:
        assert dump_item is not None
        if value.__class__ not in LISTS and not isinstance(value, list):
            return value
        return dump_all(value, dump_item)

    return Codec(
        load,
        "a list",
        dump if dump_item else None,
        exact=frozenset({list}),
        takes=LISTS,
        values=(list, FrozenList) if dump_item else (),
        quiet=item.quiet,
    )


def tuple_of(items: Sequence[Codec]) -> Codec:
    """Make the codec of ``tuple[items]``."""
    codecs = tuple(items)
    size = len(codecs)
    expected = f"a tuple of {size}"

    def load(term: Any) -> tuple[Any, ...]:
        if term.__class__ is not tuple or len(term) != size:
            raise MappingError(expected, term)
        parts: list[Any] = []
        try:
            for codec, part in zip(codecs, term, strict=True):
                parts.append(codec.load(part))
        except MappingError as error:
            error.under(f"[{len(parts)}]")
            raise
        return tuple(parts)

    def dump(value: Any) -> Any:
        if value.__class__ is not tuple or len(value) != size:
            return value
        return tuple(
            [
                part if codec.dump is None else dumped(codec.dump, part, index)
                for index, (codec, part) in enumerate(zip(codecs, value, strict=True))
            ]
        )

    return _tuple_codec(load, expected, dump, codecs)


def tuple_of_any(item: Codec) -> Codec:
    """Make the codec of ``tuple[item, ...]``."""
    dump_item = item.dump

    def load(term: Any) -> tuple[Any, ...]:
        if term.__class__ is not tuple:
            raise MappingError("a tuple", term)
        return tuple(load_all(term, item))

    def dump(value: Any) -> Any:
        assert dump_item is not None
        return tuple(dump_all(value, dump_item)) if type(value) is tuple else value

    return _tuple_codec(load, "a tuple", dump, (item,))


def _tuple_codec(
    load: Any, expected: str, dump: Dump, items: tuple[Codec, ...]
) -> Codec:
    dumps = any(item.dump is not None for item in items)
    return Codec(
        load,
        expected,
        dump if dumps else None,
        exact=_TUPLE,
        values=(tuple,) if dumps else (),
        quiet=all(item.quiet for item in items),
    )


def dict_of(key: Codec, value: Codec) -> Codec:
    """Make the codec of ``dict[key, value]``."""
    load_value, dump_key, dump_value = value.load, key.dump, value.dump

    def load(term: Any) -> dict[Any, Any]:
        if not is_map(term):
            raise MappingError("a map", term)
        keys = load_all(term, key, ".keys()[{}]".format)
        made: dict[Any, Any] = {}
        for name, part in zip(keys, term.values(), strict=True):
            try:
                loaded = load_value(part)
            except MappingError as error:
                error.under(step(name))
                raise
            try:
                made[name] = loaded
            except TypeError as error:
                raise MappingError("a key that can be in a dict", name) from error
        if len(made) != len(keys):
            raise MappingError("a map with keys that Python keeps apart", term)
        return made

    def dump(mapping: Any) -> Any:
        if not is_map(mapping):
            return mapping
        made = {
            name if dump_key is None else as_key(dump_key(name)): (
                part if dump_value is None else dumped(dump_value, part, name)
            )
            for name, part in mapping.items()
        }
        if len(made) != len(mapping):
            raise EncodeError("two keys of the map are the same term")
        return made

    dumps = dump_key is not None or dump_value is not None
    return Codec(
        load,
        "a map",
        dump if dumps else None,
        exact=MAPS,
        values=(dict,) if dumps else (),
        quiet=key.quiet and value.quiet,
    )


def load_all(
    items: Any, codec: Codec, where: Callable[[int], str] = "[{}]".format
) -> list[Any]:
    """Load every item; an error says which it was."""
    load = codec.load
    loaded: list[Any] = []
    try:
        for item in items:
            loaded.append(load(item))
    except MappingError as error:
        error.under(where(len(loaded)))
        raise
    return loaded


def dump_all(values: Any, dump: Dump) -> list[Any]:
    """Dump every value; an error says which it was."""
    made: list[Any] = []
    try:
        for value in values:
            made.append(dump(value))
    except EncodeError as error:
        raise EncodeError(error.problem, f"[{len(made)}]{error.path}") from error
    return made


def dumped(dump: Dump, value: Any, key: object) -> Any:
    """Dump the value of a key; an error says which it was."""
    try:
        return dump(value)
    except EncodeError as error:
        raise EncodeError(error.problem, step(key) + error.path) from error
