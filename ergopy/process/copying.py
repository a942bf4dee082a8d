"""What a local send hands over: the object itself, or a copy of it.

On a BEAM a message is a copy. Here sender and receiver share one object, which is as
good as long as nobody changes a message. A process with a policy copies what it sends
to processes of its own node: ``"deep"`` in Python's way, ``"etf"`` by the external term
format, so that the receiver has just what a process on another node would have
(``bytes`` for ``str``, a plain tuple for a named one), and what is no term is refused.

What cannot be changed is handed over as it is. So is what stands for code: functions,
classes, and objects whose class says so with ``handed_over = True``, such as the
specification of a child. Answers and casts are messages too. Not copied are the
arguments of a process that is started, exit reasons, and what comes from other nodes,
which is new anyway.
"""

from __future__ import annotations

import copy
import types
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import etf
from etf import Atom, BitBinary, EncodeError, Export, Pid, Port, Reference

if TYPE_CHECKING:
    from collections.abc import Callable

CopyPolicy = Literal["none", "deep", "etf"]

Copier: TypeAlias = "Callable[[Any], Any]"

STRICTNESS: tuple[CopyPolicy, ...] = ("none", "deep", "etf")
"""The policies, each one stricter than those before it."""

_SAME_ON_THE_WIRE = frozenset((int, bool, bytes, Atom, Pid, Port, Reference))

_IMMUTABLE = frozenset(
    (
        *_SAME_ON_THE_WIRE,
        types.NoneType,
        BitBinary,
        Export,
        complex,
        float,
        range,
        str,
    )
)

_CODE = (
    type,
    partial,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
)


def deep(message: Any) -> Any:
    """Return *message*, or a copy of it if any part of it can be changed.

    Raises:
        TypeError: There is something in it that ``copy.deepcopy`` cannot copy.
    """
    return message if message.__class__ in _IMMUTABLE else _copied(message, {})


def by_etf(message: Any) -> Any:
    """Return what is left of *message* after a way over the wire.

    Raises:
        etf.EncodeError: It is no Erlang term.
    """
    if message.__class__ in _SAME_ON_THE_WIRE or message is None:
        return message
    try:
        return etf.decode(etf.encode(message))
    except EncodeError as error:
        try:
            return _by_parts(message)
        except _NoCode:
            raise error from None


COPIERS: dict[CopyPolicy, Copier] = {"deep": deep, "etf": by_etf}


class _NoCode(Exception):
    """There is something that is neither a term nor code."""


def _by_parts(value: Any) -> Any:
    """Return what would be left of *value* if code could travel."""
    if _is_code(value):
        return value
    if isinstance(value, tuple):
        # As it cannot travel, what its class means is for a process here to know.
        return tuple.__new__(value.__class__, map(_part, value))
    if isinstance(value, list):
        return list(map(_part, value))
    if isinstance(value, dict):
        return {_part(key): _part(item) for key, item in value.items()}
    raise _NoCode


def _part(value: Any) -> Any:
    try:
        return by_etf(value)
    except EncodeError:
        raise _NoCode from None


def _is_code(value: Any) -> bool:
    return isinstance(value, _CODE) or getattr(value, "handed_over", False) is True


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    kind = value.__class__
    if kind in _IMMUTABLE or _is_code(value):
        return value
    if id(value) in memo:
        return memo[id(value)]
    if kind is list:
        memo[id(value)] = items = []
        items.extend([_copied(item, memo) for item in value])
        return items
    if kind is dict:
        memo[id(value)] = table = {}
        for key, item in value.items():
            table[_copied(key, memo)] = _copied(item, memo)
        return table
    if isinstance(value, tuple):
        return _copied_tuple(value, memo)
    return copy.deepcopy(value, memo)


def _copied_tuple(value: tuple[Any, ...], memo: dict[int, Any]) -> Any:
    parts = [_copied(part, memo) for part in value]
    if all(new is old for new, old in zip(parts, value, strict=True)):
        return value
    # Not by calling the class: a Down and a named tuple take other arguments.
    new = tuple.__new__(value.__class__, parts)
    if hasattr(value, "__dict__"):
        new.__dict__.update(_copied(value.__dict__, memo))
    return memo.setdefault(id(value), new)
