"""The types: validated when made, never changed, equal by value, copied and pickled."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest

import etf._atoms
from etf import (
    Atom,
    BitBinary,
    Charlist,
    Export,
    FrozenList,
    Fun,
    ImproperList,
    LocalTerm,
    Pid,
    Port,
    Reference,
    TermMap,
    WideInteger,
)

PID = Pid("py@host", 12, 0, 7)

VALUES = [
    Atom("ok"),
    Atom(""),
    Atom("\U0001f600" * 255),
    PID,
    Reference("py@host", 7, (1, 2, 3)),
    Reference("py@host", 7, ()),
    Port("py@host", 2**64 - 1, 7),
    Export("lists", "map", 2),
    Fun("m", 1, b"\7" * 16, 4, -5, 6, PID, (1, b"x")),
    LocalTerm(b"\1"),
    BitBinary(b"\1\xa0", 3),
    ImproperList([1, 2], 3),
    ImproperList((1, 2), 3),
    FrozenList([1, 2]),
    Charlist("abc"),
    TermMap([(1, 1), (1.0, 2), (True, [3])]),
    TermMap(),
    WideInteger(5),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_value_comes_back(value: Any, protocol: int) -> None:
    again = pickle.loads(pickle.dumps(value, protocol))
    assert type(again) is type(value)
    assert again == value


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_copy_is_equal_and_of_the_same_type(value: Any) -> None:
    for again in (copy.copy(value), copy.deepcopy(value)):
        assert type(again) is type(value)
        assert again == value


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_no_attribute_can_be_set(value: Any) -> None:
    names = [*getattr(value, "__match_args__", ()), "anything", "_hash"]
    for name in names:
        with pytest.raises(AttributeError):
            setattr(value, name, 1)
        with pytest.raises(AttributeError):
            delattr(value, name)
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_of_two_types_are_never_equal(value: Any) -> None:
    for other in VALUES:
        if type(other) is not type(value):
            assert value != other
    assert value != object()


FIELDS = [
    (Pid, ("n@h", 1, 2, 3), ("m@h", 9, 8, 7)),
    (Reference, ("n@h", 1, (2, 3)), ("m@h", 9, (2, 4))),
    (Port, ("n@h", 1, 2), ("m@h", 9, 8)),
    (Export, ("m", "f", 2), ("n", "g", 3)),
    (LocalTerm, (b"a",), (b"b",)),
    (BitBinary, (b"\x80", 3), (b"\x40", 4)),
    (ImproperList, ((1,), 2), ((3,), 4)),
]


@pytest.mark.parametrize(("kind", "fields", "others"), FIELDS)
def test_every_field_counts(kind: Any, fields: Any, others: Any) -> None:
    value = kind(*fields)
    assert value == kind(*fields)
    assert hash(value) == hash(kind(*fields))
    assert tuple(getattr(value, name) for name in kind.__match_args__) == fields
    for index, other in enumerate(others):
        changed = kind(*fields[:index], other, *fields[index + 1 :])
        assert changed != value
        assert len({changed, value}) == 2


def test_values_match_by_position() -> None:
    match PID:
        case Pid(node, number):
            assert (node, number) == ("py@host", 12)
    match ImproperList([Atom("alias")], PID):
        case ImproperList([Atom("alias")], Pid()):
            pass
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Atom("a b"), "Atom('a b')"),
        (PID, "Pid(<py@host.12.0>)"),
        (Reference("py@host", 7, (1, 2, 3)), "Reference(#Ref<py@host.3.2.1>)"),
        (Port("py@host", 5, 7), "Port(#Port<py@host.5>)"),
        (Export("lists", "map", 2), "Export(fun lists:map/2)"),
        (Fun("m", 1, bytes(16), 4, 5, 6, PID), "Fun(#Fun<m.4.6>)"),
        (LocalTerm(b"\1"), "LocalTerm(b'\\x01')"),
        (BitBinary(b"\xa0", 3), "BitBinary(b'\\xa0', 3)"),
        (ImproperList([1], 2), "ImproperList([1], 2)"),
        (FrozenList([1]), "FrozenList((1,))"),
        (Charlist("a"), "Charlist('a')"),
        (TermMap([(1, 2)]), "TermMap([(1, 2)])"),
        (WideInteger(5), "WideInteger(5)"),
    ],
)
def test_the_text_says_what_it_is(value: Any, text: str) -> None:
    assert repr(value) == text


def test_a_wide_integer_is_an_int_but_for_its_form() -> None:
    wide = WideInteger(5)
    assert (wide, hash(wide), str(wide), f"{wide:03}") == (5, hash(5), "5", "005")
    assert type(wide + 0) is type(-wide) is int
    assert etf.same(wide, 5)
    assert etf.phash2(wide) == etf.phash2(5)
    assert etf.format([wide, 300]) == "[5,300]"


def test_identifiers_print_as_in_erlang() -> None:
    assert str(PID) == "<py@host.12.0>"
    assert str(Reference("n@h", 7, (1, 2, 3))) == "#Ref<n@h.3.2.1>"


U32, U64 = 2**32, 2**64


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Pid, ("n", U32, 0, 0)),
        (Pid, ("n", 0, -1, 0)),
        (Pid, ("n", 0, 0, U32)),
        (Reference, ("n", U32, ())),
        (Reference, ("n", 0, (U32,))),
        (Reference, ("n", 0, (0,) * 6)),
        (Port, ("n", U64, 0)),
        (Port, ("n", 0, U32)),
        (Export, ("m", "f", 256)),
        (Export, ("m", "f", -1)),
        (Fun, ("m", 256, bytes(16), 0, 0, 0, PID)),
        (Fun, ("m", 0, bytes(15), 0, 0, 0, PID)),
        (Fun, ("m", 0, bytes(16), U32, 0, 0, PID)),
        (Fun, ("m", 0, bytes(16), 0, 2**59, 0, PID)),
        (Fun, ("m", 0, bytes(16), 0, 0, -(2**59) - 1, PID)),
        (Fun, ("m", 0, bytes(16), 0, 0, 0, PID, (0,) * 256)),
        (BitBinary, (b"", 3)),
        (BitBinary, (b"a", 0)),
        (BitBinary, (b"a", 8)),
        (ImproperList, ([], 1)),
        (ImproperList, ([1], [])),
        (ImproperList, ([1], FrozenList())),
        (ImproperList, ([1], Charlist("a"))),
        (ImproperList, ([1], ImproperList([2], 3))),
        (Atom, ("x" * 256,)),
        (Atom, ("\ud800",)),
        (Pid, ("x" * 256, 0, 0, 0)),
        (TermMap, ([(1, 1), (1, 2)],)),
        (TermMap, ([("a", 1), (b"a", 2)],)),
        (TermMap, ([(None, 1), (Atom("nil"), 2)],)),
    ],
)
def test_a_value_that_cannot_exist_is_not_made(kind: Any, fields: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the message differs)
        kind(*fields)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Atom, (b"a",)),
        (Atom, (None,)),
        (Pid, (None, 0, 0, 0)),
        (Pid, (b"n", 0, 0, 0)),
        (Pid, ("n", "0", 0, 0)),
        (Pid, ("n", True, 0, 0)),
        (Pid, ("n", 0, 1.0, 0)),
        (Reference, ("n", 0, ("a",))),
        (Fun, ("m", 0, bytes(16), 0, None, 0, PID)),
        (Fun, ("m", 0, bytes(16), 0, 0, 0, None)),
        (LocalTerm, ("text",)),
        (BitBinary, ("text", 1)),
        (ImproperList, (1, 2)),
        (TermMap, ([(object(), 1)],)),
    ],
)
def test_a_field_of_another_type_is_refused(kind: Any, fields: Any) -> None:
    with pytest.raises(TypeError):
        kind(*fields)


def test_an_atom_is_its_text() -> None:
    atom = Atom("ok")
    assert atom == "ok"
    assert hash(atom) == hash("ok")
    assert {"ok": 1}[atom] == 1
    assert str(atom) == "ok"
    assert type(str(atom)) is str
    assert Atom(atom) is atom
    assert isinstance(atom, str)


def test_atoms_of_one_name_are_one_object() -> None:
    assert Atom("one_object") is Atom("".join(["one_", "object"]))
    assert pickle.loads(pickle.dumps(Atom("one_object"))) is Atom("one_object")
    assert copy.deepcopy(Atom("one_object")) is Atom("one_object")


def test_an_atom_may_have_any_characters_but_surrogates() -> None:
    assert Atom("\0") == "\0"
    assert len(Atom("\U0001f600" * 255)) == 255


def test_atoms_past_the_bound_are_equal_but_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(etf._atoms, "MAX_ATOMS", len(etf._atoms.atom_table))
    first, second = Atom("past the bound"), Atom("past the bound")
    assert first is not second
    assert first == second
    assert hash(first) == hash(second)
    assert "past the bound" not in etf._atoms.atom_table


def test_threads_get_the_same_atoms() -> None:
    names = [f"threaded_{number}" for number in range(2000)]
    made: list[list[Atom]] = []
    threads = [
        threading.Thread(target=lambda: made.append([Atom(name) for name in names]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for atoms in zip(*made, strict=True):
        assert len({id(atom) for atom in atoms}) == 1


def test_a_node_name_becomes_an_atom() -> None:
    assert type(PID.node) is Atom
    assert Pid(Atom("py@host"), 12, 0, 7) == PID
    assert type(Export("m", "f", 0).function) is Atom


def test_the_creator_of_a_fun_does_not_count() -> None:
    one = Fun("m", 1, bytes(16), 4, 5, 6, PID, (1,))
    same = Fun("m", 1, bytes(16), 4, 0, 0, Pid("other@h", 0, 0, 0), (1,))
    assert one == same
    assert hash(one) == hash(same)
    assert one != Fun("m", 1, bytes(16), 4, 5, 6, PID, (2,))
    assert one != Fun("m", 1, bytes(16), 3, 5, 6, PID, (1,))


def test_a_fun_with_mutable_variables_does_not_hash() -> None:
    with pytest.raises(TypeError):
        hash(Fun("m", 1, bytes(16), 4, 5, 6, PID, ([],)))
