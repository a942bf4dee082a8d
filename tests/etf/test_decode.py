"""Decoding: what each tag means, and what is refused and where."""

from __future__ import annotations

from typing import Any

import pytest

from etf import (
    Atom,
    BitBinary,
    Charlist,
    DecodeError,
    DecodeOptions,
    Export,
    FrozenList,
    Fun,
    ImproperList,
    LocalTerm,
    Pid,
    Port,
    Reference,
    TermMap,
)
from tests.etf.exact import exactly

NODE = '77 03 "a@h"'
PID = f"58 {NODE} 00000001 00000002 00000003"
FUN = f'70 00000036 01 {"07" * 16} 00000004 00000000 77 01 "m" 61 05 61 06 {PID}'
FUN2 = f'70 0000003a 01 {"07" * 16} 00000004 00000002 77 01 "m" 61 05 61 06 {PID}'

# text after the version byte, term
TERMS = [
    ('77 02 "ok"', Atom("ok")),
    ("77 00", Atom("")),
    ('76 0002 "ok"', Atom("ok")),
    ("64 0001 e9", Atom("é")),
    ("73 01 e9", Atom("é")),
    ('77 04 "true"', True),
    ('64 0005 "false"', False),
    ('73 03 "nil"', None),
    ('77 09 "undefined"', Atom("undefined")),
    ("61 ff", 255),
    ("62 80000000", -(2**31)),
    ("6e 04 00 05000000", 5),
    ("6e 01 01 00", 0),
    ("6e 00 01", 0),
    ("6f 00000002 01 0001", -256),
    ("46 bff8000000000000", -1.5),
    (f'63 "1.5e+00" {"00" * 24}', 1.5),
    ("6a", []),
    ("6b 0002 00ff", [0, 255]),
    ("6b 0000", []),
    ("6c 00000001 61 01 6a", [1]),
    ("6c 00000001 61 01 61 02", ImproperList([1], 2)),
    ("6c 00000000 6a", []),
    ("6c 00000000 61 05", 5),
    ("6c 00000001 61 01 6c 00000001 61 02 6a", [1, 2]),
    ("6c 00000001 61 01 6b 0002 0203", [1, 2, 3]),
    ("6c 00000001 61 01 6c 00000001 61 02 61 03", ImproperList([1, 2], 3)),
    ("6c 00000001 6a 6c 00000000 6c 00000000 6a", [[]]),
    ("68 00", ()),
    ("69 00000001 61 01", (1,)),
    ("74 00000000", {}),
    ("74 00000001 61 01 6a", {1: []}),
    ("74 00000001 6a 6a", {FrozenList(): []}),
    ("74 00000001 6b 0001 01 6a", {FrozenList([1]): []}),
    ("74 00000001 68 01 6b 0001 01 6a", {(FrozenList([1]),): []}),
    ("74 00000001 6c 00000001 61 01 61 02 6a", {ImproperList((1,), 2): []}),
    ("74 00000001 74 00000001 6a 6a 6a", {TermMap([(FrozenList(), FrozenList())]): []}),
    (
        "74 00000002 46 0000000000000000 61 01 46 8000000000000000 61 02",
        TermMap([(0.0, 1), (-0.0, 2)]),
    ),
    ("6d 00000002 c3a9", "é".encode()),
    ("4d 00000002 08 c3a9", "é".encode()),
    ("4d 00000000 00", b""),
    ("4d 00000001 03 ff", BitBinary(b"\xe0", 3)),
    (PID, Pid("a@h", 1, 2, 3)),
    (f"67 {NODE} 00000001 00000002 03", Pid("a@h", 1, 2, 3)),
    (f"59 {NODE} 00000001 00000003", Port("a@h", 1, 3)),
    (f"66 {NODE} 00000001 03", Port("a@h", 1, 3)),
    (f"78 {NODE} 0000000000000001 00000003", Port("a@h", 1, 3)),
    (f"5a 0002 {NODE} 00000003 00000001 00000002", Reference("a@h", 3, (1, 2))),
    (f"72 0002 {NODE} 03 00000001 00000002", Reference("a@h", 3, (1, 2))),
    (f"65 {NODE} 00000001 03", Reference("a@h", 3, (1,))),
    (f"5a 0000 {NODE} 00000003", Reference("a@h", 3, ())),
    ('71 77 01 "m" 77 01 "f" 61 02', Export("m", "f", 2)),
    ('71 77 04 "true" 77 03 "nil" 61 02', Export("true", "nil", 2)),
    (FUN, Fun("m", 1, b"\7" * 16, 4, 5, 6, Pid("a@h", 1, 2, 3))),
    (
        FUN2 + "6a 68 01 6a",
        Fun("m", 1, b"\7" * 16, 4, 5, 6, Pid("a@h", 1, 2, 3), ([], ([],))),
    ),
    ("79 01020304 6a", LocalTerm(b"\1\2\3\4j")),
]


@pytest.mark.parametrize(("text", "term"), TERMS)
def test_a_tag_means_its_term(codec: Any, hexed: Any, text: str, term: Any) -> None:
    assert exactly(codec.decode(b"\x83" + hexed(text)), term)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
