"""What a program has chosen is compared as Erlang does, a plain str as the atom."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from ergopy import Atom
from ergopy.gen.same import is_same


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a", "a", True),
        ("a", Atom("a"), True),
        ("a", "b", False),
        ("a", b"a", False),
        (b"a", "a", False),
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (False, None, False),
        ((1, [2]), (1, [2]), True),
        ((1, [2]), (1, [2.0]), False),
        (Colour.RED, Colour.RED, True),
        (Colour.RED, Colour.BLUE, False),
        (Colour.RED, 1, False),
        (int, int, True),
        (int, float, False),
        (range(2), range(2), True),
    ],
)
def test_two_values_are_one_or_not(one: Any, other: Any, same: bool) -> None:
    assert is_same(one, other) is same
