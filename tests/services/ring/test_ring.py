"""``ergopy.Ring``: keys on given nodes, and what moves when nodes come and go."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from ergopy import Atom, Ring

KEYS = [f"user:{number}".encode() for number in range(4000)]


def names(count: int) -> list[str]:
    return [f"n{number}@host" for number in range(count)]


def placed(ring: Ring) -> dict[bytes, Atom | None]:
    return {key: ring.place(key) for key in KEYS}


def test_places_are_those_of_every_release():
    """These were computed by a BEAM; they must never change."""
    ring = Ring(["a@host", "b@host", "c@host"])
    keys = [b"user:1", Atom("user"), 17, (1, b"x"), [], {"k": 1.5}, "é"]
    assert [ring.place(key) for key in keys] == EXPECTED


EXPECTED = [f"{name}@host" for name in "bcccabc"]


def test_order_in_which_nodes_come_does_not_matter():
    one, other = Ring(names(5)), Ring(points=128)
    for name in reversed(names(5)):
        other.add(name)
    assert placed(one) == placed(other)
    assert one.nodes() == other.nodes() == names(5)


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_one_more_node_takes_one_share_and_moves_nothing_else(count):
    ring = Ring(names(count))
    before = placed(ring)
    change = ring.add("new@host")
    after = placed(ring)
    moved = {key for key in KEYS if before[key] != after[key]}
    assert {after[key] for key in moved} == {"new@host"}
    assert 0.75 < len(moved) / len(KEYS) * (count + 1) < 1.25
    assert 0.75 < change.share * (count + 1) < 1.25
    assert abs(change.share - len(moved) / len(KEYS)) < 0.03
    assert {key for key in KEYS if change.moved(key)} == moved
    assert change.added == ["new@host"]
    assert change.removed == []


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_keys_of_a_lost_node_go_to_all_others_and_come_back(count):
    ring = Ring(names(count))
    before = placed(ring)
    change = ring.remove("n0@host")
    after = placed(ring)
    moved = {key for key in KEYS if before[key] != after[key]}
    assert moved == {key for key in KEYS if before[key] == "n0@host"}
    assert {after[key] for key in moved} == set(names(count)[1:])
    assert {way[0] for way in change.shares()} == {"n0@host"}
    assert {way[1] for way in change.shares()} == set(names(count)[1:])
    ring.add("n0@host")
    assert placed(ring) == before


def test_keys_are_spread_evenly():
    shares = Counter(placed(Ring(names(8))).values())
    assert all(0.75 < share * 8 / len(KEYS) < 1.25 for share in shares.values())


def test_weight_is_share():
    shares = Counter(placed(Ring({"big@host": 3, "small@host": 1})).values())
    assert 2.4 < shares[Atom("big@host")] / shares[Atom("small@host")] < 3.7


def test_other_weight_moves_only_the_difference():
    ring = Ring(names(3))
    change = ring.add("n0@host", weight=2)
    assert {way[1] for way in change.shares()} == {"n0@host"}
    assert 0.1 < change.share < 0.25
    ring.add("n0@host")
    assert placed(ring) == placed(Ring(names(3)))


def test_no_nodes_no_place():
    ring = Ring()
    assert ring.place(b"k") is None
    assert ring.places(b"k", 2) == []
    assert ring.add("a@host").shares() == {(None, "a@host"): pytest.approx(1.0)}
    assert ring.place(b"k") == "a@host"
    assert ring.remove("a@host").moved(b"k") == ("a@host", None)


def test_nothing_changes_nothing_moves():
    ring = Ring(names(3))
    for change in (ring.add("n0@host"), ring.remove("nobody@host")):
        assert change.shares() == {}
        assert change.share == 0
        assert change.added == change.removed == []


def test_second_place_is_where_the_key_goes():
    ring = Ring(names(4))
    for key in KEYS[:300]:
        first, second = ring.places(key, 2)
        assert first == ring.place(key)
        left = Ring([name for name in names(4) if name != first])
        assert left.place(key) == second
    assert sorted(ring.places(b"k", 9)) == names(4)
    assert ring.places(b"k", 0) == []


def test_pin_holds_while_its_node_is_there():
    ring = Ring(names(3), pins={b"here": "n2@host"})
    without = Ring(names(3))
    for key in (b"here", b"there", 1):
        ring.pin(key, "n2@host")
        assert ring.place(key) == "n2@host"
        assert ring.places(key, 3)[0] == "n2@host"
        assert sorted(ring.places(key, 3)) == names(3)
    ring.remove("n2@host")
    assert ring.place(b"here") == Ring(names(2)).place(b"here")
    ring.add("n2@host")
    assert ring.place("here") == "n2@host", "text is a binary"
    assert ring.unpin(b"here")
    assert not ring.unpin(b"here")
    assert ring.place(b"here") == without.place(b"here")


def test_pins_tell_terms_apart():
    ring = Ring(names(8))
    for key in (1.0, True, Atom("1")):
        ring.pin(key, "n7@host")
    assert ring.place(1) == Ring(names(8)).place(1) != "n7@host"


@given(st.sets(st.sampled_from(names(12)), min_size=1), st.integers(1, 40), st.data())
def test_change_says_what_moved(nodes, points, data):
    ring = Ring(nodes, points=points)
    where = {key: ring.place(key) for key in KEYS[:60]}
    gone = data.draw(st.sampled_from(sorted(nodes)))
    changes = [ring.remove(gone), ring.add("new@host")]
    for change in changes:
        for key, old in where.items():
            moved = change.moved(key)
            if moved is not None:
                assert moved[0] == old
                where[key] = moved[1]
        assert 0 <= change.share <= 1 + 1e-9
    assert where == {key: ring.place(key) for key in where}


@pytest.mark.parametrize(
    "options", [{"points": 0}, {"points": 1.5}, {"nodes": {"a@host": 0}}]
)
def test_wrong_numbers_are_refused(options):
    with pytest.raises(ValueError, match="from 1"):
        Ring(**options)


def test_what_is_no_term_has_no_place():
    with pytest.raises(etf.EncodeError):
        Ring(names(2)).place(object())
