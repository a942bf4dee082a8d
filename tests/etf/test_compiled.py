"""The compiled codec does what the pure one does: same bytes, terms, errors, offsets.

Where C could break is tested in ``test_compiled_depth`` and ``test_compiled_objects``.
"""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etf import Atom, DecodeOptions, EncodeOptions, Limits, Pid, Reference
from etf import _decode as pure_decode
from etf import _encode as pure_encode
from tests.etf.compiled_codec import SAMPLE, compiled, outcome
from tests.etf.exact import exactly
from tests.etf.strategies import damaged, encodable, keys, terms

if TYPE_CHECKING:
    from collections.abc import Callable

DECODE_OPTIONS = st.builds(
    DecodeOptions,
    strings=st.sampled_from(["bytes", "str"]),
    charlists=st.sampled_from(["list", "str"]),
    nil=st.sampled_from(["none", "atom"]),
    undefined=st.sampled_from(["atom", "none"]),
    limits=st.builds(
        Limits,
        max_depth=st.sampled_from([0, 1, 2, 3, 1000, 10_000]),
        max_big_bytes=st.sampled_from([2, 524_280]),
        max_size=st.sampled_from([20, 1 << 20]),
    ),
)
ENCODE_OPTIONS = st.builds(
    EncodeOptions,
    none=st.sampled_from(["nil", "undefined"]),
    compressed=st.sampled_from([False, False, 1]),
    max_depth=st.sampled_from([0, 1, 2, 3, 1000, 10_000]),
)


def assert_alike(data: Any, options: DecodeOptions | None = None) -> None:
    options = options or DecodeOptions()
    for name in ("decode", "decode_prefix"):
        expected = outcome(getattr(pure_decode, name), data, options)
        got = outcome(getattr(compiled, name), data, options)
        assert exactly(got, expected), f"{got!r} is not {expected!r}"


@given(term=encodable(), options=ENCODE_OPTIONS)
def test_any_value_gives_the_same_bytes_or_error(
    term: Any, options: EncodeOptions
) -> None:
    assert outcome(compiled.encode, term, options) == outcome(
        pure_encode.encode, term, options
    )


@given(term=st.dictionaries(keys() | st.text(max_size=2), terms(), max_size=4))
def test_any_keys_give_the_same_bytes_or_error(term: Any) -> None:
    assert outcome(compiled.encode, term) == outcome(pure_encode.encode, term)


@given(term=terms(), options=DECODE_OPTIONS)
def test_any_term_is_read_alike(term: Any, options: DecodeOptions) -> None:
    assert_alike(pure_encode.encode(term), options)


@given(data=damaged(), options=DECODE_OPTIONS)
def test_damaged_terms_are_read_or_refused_alike(
    data: bytes, options: DecodeOptions
) -> None:
    assert_alike(data, options)


TAGS = st.sampled_from([*range(68, 83), *range(88, 91), *range(97, 122)])
NOISE = st.lists(TAGS | st.integers(0, 3) | st.integers(0, 255), max_size=30).map(bytes)


@given(data=NOISE, options=DECODE_OPTIONS)
def test_noise_is_read_or_refused_alike(data: bytes, options: DecodeOptions) -> None:
    assert_alike(b"\x83" + data, options)


def test_every_truncation_is_refused_alike() -> None:
    data = pure_encode.encode(SAMPLE)
    for size in range(len(data)):
        assert_alike(data[:size])


def test_every_changed_tag_is_refused_alike() -> None:
    data = pure_encode.encode(SAMPLE)
    for at in range(1, len(data), 7):
        for tag in (97, 104, 106, 108, 116, 119):
            assert_alike(data[:at] + bytes([tag]) + data[at + 1 :])


@pytest.mark.parametrize(
    "view",
    [
        bytearray,
        memoryview,
        lambda data: memoryview(bytearray(data)),
        lambda data: memoryview(bytes(byte for byte in data for _ in "12"))[::2],
        lambda data: memoryview(data + b"\0" * (-len(data) % 4)).cast("I"),
        lambda data: type("Bytes", (bytes,), {})(data),
        lambda data: memoryview(data)[:-1],
    ],
)
def test_every_kind_of_memory_is_read_alike(view: Callable[[bytes], Any]) -> None:
    assert_alike(view(pure_encode.encode(SAMPLE)))


