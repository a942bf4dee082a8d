"""What holds for every term and for any bytes."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from etf import (
    Atom,
    DecodeError,
    DecodeOptions,
    EncodeOptions,
    Limits,
    TermMap,
)
from tests.etf.exact import exactly
from tests.etf.strategies import damaged, encodable, terms

OPTIONS = DecodeOptions()


def refusal(
    codec: Any, data: bytes, options: DecodeOptions = OPTIONS
) -> DecodeError | None:
    """Decode; give the error instead of raising it."""
    try:
        codec.decode(data, options)
    except DecodeError as error:
        return error
    return None


@given(term=terms())
@example(term=TermMap([(1, b"int"), (1.0, b"float"), (True, b"atom")]))
@example(term={0.0: 1, b"a": 2, Atom("b"): 3})
def test_decoding_undoes_encoding(codec: Any, term: Any) -> None:
    assert exactly(codec.decode(codec.encode(term)), term)


@given(term=encodable())
def test_every_term_has_one_encoding(codec: Any, term: Any) -> None:
    data = codec.encode(term)
    assert codec.encode(codec.decode(data)) == data


@given(term=terms(), level=st.integers(0, 9))
def test_compression_changes_nothing_but_the_size(
    codec: Any, term: Any, level: int
) -> None:
    plain = codec.encode(term)
    packed = codec.encode(term, EncodeOptions(compressed=level))
    assert len(packed) <= len(plain)
    assert exactly(codec.decode(packed), term)


@given(term=terms(), tail=st.binary(min_size=1, max_size=3))
def test_a_prefix_leaves_what_follows_alone(codec: Any, term: Any, tail: bytes) -> None:
    data = codec.encode(term)
    found, used = codec.decode_prefix(data + tail)
    assert used == len(data)
    assert exactly(found, term)


@given(term=terms())
def test_every_cut_is_noticed(codec: Any, term: Any) -> None:
    data = codec.encode(term)
    # Long terms are long because of their names and numbers: not every cut there.
    for size in {*range(min(len(data), 80)), *range(80, len(data), 11), len(data) - 1}:
        error = refusal(codec, data[:size])
        assert error is not None
        assert error.problem == "truncated"
        assert 0 <= error.offset <= size


_OPTIONS = st.sampled_from(
    [
        DecodeOptions(),
        DecodeOptions(strings="str", charlists="str", nil="atom"),
        DecodeOptions(limits=Limits(max_depth=3, max_big_bytes=4, max_inflated=9)),
    ]
)


@given(data=st.binary(max_size=60), options=_OPTIONS)
def test_any_bytes_are_a_term_or_a_decode_error(
    codec: Any, data: bytes, options: DecodeOptions
) -> None:
    for whole in (data, b"\x83" + data):
        error = refusal(codec, whole, options)
        assert error is None or 0 <= error.offset <= len(whole)


@given(data=damaged(), options=_OPTIONS)
def test_damaged_bytes_are_a_term_or_a_decode_error(
    codec: Any, data: bytes, options: DecodeOptions
) -> None:
    error = refusal(codec, data, options)
    assert error is None or 0 <= error.offset <= len(data)


@given(data=damaged())
def test_what_was_decoded_can_be_sent(codec: Any, data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        term = codec.decode(data)
        assert exactly(codec.decode(codec.encode(term)), term)


@given(term=encodable())
def test_strings_lose_nothing(codec: Any, term: Any) -> None:
    options = DecodeOptions(strings="str", charlists="str", nil="atom")
    data = codec.encode(term)
    assert codec.encode(codec.decode(data, options)) == data
