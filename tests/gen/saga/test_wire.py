"""The messages of sagas: their bytes, as ergo wants them, and what is read of them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from ergopy.gen.saga import wire
from ergopy.gen.saga.core import events
from ergopy.process.runtime import Runtime
from etf import Atom, Charlist, FrozenList, Pid, Reference, TermMap, WideInteger

ME = Pid("a@h", 1, 2, 3)
ABOVE = Pid("b@h", 4, 5, 6)
TX = Reference("a@h", 3, (7, 8, 9))
REF = Reference("a@h", 3, (10, 11, 12))

ME_BYTES = '58 77 03 "a@h" 00000001 00000002 00000003'
ABOVE_BYTES = '58 77 03 "b@h" 00000004 00000005 00000006'
TX_BYTES = '5a 0003 77 03 "a@h" 00000003 00000007 00000008 00000009'
REF_BYTES = '5a 0003 77 03 "a@h" 00000003 0000000a 0000000b 0000000c'
HOP_LIMIT = '6b 0008 "HopLimit"'
LIFESPAN = '6b 0008 "Lifespan"'
TWO_PHASE_COMMIT = '6b 000e "TwoPhaseCommit"'
ERGOPY_COMMIT = '6b 000c "ErgopyCommit"'


def hexed(text: str) -> bytes:
    """Bytes from hex digits and quoted text."""
    parts = enumerate(text.split('"'))
    return b"".join(p.encode() if n % 2 else bytes.fromhex(p) for n, p in parts)


def assert_bytes(message: Any, text: str) -> None:
    assert etf.encode(message).hex() == (b"\x83" + hexed(text)).hex()


def next_message(**changes: Any) -> Any:
    given = {
        "value": Atom("v"),
        "parents": [ME],
        "hop_limit": 65535,
        "lifespan": 60,
        "two_phase_commit": False,
        "capable": False,
    }
    return wire.next_message(ME, TX, REF, **(given | changes))


def with_options(options: Any, parents: Any = (ABOVE,)) -> Any:
    return (Atom("$saga_next"), ME, (TX, REF, 5, list(parents), options))


def sent(message: Any, options: etf.DecodeOptions | None = None) -> Any:
    """*message* as it comes to another node."""
    return etf.decode(etf.encode(message), options or etf.DecodeOptions())


def test_next_has_the_bytes_of_ergo() -> None:
    assert_bytes(
        next_message(),
        f'68 03 77 0a "$saga_next" {ME_BYTES} 68 05 {TX_BYTES} {REF_BYTES} 77 01 "v" '
        f"6c 00000001 {ME_BYTES} 6a 74 00000003 {HOP_LIMIT} 62 0000ffff "
        f'{LIFESPAN} 62 0000003c {TWO_PHASE_COMMIT} 77 05 "false"',
    )


def test_one_that_knows_the_commit_of_ergopy_says_so_behind_what_ergo_reads() -> None:
    assert_bytes(
        next_message(two_phase_commit=True, capable=True, parents=[ME, ABOVE]),
        f'68 03 77 0a "$saga_next" {ME_BYTES} 68 05 {TX_BYTES} {REF_BYTES} 77 01 "v" '
        f"6c 00000002 {ME_BYTES} {ABOVE_BYTES} 6a 74 00000004 {HOP_LIMIT} 62 0000ffff "
        f'{LIFESPAN} 62 0000003c {TWO_PHASE_COMMIT} 77 04 "true" '
        f"{ERGOPY_COMMIT} 61 01",
    )


@pytest.mark.parametrize(
    ("make", "tag"),
    [
        (wire.result_message, '77 0c "$saga_result"'),
        (wire.interim_message, '77 0d "$saga_interim"'),
        (wire.commit_message, '77 0c "$saga_commit"'),
    ],
)
def test_what_is_about_a_step_has_the_bytes_of_ergo(make: Any, tag: str) -> None:
    assert_bytes(
        make(ME, TX, REF, "x"),
        f'68 03 {tag} {ME_BYTES} 68 03 {TX_BYTES} {REF_BYTES} 6d 00000001 "x"',
    )


# Rule 1 and 2: keys are charlists, integers have 32 bits.


@pytest.mark.parametrize(
    ("hops", "lifespan", "hops_bytes", "seconds_bytes"),
    [
        (0, 1, "62 00000000", "62 00000001"),
        (255, 255, "62 000000ff", "62 000000ff"),
        (256, 256, "62 00000100", "62 00000100"),
        (1, 0.001, "62 00000001", "62 00000001"),
        (1, -3, "62 00000001", "62 00000001"),
        (1, 59.01, "62 00000001", "62 0000003c"),
        (1, 2.0**40, "62 00000001", "62 7fffffff"),
        (1, math.inf, "62 00000001", "62 7fffffff"),
    ],
)
def test_integers_of_the_options_have_32_bits_and_seconds_are_rounded_up(
    hops: int, lifespan: float, hops_bytes: str, seconds_bytes: str
) -> None:
    options = next_message(hop_limit=hops, lifespan=lifespan)[2][4]
    assert_bytes(
        options,
        f"74 00000003 {HOP_LIMIT} {hops_bytes} {LIFESPAN} {seconds_bytes} "
        f'{TWO_PHASE_COMMIT} 77 05 "false"',
    )


# Rule 3: reasons leave as charlists.


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("loop_detected", '6b 000d "loop_detected"'),
        ("", "6a"),
        ("é", "6b 0001 e9"),
        ("a€", "6c 00000002 61 61 62 000020ac 6a"),
        (Charlist("ab"), '6b 0002 "ab"'),
        (Atom("why"), '77 03 "why"'),
        (b"why", '6d 00000003 "why"'),
        ((Atom("error"), 5), '68 02 77 05 "error" 61 05'),
    ],
)
def test_a_reason_that_is_a_text_leaves_as_a_charlist(reason: Any, text: str) -> None:
    assert_bytes(
        wire.cancel_message(ME, TX, REF, reason),
        f'68 03 77 0c "$saga_cancel" {ME_BYTES} 68 03 {TX_BYTES} {REF_BYTES} {text}',
    )


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("loop", '6b 0004 "loop"'),
        (Atom("why"), '6b 0003 "why"'),
        (b"why", '6b 0003 "why"'),
        ([97, 98], '6b 0002 "ab"'),
        ([], "6a"),
        ((Atom("error"), 5), '6b 0009 "{error,5}"'),
        (None, '6b 0003 "nil"'),
        (True, '6b 0004 "true"'),
        (5, '6b 0001 "5"'),
        (b"\xff", "6b 0007 3c3c22ff223e3e"),
    ],
)
def test_a_saga_of_ergo_gets_a_text_whatever_the_reason_is(
    reason: Any, text: str
) -> None:
    assert_bytes(
        wire.cancel_message(ME, TX, REF, reason, as_text=True)[2],
        f"68 03 {TX_BYTES} {REF_BYTES} {text}",
    )


def test_the_text_of_a_reason_has_an_end() -> None:
    reason = (Atom("error"), list(range(100_000)))
    _, _, (_, _, text) = wire.cancel_message(ME, TX, REF, reason, as_text=True)
    assert len(text) == 1000
    assert text.startswith("{error,[0,1,2,")


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


# Rule 6: references come back as they were.


@pytest.mark.parametrize("made", [0, 2**18 - 2, 2**18 - 1, 2**50, 2**60])
def test_a_reference_keeps_its_value_where_only_18_bits_of_the_first_word_do(
    made: int,
) -> None:
    runtime = Runtime.__new__(Runtime)
    runtime.name, runtime.creation = Atom("a@h"), 1
    runtime.references, runtime._salt = made, 2**32 - 1
    words = runtime.new_reference().words
    assert len(words) == 3
    assert words[0] < 2**18


# Rule 7 and 8: three elements, the first an atom.

MADE = [
    next_message(),
    wire.result_message(ME, TX, REF, 5),
    wire.interim_message(ME, TX, REF, 5),
    wire.cancel_message(ME, TX, REF, "why"),
    wire.commit_message(ME, TX, REF, 5),
    wire.joined(ME, TX, REF, ME),
    wire.prepare(ME, TX, REF, (Atom("saga"), Atom("a@h"))),
    wire.vote(ME, TX, REF),
    wire.decide(ME, TX, REF, 5),
    wire.ack(ME, TX, REF),
    wire.ask(ME, TX, REF, ME),
    wire.job_start(ME, REF, TX, "key", 5, True),
    wire.job_cancel(ME, REF, "why"),
    wire.job_commit(ME, REF, 5),
    wire.job_result(ME, REF, 5),
    wire.job_interim(ME, REF, 5),
]


@pytest.mark.parametrize("message", MADE, ids=lambda message: message[0])
def test_no_message_can_be_taken_for_the_answer_of_a_call(message: Any) -> None:
    tag, sender, said = message
    assert type(tag) is Atom
    assert sender is ME
    assert type(said) is tuple


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
