"""The compiled codec stays whole with foreign code in the middle, and keeps nothing."""

from __future__ import annotations

import gc
import random
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from etf import (
    Atom,
    Charlist,
    DecodeOptions,
    EncodeError,
    EncodeOptions,
    ImproperList,
    LocalTerm,
    Pid,
    Port,
    Reference,
)
from etf import _encode as pure_encode
from tests.etf.compiled_codec import NODE, SAMPLE, compiled, outcome
from tests.memory import blocks_kept

if TYPE_CHECKING:
    from collections.abc import Callable


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
