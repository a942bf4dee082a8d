"""The start functions of OTP that are understood, and what they come to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ergopy import Atom, Pid
from ergopy.gen.supervisor.otp_starts import OtpStart, recognised
from tests.etf import strategies

ME = Pid("a@b", 1, 0, 1)
MOD, ARG, NAME = Atom("mod"), (Atom("arg"), 1), Atom("shop")
LOCAL = (Atom("local"), NAME)
SHARED = (Atom("global"), [1, NAME])
GEN_SERVER = Atom("gen_server")


def gen(kind: str, *before: Any, arg: Any = ARG, options: Any = ()) -> Any:
    """What ``proc_lib`` is to run for a behaviour."""
    asked = [Atom(kind), ME, ME, *before, arg, list(options)]
    return Atom("gen"), Atom("init_it"), asked


TABLE: list[tuple[str, list[Any], Any]] = [
    ("gen_server", [MOD, ARG, []], gen("gen_server", MOD)),
    ("gen_server", [LOCAL, MOD, ARG, []], gen("gen_server", LOCAL, MOD)),
    ("gen_server", ["mod", ARG, []], gen("gen_server", MOD)),
    ("gen_statem", [MOD, ARG, [1]], gen("gen_statem", MOD, options=[1])),
    ("gen_statem", [LOCAL, MOD, ARG, []], gen("gen_statem", LOCAL, MOD)),
    (
        "supervisor",
        [MOD, ARG],
        gen("gen_server", Atom("supervisor"), arg=(Atom("self"), MOD, ARG)),
    ),
    (
        "supervisor",
        [LOCAL, MOD, ARG],
        gen("gen_server", LOCAL, Atom("supervisor"), arg=(LOCAL, MOD, ARG)),
    ),
    ("proc_lib", [MOD, Atom("fun"), [1, 2]], (MOD, Atom("fun"), [1, 2])),
    ("Elixir.GenServer", [MOD, ARG], gen("gen_server", MOD)),
    ("gen_server", [SHARED, MOD, ARG, []], gen("gen_server", SHARED, MOD)),
    (
        "supervisor",
        [SHARED, MOD, ARG],
        gen("gen_server", SHARED, Atom("supervisor"), arg=(SHARED, MOD, ARG)),
    ),
    (
        "Elixir.GenServer",
        [MOD, ARG, [(Atom("name"), SHARED)]],
        gen("gen_server", SHARED, MOD),
    ),
    (
        "Elixir.GenServer",
        [MOD, ARG, [(Atom("name"), NAME), (Atom("timeout"), 5)]],
        gen("gen_server", LOCAL, MOD, options=[(Atom("timeout"), 5)]),
    ),
]


@pytest.mark.parametrize(("module", "args", "call"), TABLE, ids=range(len(TABLE)))
def test_a_start_link_comes_to_what_it_spawns(
    module: str, args: list[Any], call: Any
) -> None:
    start = recognised(Atom(module), Atom("start_link"), args)
    assert start is not None
    assert start.call(ME) == call


@pytest.mark.parametrize(("module", "args", "call"), TABLE, ids=range(len(TABLE)))
def test_here_it_is_the_init_of_the_module(
    module: str, args: list[Any], call: Any
) -> None:
    start = recognised(Atom(module), Atom("start_link"), args)
    assert start is not None
    named = start.name
    expected = Atom("fun") if module == "proc_lib" else Atom("init")
    assert (start.module, start.function) == (MOD, expected)
    assert start.args == ([1, 2] if module == "proc_lib" else [ARG])
    assert (named == NAME) is (LOCAL in args or args[-1][:1] == [(Atom("name"), NAME)])


@pytest.mark.parametrize(
    ("module", "function", "args"),
    [
        ("gen_server", "start", [MOD, ARG, []]),
        ("gen_server", "start_link", [MOD, ARG]),
        ("gen_server", "start_link", [MOD, ARG, [], []]),
        ("gen_server", "start_link", [7, ARG, []]),
        ("gen_server", "start_link", [MOD, ARG, Atom("none")]),
        ("gen_server", "start_link", [(Atom("via"), MOD, NAME), MOD, ARG, []]),
        ("gen_event", "start_link", [LOCAL]),
        ("proc_lib", "start_link", [MOD, Atom("fun"), 7]),
        ("my_server", "start_link", [MOD, ARG, []]),
    ],
)
def test_what_is_not_understood_is_none(
    module: str, function: str, args: list[Any]
) -> None:
    assert recognised(Atom(module), Atom(function), args) is None


@given(
    st.sampled_from(["gen_server", "gen_statem", "supervisor", "proc_lib"]),
    st.lists(strategies.terms(), max_size=4),
)
def test_arguments_of_any_kind_are_understood_or_not(
    module: str, args: list[Any]
) -> None:
    start = recognised(Atom(module), Atom("start_link"), args)
    assert start is None or isinstance(start, OtpStart)
    assert start is None or len(start.call(ME)) == 3
