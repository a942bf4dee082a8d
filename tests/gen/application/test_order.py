"""Start order by dependency: pure functions, checked on generated graphs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy import ApplicationNotLoaded, DependencyCycle
from ergopy.gen.application.order import start_order

NAMES = list("abcdefgh")


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Any graph: also with cycles, with an edge to itself, with edges twice."""
    needed = st.lists(st.sampled_from(NAMES), max_size=3)
    return {name: draw(needed) for name in NAMES}


def reachable(start: str, needs: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    left = list(needs[start])
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += needs[name]
    return found


@given(graphs(), st.lists(st.sampled_from(NAMES), max_size=4))
def test_the_order_is_one_in_which_all_can_start_or_names_a_real_cycle(
    needs: dict[str, list[str]], wanted: list[str]
) -> None:
    everything = set(wanted).union(*(reachable(name, needs) for name in wanted))
    cyclic = any(name in reachable(name, needs) for name in everything)
    if cyclic:
        with pytest.raises(DependencyCycle) as caught:
            start_order(wanted, needs)
        cycle = caught.value.cycle
        assert cycle[0] == cycle[-1] == caught.value.application
        assert len(set(cycle)) == len(cycle) - 1
        assert all(needed in needs[name] for name, needed in pairwise(cycle))
        return
    order = start_order(wanted, needs)
    assert sorted(order) == sorted(everything)
    place = {name: number for number, name in enumerate(order)}
    assert all(place[n] < place[name] for name in order for n in needs[name])


@given(st.permutations(NAMES))
def test_without_dependencies_the_order_is_the_one_asked_for(
    wanted: list[str],
) -> None:
    assert start_order(wanted, dict.fromkeys(NAMES, ())) == wanted


def test_a_cycle_is_named_from_its_first_to_its_last() -> None:
    needs = {"a": ["b"], "b": ["c"], "c": ["d"], "d": ["b"]}
    with pytest.raises(DependencyCycle, match="b -> c -> d -> b") as caught:
        start_order(["a"], needs)
    assert caught.value.cycle == ("b", "c", "d", "b")


def test_what_is_not_known_is_named_with_the_one_that_needs_it() -> None:
    with pytest.raises(ApplicationNotLoaded, match="b needs it") as caught:
        start_order(["a"], {"a": ["b"], "b": ["c"]})
    assert (caught.value.application, caught.value.needed_by) == ("c", "b")
    with pytest.raises(ApplicationNotLoaded) as caught:
        start_order(["a"], {})
    assert (caught.value.application, caught.value.needed_by) == ("a", None)


def test_a_long_chain_is_no_matter_of_the_stack() -> None:
    names = [str(number) for number in range(5000)]
    needs = {name: [needed] for name, needed in pairwise(names)}
    needs[names[-1]] = []
    assert start_order([names[0]], needs) == names[::-1]
