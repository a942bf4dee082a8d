"""``match`` and ``select``: Elixir's examples, and a table that ets agrees with.

The table is checked against ``ets`` in ``interop/test_registry_match.py``.
"""

from __future__ import annotations

import pytest

import etf
from ergopy import Atom
from ergopy.gen.registry import match_spec
from tests.gen.registry.kit import begin, pids
from tests.gen.registry.match_rows import ROWS, parsed


@pytest.mark.parametrize(("subject", "spec", "expected"), ROWS)
def test_a_match_specification_gives_what_ets_gives(
    subject: str, spec: str, expected: str
) -> None:
    found = match_spec.compiled(parsed(spec))(parsed(subject))
    assert etf.same(found, parsed(expected)), found


@pytest.mark.parametrize(
    "spec",
    [
        "[{'_', [], []}]",
        "[{'_', []}]",
        "[{'_', [{foo, 1}], [true]}]",
        "[{'_', [{'>', 1}], [true]}]",
        "[{'_', [], [{1, 2}]}]",
        "[x]",
    ],
)
def test_what_is_no_match_specification_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=r"match specification|guard"):
        match_spec.compiled(parsed(spec))


async def test_match_of_elixirs_manual(runtime) -> None:
    registry = await begin(runtime, keys="duplicate")
    (pid,) = pids(runtime, 1)
    one, two = (1, Atom("atom"), 1), (2, Atom("atom"), 2)
    registry.register("hello", one, pid)
    registry.register("hello", two, pid)
    any_, first = Atom("_"), Atom("$1")
    assert registry.match("hello", (1, any_, any_)) == [(pid, one)]
    assert registry.match("hello", (2, any_, any_)) == [(pid, two)]
    both = registry.match("hello", (any_, Atom("atom"), any_))
    assert both == [(pid, one), (pid, two)]
    assert registry.match("hello", (first, any_, first)) == both
    guards = [(Atom(">"), Atom("$2"), 1)]
    assert registry.match("hello", (any_, any_, Atom("$2")), guards) == [(pid, two)]
    guards = [(Atom("is_atom"), first)]
    assert len(registry.match("hello", (any_, first, any_), guards)) == 2
    assert registry.count_match("hello", (1, any_, any_)) == 1
    assert registry.match("hello", lambda value: value[0] == 2) == [(pid, two)]


async def test_select_of_elixirs_manual(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register("hello", Atom("value"), pid)
    registry.register("world", Atom("value"), pid)
    key, who, value = Atom("$1"), Atom("$2"), Atom("$3")
    everything = [((key, who, value), [], [((key, who, value),)])]
    assert registry.select(everything) == [
        ("hello", pid, Atom("value")),
        ("world", pid, Atom("value")),
    ]
    assert registry.select([((key, Atom("_"), Atom("_")), [], [key])]) == [
        *("hello", "world")
    ]
    whole = registry.select([((Atom("_"), Atom("_"), Atom("_")), [], [Atom("$_")])])
    assert whole[0] == ("hello", (pid, Atom("value")))
    guard = [(Atom("=:="), key, "hello")]
    some = [((key, Atom("_"), Atom("_")), guard, [True])]
    assert registry.count_select(some) == 1
    assert registry.select(lambda k, p, v: k == "world") == [
        ("world", pid, Atom("value"))
    ]
    assert registry.count_select(lambda k, p, v: v == Atom("value")) == 2
    with pytest.raises(ValueError, match="no clause for a registry"):
        registry.select([(Atom("_"), [], [True])])


async def test_a_value_may_be_any_object(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    thing = object()
    registry.register("key", (thing, 1), pid)
    assert registry.match("key", (thing, Atom("$1"))) == [(pid, (thing, 1))]
    assert registry.match("key", (object(), Atom("$1"))) == []
    guard = [(Atom(">"), Atom("$1"), 1)]
    assert registry.match("key", (Atom("$1"), Atom("_")), guard) == []