@pytest.mark.parametrize(("text", "term"), TERMS)
def test_any_buffer_will_do(
    codec: Any, hexed: Any, text: str, term: Any, kind: Any
) -> None:
    data = kind(b"\x83" + hexed(text))
    assert exactly(codec.decode(data), term)
    assert codec.decode_prefix(data)[1] == len(data)


@pytest.mark.parametrize(("text", "term"), TERMS[:-1])
def test_a_term_is_read_up_to_its_end(
    codec: Any, hexed: Any, text: str, term: Any
) -> None:
    data = b"\x83" + hexed(text)
    assert codec.decode_prefix(data + b"\x83j")[1] == len(data)
    with pytest.raises(DecodeError) as caught:
        codec.decode(data + b"\x83j")
    assert caught.value.offset == len(data)


@pytest.mark.parametrize(("text", "term"), TERMS[:-1])
def test_each_cut_is_refused(codec: Any, hexed: Any, text: str, term: Any) -> None:
    data = b"\x83" + hexed(text)
    for size in range(len(data)):
        with pytest.raises(DecodeError, match="truncated"):
            codec.decode_prefix(data[:size])


@pytest.mark.parametrize(("text", "term"), TERMS)
def test_decoded_keys_and_copies_are_independent_of_the_buffer(
    codec: Any, hexed: Any, text: str, term: Any
) -> None:
    data = bytearray(b"\x83" + hexed(text))
    found = codec.decode(data)
    data[:] = b"\xff" * len(data)
    assert exactly(found, term)


# text, part of the message, offset
MALFORMED = [
    ("", "truncated", 0),
    ("82 6a", "version", 0),
    ("6a", "version", 0),
    ("83", "truncated", 1),
    ("83 ff", "unknown tag 255", 1),
    ("83 44", "unknown tag 68", 1),
    ("83 68 01 83", "unknown tag 131", 3),
    ("83 6a 00", "follow", 2),
    ("83 75 00000000", "117", 1),
    ("83 52 00", "atom number 0", 1),
    ("83 68 01 79 00", "local", 3),
    ("83 68 01 50 00", "compressed", 3),
    # lengths
    ("83 6d ffffffff 00", "truncated", 1),
    ("83 6d 000000", "truncated", 1),
    ("83 4d ffffffff 01 00", "truncated", 1),
    ("83 6b ffff 00", "truncated", 1),
    ("83 68 01 6b ffff", "truncated", 3),
    ("83 68 ff 61 01", "truncated", 1),
    ("83 69 ffffffff 61 01", "truncated", 1),
    ("83 6c ffffffff 61 01", "truncated", 1),
    ("83 6c 00000001 61 01", "truncated", 8),
    ("83 74 ffffffff 61 01", "truncated", 1),
    ("83 74 80000000 61 01", "truncated", 1),
    ("83 6f ffffffff 00 00", "truncated", 1),
    ("83 6e ff 00 00", "truncated", 1),
    ("83 77 ff 00", "truncated", 1),
    ("83 76 ffff 00", "truncated", 1),
    ("83 68 02 61 01", "truncated", 5),
    ("83 68 03 61 01", "truncated", 1),
    ("83 68 02 61 01 61", "truncated", 5),
    ("83 68 01 46 00", "truncated", 3),
    ("83 63 31", "truncated", 1),
    # values
    ("83 46 7ff8000000000000", "finite", 1),
    ("83 46 7ff0000000000000", "finite", 1),
    ("83 68 01 46 fff0000000000000", "finite", 3),
    (f'83 63 "nan" {"00" * 28}', "text of a float", 1),
    (f'83 63 "1_0.0" {"00" * 26}', "text of a float", 1),
    (f'83 63 " 1.0" {"00" * 27}', "text of a float", 1),
    (f'83 63 "1" {"00" * 30}', "text of a float", 1),
    (f'83 63 "1.0e999" {"00" * 24}', "finite", 1),
    ("83 77 01 ff", "UTF-8", 1),
    ("83 77 03 eda080", "UTF-8", 1),
    ("83 77 02 c080", "UTF-8", 1),
    ("83 68 01 77 01 ff", "UTF-8", 3),
    (f"83 76 0100 {'61' * 256}", "255 characters", 1),
    (f"83 64 0100 {'61' * 256}", "255 characters", 1),
    ("83 4d 00000001 00 ff", "bits", 1),
    ("83 4d 00000001 09 ff", "bits", 1),
    ("83 4d 00000000 03", "bits", 1),
    # maps
    ("83 74 00000002 61 01 6a 61 01 6a", "duplicate", 1),
    ("83 74 00000002 61 01 6a 62 00000001 6a", "duplicate", 1),
    ("83 74 00000002 6b 0001 01 6a 6c 00000001 61 01 6a 6a", "duplicate", 1),
    ("83 68 01 74 00000002 6a 6a 6a 6a", "duplicate", 3),
    (
        "83 74 00000003 61 01 6a 46 3ff0000000000000 6a 61 01 6a",
        "duplicate",
        1,
    ),
    (
        "83 74 00000001 74 00000002 61 01 6a 61 01 6a 6a",
        "duplicate",
        6,
    ),
    # parts that must be of one kind
    ("83 58 61 01", "expected an atom", 2),
    ("83 58", "truncated", 2),
    ("83 58 77 05 00", "truncated", 2),
    (f"83 58 {NODE} 0000", "truncated", 1),
    (f"83 68 01 {PID[:-2]}", "truncated", 3),
    ("83 59 6a", "expected an atom", 2),
    ("83 5a 0001 6a", "expected an atom", 4),
    (f"83 5a 0006 {NODE} 00000000 {'00' * 24}", "6 words", 1),
    (f"83 5a 0002 {NODE} 00000000 00000000", "truncated", 1),
    (f"83 72 0006 {NODE} 00 {'00' * 24}", "6 words", 1),
    (f"83 67 {NODE} 00000001 00000002 04", "creation 4", 1),
    (f"83 66 {NODE} 00000001 04", "creation 4", 1),
    (f"83 65 {NODE} 00000001 04", "creation 4", 1),
    (f"83 72 0001 {NODE} 04 00000001", "creation 4", 1),
    ('83 71 6d 00000000 77 01 "f" 61 02', "expected an atom", 2),
    ('83 71 77 01 "m" 61 02', "expected an atom", 5),
    ('83 71 77 01 "m" 77 01 "f" 6a', "expected an integer", 8),
    ('83 71 77 01 "m" 77 01 "f" 62 00000100', "arity", 8),
    ('83 71 77 01 "m" 77 01 "f"', "truncated", 8),
    (f"83 {FUN.replace('61 05', '6a')}", "expected an integer", 34),
    (f"83 {FUN.replace('61 05', '6e 08 00' + '10' * 8)}", "60 bits", 34),
    (f"83 {FUN.replace(PID, '6a' * 30)}", "expected a pid", 38),
    (f"83 {FUN2} 6a", "truncated", 1),
    (f"83 {FUN.replace('00000000 77', '00000100 77')} {'6a' * 256}", "256", 1),
]


