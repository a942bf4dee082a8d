"""Who may connect."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy.node.allowed import AllowList


def test_without_a_list_everybody_may() -> None:
    allowed = AllowList()
    assert allowed.permits("any@host.org")
    assert allowed.permits("host.org")
    assert allowed.entries is None


def test_an_empty_list_is_nobody() -> None:
    assert not AllowList([]).permits("any@host.org")


@pytest.mark.parametrize(
    ("entry", "yes", "no"),
    [
        ("a@h.org", ["a@h.org"], ["b@h.org", "a@i.org", "h.org", "A@h.org"]),
        ("h.org", ["a@h.org", "b@h.org", "h.org"], ["a@i.org", "a@x.h.org"]),
        ("a@", ["a@h.org", "a@i.org"], ["b@h.org", "aa@h.org", "h.org"]),
    ],
)
def test_an_entry_is_a_node_a_host_or_a_name(
    entry: str, yes: list[str], no: list[str]
) -> None:
    allowed = AllowList([entry])
    assert [name for name in yes + no if allowed.permits(name)] == yes


def test_later_entries_add_to_the_list() -> None:
    allowed = AllowList()
    allowed.add(["a@h"])
    allowed.add(["b@h"])
    assert allowed.entries == ["a@h", "b@h"]
    assert not allowed.permits("c@h")


@pytest.mark.parametrize("entries", ["a@h", [5], [None], [b"a@h"]])
def test_what_is_no_text_is_refused(entries: Any) -> None:
    with pytest.raises(TypeError, match="allow="):
        AllowList(entries)


@pytest.mark.parametrize("entry", ["", "a@b@c", "@h"])
def test_what_can_be_no_name_is_refused_and_adds_nothing(entry: str) -> None:
    allowed = AllowList(["a@h"])
    with pytest.raises(ValueError, match="allow="):
        allowed.add(["b@h", entry])
    assert allowed.entries == ["a@h"]
