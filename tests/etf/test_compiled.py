"""The compiled codec does what the pure one does: same bytes, terms, errors, offsets.

And it stays whole where C could break: deep terms, false lengths, foreign code in the
middle, references.
"""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import etf
from etf import (
    Atom,
    Charlist,
    DecodeError,
    DecodeOptions,
    EncodeError,
    EncodeOptions,
    FrozenList,
    Fun,
    ImproperList,
    Limits,
    LocalTerm,
    Pid,
    Port,
    Reference,
    TermMap,
)
from etf import _decode as pure_decode
from etf import _encode as pure_encode
from tests.etf.exact import exactly
from tests.etf.strategies import damaged, encodable, keys, terms

if TYPE_CHECKING:
    from collections.abc import Callable

MUST_BE_COMPILED = os.environ.get("ERGOPY_REQUIRE_COMPILED") == "1"
try:
    from etf import _speedups as compiled
except ImportError:
    if MUST_BE_COMPILED:
        raise
    pytest.skip("the compiled codec is not built", allow_module_level=True)

NODE = Atom("drv@127.0.0.1")
PID = Pid(NODE, 100, 0, 0x65432101)
REFERENCE = Reference(NODE, 0x65432101, (1001, 0x8ABC0001, 0x1234ABCD))
FUN = Fun(Atom("m"), 1, b"u" * 16, 2, 3, 4, PID, ([1], {b"k": PID}))
SAMPLE = {
    b"k": [1, 256, -1, 1 << 31, -(1 << 63), 1 << 64, 2.5, True, None, b"x" * 300],
    (1, FrozenList([b"a", TermMap([(1, (2,))])])): (PID, REFERENCE, FUN, ()),
    Atom("s" * 255): [Atom("é"), etf.BitBinary(b"\xa0", 3), etf.Port(NODE, 1 << 40, 1)],
    ImproperList((1, 2), b"tail"): ImproperList([Atom("alias")], REFERENCE),
    1: TermMap([(1, 1), (1.0, 2), (True, 3)]),
    2: [list(range(256)), etf.Export(Atom("m"), Atom("f"), 2), list(range(300))],
}

DECODE_OPTIONS = st.builds(
    DecodeOptions,
    strings=st.sampled_from(["bytes", "str"]),
    charlists=st.sampled_from(["list", "str"]),
    nil=st.sampled_from(["none", "atom"]),
    undefined=st.sampled_from(["atom", "none"]),
    limits=st.builds(
        Limits,
        max_depth=st.sampled_from([0, 1, 2, 3, 1000, 10_000]),
        max_big_bytes=st.sampled_from([2, 524_280]),
        max_size=st.sampled_from([20, 1 << 20]),
    ),
)
ENCODE_OPTIONS = st.builds(
    EncodeOptions,
    none=st.sampled_from(["nil", "undefined"]),
    compressed=st.sampled_from([False, False, 1]),
    max_depth=st.sampled_from([0, 1, 2, 3, 1000, 10_000]),
)


def outcome(function: Callable[..., Any], *args: Any) -> Any:
    """What a function gives, or all that its error says."""
    try:
        return function(*args)
    except DecodeError as error:
        return DecodeError, error.problem, error.offset
    except EncodeError as error:
        return EncodeError, error.problem, error.path


def assert_alike(data: Any, options: DecodeOptions | None = None) -> None:
    options = options or DecodeOptions()
    for name in ("decode", "decode_prefix"):
        expected = outcome(getattr(pure_decode, name), data, options)
        got = outcome(getattr(compiled, name), data, options)
        assert exactly(got, expected), f"{got!r} is not {expected!r}"


@given(term=encodable(), options=ENCODE_OPTIONS)
def test_any_value_gives_the_same_bytes_or_error(
    term: Any, options: EncodeOptions
) -> None:
    assert outcome(compiled.encode, term, options) == outcome(
        pure_encode.encode, term, options
    )


@given(term=st.dictionaries(keys() | st.text(max_size=2), terms(), max_size=4))
def test_any_keys_give_the_same_bytes_or_error(term: Any) -> None:
    assert outcome(compiled.encode, term) == outcome(pure_encode.encode, term)