@pytest.mark.parametrize("data", ["text", None, 1, [131, 106], range(3)])
def test_what_is_no_memory_is_a_type_error(data: Any) -> None:
    with pytest.raises(TypeError):
        compiled.decode(data)


def test_a_buffer_is_free_again_after_decoding() -> None:
    for data in (b"\x83a\1", b"\x83a", b"\x83P\0"):
        buffer = bytearray(data)
        outcome(compiled.decode, buffer)
        buffer.clear()


def test_atoms_are_one_object_however_they_come() -> None:
    name = f"unseen {random.getrandbits(64)}"
    raw = name.encode()
    decoded = compiled.decode(b"\x83w" + bytes([len(raw)]) + raw)
    assert decoded is Atom(name)
    assert compiled.decode(b"\x83v\0" + bytes([len(raw)]) + raw) is decoded
    assert compiled.decode(b"\x83d\0" + bytes([len(raw)]) + raw) is decoded
    assert pure_decode.decode(b"\x83w" + bytes([len(raw)]) + raw) is decoded


def test_thousands_of_atoms_are_kept_apart() -> None:
    names = [f"kept apart {number}" for number in range(5000)]
    names += ["x" * size for size in range(256)]
    atoms = list(map(Atom, names))
    data = compiled.encode(atoms)
    for _ in range(2):
        assert all(map(lambda a, b: a is b, compiled.decode(data), atoms))


def test_atoms_past_the_limit_are_equal_but_not_kept() -> None:
    name = f"past the limit {random.getrandbits(64)}"
    data = b"\x83w" + bytes([len(name)])
    options = DecodeOptions(limits=Limits(max_atoms=0))
    first = compiled.decode(data + name.encode(), options)
    second = compiled.decode(data + name.encode(), options)
    assert first == second == name
    assert type(first) is Atom
    assert first is not second
    assert compiled.decode(data + name.encode()) is Atom(name)


@pytest.mark.parametrize("name", ["true", "false", "nil", "undefined", "other"])
def test_what_was_read_before_with_other_options_does_not_matter(name: str) -> None:
    data = b"\x83h\3w" + bytes([len(name)]) + name.encode()
    data += b"Xw" + bytes([len(name)]) + name.encode() + bytes(12) + b"m\0\0\0\1x"
    for strings in ("str", "bytes", "str"):
        for nil in ("none", "atom", "none"):
            for undefined in ("atom", "none", "atom"):
                assert_alike(data, DecodeOptions(strings, "list", nil, undefined))


def test_identifiers_that_differ_in_one_field_are_kept_apart() -> None:
    words = [(1, 2, 3), (1, 2), (1, 2, 4), (3, 2, 1), (1, 2, 3, 0), (), (0,), (0, 0)]
    items = [
        make
        for number in range(0, 1 << 32, 1 << 27)
        for node in ("a@h", "b@h", "true")
        for make in (
            Pid(node, number, 0, 1),
            Pid(node, 0, number, 1),
            Pid(node, 1, 0, number),
            *(Reference(node, number, some) for some in words),
        )
    ]
    data = pure_encode.encode(items)
    for _ in range(3):
        assert compiled.decode(data) == items
        random.shuffle(items)
        data = pure_encode.encode(items)
        assert compiled.encode(items) == data


def test_keys_of_one_length_are_kept_apart() -> None:
    term = {bytes([a, b]): a for a in range(256) for b in range(0, 256, 16)}
    assert compiled.decode(compiled.encode(term)) == term


def test_python_that_minds_comparing_bytes_and_text_changes_nothing() -> None:
    code = (
        "from etf import Atom, _speedups as c, _decode as p\n"
        "d = b'\\x83t\\0\\0\\0\\3m\\0\\0\\0\\1aa\\1w\\1aa\\2a\\1a\\3'\n"
        "t = c.decode(d)\n"
        "assert type(t) is type(p.decode(d)) and len(t) == 3, t\n"
        "assert t[b'a'] == 1 and t[Atom('a')] == 2\n"
    )
    subprocess.run([sys.executable, "-bb", "-c", code], check=True, timeout=60)
