"""``phash2``: hashes that real BEAMs gave, and the forms of one term."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from etf import Atom, Charlist, FrozenList, LocalTerm, Reference, TermMap, phash2
from tests.etf.strategies import encodable

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "phash2.json").read_text())


def test_a_term_has_the_hash_that_a_beam_gives_it() -> None:
    assert len(VECTORS) > 1000
    for data, value in VECTORS:
        term = etf.decode(bytes.fromhex(data))
        assert phash2(term, 2**32) == value, term


def test_without_a_range_a_hash_has_27_bits() -> None:
    for data, value in VECTORS:
        assert phash2(etf.decode(bytes.fromhex(data))) == value % 2**27


@given(encodable(), st.integers(1, 2**32))
def test_every_form_of_a_term_has_one_hash_within_the_range(
    term: Any, range: int
) -> None:
    value = phash2(term, range)
    assert 0 <= value < range
    assert value == phash2(etf.decode(etf.encode(term)), range)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("é", "é".encode()),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (Charlist("aé€"), [97, 233, 8364]),
        (FrozenList((1, [2])), [1, [2]]),
        ({1: 2, "a": 3}, TermMap([("a", 3), (1, 2)])),
        (OrderedDict([(1, 2), (3, 4)]), {3: 4, 1: 2}),
        (0.0, -0.0),
        (None, Atom("nil")),
        (True, Atom("true")),
    ],
    ids=lambda form: type(form).__name__,
)
def test_two_forms_of_one_term_hash_alike(one: Any, other: Any) -> None:
    assert phash2(one) == phash2(other)
    assert phash2([one, (one,)]) == phash2([other, (other,)])


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), ("a", Atom("a")), ([1], (1,)), (1, True)], ids=repr
)
def test_terms_that_python_takes_for_equal_hash_apart(one: Any, other: Any) -> None:
    assert phash2(one) != phash2(other)


@pytest.mark.parametrize("range", [0, -1, 2**32 + 1, 1.5, True, None])
def test_another_range_than_1_to_2_to_the_32_is_refused(range: Any) -> None:
    with pytest.raises(ValueError, match="a range is from 1"):
        phash2(1, range)


def test_the_largest_range_is_the_whole_hash() -> None:
    assert phash2(Atom("ok"), 2**32) == 1883
    assert phash2([], 2**32) == 3468870702


def test_what_is_no_term_is_refused_by_its_path() -> None:
    with pytest.raises(etf.EncodeError) as caught:
        phash2([1, {"a": object()}])
    assert caught.value.path == '[1]["a"]'


def test_a_list_that_contains_itself_is_refused() -> None:
    items: list[Any] = [1]
    items.append(items)
    with pytest.raises(etf.EncodeError, match="nested deeper"):
        phash2(items)


@pytest.mark.parametrize("term", [LocalTerm(b"abc"), Reference("a@h", 1, ())], ids=repr)
def test_what_no_beam_could_hash_is_refused(term: Any) -> None:
    with pytest.raises(etf.EncodeError):
        phash2(term)