@given(term=terms(), options=DECODE_OPTIONS)
def test_any_term_is_read_alike(term: Any, options: DecodeOptions) -> None:
    assert_alike(pure_encode.encode(term), options)


@given(data=damaged(), options=DECODE_OPTIONS)
def test_damaged_terms_are_read_or_refused_alike(
    data: bytes, options: DecodeOptions
) -> None:
    assert_alike(data, options)


TAGS = st.sampled_from([*range(68, 83), *range(88, 91), *range(97, 122)])
NOISE = st.lists(TAGS | st.integers(0, 3) | st.integers(0, 255), max_size=30).map(bytes)


@given(data=NOISE, options=DECODE_OPTIONS)
def test_noise_is_read_or_refused_alike(data: bytes, options: DecodeOptions) -> None:
    assert_alike(b"\x83" + data, options)


def test_every_truncation_is_refused_alike() -> None:
    data = pure_encode.encode(SAMPLE)
    for size in range(len(data)):
        assert_alike(data[:size])


def test_every_changed_tag_is_refused_alike() -> None:
    data = pure_encode.encode(SAMPLE)
    for at in range(1, len(data), 7):
        for tag in (97, 104, 106, 108, 116, 119):
            assert_alike(data[:at] + bytes([tag]) + data[at + 1 :])


@pytest.mark.parametrize(
    "view",
    [
        bytearray,
        memoryview,
        lambda data: memoryview(bytearray(data)),
        lambda data: memoryview(bytes(byte for byte in data for _ in "12"))[::2],
        lambda data: memoryview(data + b"\0" * (-len(data) % 4)).cast("I"),
        lambda data: type("Bytes", (bytes,), {})(data),
        lambda data: memoryview(data)[:-1],
    ],
)
def test_every_kind_of_memory_is_read_alike(view: Callable[[bytes], Any]) -> None:
    assert_alike(view(pure_encode.encode(SAMPLE)))


@pytest.mark.parametrize("data", ["text", None, 1, [131, 106], range(3)])
def test_what_is_no_memory_is_a_type_error(data: Any) -> None:
    with pytest.raises(TypeError):
        compiled.decode(data)


def test_a_buffer_is_free_again_after_decoding() -> None:
    for data in (b"\x83a\1", b"\x83a", b"\x83P\0"):
        buffer = bytearray(data)
        outcome(compiled.decode, buffer)
        buffer.clear()


def as_key(inner: Any) -> TermMap:
    """A map that was hashed, as decoding does: then it costs no stack."""
    made = TermMap([(inner, 1)])
    hash(made)
    return made


# What each kind of nesting adds around a term, on the wire and in Python.
NESTINGS: dict[str, tuple[bytes, bytes, Callable[[Any], Any]]] = {
    "tuples": (b"h\1", b"", lambda inner: (inner,)),
    "large tuples": (b"i\0\0\0\1", b"", lambda inner: (inner,)),
    "lists": (b"l\0\0\0\1", b"j", lambda inner: [inner]),
    "improper lists": (
        b"l\0\0\0\1",
        b"a\1",
        lambda inner: ImproperList([inner], 1),
    ),
    "tails": (
        b"l\0\0\0\1a\1h\1",
        b"",
        lambda inner: ImproperList([1], (inner,)),
    ),
    "values": (b"t\0\0\0\1a\1", b"", lambda inner: {1: inner}),
    "values of a map that is no dict": (
        b"t\0\0\0\3a\1a\1F?\xf0\0\0\0\0\0\0a\1w\4true",
        b"",
        lambda inner: TermMap([(1, 1), (1.0, 1), (True, inner)]),
    ),
    "keys": (b"t\0\0\0\1", b"a\1", as_key),
    "lists in a key": (b"t\0\0\0\1l\0\0\0\1", b"ja\1", lambda inner: inner),
    "funs": (
        b"p\0\0\0\x30\1" + b"u" * 16 + b"\0\0\0\2\0\0\0\1w\1ma\3a\4Xw\1n" + bytes(12),
        b"",
        lambda inner: Fun(
            Atom("m"), 1, b"u" * 16, 2, 3, 4, Pid(Atom("n"), 0, 0, 0), (inner,)
        ),
    ),
    "lists that are frozen": (b"", b"", lambda inner: FrozenList([inner])),
}
LIMITS = DecodeOptions(limits=Limits(max_depth=10_000))


