"""The parts of a shell that need no process."""

from __future__ import annotations

import linecache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy.services.shell import showing, source
from ergopy.services.shell.completion import NOTHING, expand
from ergopy.services.shell.showing import show
from ergopy.services.shell.source import SHOW, Source
from etf import Atom

FUTURE = "from __future__ import annotations"


def run(lines: list[str]) -> list[Any]:
    """Run what the lines are, and return the values that are shown."""
    typed = Source("test")
    shown: list[Any] = []
    scope: dict[str, Any] = {SHOW: shown.append}
    for line in lines:
        code = typed.push(line)
        if code is not None:
            exec(code, scope)
    assert not typed.begun
    typed.close()
    return shown


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        (["1; 2"], [1, 2]),
        (["x = 3"], []),
        (["for i in range(2): i", ""], [0, 1]),
        (["if True:", "    5", "else:", "    6", ""], [5]),
        (["def f():", "    7", "    return 8", "", "f()"], [8]),
        (["class C: 1", "", "C.__name__"], ["C"]),
        (["(lambda: 9)()"], [9]),
        (["'''a", "b'''"], ["a\nb"]),
        (["1 + \\", "2"], [3]),
        (["[", "1,", "]"], [[1]]),
        ([FUTURE, "def f(x: y): ...", "", "f.__annotations__"], [{"x": "y"}]),
        (["x = " + "1 + " * 300 + "1", "x"], [301]),
        (["try: 1", "except* OSError: 2", "else: 3", "finally: 4", ""], [1, 3, 4]),
        (["match 1:", "    case 1: 5", ""], [5]),
        (["with open('/dev/null'): 6", ""], [6]),
        (["", "  ", "# only a comment", "1 # and one more"], [1]),
    ],
)  # fmt: skip
def test_statements_and_what_they_show(lines: list[str], values: list[Any]) -> None:
    assert run(lines) == values


def test_the_lines_of_old_statements_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source, "MAX_KEPT", 3)
    typed = Source("kept")
    for number in range(5):
        typed.push(f"{number}")
    kept = [name for name in linecache.cache if name.startswith("<kept")]
    assert kept == ["<kept:3>", "<kept:4>", "<kept:5>"]
    typed.close()
    assert not [name for name in linecache.cache if name.startswith("<kept")]


@given(st.lists(st.text(max_size=20), max_size=6))
def test_any_lines_are_taken_or_refused(lines: list[str]) -> None:
    typed = Source("any")
    for line in lines:
        try:
            typed.push(line)
        except (SyntaxError, ValueError, OverflowError) as error:
            if type(error).__name__ not in typed.explain(error) or typed.begun:
                raise
    typed.close()


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.sets(st.integers(), max_size=3)
        | st.frozensets(st.integers(), max_size=3)
    ),
)


@given(PLAIN)
def test_what_is_small_is_shown_as_repr_does(value: Any) -> None:
    assert show(value) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        list(range(10**6)),
        tuple(range(10**6)),
        set(range(10**6)),
        frozenset(range(10**6)),
        dict.fromkeys(range(10**6)),
        "x" * 10**7,
        b"x" * 10**7,
        bytearray(10**7),
        [["y" * 10**6] * 100] * 100,
        10**4000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_large_is_cut(value: Any) -> None:
    assert len(show(value)) < showing.MAX_TEXT + 100


def test_what_is_deep_is_cut() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(show(deep)) < 300


def test_a_type_may_have_the_name_of_another() -> None:
    class dict:
        def __repr__(self) -> str:
            return "mine"

    assert show([dict()]) == "[mine]"


def test_atoms_and_the_like_are_shown_in_containers() -> None:
    assert show([Atom("ok"), {"a": Atom("b")}]) == "[Atom('ok'), {'a': Atom('b')}]"


def reverse(text: str) -> list[int]:
    return [ord(character) for character in reversed(text)]


def complete(text: str, **names: Any) -> tuple[Any, ...]:
    found, added, words = expand(reverse(text), {"__builtins__": {"len": len}, **names})
    return found, "".join(map(chr, added)), ["".join(map(chr, word)) for word in words]


class Thing:
    alpha = 1
    alpine = 2

    def method(self) -> None: ...

    @property
    def broken(self) -> int:
        raise OSError


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("thi", ("yes", "ng", [])),
        ("1 + thi", ("yes", "ng", [])),
        ("thing.me", ("yes", "thod()", [])),
        ("thing.a", ("yes", "lp", [])),
        ("thing.alp", ("yes", "", ["alpha", "alpine"])),
        ("f(thing.alp", ("yes", "", ["alpha", "alpine"])),
        ("impor", ("yes", "t", [])),
        ("le", ("yes", "n(", [])),
        ("thing.nothing", ("no", "", [])),
        ("nothing.at", ("no", "", [])),
        ("zzz", ("no", "", [])),
        ("", ("no", "", [])),
        ("1 + ", ("no", "", [])),
        ("'text'.", ("no", "", [])),
    ],
)
def test_completion(text: str, answer: tuple[str, str, list[str]]) -> None:
    assert complete(text, thing=Thing()) == answer


def test_a_composed_character_is_a_list() -> None:
    # As edlin of OTP 26 has it, backwards as all of the line.
    assert expand([ord("o"), ord("f"), [0x65, 0x301]], {"foo": 1})[0] == "yes"


@pytest.mark.parametrize(
    "before", [None, 5, (), [None], [-1], [1 << 40], ["a"], [[[1]]], [1] * 20_000, {}]
)
def test_what_is_no_line_has_no_completion(before: Any) -> None:
    assert expand(before, {"a": 1}) == NOTHING


def test_there_are_never_too_many() -> None:
    names = {f"name{number}": number for number in range(1000)}
    assert len(complete("name", **names)[2]) == 200
