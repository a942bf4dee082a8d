"""The functions that a guard of a match specification may call.

They take values in Python's form and mean what Erlang's do. A wrong operand makes the
guard fail, by one of :data:`FAILURES`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from etf import (
    Atom,
    BitBinary,
    EncodeError,
    Export,
    Fun,
    ImproperList,
    Pid,
    Port,
    Reference,
    compare,
    same,
)

FAILURES: Final = (
    ArithmeticError,
    AttributeError,
    EncodeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What an operand of the wrong kind raises."""


def find_key(key: Any, mapping: Mapping[Any, Any]) -> tuple[Any] | None:
    """Return the value of a key, in a tuple; Erlang's keys, not Python's."""
    return next(((v,) for k, v in mapping.items() if same(k, key)), None)


def _bool(value: Any) -> bool:
    if value is True or value is False:
        return value is True
    raise TypeError("not a boolean")


def _and_also(values: Iterable[Any]) -> bool:
    return all(map(_bool, values))


def _or_else(values: Iterable[Any]) -> bool:
    return any(map(_bool, values))


def _strict_and(values: Iterable[Any]) -> bool:
    return all(list(map(_bool, values)))


def _strict_or(values: Iterable[Any]) -> bool:
    return any(list(map(_bool, values)))


OF_MANY: Final[dict[str, Callable[[Iterable[Any]], bool]]] = {
    "andalso": _and_also,
    "orelse": _or_else,
    "and": _strict_and,
    "or": _strict_or,
}
"""Those with any number of operands; two of them stop at the first that decides."""


def _number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise TypeError("not a number")


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError("not an integer")


def _arithmetic(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: function(_number(a), _number(b))


def _integers(function: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    return lambda a, b: function(_integer(a), _integer(b))


def _quotient(a: int, b: int) -> int:
    """``div``: towards zero, where Python goes down."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _remainder(a: int, b: int) -> int:
    return a - b * _quotient(a, b)


def _element(place: Any, value: Any) -> Any:
    if 1 <= _integer(place) <= len(_tuple(value)):
        return value[place - 1]
    raise LookupError(place)


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise TypeError("not a list")


def _tail(value: Any) -> list[Any]:
    return _list(value)[1:] if _list(value) else _list(value)[0]


def _tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        return value
    raise TypeError("not a tuple")


def _size(value: Any) -> int:
    return len(value) if isinstance(value, tuple) else _bytes(value)


def _bytes(value: Any) -> int:
    if isinstance(value, str) and not isinstance(value, Atom):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, BitBinary):
        return len(value.data)
    raise TypeError("not a binary")


def _map(value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    raise TypeError("not a map")


def _map_get(key: Any, value: Any) -> Any:
    found = find_key(key, _map(value))
    if found is None:
        raise LookupError(key)
    return found[0]


def _is_atom(value: Any) -> bool:
    return value is None or isinstance(value, Atom | bool)


def _is_binary(value: Any) -> bool:
    return isinstance(value, bytes | str) and not isinstance(value, Atom)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds) and not isinstance(value, bool)


FUNCTIONS: Final[dict[tuple[str, int], Callable[..., Any]]] = {
    ("=:=", 2): same,
    ("=/=", 2): lambda a, b: not same(a, b),
    ("==", 2): lambda a, b: compare(a, b) == 0,
    ("/=", 2): lambda a, b: compare(a, b) != 0,
    ("<", 2): lambda a, b: compare(a, b) < 0,
    ("=<", 2): lambda a, b: compare(a, b) <= 0,
    (">", 2): lambda a, b: compare(a, b) > 0,
    (">=", 2): lambda a, b: compare(a, b) >= 0,
    ("not", 1): lambda value: not _bool(value),
    ("xor", 2): lambda a, b: _bool(a) != _bool(b),
    ("+", 2): _arithmetic(operator.add),
    ("-", 2): _arithmetic(operator.sub),
    ("*", 2): _arithmetic(operator.mul),
    ("/", 2): _arithmetic(operator.truediv),
    ("div", 2): _integers(_quotient),
    ("rem", 2): _integers(_remainder),
    ("band", 2): _integers(operator.and_),
    ("bor", 2): _integers(operator.or_),
    ("bxor", 2): _integers(operator.xor),
    ("abs", 1): lambda value: abs(_number(value)),
    ("element", 2): _element,
    ("hd", 1): lambda value: _list(value)[0],
    ("tl", 1): _tail,
    ("length", 1): lambda value: len(_list(value)),
    ("size", 1): _size,
    ("tuple_size", 1): lambda value: len(_tuple(value)),
    ("byte_size", 1): _bytes,
    ("map_size", 1): lambda value: len(_map(value)),
    ("map_get", 2): _map_get,
    ("is_map_key", 2): lambda key, value: find_key(key, _map(value)) is not None,
    ("node", 1): lambda value: value.node,
    ("is_atom", 1): _is_atom,
    ("is_binary", 1): _is_binary,
    ("is_float", 1): _kind(float),
    ("is_integer", 1): _kind(int),
    ("is_number", 1): _is_number,
    ("is_list", 1): _kind(list, ImproperList),
    ("is_tuple", 1): _kind(tuple),
    ("is_map", 1): lambda value: isinstance(value, Mapping),
    ("is_pid", 1): _kind(Pid),
    ("is_port", 1): _kind(Port),
    ("is_reference", 1): _kind(Reference),
    ("is_function", 1): _kind(Fun, Export),
}
"""The others, by name and number of operands."""
