"""Encoding: the one form of each term, and everything that is not sent."""

from __future__ import annotations

import collections
import enum
import types
from typing import Any, NamedTuple

import pytest

import etf._encode
import etf._leaf_writers
from etf import (
    Atom,
    BitBinary,
    Charlist,
    EncodeError,
    EncodeOptions,
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

PID = Pid("a@h", 1, 2, 3)
NODE = '77 03 "a@h"'


class Color(enum.IntEnum):
    RED = 1


class Word(str, enum.Enum):  # noqa: UP042 (str(Word.YES) is not its value)
    YES = "yes"


class Point(NamedTuple):
    x: int
    y: int


class Money:
    def __init__(self, amount: int) -> None:
        self.amount = amount

    def __etf__(self) -> object:
        return (Atom("money"), self.amount)


class Twice:
    def __etf__(self) -> object:
        return Money(2)


class Endless:
    def __etf__(self) -> object:
        return self


class Bottomless:
    def __etf__(self) -> object:
        return [self]


FORMS = [
    (Atom("ok"), '77 02 "ok"'),
    (Atom(""), "77 00"),
    (Atom("é"), "77 02 c3a9"),
    (Atom("x" * 255), f"77 ff {'78' * 255}"),
    (Atom("é" * 128), f"76 0100 {'c3a9' * 128}"),
    (True, '77 04 "true"'),
    (False, '77 05 "false"'),
    (None, '77 03 "nil"'),
    (Atom("true"), '77 04 "true"'),
    (0, "61 00"),
    (255, "61 ff"),
    (256, "62 00000100"),
    (-1, "62 ffffffff"),
    (2**31 - 1, "62 7fffffff"),
    (-(2**31), "62 80000000"),
    (2**31, "6e 04 00 00000080"),
    (-(2**31) - 1, "6e 04 01 01000080"),
    (2**63, "6e 08 00 0000000000000080"),
    (-(2**64), "6e 09 01 000000000000000001"),
    (2**2040 - 1, f"6e ff 00 {'ff' * 255}"),
    (-(2**2040), f"6f 00000100 01 {'00' * 255} 01"),
    (1.0, "46 3ff0000000000000"),
    (-0.0, "46 8000000000000000"),
    ([], "6a"),
    ([97, 98, 99], '6b 0003 "abc"'),
    ([0], "6b 0001 00"),
    ([1, 256], "6c 00000002 61 01 62 00000100 6a"),
    ([-1], "6c 00000001 62 ffffffff 6a"),
    ([True], '6c 00000001 77 04 "true" 6a'),
    ([1, True], '6c 00000002 61 01 77 04 "true" 6a'),
    ([1.0], "6c 00000001 46 3ff0000000000000 6a"),
    ([Atom("a")], '6c 00000001 77 01 "a" 6a'),
    ([[], [[]]], "6c 00000002 6a 6c 00000001 6a 6a 6a"),
    (FrozenList(), "6a"),
    (FrozenList([1]), "6b 0001 01"),
    (FrozenList([[]]), "6c 00000001 6a 6a"),
    (ImproperList([1], 2), "6c 00000001 61 01 61 02"),
    (ImproperList((1, []), b""), "6c 00000002 61 01 6a 6d 00000000"),
    ((), "68 00"),
    ((Atom("a"), 1), '68 02 77 01 "a" 61 01'),
    (([],) * 255, f"68 ff {'6a' * 255}"),
    (([],) * 256, f"69 00000100 {'6a' * 256}"),
    ({}, "74 00000000"),
    ({Atom("a"): 1}, '74 00000001 77 01 "a" 61 01'),
    ({1: [], 2: ()}, "74 00000002 61 01 6a 61 02 68 00"),
    ({(1,): [], 2: ()}, "74 00000002 68 01 61 01 6a 61 02 68 00"),
    (TermMap([(1, []), (1.0, [])]), "74 00000002 61 01 6a 46 3ff0000000000000 6a"),
    (types.MappingProxyType({1: []}), "74 00000001 61 01 6a"),
    (collections.OrderedDict({1: []}), "74 00000001 61 01 6a"),
    (b"", "6d 00000000"),
    (b"\1\2", "6d 00000002 0102"),
    (bytearray(b"\1"), "6d 00000001 01"),
    (memoryview(b"\1\2\3")[::2], "6d 00000002 0103"),
    (memoryview(b"\1\2\3\4").cast("H"), "6d 00000004 01020304"),
    ("é", "6d 00000002 c3a9"),
    (BitBinary(b"\1\xa0", 3), "4d 00000002 03 01a0"),
    (Charlist(""), "6a"),
    (Charlist("aÿ"), "6b 0002 61ff"),
    (Charlist("a€"), "6c 00000002 61 61 62 000020ac 6a"),
    (PID, f"58 {NODE} 00000001 00000002 00000003"),
    (Port("a@h", 2**28 - 1, 3), f"59 {NODE} 0fffffff 00000003"),
    (Port("a@h", 2**28, 3), f"78 {NODE} 0000000010000000 00000003"),
    (Reference("a@h", 3, (1, 2)), f"5a 0002 {NODE} 00000003 00000001 00000002"),
    (Export("m", "f", 2), '71 77 01 "m" 77 01 "f" 61 02'),
    (
        Fun("m", 1, b"\7" * 16, 4, 5, 600, PID, ([],)),
        f"70 0000003a 01 {'07' * 16} 00000004 00000001 "
        f'77 01 "m" 61 05 62 00000258 58 {NODE} 00000001 00000002 00000003 6a',
    ),
    (LocalTerm(b"\1\2"), "79 0102"),
    (WideInteger(0), "62 00000000"),
    (WideInteger(255), "62 000000ff"),
    (WideInteger(256), "62 00000100"),
    (WideInteger(-1), "62 ffffffff"),
    (WideInteger(2**31), "6e 04 00 00000080"),
    ([WideInteger(1), 2], "6c 00000002 62 00000001 61 02 6a"),
    ({WideInteger(1): WideInteger(2)}, "74 00000001 62 00000001 62 00000002"),
    (
        {Charlist("a"): 1, Charlist("bé"): 2, Atom("b"): 3},
        '74 00000003 6b 0001 "a" 61 01 6b 0002 62e9 61 02 77 01 "b" 61 03',
    ),
    (Color.RED, "61 01"),
    ([Color.RED], "6c 00000001 61 01 6a"),
    (Word.YES, '6d 00000003 "yes"'),
    (Point(1, 2), "68 02 61 01 61 02"),
    (Money(5), '68 02 77 05 "money" 61 05'),
    (Twice(), '68 02 77 05 "money" 61 02'),
    ({Color.RED: Word.YES}, '74 00000001 61 01 6d 00000003 "yes"'),
]


@pytest.mark.parametrize(("term", "text"), FORMS)
def test_a_term_has_one_form(codec: Any, hexed: Any, term: Any, text: str) -> None:
    assert codec.encode(term).hex() == (b"\x83" + hexed(text)).hex()


def test_bytes_up_to_65535_are_a_string(codec: Any) -> None:
    assert codec.encode([7] * 65535)[:4] == b"\x83k\xff\xff"
    assert codec.encode([7] * 65536)[:6] == b"\x83l\0\1\0\0"
    assert codec.encode(Charlist("a" * 65535))[:4] == b"\x83k\xff\xff"
    assert codec.encode(Charlist("a" * 65536))[:6] == b"\x83l\0\1\0\0"


def test_none_can_be_undefined(codec: Any) -> None:
    options = EncodeOptions(none="undefined")
    assert codec.encode(None, options) == codec.encode(Atom("undefined"))
    assert codec.encode([None], options) == codec.encode([Atom("undefined")])


def test_a_default_is_asked_last(codec: Any) -> None:
    options = EncodeOptions(default=lambda value: Atom(type(value).__name__))
    assert codec.encode([{1j: {2}}], options) == codec.encode(
        [{Atom("complex"): Atom("set")}]
    )
    assert codec.encode(Money(5), options) == codec.encode(Money(5))


def test_a_default_may_give_containers(codec: Any) -> None:
    options = EncodeOptions(default=lambda value: sorted(value))  # type: ignore[call-overload]
    assert codec.encode({"s": {3, 1, 2}}, options) == codec.encode({"s": [1, 2, 3]})


NAN, INF = float("nan"), float("inf")
# python -bb does not let b"a" and "a" be keys of one dict.
VIEW = memoryview(b"a")
IMPROPER = ImproperList([1], 2)
assert isinstance(IMPROPER.items, list)
IMPROPER.items.clear()

REFUSED = [
    (object(), "object has no form", ""),
    (Money, "type has no form", ""),
    (1j, "complex has no form", ""),
    ({1, 2}, "set has no form", ""),
    (NAN, "not finite", ""),
    (INF, "not finite", ""),
    ([1, NAN], "not finite", "[1]"),
    ((0, [{"k": -INF}]), "not finite", '[1][0]["k"]'),
    ({Atom("a"): {b"b": [NAN]}}, "not finite", """["a"][b'b'][0]"""),
    ({1: 0, (2, NAN): 0}, "not finite", ".keys()[1][1]"),
    ({"a": 0, b"b": NAN}, "not finite", "[b'b']"),
    ({"a": 0, (NAN,): 0}, "not finite", ".keys()[1][0]"),
    (TermMap([(1, 0), (1.0, [NAN])]), "not finite", "[1.0][0]"),
    (ImproperList([1, NAN], 2), "not finite", "[1]"),
    (ImproperList([1], NAN), "not finite", ".tail"),
    (FrozenList([[], object()]), "no form", "[1]"),
    (Fun("m", 0, bytes(16), 0, 0, 0, PID, (0, NAN)), "not finite", ".free[1]"),
    (2**4_194_240, "4194241 bits", ""),
    (-(2**4_194_240), "4194241 bits", ""),
    ("\ud800", "surrogate", ""),
    (["a", "\udfff"], "surrogate", "[1]"),
    ({"a": 1, VIEW: 2}, "two keys", ""),
    ([{True: 1, Atom("true"): 2}], "two keys", "[0]"),
    ({None: 1, Atom("nil"): 2}, "two keys", ""),
    ({("a",): 1, (VIEW,): 2}, "two keys", ""),
    ({(1,): 1, FrozenList([2]): 1, Charlist("\2"): 2}, "two keys", ""),
    ({FrozenList([97]): 1, Charlist("a"): 2}, "two keys", ""),
    ({("a", 1): 1, (VIEW, WideInteger(1)): 2}, "two keys", ""),
    (
        {(TermMap([(1, 1), (2, 2)]), "a"): 1, (TermMap([(2, 2), (1, 1)]), VIEW): 2},
        "two keys",
        "",
    ),
    ([LocalTerm(b"x")], "local", "[0]"),
    (Endless(), "again and again", ""),
    ([Bottomless()], "max_depth", None),
    (IMPROPER, "without items", ""),
]


@pytest.mark.parametrize(("term", "problem", "path"), REFUSED, ids=lambda value: "")
def test_what_a_beam_would_not_take_is_refused(
    codec: Any, term: Any, problem: str, path: str | None
) -> None:
    with pytest.raises(EncodeError) as caught:
        codec.encode(term)
    assert problem in caught.value.problem
    if path is not None:
        assert caught.value.path == path
    assert caught.value.path in str(caught.value)


# The dict itself is what python -bb minds.
@pytest.mark.filterwarnings("ignore:Comparison between bytes:BytesWarning")
def test_text_and_its_bytes_are_one_key(codec: Any) -> None:
    with pytest.raises(EncodeError, match="two keys"):
        codec.encode({"a": 1, b"a": 2})
    assert codec.encode({Atom("a"): 1, b"a": 2})


def test_a_tuple_longer_than_a_beam_can_make_is_refused(codec: Any) -> None:
    with pytest.raises(EncodeError, match="16777216 elements"):
        codec.encode((0,) * 16_777_216)


def test_the_largest_integers_of_a_beam_are_sent(codec: Any) -> None:
    assert len(codec.encode(2**4_194_240 - 1)) == 7 + 524_280


def test_none_as_undefined_can_collide_with_the_atom(codec: Any) -> None:
    options = EncodeOptions(none="undefined")
    term = TermMap([(None, 1), (Atom("undefined"), 2)])
    assert codec.encode(term)
    with pytest.raises(EncodeError, match="two keys"):
        codec.encode(term, options)


def test_converted_keys_can_collide(codec: Any) -> None:
    with pytest.raises(EncodeError, match="two keys"):
        codec.encode({Money(1): 0, Money(1): 0})


def test_a_released_memoryview_is_refused(codec: Any) -> None:
    view = memoryview(b"abc")
    view.release()
    with pytest.raises(EncodeError, match="memoryview"):
        codec.encode([view])


def test_an_error_of_a_converter_is_not_hidden(codec: Any) -> None:
    def default(value: object) -> object:
        raise KeyError(value)

    with pytest.raises(KeyError):
        codec.encode([1, {2}], EncodeOptions(default=default))


def test_a_converter_that_refuses_says_where(codec: Any) -> None:
    def default(value: object) -> object:
        raise EncodeError("no sets here", ".own")

    with pytest.raises(EncodeError) as caught:
        codec.encode([1, {2}], EncodeOptions(default=default))
    assert caught.value.path == "[1].own"


def test_a_container_changed_by_a_converter_is_sent_as_it_was(codec: Any) -> None:
    term: list[Any] = [{1}, 2, 3]

    def default(value: object) -> object:
        term.clear()
        return 1

    data = codec.encode(term, EncodeOptions(default=default))
    assert data == b"\x83l\0\0\0\3a\1a\2a\3j"


def test_compression_is_used_where_it_helps(codec: Any) -> None:
    packed = codec.encode([97] * 60, EncodeOptions(compressed=True))
    assert packed[:2] == b"\x83P"
    assert len(packed) < len(codec.encode([97] * 60))
    assert codec.decode(packed) == [97] * 60
    assert codec.encode([97], EncodeOptions(compressed=9)) == codec.encode([97])


def test_a_large_binary_is_copied_whole(codec: Any) -> None:
    data = bytes(range(256)) * 4096
    assert codec.encode(data) == b"\x83m\0\x10\0\0" + data


def test_sizes_past_32_bits_are_refused(
    pure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in etf._leaf_writers, etf._container_writers, etf._encode:
        monkeypatch.setattr(module, "U32_MAX", 99)
    assert pure.encode(bytes(99))
    terms: list[Any] = [bytes(100), [[]] * 100]
    for term in (*terms, Fun("m" * 99, 0, bytes(16), 0, 0, 0, PID)):
        with pytest.raises(EncodeError):
            pure.encode(term)
    with pytest.raises(EncodeError, match="compressed form"):
        pure.encode(bytes(99), EncodeOptions(compressed=True))
