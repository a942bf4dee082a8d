"""Encoding: how deep a term may be nested, whatever the stack of Python allows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from etf import Charlist, EncodeError, EncodeOptions, Fun, ImproperList, Pid

if TYPE_CHECKING:
    from collections.abc import Callable

PID = Pid("a@h", 1, 2, 3)

WRAPS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda inner: (inner,),
    "list": lambda inner: [inner],
    "map": lambda inner: {1: inner},
    "marked map": lambda inner: {"a": inner, b"b": 1},
    "improper": lambda inner: ImproperList([inner], 1),
    "fun": lambda inner: Fun("m", 0, bytes(16), 0, 0, 0, PID, (inner,)),
}


def nested(kind: str, depth: int) -> Any:
    term: Any = []
    for _ in range(depth):
        term = WRAPS[kind](term)
    return term


KINDS = list(WRAPS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_term_is_as_deep_as_the_limit_and_no_deeper(codec: Any, kind: str) -> None:
    options = EncodeOptions(max_depth=10)
    codec.encode(nested(kind, 10), options)
    with pytest.raises(EncodeError, match="max_depth") as caught:
        codec.encode(nested(kind, 11), options)
    step = {"map": "[1]", "marked map": '["a"]', "fun": ".free[0]"}.get(kind, "[0]")
    assert caught.value.path == step * 10


@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_levels_need_no_recursion(codec: Any, kind: str) -> None:
    term = nested(kind, 10_000)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        data = codec.encode(term, EncodeOptions(max_depth=10_000))
    finally:
        sys.setrecursionlimit(before)
    assert len(data) > 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_thousand_levels_are_refused(codec: Any, kind: str) -> None:
    with pytest.raises(EncodeError, match="max_depth"):
        codec.encode(nested(kind, 100_000), EncodeOptions(max_depth=10_000))


def test_a_list_that_contains_itself_is_refused(codec: Any) -> None:
    term: list[Any] = []
    term.append(term)
    with pytest.raises(EncodeError, match="max_depth"):
        codec.encode(term)


def test_what_was_read_at_the_limit_can_be_sent_at_the_limit(codec: Any) -> None:
    options = EncodeOptions(max_depth=2)
    assert codec.encode([([1, 2], [], b"", Charlist("ab"))], options)
    assert codec.encode([{1: []}], options)
    with pytest.raises(EncodeError):
        codec.encode([([1, 256],)], options)
