"""``TypedDict``: a map with atoms as keys, whose values have types.

The result is a ``dict`` with ``Atom`` as keys, which are equal to their text. Keys that
the class does not have are refused.
"""

from __future__ import annotations

import typing
from typing import Any, get_args, get_origin

from .._errors import step
from .._types import Atom
from .codec import MAPS, Codec, is_map
from .containers import dumped
from .errors import MappingError

if typing.TYPE_CHECKING:
    from collections.abc import Callable


def typed_dict(cls: Any, compile_: Callable[[Any], Codec]) -> Codec:
    """Make the codec of a ``TypedDict``."""
    required: set[str] = set(cls.__required_keys__)
    codecs: dict[str, Codec] = {}
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        # Under ``from __future__ import annotations`` the class itself does not know.
        origin = get_origin(hint)
        if origin is typing.NotRequired:
            required.discard(name)
        elif origin is typing.Required:
            required.add(name)
        inner = get_args(hint)[0] if origin in _QUALIFIERS else hint
        codecs[Atom(name)] = compile_(inner)
    return Codec(
        _loader(codecs, frozenset(required)),
        "a map",
        _dumper(codecs),
        takes=MAPS,
        values=(dict,),
        keys=(frozenset(required), frozenset(codecs)),
        quiet=all(codec.quiet for codec in codecs.values()),
    )


_QUALIFIERS = (typing.NotRequired, typing.Required)


def _loader(
    codecs: dict[str, Codec], required: frozenset[str]
) -> Callable[[Any], dict[Any, Any]]:
    def load(term: Any) -> dict[Any, Any]:
        if not is_map(term):
            raise MappingError("a map", term)
        made: dict[Any, Any] = {}
        for name, codec in codecs.items():
            if name in term:
                try:
                    made[name] = codec.load(term[name])
                except MappingError as error:
                    error.under(name)
                    raise
            elif name in required:
                raise MappingError(codec.expected).under(name)
        for key in term:
            if key not in made:
                raise MappingError("nothing", term[key]).under(step(key))
        return made

    return load


def _dumper(codecs: dict[str, Codec]) -> Callable[[Any], Any]:
    def dump(value: Any) -> Any:
        if not is_map(value):
            return value
        made: dict[Any, Any] = {}
        for key, item in value.items():
            codec = codecs.get(key)
            if codec is None:
                made[key] = item
            else:
                whole = item if codec.dump is None else dumped(codec.dump, item, key)
                made[Atom(key)] = whole
        return made

    return dump
