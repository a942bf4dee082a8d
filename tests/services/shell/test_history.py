"""The lines for the Up key, where the group process of OTP 26 or 27 has to be told."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy.services.shell.history import MAX_LENGTH, MAX_LINES
from ergopy.testing import node_pair
from etf import Atom, Export

from .conftest import Terminal

OTP_25 = [(Atom("expand_fun"), False), (Atom("echo"), True)]
OTP_27 = [*OTP_25, (Atom("log"), Atom("none")), (Atom("terminal"), True)]
OTP_28 = [*OTP_27, (Atom("line_history"), True)]


async def typed_at(has: Any, *lines: str, knows: Any = ()) -> Any:
    """Type lines at a terminal with these options; return what it was called for."""
    async with node_pair(cookie="c", shell=True) as (near, far):
        entries = [(Atom("echo"), True), *knows]
        answer = (Atom("dictionary"), entries)
        near.export("erlang", {"process_info": lambda pid, what: answer})
        terminal = Terminal()
        terminal.has = has
        await terminal.start(near.runtime, peer=far)
        for line in lines:
            await terminal.line(line)
        await terminal.asks()
        return terminal.calls


def put(*lines: str) -> list[Any]:
    """The calls that put lines, newest first, where the Up key finds them."""
    kept = [[ord(character) for character in line] for line in lines]
    arguments = [Export("erlang", "put", 2), {Atom("line_buffer"): kept}]
    return [
        (Atom("maps"), Atom("map"), arguments),
        (Atom("group_history"), Atom("add"), kept[:1]),
    ]


async def test_otp_27_is_told_each_line() -> None:
    calls = await typed_at(OTP_27, "x = 'λ'", "if x:", "    x", "")
    assert calls == [
        *put("x = 'λ'\n"),
        *put("if x:\n", "x = 'λ'\n"),
        *put("    x\n", "if x:\n", "x = 'λ'\n"),
    ]


async def test_a_line_twice_in_a_row_is_kept_once() -> None:
    calls = await typed_at(OTP_27, "1", "1", "2", "1")
    assert calls == [
        *put("1\n"),
        *put("2\n", "1\n"),
        *put("1\n", "2\n", "1\n"),
    ]


@pytest.mark.parametrize("has", [OTP_25, OTP_28, Atom("enotsup"), [b"terminal"], []])
async def test_others_keep_them_by_themselves(has: Any) -> None:
    assert await typed_at(has, "1", "2") == []


async def test_what_the_terminal_knows_stays() -> None:
    earlier = [[ord("b"), 10], [ord("a"), 10]]
    knows = [(Atom("line_buffer"), earlier)]
    assert await typed_at(OTP_27, "b", "c", knows=knows) == put("c\n", "b\n", "a\n")


async def test_there_is_an_end_to_what_is_kept() -> None:
    old = [[ord("a"), 10]] * MAX_LINES
    knows = [(Atom("line_buffer"), old)]
    long = "#" * (MAX_LENGTH + 1)
    assert await typed_at(OTP_27, long, "b", knows=knows) == put(
        "b\n", *["a\n"] * (MAX_LINES - 1)
    )


@pytest.mark.parametrize(
    "knows", [[(Atom("line_buffer"), 1)], [({}, 1)], [()], [(Atom("line_buffer"),)]]
)
async def test_a_dictionary_of_another_kind_is_none(knows: Any) -> None:
    assert await typed_at(OTP_27, "b", knows=knows) == put("b\n")
