"""What is read of the messages of sagas, whatever they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events
from etf import Atom, Charlist, FrozenList, TermMap, WideInteger

from .wire_kit import ABOVE, MADE, ME, REF, TX, next_message, sent, with_options

# Rule 5: what a reason comes in as.


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        ([108, 111, 111, 112], "loop"),
        ([], ""),
        ([8364, 0x10FFFF], "€\U0010ffff"),
        (FrozenList([97]), "a"),
        (Charlist("ab"), "ab"),
        ("ab", "ab"),
        (b"\xc3\xa9", "é"),
        (b"\xff", b"\xff"),
        (Atom("why"), "why"),
        ([0xD800], [0xD800]),
        ([0x110000], [0x110000]),
        ([2**70], [2**70]),
        ([-1], [-1]),
        ([97, True], [97, True]),
        ([97, b"b"], [97, b"b"]),
        ((Atom("error"), 5), (Atom("error"), 5)),
        (None, None),
        (5, 5),
    ],
)
def test_a_text_comes_as_a_str_whatever_it_was_sent_as(term: Any, reason: Any) -> None:
    message = (Atom("$saga_cancel"), ME, (TX, REF, term))
    assert wire.read(message) == events.Cancel(ME, TX, REF, reason)
    assert type(wire.read_reason(term)) is type(reason)


# Rule 4: parents.


@pytest.mark.parametrize(
    "parents",
    [
        [],
        [5],
        [ME, Atom("b")],
        (ME,),
        FrozenList([ME]),
        etf.ImproperList([ME], ABOVE),
        [ME] * 65_536,
        b"x",
        None,
    ],
    ids=lambda parents: "",
)
def test_parents_are_a_proper_list_of_pids_that_has_an_end(parents: Any) -> None:
    assert wire.read((Atom("$saga_next"), ME, (TX, REF, 5, parents, {}))) is None


def test_as_many_parents_as_hops_are_taken() -> None:
    assert wire.read(with_options({}, [ME] * 65_535)) is not None


# Rule 5: options.


def keys(text: str) -> list[Any]:
    return [
        Charlist(text),
        FrozenList(map(ord, text)),
        Atom(text),
        text,
        text.encode(),
    ]


@pytest.mark.parametrize("form", range(5))
def test_options_are_found_by_charlists_atoms_and_binaries(form: int) -> None:
    hops, seconds, two, own = [
        keys(text)[form]
        for text in ("HopLimit", "Lifespan", "TwoPhaseCommit", "ErgopyCommit")
    ]
    read = wire.read(with_options({hops: 3, seconds: 4, two: True, own: 1}))
    assert read == events.Next(ME, TX, REF, 5, [ABOVE], 3, 4, True, True)


@pytest.mark.parametrize(
    ("options", "hops", "lifespan", "two", "capable"),
    [
        ({}, 65535, 60, False, False),
        (TermMap(), 65535, 60, False, False),
        ({Atom("Other"): 1, 5: 6, 1.5: [], (): ()}, 65535, 60, False, False),
        ({Atom("HopLimit"): 0}, 0, 60, False, False),
        ({Atom("HopLimit"): WideInteger(7)}, 7, 60, False, False),
        ({Atom("HopLimit"): 2**70}, 65535, 60, False, False),
        ({Atom("HopLimit"): -1}, 65535, 60, False, False),
        ({Atom("HopLimit"): True}, 65535, 60, False, False),
        ({Atom("HopLimit"): b"7"}, 65535, 60, False, False),
        ({Atom("Lifespan"): 0}, 65535, 60, False, False),
        ({Atom("Lifespan"): -5}, 65535, 60, False, False),
        ({Atom("Lifespan"): 2.5}, 65535, 60, False, False),
        ({Atom("Lifespan"): 2**70}, 65535, 2**31 - 1, False, False),
        ({Atom("TwoPhaseCommit"): 1}, 65535, 60, False, False),
        ({Atom("TwoPhaseCommit"): Atom("yes")}, 65535, 60, False, False),
        ({Atom("TwoPhaseCommit"): True}, 65535, 60, True, False),
        (
            {Atom("TwoPhaseCommit"): True, Atom("ErgopyCommit"): 2},
            65535,
            60,
            True,
            True,
        ),
        (
            {Atom("TwoPhaseCommit"): True, Atom("ErgopyCommit"): 0},
            65535,
            60,
            True,
            False,
        ),
        (
            {Atom("TwoPhaseCommit"): True, Atom("ErgopyCommit"): True},
            65535,
            60,
            True,
            False,
        ),
        ({Atom("ErgopyCommit"): 1}, 65535, 60, False, False),
    ],
)
def test_what_is_missing_or_does_not_fit_is_as_ergo_has_it_by_default(
    options: Any, hops: int, lifespan: int, two: bool, capable: bool
) -> None:
    read = wire.read(with_options(options))
    assert read == events.Next(ME, TX, REF, 5, [ABOVE], hops, lifespan, two, capable)
    assert isinstance(read, events.Next)
    assert type(read.hop_limit) is type(read.lifespan) is int


@pytest.mark.parametrize("options", [[], None, [(b"HopLimit", 5)], 5])
def test_options_are_a_map(options: Any) -> None:
    assert wire.read(with_options(options)) is None


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (MADE[0], events.Next(ME, TX, REF, "v", [ME], 65535, 60, False, False)),
        (MADE[1], events.Result(ME, TX, REF, 5)),
        (MADE[2], events.Interim(ME, TX, REF, 5)),
        (MADE[3], events.Cancel(ME, TX, REF, "why")),
        (MADE[4], events.Commit(ME, TX, REF, 5)),
        (MADE[5], events.Joined(ME, TX, REF, ME)),
        (MADE[6], events.Prepare(ME, TX, REF, (Atom("saga"), Atom("a@h")))),
        (MADE[7], events.Vote(ME, TX, REF, None)),
        (MADE[8], events.Decide(ME, TX, REF, 5)),
        (MADE[9], events.Ack(ME, TX, REF, None)),
        (MADE[10], events.Ask(ME, TX, REF, ME)),
        (MADE[14], events.JobResult(ME, REF, 5)),
        (MADE[15], events.JobInterim(ME, REF, 5)),
    ],
)
@pytest.mark.parametrize(
    "options",
    [
        None,
        etf.DecodeOptions(),
        etf.DecodeOptions(strings="str", charlists="str", nil="atom"),
    ],
)
def test_what_was_made_is_read_inside_a_node_and_on_another(
    message: Any, event: Any, options: etf.DecodeOptions | None
) -> None:
    read = wire.read(message if options is None else sent(message, options))
    assert type(read) is type(event)
    # An atom nil stays one there, if that is asked for.
    kept = options is not None and options.nil == "atom"
    assert read == tuple(
        Atom("nil") if part is None and kept else part for part in event
    )


def test_a_value_may_be_any_object() -> None:
    class Hostile:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise AssertionError("a value is not looked at")

    value = Hostile()
    read = wire.read(wire.result_message(ME, TX, REF, value))
    assert isinstance(read, events.Result)
    assert read.value is value
    read = wire.read(next_message(value=value))
    assert isinstance(read, events.Next)
    assert read.value is value


PARTS = [
    Atom("$saga_next"),
    Atom("$saga_result"),
    Atom("$saga_cancel"),
    Atom("$saga_ergopy"),
    Atom("$saga_job_result"),
    Atom("joined"),
    Atom("HopLimit"),
    "$saga_next",
    b"$saga_next",
    b"joined",
    ME,
    TX,
    5,
    True,
    None,
    1.5,
]


def terms() -> st.SearchStrategy[Any]:
    leaves = st.sampled_from(PARTS)
    hashable = st.one_of(leaves, st.just(FrozenList(b"HopLimit")), st.just((1, 2)))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=5),
            st.lists(inner, max_size=5).map(tuple),
            st.dictionaries(hashable.filter(lambda key: type(key) is not bytes), inner),
            st.dictionaries(st.sampled_from([b"HopLimit", b"Lifespan"]), inner),
            st.tuples(st.sampled_from(PARTS[:5]), st.just(ME), inner),
        ),
        max_leaves=12,
    )


@given(terms())
def test_reading_never_raises(term: Any) -> None:
    wire.read(term)
    wire.read_reason(term)


@given(st.sampled_from(MADE), st.integers(0, 4), terms())
def test_a_part_that_is_something_else_changes_no_other(
    message: Any, place: int, term: Any
) -> None:
    tag, sender, said = message
    parts = list(said)
    parts[place % len(parts)] = term
    read = wire.read((tag, sender, tuple(parts)))
    assert read is None or read[0] is sender


@pytest.mark.parametrize(
    "message",
    [
        (),
        [],
        None,
        Atom("$saga_next"),
        (TX, 5),
        ([], ME, (TX, REF, 5)),
        (Atom("$saga_other"), ME, (TX, REF, 5)),
        ("$saga_result", ME, (TX, REF, 5)),
        (b"$saga_result", ME, (TX, REF, 5)),
        (Atom("$saga_result"), Atom("me"), (TX, REF, 5)),
        (Atom("$saga_result"), ME, [TX, REF, 5]),
        (Atom("$saga_result"), ME, (TX, REF)),
        (Atom("$saga_result"), ME, (TX, REF, 5, 6)),
        (Atom("$saga_result"), ME, (TX, REF, 5), 6),
        (Atom("$saga_result"), ME, (TX, [], 5)),
        (Atom("$saga_result"), ME, ([], REF, 5)),
        (Atom("$saga_cancel"), ME, (TX, None, "why")),
        (Atom("$saga_next"), ME, (TX, REF, 5, [ME])),
        (Atom("$saga_next"), ME, (TX, None, 5, [ME], {})),
        (Atom("$saga_ergopy"), ME, (TX, REF, Atom("vote"))),
        (Atom("$saga_ergopy"), ME, (TX, REF, Atom("nod"), None)),
        (Atom("$saga_ergopy"), ME, (TX, REF, b"vote", None)),
        (Atom("$saga_ergopy"), ME, (TX, REF, [], None)),
        (Atom("$saga_ergopy"), ME, (TX, 5, Atom("vote"), None)),
        (Atom("$saga_ergopy"), ME, (TX, REF, Atom("joined"), Atom("saga"))),
        (Atom("$saga_ergopy"), ME, (TX, REF, Atom("ask"), (Atom("saga"), b"a@h"))),
        (Atom("$saga_ergopy"), ME, (TX, REF, Atom("prepare"), (Atom("saga"),))),
        (Atom("$saga_job_result"), ME, (5, 5)),
        (Atom("$saga_job_result"), ME, (REF,)),
        (Atom("$saga_job_start"), ME, (REF, TX, b"key", 5, True)),
    ],
)
def test_what_does_not_fit_is_no_message_of_sagas(message: Any) -> None:
    assert wire.read(message) is None