@pytest.mark.parametrize(("text", "problem", "offset"), MALFORMED)
def test_malformed_bytes_are_refused_where_they_are(
    codec: Any, hexed: Any, text: str, problem: str, offset: int
) -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode(hexed(text))
    assert problem in caught.value.problem
    assert caught.value.offset == offset
    assert str(offset) in str(caught.value)


@pytest.mark.parametrize("wrong", ["text", None, 5, [1]])
def test_only_bytes_can_be_decoded(codec: Any, wrong: Any) -> None:
    with pytest.raises(TypeError):
        codec.decode(wrong)


STRINGS = DecodeOptions(strings="str")
CHARLISTS = DecodeOptions(charlists="str")


@pytest.mark.parametrize(
    ("text", "options", "term"),
    [
        ("6d 00000002 c3a9", STRINGS, "é"),
        ("6d 00000001 ff", STRINGS, b"\xff"),
        ("6d 00000003 eda080", STRINGS, b"\xed\xa0\x80"),
        ("4d 00000001 08 61", STRINGS, "a"),
        ("6b 0001 61", STRINGS, [97]),
        ("6b 0002 6162", CHARLISTS, Charlist("ab")),
        ("6c 00000001 62 000020ac 6a", CHARLISTS, Charlist("€")),
        ("6c 00000001 62 0000d800 6a", CHARLISTS, [0xD800]),
        ("6c 00000001 62 00110000 6a", CHARLISTS, [0x110000]),
        ("6c 00000001 62 ffffffff 6a", CHARLISTS, [-1]),
        (
            "6c 00000001 61 61 6b 0001 62",
            CHARLISTS,
            Charlist("ab"),
        ),
        (
            "6c 00000001 77 01 61 6b 0001 62",
            CHARLISTS,
            [Atom("a"), 98],
        ),
        (
            "6c 00000001 61 61 61 62",
            CHARLISTS,
            ImproperList([97], 98),
        ),
        ("6a", CHARLISTS, []),
        (
            "74 00000001 6b 0001 61 6a",
            CHARLISTS,
            {Charlist("a"): []},
        ),
        ('77 03 "nil"', DecodeOptions(nil="atom"), Atom("nil")),
        ('77 09 "undefined"', DecodeOptions(undefined="none"), None),
        ('77 03 "nil"', DecodeOptions(undefined="none"), None),
        (f"58 {NODE} 00000001 00000002 00000003", STRINGS, Pid("a@h", 1, 2, 3)),
        (
            "74 00000002 6d 00000001 61 6a 77 01 61 6a",
            STRINGS,
            TermMap([("a", []), (Atom("a"), [])]),
        ),
    ],
)
def test_options_choose_the_type(
    codec: Any, hexed: Any, text: str, options: DecodeOptions, term: Any
) -> None:
    assert exactly(codec.decode(b"\x83" + hexed(text), options), term)
