"""Names for nodes that ask for one."""

from __future__ import annotations

import pytest

from ergopy.node import given_names
from ergopy.node.given_names import GivenNames


@pytest.fixture
def taken() -> set[str]:
    return set()


@pytest.fixture
def names(taken: set[str]) -> GivenNames:
    return GivenNames(taken.__contains__)


def test_a_new_name_is_at_the_host_that_asked(names: GivenNames) -> None:
    name, creation = names.give("127.0.0.1")
    assert name.endswith("@127.0.0.1")
    assert name.count("@") == 1
    assert 4 <= creation < 2**32
    assert names.give("127.0.0.1")[0] != name


def test_a_released_name_is_given_again_with_the_next_creation(
    names: GivenNames,
) -> None:
    name, creation = names.give("h")
    for _ in range(3):
        names.release(name)
        again, creation = names.give("h")[0], creation + 1
        assert again == name
        assert names._used[name] == creation


def test_a_name_is_only_for_nodes_of_its_host(names: GivenNames) -> None:
    name, _ = names.give("h.org")
    names.release(name)
    assert names.give("other.h.org")[0] != name
    assert names.give("org")[0] != name
    assert names.give("h.org")[0] == name


def test_the_creation_after_the_last_is_the_first_of_32_bits(
    names: GivenNames,
) -> None:
    name, _ = names.give("h")
    names._used[name] = 2**32 - 1
    names.release(name)
    assert names.give("h") == (name, 4)


def test_a_free_name_under_which_a_node_is_known_is_not_given(
    names: GivenNames, taken: set[str]
) -> None:
    name, _ = names.give("h")
    names.release(name)
    taken.add(name)
    assert names.give("h")[0] != name
    taken.clear()
    assert names.give("h")[0] == name


def test_a_name_that_comes_to_nothing_is_forgotten(names: GivenNames) -> None:
    name, _ = names.give("h")
    names.withdraw(name)
    assert not names._used
    assert not names._free


def test_a_free_name_that_comes_to_nothing_stays_free(names: GivenNames) -> None:
    name, creation = names.give("h")
    names.release(name)
    names.give("h")
    names.withdraw(name)
    assert names.give("h") == (name, creation + 2)


def test_a_name_that_was_not_given_is_not_taken_back(names: GivenNames) -> None:
    names.release("a@h")
    names.withdraw("a@h")
    assert not names._free


def test_only_so_many_free_names_are_remembered(
    names: GivenNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given_names, "MAX_FREE", 10)
    given = [names.give("h")[0] for _ in range(15)]
    for name in given:
        names.release(name)
    assert list(names._free) == given[5:]
