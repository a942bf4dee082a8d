"""The Python prompt in the terminals of Erlang and Elixir."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy

from .beam import Missing, otp_release, unique_name
from .conftest import missing
from .terminals import Terminal, remote_shell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .beam import Beam, Epmd

    Open = Callable[..., Terminal]

SETTLED = 10
KINDS = ["otp25", "otp28", "elixir"]
# OTP 28 comes here without a terminal library, so without line editing.
EDITING = ["otp25", "elixir"]
# What OTP 26 and later say of a node that has no shell for them.
NOFILE = re.compile(r"Could not load .*\(nofile\)")


@pytest.fixture
async def shell_node(node_options: dict[str, Any]) -> AsyncIterator[ergopy.Node]:
    async with ergopy.Node(**node_options, shell=True) as node:
        yield node


@pytest.fixture
def attach(open_terminal: Open, epmd: Epmd, cookie: str) -> Open:
    """``attach(kind, node)``: a terminal of ``erl -remsh`` or ``iex --remsh``."""

    def start(kind: str, node: ergopy.Node) -> Terminal:
        own = unique_name("term")
        try:
            command, env = remote_shell(
                kind, node.name, cookie=cookie, epmd_port=epmd.port, name=own
            )
        except Missing as problem:
            missing(problem)
            raise
        # Ctrl-C is for what runs, not for the emulator.
        if kind == "elixir":
            command[command.index("--erl") + 1] += " +Bc"
        else:
            command.insert(1, "+Bc")
        return open_terminal(command, env=env)

    return start


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(SETTLED):
        while not condition():  # noqa: ASYNC110 - of things that have no event
            await trio.sleep(0.02)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_conversation(kind: str, attach: Open, shell_node: ergopy.Node) -> None:
    before = set(shell_node.runtime.processes)
    prompt = f"{shell_node.name}>>> "
    more = f"{'...':>{len(prompt) - 1}} "
    terminal = attach(kind, shell_node)
    await terminal.see(re.compile(r"ergopy [\d.]+, Python 3[\d.]+, Trio"))

    async def enter(line: str, prompt: str = prompt) -> None:
        await terminal.see(prompt)
        await terminal.type(f"{line}\n")

    await enter("40 + 2")
    await terminal.see("42")
    await enter("await rpc(self.group_leader.node, 'erlang', 'node')")
    await terminal.see("Atom('term_")
    await enter(
        "await rpc(self.group_leader.node, 'io', 'format', [b'by ~p~n', [self]])"
    )
    await terminal.see("by <")
    await enter("def ratio(a, b):")
    await enter("    return a / b", more)
    await enter("", more)
    await enter("ratio(1, 4)")
    await terminal.see("0.25")
    await enter("ratio(1, 0)")
    await terminal.see("Traceback (most recent call last):")
    await terminal.see("return a / b")
    await terminal.see("ZeroDivisionError: division by zero")
    await enter("for word in ('\u00e4\u00df', 'two'): print(word)")
    await enter("", more)
    await terminal.see("\u00e4\u00df")
    await terminal.see("two")
    await enter("exit()")
    await terminal.see("Shell process terminated!")
    await until(lambda: set(shell_node.runtime.processes) == before)


@pytest.mark.parametrize("kind", EDITING)
async def test_keys(kind: str, attach: Open, shell_node: ergopy.Node) -> None:
    before = set(shell_node.runtime.processes)
    prompt = f"{shell_node.name}>>> "
    terminal = attach(kind, shell_node)
    await terminal.see(prompt)
    await terminal.type("6 * 7\n")
    await terminal.see("\n42\n")
    await terminal.see(prompt)
    await terminal.press("Up")
    await terminal.see("6 * 7")
    await terminal.type("0\n")
    await terminal.see("\n420\n")

    await terminal.see(prompt)
    await terminal.type("shell_no")
    await terminal.press("C-u")
    await terminal.type("nod")
    await terminal.press("Tab")
    await terminal.type(".regis")
    await terminal.press("Tab", "Tab")
    await terminal.see("registered(")
    await terminal.press("C-u")
    await terminal.type("node.nam")
    await terminal.press("Tab")
    await terminal.type(" == self.pid.node\n")
    # From OTP 26 on what matched stood below the line, and is gone.
    terminal.look_again()
    await terminal.see("\nTrue\n")

    await terminal.see(prompt)
    await terminal.type("print('begun'); await trio.sleep(600)\n")
    await terminal.see("\nbegun\n")
    await terminal.press("C-c")
    await terminal.see("KeyboardInterrupt")
    await terminal.see(prompt)
    await terminal.type("half a li")
    await terminal.see("half a li")
    await terminal.press("C-c")
    # OTP 26 and 27 put it above the line, and leave that on the screen.
    terminal.look_again()
    await terminal.see(re.compile(r"(KeyboardInterrupt(.|\n)*?){2}"))

    await terminal.see(prompt)
    await terminal.type("print('again'); await trio.sleep(600)\n")
    await terminal.see("\nagain\n")
    await terminal.press("C-g")
    await terminal.see("-->")
    await terminal.type("i\n")
    await terminal.see("-->")
    await terminal.type("c\n")
    # What is typed ahead of that is lost, by OTP.
    await terminal.see(prompt)
    await terminal.type("'still ' + 'here'\n")
    await terminal.see("'still here'")

    # A second prompt in the same terminal, with names of its own.
    await terminal.type("mine = 1\n")
    await terminal.see("mine = 1")
    await terminal.see(prompt)
    await terminal.press("C-g")
    await terminal.see("-->")
    await terminal.type(f"r '{shell_node.name}'\n")
    await terminal.see("-->")
    await terminal.type("c\n")
    await terminal.see("ergopy ")
    await terminal.see(prompt)
    await terminal.type("mine\n")
    await terminal.see("NameError")
    await terminal.press("C-g")
    await terminal.see("-->")
    await terminal.type("q\n")
    await terminal.ended()
    await until(lambda: set(shell_node.runtime.processes) == before)


async def test_the_line_editor_of_each_release(
    beam: Beam, shell_node: ergopy.Node
) -> None:
    name = shell_node.name
    await shell_node.connect(beam.name)
    before = set(shell_node.runtime.processes)
    terminal = await beam.run("ergopy_peer_terminal:start(Node)", Node=name)
    seen = 0

    async def see(text: str) -> None:
        nonlocal seen
        wait = "ergopy_peer_terminal:wait(Pid, From, Text)"
        seen = await beam.run(wait, Pid=terminal, From=seen, Text=text.encode())

    async def do(what: str, *args: Any) -> None:
        call = "apply(ergopy_peer_terminal, What, Args)"
        await beam.run(call, What=ergopy.Atom(what), Args=[terminal, *args])

    async def enter(line: str) -> None:
        await see(">>> ")
        await do("type", f"{line}\r".encode())

    await enter("6 * 7")
    await see("42\n")
    await see(">>> ")
    await do("type", b"\x1b[A")
    # What comes with that key in one piece is lost, by OTP.
    await see("6 * 7")
    await do("type", b"\r")
    await see("42\n")
    await enter("nod\t")
    await see("<Node ")
    await see(">>> ")
    await do("type", b"node.regis\t\t")
    await see("registered(")
    await do("type", b"\x15\r")
    await enter("print('begun'); await trio.sleep(600)")
    await see("begun\n")
    await do("interrupt")
    await see("KeyboardInterrupt\n")
    await see(">>> ")
    await do("type", b"half a li")
    await see("half a li")
    await do("interrupt")
    await see("KeyboardInterrupt\n")
    await enter("exit()")
    await see("ended: normal")
    await until(lambda: set(shell_node.runtime.processes) == before)


@pytest.mark.parametrize("kind", EDITING)
async def test_a_terminal_that_is_killed_leaves_nothing(
    kind: str, attach: Open, shell_node: ergopy.Node
) -> None:
    before = set(shell_node.runtime.processes)
    first, second = attach(kind, shell_node), attach(kind, shell_node)
    for terminal in (first, second):
        await terminal.see(">>> ")
        await terminal.type("print('begun'); await trio.sleep(600)\n")
        await terminal.see("\nbegun\n")
    first.stop()
    await until(lambda: len(shell_node.runtime.processes) == len(before) + 2)
    second.stop()
    await until(lambda: set(shell_node.runtime.processes) == before)


@pytest.mark.parametrize(
    ("kind", "said", "status"),
    [
        ("otp25", "*** ERROR: Shell process terminated!", None),
        ("otp28", NOFILE, 1),
        ("elixir", "Could not find IEx on remote node", 1),
    ],
)
async def test_there_is_no_prompt_unless_it_is_allowed(
    kind: str, said: Any, status: int | None, attach: Open, node: ergopy.Node
) -> None:
    if otp_release(kind) >= 26:
        said, status = NOFILE, 1
    before = set(node.runtime.processes)
    terminal = attach(kind, node)
    await terminal.see(said)
    if status is not None:
        assert await terminal.ended() == status
    await until(lambda: set(node.runtime.processes) == before)


@pytest.mark.parametrize("kind", ["otp28", "elixir"])
async def test_a_prompt_where_nothing_else_is_answered(
    kind: str, attach: Open, node_options: dict[str, Any]
) -> None:
    async with ergopy.Node(**node_options, shell=True, answers="none") as node:
        terminal = attach(kind, node)
        await terminal.see(">>> ")