def in_small_thread(function: Callable[[], None]) -> None:
    """Run it with a stack of 512 KiB."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            failures.append(error)

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    if failures:
        raise failures[0]


DEPTHS = (300, 499, 501, 999, 1000, 1001)


@pytest.mark.parametrize("kind", NESTINGS)
def test_deep_input_is_read_or_refused_alike_in_a_small_thread(kind: str) -> None:
    def compare() -> None:
        for depth in DEPTHS:
            assert_deep_input_alike(kind, depth, DecodeOptions())

    in_small_thread(compare)


@pytest.mark.parametrize("kind", NESTINGS)
def test_input_too_deep_for_c_is_read_alike(kind: str) -> None:
    for depth in (1001, 3000):
        assert_deep_input_alike(kind, depth, LIMITS)


def assert_deep_input_alike(kind: str, depth: int, options: DecodeOptions) -> None:
    before, after, _ = NESTINGS[kind]
    data = b"\x83" + before * depth + b"a\7" + after * depth
    expected = outcome(pure_decode.decode, data, options)
    got = outcome(compiled.decode, data, options)
    if type(expected) is tuple and expected[0] is DecodeError:
        assert got == expected
    else:
        # Python compares with recursion, the pure encoder without.
        deep = EncodeOptions(max_depth=10_000)
        assert pure_encode.encode(got, deep) == pure_encode.encode(expected, deep)


@pytest.mark.parametrize("kind", NESTINGS)
def test_deep_values_are_written_or_refused_alike_in_a_small_thread(kind: str) -> None:
    def compare() -> None:
        term: Any = 7
        for depth in range(1, DEPTHS[-1] + 1):
            term = NESTINGS[kind][2](term)
            if depth in DEPTHS:
                for options in (EncodeOptions(), EncodeOptions(max_depth=10_000)):
                    assert outcome(compiled.encode, term, options) == outcome(
                        pure_encode.encode, term, options
                    )

    in_small_thread(compare)


@pytest.mark.parametrize("tag", [b"h\1", b"l\0\0\0\1", b"t\0\0\0\1", b"l\0\0\0\1a\1l"])
def test_a_hundred_thousand_levels_are_refused(tag: bytes) -> None:
    with pytest.raises(DecodeError):
        compiled.decode(b"\x83" + tag * 100_000 + b"j" * 100_001, LIMITS)


def test_a_hundred_thousand_lists_are_not_written() -> None:
    term: list[Any] = []
    for _ in range(100_000):
        term = [term]
    with pytest.raises(EncodeError, match="max_depth"):
        compiled.encode(term, EncodeOptions(max_depth=10_000))


def test_what_contains_itself_is_not_written() -> None:
    term: list[Any] = [1]
    term.append({1: term})
    with pytest.raises(EncodeError, match="max_depth"):
        compiled.encode(term)


@pytest.mark.parametrize("tag", [b"i", b"l", b"t"])
def test_false_lengths_inside_one_another_claim_no_memory(tag: bytes) -> None:
    # Each of the levels announces as many elements as there are bytes.
    size = 200_000
    data = b"\x83" + (tag + (size // 2).to_bytes(4, "big")) * 900 + b"j" * size
    gc.collect()
    tracemalloc.start()
    try:
        outcome(compiled.decode, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Not 900 times eight bytes for each element; the reference takes its share, too.
    assert peak < 150 * size


def test_atoms_are_one_object_however_they_come() -> None:
    name = f"unseen {random.getrandbits(64)}"
    raw = name.encode()
    decoded = compiled.decode(b"\x83w" + bytes([len(raw)]) + raw)
    assert decoded is Atom(name)
    assert compiled.decode(b"\x83v\0" + bytes([len(raw)]) + raw) is decoded
    assert compiled.decode(b"\x83d\0" + bytes([len(raw)]) + raw) is decoded
    assert pure_decode.decode(b"\x83w" + bytes([len(raw)]) + raw) is decoded


def test_thousands_of_atoms_are_kept_apart() -> None:
    names = [f"kept apart {number}" for number in range(5000)]
    names += ["x" * size for size in range(256)]
    atoms = list(map(Atom, names))
    data = compiled.encode(atoms)
    for _ in range(2):
        assert all(map(lambda a, b: a is b, compiled.decode(data), atoms))


def test_atoms_past_the_limit_are_equal_but_not_kept() -> None:
    name = f"past the limit {random.getrandbits(64)}"
    data = b"\x83w" + bytes([len(name)])
    options = DecodeOptions(limits=Limits(max_atoms=0))
    first = compiled.decode(data + name.encode(), options)
    second = compiled.decode(data + name.encode(), options)
    assert first == second == name
    assert type(first) is Atom
    assert first is not second
    assert compiled.decode(data + name.encode()) is Atom(name)


@pytest.mark.parametrize("name", ["true", "false", "nil", "undefined", "other"])
def test_what_was_read_before_with_other_options_does_not_matter(name: str) -> None:
    data = b"\x83h\3w" + bytes([len(name)]) + name.encode()
    data += b"Xw" + bytes([len(name)]) + name.encode() + bytes(12) + b"m\0\0\0\1x"
    for strings in ("str", "bytes", "str"):
        for nil in ("none", "atom", "none"):
            for undefined in ("atom", "none", "atom"):
                assert_alike(data, DecodeOptions(strings, "list", nil, undefined))


def test_identifiers_that_differ_in_one_field_are_kept_apart() -> None:
    words = [(1, 2, 3), (1, 2), (1, 2, 4), (3, 2, 1), (1, 2, 3, 0), (), (0,), (0, 0)]
    items = [
        make
        for number in range(0, 1 << 32, 1 << 27)
        for node in ("a@h", "b@h", "true")
        for make in (
            Pid(node, number, 0, 1),
            Pid(node, 0, number, 1),
            Pid(node, 1, 0, number),
            *(Reference(node, number, some) for some in words),
        )
    ]
    data = pure_encode.encode(items)
    for _ in range(3):
        assert compiled.decode(data) == items
        random.shuffle(items)
        data = pure_encode.encode(items)
        assert compiled.encode(items) == data


def test_keys_of_one_length_are_kept_apart() -> None:
    term = {bytes([a, b]): a for a in range(256) for b in range(0, 256, 16)}
    assert compiled.decode(compiled.encode(term)) == term


class Converted:
    """Runs a function when it is written."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self.action = action

    def __etf__(self) -> Any:
        return self.action()


