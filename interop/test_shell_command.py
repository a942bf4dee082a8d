"""``ergopy shell`` in real terminals, at the prompts of real nodes.

The command runs with an empty PATH: no Erlang is found, and none is needed.
"""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .beam import Beam, Epmd
    from .terminals import Terminal

    Open = Callable[..., Terminal]

WAITING = 'io:format("w~sting~n", ["ai"]), timer:sleep(infinity).\n'


@pytest.fixture
def command(epmd: Epmd, cookie: str, tmp_path: Path) -> Callable[..., Any]:
    """``command(node, *words)``: the words, and what is in their environment."""

    def words(node: str, *more: str) -> tuple[list[str], dict[str, str]]:
        env = {
            "ERL_EPMD_PORT": str(epmd.port),
            "ERGOPY_COOKIE": cookie,
            "PATH": "",
            "HOME": str(tmp_path),
            "PYTHONPATH": ":".join(filter(None, sys.path)),
        }
        return [sys.executable, "-m", "ergopy", "shell", node, *more], env

    return words


async def opened(start: Open, words: tuple[list[str], dict[str, str]]) -> Terminal:
    command, env = words
    return start(command, env=env)


async def test_a_session_at_an_erlang_prompt(
    beam: Beam, open_terminal: Open, command: Any, tmp_path: Path
) -> None:
    terminal = await opened(open_terminal, command(beam.name, "--erl"))
    await terminal.see("Eshell V")
    await terminal.see(f"({beam.name})1> ")
    await terminal.type("Kept = 40 +\n")
    await terminal.see(".. ")
    await terminal.type("2.\n")
    await terminal.see("42")
    await terminal.see(")2> ")
    await terminal.type('io:put_chars("Say "), io:get_line("it: ").\n')
    await terminal.see("Say it: ")
    await terminal.type("λ\n")
    await terminal.see("[955,10]")
    await terminal.see(")3> ")
    await terminal.type("1/0.\n")
    await terminal.see("arithmetic expression")
    await terminal.see(")4> ")
    await terminal.type(WAITING)
    await terminal.see("\nwaiting")
    await terminal.press("C-c")
    await terminal.see("exception exit: killed")
    await terminal.see(")5> ")
    await terminal.press("Up", "Up")
    await terminal.see("1/0.")
    await terminal.press("C-c")
    await terminal.type("{kept, Kept}, lists:rev")
    await terminal.press("Tab")
    await terminal.see("lists:reverse(")
    await terminal.type("[1]).\n")
    await terminal.see("[1]\n")
    await terminal.see(")6> ")
    await terminal.press("C-d")
    assert await terminal.ended() == 0
    assert await beam.run("1 + 1") == 2
    history = tmp_path / ".ergopy_history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "+Kept = 40 +\n" in history.read_text()


async def test_a_session_at_an_elixir_prompt(
    elixir: Beam, open_terminal: Open, command: Any
) -> None:
    terminal = await opened(open_terminal, command(elixir.name, "--no-history"))
    await terminal.see("Interactive Elixir (")
    await terminal.see(f"iex({elixir.name})1> ")
    await terminal.type("defmodule InTerminal do\n")
    # "...(node)1> " before Elixir 1.20.
    await terminal.see("..")
    await terminal.type("def f(x), do: x * 2\n")
    await terminal.see("..")
    await terminal.type("end\n")
    await terminal.see("{:module, InTerminal,")
    await terminal.see(")2> ")
    await terminal.type("some_value = InTerminal.f(21)\n")
    await terminal.see("42")
    await terminal.see(")3> ")
    await terminal.type("some_v")
    await terminal.press("Tab")
    await terminal.see("some_value")
    await terminal.type(" + 1\n")
    await terminal.see("43")
    await terminal.see(")4> ")
    await terminal.type('IO.gets("who? ")\n')
    await terminal.see("\nwho? ")
    await terminal.type("joe\n")
    await terminal.see('"joe\\n"')
    await terminal.see(")5> ")
    await terminal.type("def f(\n")
    await terminal.see("..")
    await terminal.press("C-c")
    await terminal.see("(EXIT) interrupted")
    await terminal.see(")5> ")
    await terminal.type('IO.puts("w#{"ait"}ing"); Process.sleep(:infinity)\n')
    await terminal.see("\nwaiting")
    await terminal.press("C-c")
    await terminal.see("(EXIT) interrupted")
    await terminal.see(")5> ")
    await terminal.type("Enum.map_")
    await terminal.press("Tab")
    terminal.look_again()
    await terminal.see(re.compile(r"map_every/\d +map_intersperse/\d"))
    await terminal.press("C-c", "C-d")
    assert await terminal.ended() == 0


async def test_what_is_put_out_meanwhile_goes_above_the_line(
    beam: Beam, open_terminal: Open, command: Any
) -> None:
    terminal = await opened(open_terminal, command(beam.name, "--erl"))
    await terminal.see(")1> ")
    await terminal.type("register(later, spawn(fun() -> ")
    await terminal.type("receive T -> io:put_chars(T) end end)).\n")
    await terminal.see(")2> ")
    await terminal.type("half")
    await terminal.see("half")
    await beam.run('later ! "from\nbehind", ok')
    # The line went down, and what was seen of it with it.
    terminal.look_again()
    await terminal.see(f"\nfrom\nbehind\n({beam.name})2> half")
    assert (await terminal.screen()).count("half") == 1
    await terminal.type("\b\b\b\bok.\n")
    await terminal.see(")3> ")


