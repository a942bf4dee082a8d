"""What is shown of values that are no terms."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from ergopy.gen import portable as module
from ergopy.gen.portable import MAX_DEPTH, portable

values = st.recursive(
    st.one_of(st.integers(), st.binary(), st.builds(object), st.just(print)),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.integers(), inner)
    ),
)


class Point(NamedTuple):
    x: int
    y: Any


@given(values)
def test_anything_becomes_a_term(value: Any) -> None:
    etf.encode(portable(value))


def test_a_term_is_itself() -> None:
    term = {(1, b"x"): [None, {2.5: ()}]}
    assert portable(term) is term


def test_only_what_is_no_term_becomes_text() -> None:
    assert portable([1, Point(2, print), {3: print}]) == [
        1,
        (2, repr(print)),
        {3: repr(print)},
    ]


def test_what_has_no_text_is_its_class() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError("no text")

    assert portable([Broken()])[0].startswith("<test_what_has_no_text")


def test_what_is_inside_of_itself_is_shown_once() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert portable(loop) == [1, "..."]
    parent: dict[str, Any] = {}
    parent["kids"] = [{"parent": parent, "n": n} for n in range(3)]
    assert portable(parent) == {"kids": [{"parent": "...", "n": n} for n in range(3)]}


def test_further_down_all_is_left_out() -> None:
    value: Any = [print]
    for _ in range(MAX_DEPTH):
        value = [value]
    shown = portable(value)
    for _ in range(MAX_DEPTH):
        (shown,) = shown
    assert shown == "..."


def test_a_graph_is_taken_apart_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    apart = module._Apart.taken

    def counted(self: Any, value: Any, depth: int) -> Any:
        taken.append(value)
        return apart(self, value, depth)

    monkeypatch.setattr(module._Apart, "taken", counted)
    monkeypatch.setattr(module, "MAX_PARTS", 100)
    nodes: list[dict[str, Any]] = [{"n": n} for n in range(8)]
    for node in nodes:
        node["to"] = list(nodes)
    etf.encode(portable(nodes))
    assert len(taken) == 100


@pytest.mark.filterwarnings("ignore:Comparison between bytes:BytesWarning")
def test_keys_that_would_be_one_make_a_text_of_the_map() -> None:
    # A text is a binary over there, and so are these bytes.
    made = {repr(print): 1, repr(print).encode(): print}
    assert portable(made) == repr(made)