def test_a_converter_is_called_once_and_may_encode_itself() -> None:
    calls: list[int] = []

    def convert() -> Any:
        calls.append(1)
        return [compiled.encode(Converted(lambda: b"inner" * 1000))]

    inner = pure_encode.encode(b"inner" * 1000)
    assert compiled.encode((1, Converted(convert))) == pure_encode.encode((1, [inner]))
    assert calls == [1]


def test_an_exception_of_a_converter_comes_out_as_it_is() -> None:
    error = KeyError("mine")

    def fail() -> Any:
        raise error

    with pytest.raises(KeyError) as caught:
        compiled.encode([1, {2: Converted(fail)}])
    assert caught.value is error


def test_an_encode_error_of_a_converter_has_the_whole_path() -> None:
    term = [1, {b"k": Converted(lambda: compiled.encode([object()]))}]
    assert outcome(compiled.encode, term) == outcome(pure_encode.encode, term)
    with pytest.raises(EncodeError) as caught:
        compiled.encode(term)
    assert caught.value.path == "[1][b'k'][0]"


@pytest.mark.parametrize("size", [1, 3, 2000])
def test_containers_that_a_converter_empties_are_sent_as_they_were(size: int) -> None:
    items: list[Any] = []
    table: dict[Any, Any] = {}

    def empty() -> Any:
        items.clear()
        table.clear()
        gc.collect()
        return b"done"

    items += [[Converted(empty)], *(("x", number) for number in range(size))]
    table |= {number: [str(number)] for number in range(size)}
    table[size] = items
    table[(b"key", size)] = "value" * 2
    expected = [[b"done"], *(("x", number) for number in range(size))]
    whole = {number: [str(number)] for number in range(size)}
    whole |= {size: expected, (b"key", size): "value" * 2}
    assert compiled.encode(table) == pure_encode.encode(whole)


class Liar(list[Any]):
    """A list whose iteration empties it."""

    def __iter__(self) -> Any:
        yield 1
        self.clear()
        yield 300


