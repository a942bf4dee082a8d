"""Random protocols, for tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ergopy.gen.session import (
    Again,
    Choose,
    End,
    Offer,
    Protocol,
    Rec,
    Recv,
    Send,
)

VALUES: dict[Any, list[Any]] = {int: [0, -7], bool: [True], bytes: [b"", b"x"]}
"""Types and some of their values; no value is of two of them."""

LABELS = ("go", "stop", "turn")
NAMES = ("a", "b")


@st.composite
def protocols(
    draw: st.DrawFn,
    usable: frozenset[str] = frozenset(),
    fresh: frozenset[str] = frozenset(),
    depth: int = 4,
) -> Protocol:
    """Draw a protocol that ``check`` has nothing against."""
    ends = [End, *(Again(name) for name in sorted(usable - fresh))]
    if depth == 0:
        return draw(st.sampled_from(ends))
    after = usable | fresh
    kind = draw(st.sampled_from(["end", "transfer", "transfer", "branch", "rec"]))
    if kind == "transfer":
        step = draw(st.sampled_from([Send, Recv]))
        then = draw(protocols(after, frozenset(), depth - 1))
        return step(draw(st.sampled_from(list(VALUES)))) >> then
    if kind == "branch":
        labels = draw(st.sets(st.sampled_from(LABELS), min_size=1))
        ways = {
            label: draw(protocols(after, frozenset(), depth - 1))
            for label in sorted(labels)
        }
        return draw(st.sampled_from([Choose, Offer]))(ways)
    if kind == "rec":
        name = draw(st.sampled_from(NAMES))
        inner = protocols(usable - {name}, fresh | {name}, depth - 1)
        return Rec(name, draw(inner))
    return draw(st.sampled_from(ends))
