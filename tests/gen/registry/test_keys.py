"""Which keys are one key: those that are ``=:=`` in Erlang."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import given

import etf
from ergopy import Atom, Pid
from ergopy.gen.registry.keys import kept, mark_of
from tests.etf.strategies import terms
from tests.gen.registry.kit import begin, clean, pids


class Colour(enum.IntEnum):
    RED = 1


class Word(enum.StrEnum):
    A = "a"


class OldWord(str, enum.Enum):  # noqa: UP042 - as older programs have it
    A = "a"


class Stands:
    """For a term, as a mapped class does."""

    def __etf__(self) -> Any:
        return (Atom("user"), 1)


KEYS: list[Any] = [
    *(1, 1.0, True, "1", b"1", Atom("1"), Atom("true"), None, Atom("nil")),
    *(
        Colour.RED,
        Word.A,
        OldWord.A,
        (OldWord.A,),
        "a",
        b"a",
        Atom("a"),
        bytearray(b"a"),
        2**70,
        0.0,
        -0.0,
    ),
    *((), (1,), (1.0,), (True,), (Atom("true"),), ("a",), (b"a",), (Atom("a"),)),
    *((Colour.RED,), (Word.A,), ((1,),), ((1,), 2), ((1.0,), 2), (None,), ((),)),
    *([], [1], [1.0], ["a"], [b"a"], [Atom("a")], etf.FrozenList([1]), "", b""),
    *({}, {1: 2}, {1.0: 2}, {True: 2}, etf.TermMap({1: 2}), {"a": 1}, {b"a": 1}),
    *(etf.Charlist("ab"), [97, 98], Pid("a@b", 1, 2, 3), Pid("a@b", 1, 2, 4)),
    *(etf.BitBinary(b"\x80", 1), Stands(), (Atom("user"), 1), (Stands(),)),
]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: type(key).__name__)
def test_keys_are_one_exactly_if_they_are_the_same_term(key: Any) -> None:
    for other in KEYS:
        assert are_one(key, other) == same(key, other), other


def are_one(a: Any, b: Any) -> bool:
    """Look one mark up as a table does: ``-bb`` minds a plain comparison."""
    return mark_of(a) in dict.fromkeys([mark_of(b)])


def same(a: Any, b: Any) -> bool:
    return etf.identity_key(a) == etf.identity_key(b)


@given(terms(), terms())
def test_any_two_terms_have_one_mark_exactly_if_they_are_the_same(
    a: Any, b: Any
) -> None:
    assert are_one(a, b) == same(a, b)


@given(terms())
def test_a_term_has_the_mark_of_what_a_peer_would_send_for_it(term: Any) -> None:
    sent = etf.decode(etf.encode(term))
    assert are_one(sent, term)
    assert same(kept(term, mark_of(term)), term)


@pytest.mark.parametrize("key", [len, (1, len), {"a": len}, "\ud800"], ids=type)
def test_what_is_no_term_is_refused(key: Any) -> None:
    with pytest.raises(etf.EncodeError):
        mark_of(key)


async def test_each_of_three_ones_has_a_process_of_its_own(runtime) -> None:
    registry = await begin(runtime)
    for key, pid in zip((1, 1.0, True), one := pids(runtime, 3), strict=True):
        registry.register(key, pid=pid)
    assert [registry.lookup(key) for key in (1, 1.0, True)] == one
    assert registry.lookup(Atom("true")) == one[2]


async def test_text_is_the_binary_that_a_peer_sends(runtime) -> None:
    registry = await begin(runtime)
    text, atom = pids(runtime, 2)
    registry.register("bob", pid=text)
    registry.register(Atom("bob"), pid=atom)
    assert registry.lookup(b"bob") == registry.lookup("bob") == text
    assert registry.lookup(Atom("bob")) == atom


async def test_nobody_can_change_a_key_that_is_in_the_registry(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    lists, mutable = ["a"], bytearray(b"x")
    registry.register(lists, pid=pid)
    registry.register((1, mutable), pid=pid)
    lists.append("b")
    mutable[0] = 0
    assert registry.lookup(["a"]) == pid
    assert registry.lookup(["a", "b"]) is None
    assert registry.items() == [([b"a"], pid), ((1, b"x"), pid)]


async def test_a_key_is_shown_as_it_was_first_written(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register(("user", 7), pid=pid)
    assert list(registry) == [("user", 7)]
    assert ("user", 7) in registry
    assert (b"user", 7) in registry
    assert (Atom("user"), 7) not in registry


def nested(depth: int) -> Any:
    key: Any = 1
    for _ in range(depth):
        key = (key,)
    return key


async def test_a_key_may_be_nested_as_deep_as_a_message(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    registry.register(nested(900), pid=pid)
    assert registry.lookup(nested(900)) == pid
    assert registry.remove(nested(900)) == pid


async def test_a_key_that_no_message_could_hold_is_refused(runtime) -> None:
    registry = await begin(runtime)
    (pid,) = pids(runtime, 1)
    with clean(registry), pytest.raises(etf.EncodeError):
        registry.register(nested(30_000), pid=pid)