def test_a_list_that_changes_when_it_is_read_does_no_harm() -> None:
    assert compiled.encode((Liar([1, 2]), 5)) == pure_encode.encode((Liar([1, 2]), 5))


def test_another_thread_may_change_what_is_written() -> None:
    shared: list[Any] = []
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            shared.extend([Port(NODE, 1, 1), [2]] * 50)
            del shared[:]

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(300):
            assert compiled.encode([shared, {1: shared}]).startswith(b"\x83l")
    finally:
        stop.set()
        thread.join()


def test_python_that_minds_comparing_bytes_and_text_changes_nothing() -> None:
    code = (
        "from etf import Atom, _speedups as c, _decode as p\n"
        "d = b'\\x83t\\0\\0\\0\\3m\\0\\0\\0\\1aa\\1w\\1aa\\2a\\1a\\3'\n"
        "t = c.decode(d)\n"
        "assert type(t) is type(p.decode(d)) and len(t) == 3, t\n"
        "assert t[b'a'] == 1 and t[Atom('a')] == 2\n"
    )
    subprocess.run([sys.executable, "-bb", "-c", code], check=True, timeout=20)


GOOD = [
    SAMPLE,
    [Atom("true"), Atom("nil"), bytearray(b"x"), memoryview(b"y"), "é", Charlist("é€")],
    {"a": 1, Atom("a"): 2, 1: Converted(lambda: {"x": 1})},
    [b"x" * 3000, "y" * 5000, list(range(2000))],
    LocalTerm(b"1234"),
]
BAD = [
    [object()],
    {"a": [1], memoryview(b"a"): [2]},
    [[float("nan")] * 2, 1],
    ("\ud800",),
    {1: {2: (1, Converted(lambda: 1 << 5_000_000))}},
]


def blocks_kept(function: Callable[[], Any]) -> int:
    """How many blocks of memory a function leaves behind if it is called again."""
    for _ in range(50):
        function()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(300):
        function()
    gc.collect()
    return sys.getallocatedblocks() - before


@pytest.mark.parametrize("term", [*GOOD, *BAD], ids=lambda term: str(term)[:20])
def test_writing_leaves_nothing_behind(term: Any) -> None:
    for options in (EncodeOptions(), EncodeOptions(max_depth=1, compressed=1)):
        assert blocks_kept(lambda o=options: outcome(compiled.encode, term, o)) < 100


@pytest.mark.parametrize("options", [DecodeOptions(), DecodeOptions("str", "str")])
@pytest.mark.parametrize("term", GOOD, ids=lambda term: str(term)[:20])
def test_reading_leaves_nothing_behind(term: Any, options: DecodeOptions) -> None:
    data = pure_encode.encode(term)
    cut = data[:-1]
    assert blocks_kept(lambda: compiled.decode(data, options)) < 100
    assert blocks_kept(lambda: outcome(compiled.decode, cut, options)) < 100
    changed = data[:20] + b"\xff" + data[21:]
    assert blocks_kept(lambda: outcome(compiled.decode, changed, options)) < 100


def test_new_identifiers_leave_nothing_behind() -> None:
    def decode() -> None:
        for _ in range(40):
            serial = random.getrandbits(32)
            words = (serial, 1, 2)
            term = (Pid(NODE, 1, serial, 1 << 31), Reference(NODE, 1 << 31, words))
            compiled.decode(compiled.encode([term, {b"%d" % serial: 1}]))

    # The caches fill up, and stay as they are.
    for _ in range(400):
        decode()
    assert blocks_kept(decode) < 3000


def test_constants_keep_their_references() -> None:
    values = [Atom("ok"), NODE, Pid, Atom, Reference, 7, ImproperList, SAMPLE]
    data = pure_encode.encode([SAMPLE, Atom("ok"), 7, True, None])
    kept = [compiled.decode(data)]
    before = list(map(sys.getrefcount, values))
    for _ in range(500):
        compiled.encode(compiled.decode(data))
        outcome(compiled.decode, data[:-3])
        outcome(compiled.encode, [SAMPLE, object()])
    kept.clear()
    after = list(map(sys.getrefcount, values))
    assert all(abs(b - a) < 20 for a, b in zip(before, after, strict=True))
