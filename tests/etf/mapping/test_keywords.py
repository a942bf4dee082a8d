"""Keyword lists, made and read."""

from __future__ import annotations

from typing import Any

import pytest

import etf
from etf import Atom, MappingError

A = Atom


def test_a_keyword_list_is_a_list_of_pairs() -> None:
    made = etf.keywords(timeout=5, name="x")
    assert made == [(A("timeout"), 5), (A("name"), "x")]
    assert all(type(key) is Atom for key, _ in made)
    assert etf.keywords([("a", 1), ("a", 2)], b=3) == [("a", 1), ("a", 2), ("b", 3)]
    assert etf.keywords({"admin?": True}) == [(A("admin?"), True)]
    assert etf.keywords() == []


def test_of_equal_keys_the_first_counts() -> None:
    term = [(A("a"), 1), (A("b"), 2), (A("a"), 3), A("c")]
    assert etf.keyword_dict(term) == {"a": 1, "b": 2, "c": True}
    with pytest.raises(MappingError, match=r"\[2\]: expected no key twice"):
        etf.keyword_dict(term, repeated="error")
    with pytest.raises(ValueError, match="repeated is"):
        etf.keyword_dict(term, repeated="last")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "term", [5, {}, (), [1], [(1, 2)], [(A("a"),)], [(b"a", 1)], [[]]]
)
def test_what_is_no_keyword_list_is_refused(term: Any) -> None:
    with pytest.raises(MappingError, match=r"a keyword list|a pair with an atom"):
        etf.keyword_dict(term)