async def test_a_second_ctrl_c_offers_to_leave(
    beam: Beam, open_terminal: Open, command: Any
) -> None:
    terminal = await opened(open_terminal, command(beam.name, "--erl"))
    await terminal.see(")1> ")
    await terminal.press("C-c")
    await terminal.see("Ctrl-D leaves the shell")
    await terminal.see(")1> ")
    await terminal.press("C-c")
    await terminal.see("Leave the shell? [y/N] ")
    await terminal.type("y\n")
    assert await terminal.ended() == 0


async def test_without_line_editing(
    beam: Beam, open_terminal: Open, command: Any
) -> None:
    terminal = await opened(open_terminal, command(beam.name, "--erl", "--plain"))
    await terminal.see(")1> ")
    await terminal.type(WAITING)
    await terminal.see("\nwaiting")
    await terminal.press("C-c")
    await terminal.see("exception exit: killed")
    await terminal.see(")2> ")
    await terminal.type("Half +\n")
    await terminal.see(".. ")
    await terminal.press("C-c")
    await terminal.see("exception exit: killed")
    await terminal.see(")2> ")
    await terminal.type('io:get_line("more? ").\n')
    await terminal.see("\nmore? ")
    await terminal.press("C-d")
    await terminal.see("eof")
    await terminal.see(")3> ")
    await terminal.press("C-d")
    assert await terminal.ended() == 0


async def test_the_node_goes_down(
    new_beam: Callable[..., Beam], open_terminal: Open, command: Any
) -> None:
    beam = new_beam()
    terminal = await opened(open_terminal, command(beam.name, "--erl"))
    await terminal.see(")1> ")
    await terminal.type("half")
    await terminal.see("half")
    beam.kill9()
    message = f"ergopy: {beam.name} is gone, or the connection to it"
    # What was typed stays, and the message has a line of its own.
    assert await terminal.see(message) == "\n"
    assert await terminal.ended() == 3


async def test_the_node_goes_down_in_the_middle_of_a_line(
    new_beam: Callable[..., Beam], open_terminal: Open, command: Any
) -> None:
    beam = new_beam()
    terminals = []
    for more in ([], ["--plain"]):
        terminal = await opened(open_terminal, command(beam.name, "--erl", *more))
        await terminal.see(")1> ")
        await terminal.type(WAITING.replace("~n", ""))
        await terminal.see("\nwaiting")
        terminals.append(terminal)
    beam.kill9()
    for terminal in terminals:
        message = f"ergopy: {beam.name} is gone, or the connection to it"
        assert await terminal.see(message) == "\n"
        assert await terminal.ended() == 3


def run(words: tuple[list[str], dict[str, str]], text: str = "") -> tuple[int, str]:
    command, env = words
    done = subprocess.run(
        command, env=env, input=text, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


LINES = """\
A = 3.
B =
  A * 2.
io:get_line("not shown> ").
typed
foo(.
{B, io:columns(), user_or(group_leader())}.
[{N, T} || {N, T} <- io:getopts(), N =:= terminal]. 1. 2.
"""


async def test_lines_come_from_a_pipe(beam: Beam, command: Any) -> None:
    lines = LINES.replace("user_or(group_leader())", "node(group_leader()) =:= node()")
    words = command(beam.name, "--erl")
    status, printed = await trio.to_thread.run_sync(run, words, lines)
    assert printed.splitlines() == [
        "3",
        "6",
        '"typed\\n"',
        "* 1:5: syntax error before: '.'",
        "{6,{error,enotsup},false}",
        "[{terminal,false}]",
        "1",
        "2",
    ]
    assert status == 0
    assert await beam.run("1 + 1") == 2


async def test_code_of_the_command_line(beam: Beam, elixir: Beam, command: Any) -> None:
    status, printed = await trio.to_thread.run_sync(
        run, command(beam.name, "-c", "X = 6, X * 7")
    )
    assert (status, printed) == (0, "42\n")
    code = "x = 6; x * 7"
    status, printed = await trio.to_thread.run_sync(
        run, command(elixir.name, "-c", code)
    )
    assert (status, printed) == (0, "42\n")


async def test_what_is_not_there_is_told(beam: Beam, command: Any) -> None:
    for words, status, told in (
        (command(beam.name, "--iex", "-c", "1"), 1, "has no IEx"),
        (command("nobody@127.0.0.1", "-c", "1"), 3, "no such name"),
        (command(beam.name, "--cookie", "bad", "-c", "1"), 3, "another cookie"),
    ):
        found, printed = await trio.to_thread.run_sync(run, words)
        assert found == status
        assert told in printed


async def test_debuggers_of_the_node_find_the_shell(
    beam: Beam, open_terminal: Open, command: Any
) -> None:
    if beam.release < 26:
        # Its completion knows no variables, and asks nobody.
        return
    terminal = await opened(open_terminal, command(beam.name, "--erl"))
    await terminal.see(")1> ")
    await terminal.type("Unusual = 1.\n")
    await terminal.see(")2> ")
    await terminal.type("Unus")
    await terminal.press("Tab")
    await terminal.see("Unusual")


async def test_a_python_prompt(
    node_options: dict[str, Any], open_terminal: Open, command: Any
) -> None:
    async with ergopy.Node(**node_options, shell=True) as node:
        terminal = await opened(open_terminal, command(node.name))
        await terminal.see(f"{node.name}>>> ")
        await terminal.type("def f(x):\n")
        await terminal.see("... ")
        await terminal.type("    return x * 2\n")
        await terminal.see("... ")
        await terminal.type("\n")
        await terminal.see(">>> ")
        await terminal.type("f(21)\n")
        await terminal.see("42")
        await terminal.type(
            "import trio; print('wait' + 'ing'); await trio.sleep(99)\n"
        )
        await terminal.see("\nwaiting")
        await terminal.press("C-c")
        await terminal.see("KeyboardInterrupt")
        await terminal.see(">>> ")
        await terminal.press("C-d")
        assert await terminal.ended() == 0
