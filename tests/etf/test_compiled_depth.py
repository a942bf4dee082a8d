"""The compiled codec stays whole with deep terms and false lengths."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from etf import (
    Atom,
    DecodeError,
    DecodeOptions,
    EncodeError,
    EncodeOptions,
    FrozenList,
    Fun,
    ImproperList,
    Limits,
    Pid,
    TermMap,
)
from etf import _decode as pure_decode
from etf import _encode as pure_encode
from tests.etf.compiled_codec import compiled, outcome

if TYPE_CHECKING:
    from collections.abc import Callable


def as_key(inner: Any) -> TermMap:
    """A map that was hashed, as decoding does: then it costs no stack."""
    made = TermMap([(inner, 1)])
    hash(made)
    return made


# What each kind of nesting adds around a term, on the wire and in Python.
NESTINGS: dict[str, tuple[bytes, bytes, Callable[[Any], Any]]] = {
    "tuples": (b"h\1", b"", lambda inner: (inner,)),
    "large tuples": (b"i\0\0\0\1", b"", lambda inner: (inner,)),
    "lists": (b"l\0\0\0\1", b"j", lambda inner: [inner]),
    "improper lists": (
        b"l\0\0\0\1",
        b"a\1",
        lambda inner: ImproperList([inner], 1),
    ),
    "tails": (
        b"l\0\0\0\1a\1h\1",
        b"",
        lambda inner: ImproperList([1], (inner,)),
    ),
    "values": (b"t\0\0\0\1a\1", b"", lambda inner: {1: inner}),
    "values of a map that is no dict": (
        b"t\0\0\0\3a\1a\1F?\xf0\0\0\0\0\0\0a\1w\4true",
        b"",
        lambda inner: TermMap([(1, 1), (1.0, 1), (True, inner)]),
    ),
    "keys": (b"t\0\0\0\1", b"a\1", as_key),
    "lists in a key": (b"t\0\0\0\1l\0\0\0\1", b"ja\1", lambda inner: inner),
    "funs": (
        b"p\0\0\0\x30\1" + b"u" * 16 + b"\0\0\0\2\0\0\0\1w\1ma\3a\4Xw\1n" + bytes(12),
        b"",
        lambda inner: Fun(
            Atom("m"), 1, b"u" * 16, 2, 3, 4, Pid(Atom("n"), 0, 0, 0), (inner,)
        ),
    ),
    "lists that are frozen": (b"", b"", lambda inner: FrozenList([inner])),
}
LIMITS = DecodeOptions(limits=Limits(max_depth=10_000))


def in_small_thread(function: Callable[[], None]) -> None:
    """Run it with a stack of 512 KiB."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            failures.append(error)

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    if failures:
        raise failures[0]


DEPTHS = (300, 499, 501, 999, 1000, 1001)


@pytest.mark.parametrize("kind", NESTINGS)
def test_deep_input_is_read_or_refused_alike_in_a_small_thread(kind: str) -> None:
    def compare() -> None:
        for depth in DEPTHS:
            assert_deep_input_alike(kind, depth, DecodeOptions())

    in_small_thread(compare)


@pytest.mark.parametrize("kind", NESTINGS)
def test_input_too_deep_for_c_is_read_alike(kind: str) -> None:
    for depth in (1001, 3000):
        assert_deep_input_alike(kind, depth, LIMITS)


def assert_deep_input_alike(kind: str, depth: int, options: DecodeOptions) -> None:
    before, after, _ = NESTINGS[kind]
    data = b"\x83" + before * depth + b"a\7" + after * depth
    expected = outcome(pure_decode.decode, data, options)
    got = outcome(compiled.decode, data, options)
    if type(expected) is tuple and expected[0] is DecodeError:
        assert got == expected
    else:
        # Python compares with recursion, the pure encoder without.
        deep = EncodeOptions(max_depth=10_000)
        assert pure_encode.encode(got, deep) == pure_encode.encode(expected, deep)


@pytest.mark.parametrize("kind", NESTINGS)
def test_deep_values_are_written_or_refused_alike_in_a_small_thread(kind: str) -> None:
    def compare() -> None:
        term: Any = 7
        for depth in range(1, DEPTHS[-1] + 1):
            term = NESTINGS[kind][2](term)
            if depth in DEPTHS:
                for options in (EncodeOptions(), EncodeOptions(max_depth=10_000)):
                    assert outcome(compiled.encode, term, options) == outcome(
                        pure_encode.encode, term, options
                    )

    in_small_thread(compare)


@pytest.mark.parametrize("tag", [b"h\1", b"l\0\0\0\1", b"t\0\0\0\1", b"l\0\0\0\1a\1l"])
def test_a_hundred_thousand_levels_are_refused(tag: bytes) -> None:
    with pytest.raises(DecodeError):
        compiled.decode(b"\x83" + tag * 100_000 + b"j" * 100_001, LIMITS)


def test_a_hundred_thousand_lists_are_not_written() -> None:
    term: list[Any] = []
    for _ in range(100_000):
        term = [term]
    with pytest.raises(EncodeError, match="max_depth"):
        compiled.encode(term, EncodeOptions(max_depth=10_000))


def test_what_contains_itself_is_not_written() -> None:
    term: list[Any] = [1]
    term.append({1: term})
    with pytest.raises(EncodeError, match="max_depth"):
        compiled.encode(term)


@pytest.mark.parametrize("tag", [b"i", b"l", b"t"])
def test_false_lengths_inside_one_another_claim_no_memory(tag: bytes) -> None:
    # Each of the levels announces as many elements as there are bytes.
    size = 200_000
    data = b"\x83" + (tag + (size // 2).to_bytes(4, "big")) * 900 + b"j" * size
    gc.collect()
    tracemalloc.start()
    try:
        outcome(compiled.decode, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Not 900 times eight bytes for each element; the reference takes its share, too.
    assert peak < 150 * size
