"""Bytes made by real BEAMs (OTP 25 and 28), and what those BEAMs make of odd ones.

``tests/data/etf_vectors.erl`` writes the data and says how to run it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from etf import (
    Atom,
    BitBinary,
    DecodeError,
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

DATA = Path(__file__).parent.parent / "data"
FILES = {
    release: json.loads((DATA / f"etf_vectors_otp{release}.json").read_text())
    for release in (25, 28)
}

PID = Pid("a@h", 1, 2, 3)
NIL_TUPLE: Any = 0
for _ in range(300):
    NIL_TUPLE = (NIL_TUPLE,)

EXPECTED: dict[str, Any] = {
    "atom": Atom("ok"),
    "empty_atom": Atom(""),
    "latin1_atom": Atom("é"),
    "wide_atom": Atom("€\U0001f600"),
    "atom_255": Atom("x" * 255),
    "atom_255_wide": Atom("\U0001f600" * 255),
    "atom_128_latin1": Atom("é" * 128),
    "true": True,
    "false": False,
    "nil": None,
    "undefined": Atom("undefined"),
    "zero": 0,
    "byte": 255,
    "int_256": 256,
    "minus_one": -1,
    "int_max": 2**31 - 1,
    "int_min": -(2**31),
    "int_max_plus_1": 2**31,
    "int_min_minus_1": -(2**31) - 1,
    "two_63": 2**63,
    "minus_two_64": -(2**64),
    "big_255": 2**2040 - 1,
    "big_256": 2**2040,
    "minus_big": -(2**2047),
    "one_float": 1.0,
    "zero_float": 0.0,
    "minus_zero": -0.0,
    "tenth": 0.1,
    "huge_float": 1.7976931348623157e308,
    "tiny_float": 5e-324,
    "minus_float": -1.5,
    "nil_list": [],
    "string": [97, 98, 99],
    "bytes_list": [0, 255, 128],
    "ints_list": [1, 256],
    "negative_list": [-1],
    "mixed_list": [1, 2.5, Atom("a"), b"b", []],
    "wide_string": [8364, 97],
    "long_string": [1] * 300,
    "improper": ImproperList([1], 2),
    "improper_alias": ImproperList([Atom("alias")], Atom("a")),
    "improper_binary": ImproperList([1, 2, 3], b""),
    "nested_list": [[[]], [[1]], ImproperList([Atom("a")], Atom("b"))],
    "empty_tuple": (),
    "pair": (Atom("a"), 1),
    "tuple_255": ([],) * 255,
    "tuple_256": ([],) * 256,
    "empty_map": {},
    "map": {Atom("a"): 1},
    "twins_map": TermMap(
        [(1, Atom("int")), (1.0, Atom("float")), (True, Atom("atom"))]
    ),
    "lists_map": TermMap(
        [
            (FrozenList([1]), Atom("list")),
            ((1,), Atom("tuple")),
            (FrozenList(b"a"), Atom("string")),
        ]
    ),
    "maps_map": {
        TermMap(): 0,
        TermMap([(Atom("a"), FrozenList([1]))]): 1,
        FrozenList([TermMap([(Atom("b"), 2)])]): 2,
    },
    "improper_map": {ImproperList((1,), 2): 3},
    "text_map": {Atom("a"): 1, b"b": 2, FrozenList(b"a"): 3},
    "map_40": {number: number**2 for number in range(1, 41)},
    "empty_binary": b"",
    "binary": b"\1\2",
    "utf8_binary": "hé".encode(),
    "binary_300": b"\7" * 300,
    "bits_3": BitBinary(b"\xa0", 3),
    "bits_11": BitBinary(b"\1\xa0", 3),
    "bits_7": BitBinary(b"\xfe", 7),
    "sixty_a": [97] * 60,
    "export": Export("lists", "map", 2),
    "export_atoms": Export("", "é", 255),
    "pid": PID,
    "pid_32_bits": Pid("a@h", 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
    "ref_1": Reference("a@h", 3, (5,)),
    "ref_3": Reference("a@h", 3, (5, 6, 7)),
    "ref_5": Reference("a@h", 3, (5, 6, 7, 8, 9)),
    "port": Port("a@h", 5, 3),
    "port_64": Port("a@h", 0x123456789ABCDEF0, 3),
    "gen_call": (
        Atom("$gen_call"),
        (PID, ImproperList([Atom("alias")], Reference("a@h", 3, (5, 6, 7)))),
        (Atom("get"), b"key", 42),
    ),
    "deep": NIL_TUPLE,
}
# Made by the running node, so only the kind is known.
KINDS = {
    "self": Pid,
    "make_ref": Reference,
    "alias": Reference,
    "own_port": Port,
    "closure": Fun,
    "closure_of_closure": Fun,
    "evaluated_fun": Fun,
}

TERMS = [
    pytest.param(release, vector, id=f"{vector['name']}-{release}")
    for release, file in FILES.items()
    for vector in file["terms"]
]
INPUTS = [
    pytest.param(release, vector, id=f"{vector['name']}-{release}")
    for release, file in FILES.items()
    for vector in file["inputs"]
]
STANDARD = ["default", "minor0", "minor1", "minor2", "compressed", "deterministic"]


@pytest.mark.parametrize("release", FILES)
def test_every_vector_has_an_expectation(release: int) -> None:
    names = {vector["name"] for vector in FILES[release]["terms"]}
    assert names == EXPECTED.keys() | KINDS.keys()


@pytest.mark.parametrize(("release", "vector"), TERMS)
def test_what_a_beam_writes_is_read(
    codec: Any, release: int, vector: dict[str, str]
) -> None:
    name = vector["name"]
    for form in STANDARD:
        term = codec.decode(bytes.fromhex(vector[form]))
        if name in EXPECTED:
            assert exactly(term, EXPECTED[name]), form
        else:
            assert type(term) is KINDS[name]


@pytest.mark.parametrize(("release", "vector"), TERMS)
def test_the_bytes_of_a_beam_come_back(
    codec: Any, release: int, vector: dict[str, str]
) -> None:
    data = bytes.fromhex(vector["minor2"])
    again = codec.encode(codec.decode(data))
    if release == 28 and vector["name"] in ("port", "own_port"):
        # OTP 28 sends every port in the long form; OTP 25 knows it for large ones.
        assert again[1] == 89
        assert codec.decode(again) == codec.decode(data)
    else:
        assert again == data


@pytest.mark.parametrize(
    "vector", [v for v in FILES[28]["terms"] if "local" in v], ids=lambda v: v["name"]
)
def test_local_terms_are_kept_as_they_are(codec: Any, vector: dict[str, str]) -> None:
    data = bytes.fromhex(vector["local"])
    term = codec.decode(data)
    assert type(term) is LocalTerm
    assert codec.encode(term) == data
    packed = codec.decode(bytes.fromhex(vector["local_compressed"]))
    assert type(packed) is LocalTerm
    assert len(packed.data) == len(term.data)


# Where we are stricter than the BEAM, and why.
REFUSED_HERE = {
    "old_float_comma": "a comma is no decimal point, whatever the locale",
    "export_arity_256": "no function has that many arguments",
    "compressed_tail": "nothing may follow a term",
    "trailing": "nothing may follow a term; decode_prefix allows it",
}
# From OTP 27 on -0.0 and 0.0 are different, and so are the keys.
TAKEN_HERE = {(25, "map_zeros")}


@pytest.mark.parametrize(("release", "vector"), INPUTS)
def test_odd_bytes_mean_what_they_mean_to_a_beam(
    codec: Any, release: int, vector: dict[str, str]
) -> None:
    data, name = bytes.fromhex(vector["data"]), vector["name"]
    refused = vector["result"] is None or name in REFUSED_HERE
    if refused and (release, name) not in TAKEN_HERE:
        with pytest.raises(DecodeError):
            codec.decode(data)
    elif vector["result"] is not None:
        assert codec.decode(data) == codec.decode(bytes.fromhex(vector["result"]))


def test_captured_variables_are_readable(codec: Any) -> None:
    vectors = {v["name"]: v for v in FILES[28]["terms"]}
    fun = codec.decode(bytes.fromhex(vectors["closure"]["default"]))
    assert (fun.module, fun.arity, fun.free) == ("etf_vectors", 1, (1, [Atom("a")]))


def test_the_creator_of_a_fun_does_not_count(codec: Any) -> None:
    old, new = (
        codec.decode(bytes.fromhex(vector["data" if release == 25 else "result"]))
        for release, file in FILES.items()
        for vector in file["inputs"]
        if vector["name"] == "fun"
    )
    assert old.pid != new.pid
    assert old == new
    assert hash(old) == hash(new)


def test_a_prefix_ignores_what_follows_as_a_beam_does(codec: Any) -> None:
    (vector,) = (v for v in FILES[28]["inputs"] if v["name"] == "trailing")
    assert codec.decode_prefix(bytes.fromhex(vector["data"])) == (1, 3)
