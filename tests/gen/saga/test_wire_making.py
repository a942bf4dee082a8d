"""The messages of sagas, as they are sent: their bytes, as ergo wants them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ergopy.gen.saga import wire
from ergopy.process.runtime import Runtime
from etf import Atom, Charlist

from .wire_kit import (
    ABOVE,
    ABOVE_BYTES,
    ERGOPY_COMMIT,
    HOP_LIMIT,
    LIFESPAN,
    MADE,
    ME,
    ME_BYTES,
    REF,
    REF_BYTES,
    TWO_PHASE_COMMIT,
    TX,
    TX_BYTES,
    assert_bytes,
    next_message,
)


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


@pytest.mark.parametrize("message", MADE, ids=lambda message: message[0])
def test_no_message_can_be_taken_for_the_answer_of_a_call(message: Any) -> None:
    tag, sender, said = message
    assert type(tag) is Atom
    assert sender is ME
    assert type(said) is tuple
