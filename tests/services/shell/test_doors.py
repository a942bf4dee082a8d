"""Who gets in, and how IEx does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import ergopy
from ergopy.services.shell import doors, start
from ergopy.testing import MemoryNetwork, node_pair
from etf import Atom
from tests.runtimes import runtime as runtime
from tests.runtimes import settle, sleeper
from tests.services.shell.conftest import Terminal, until

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

DOORS = [
    ("shell", "start"),
    ("iex", "start"),
    ("Elixir.IEx", "start"),
    ("edlin_expand", "expand"),
    ("Elixir.IEx.Autocomplete", "expand"),
]


async def test_there_is_no_shell_unless_one_is_asked_for() -> None:
    async with node_pair() as (one, two):
        for module, function in DOORS:
            with pytest.raises(ergopy.RpcError, match="undef"):
                await one.rpc(two.name, module, function, [])


async def test_the_doors_are_open_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        async with MemoryNetwork().node("a", shell=True) as n:
            assert [door for door in DOORS if door not in n.exports] == []
    assert "gives a Python prompt" in caplog.text


async def test_the_environment_can_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERGOPY_SHELL", "1")
    assert ergopy.Node("s@h", cookie="c").shell
    assert not ergopy.Node("s@h", cookie="c", shell=False).shell
    monkeypatch.setenv("ERGOPY_SHELL", "0")
    assert not ergopy.Node("s@h", cookie="c").shell


async def test_who_opens_one_is_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = Terminal()
    with caplog.at_level(logging.INFO):
        await terminal.start(runtime)
        assert f"{terminal.pid} has opened a shell" in caplog.text
        await terminal.type("exit()")
        assert f"the shell of {terminal.pid} is over" in caplog.text


async def test_the_number_of_shells_has_a_limit(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "MAX_SHELLS", 2)
    first = Terminal()
    await first.start(runtime)
    second = Terminal()
    second.doors = first.doors
    await second.start(runtime)

    def refused() -> str:
        with pytest.raises(ergopy.Exit) as caught:
            first.doors.erl()
        return str(caught.value.reason)

    assert await first.ask(refused) == "system_limit"
    await second.type("exit()")
    third = Terminal()
    third.doors = first.doors
    await third.start(runtime)
    assert third.prompts


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have IEx over there make ``function`` of ``made``, or nothing."""

    class Made:
        function: Any = None

    async def autocomplete(process: Process) -> Any:
        return Made.function

    monkeypatch.setattr(doors, "_autocomplete", autocomplete)
    return Made


async def test_the_terminal_of_iex_is_told_how_to_complete(
    runtime: Runtime, made: Any
) -> None:
    made.function = (Atom("a"), Atom("fun"))
    terminal = Terminal()
    await terminal.start(runtime, terminal.doors.iex)
    assert (Atom("expand_fun"), made.function) in terminal.options


async def test_iex_says_when_to_begin(runtime: Runtime, made: Any) -> None:
    parent = sleeper(runtime)
    ref = runtime.new_reference()
    terminal = Terminal()
    function = (Atom("iex"), Atom("sync_remote"), [parent.pid, ref])
    await terminal.start(runtime, lambda: terminal.doors.iex([], function))
    assert parent.messages() == [(Atom("begin"), ref, terminal.shell)]
    assert terminal.shown == ""
    await runtime.root.send(terminal.shell, (Atom("done"), runtime.new_reference()))
    await settle()
    assert terminal.shown == ""
    await runtime.root.send(terminal.shell, (Atom("done"), ref))
    await settle()
    assert terminal.prompts == ["py@test>>> "]


@pytest.mark.parametrize(
    "function",
    [None, (1, 2, 3), (Atom("elixir_utils"), Atom("noop"), []), [Atom("a")], b""],
)
async def test_iex_may_have_nothing_to_do_first(
    runtime: Runtime, made: Any, function: Any
) -> None:
    terminal = Terminal()
    await terminal.start(runtime, lambda: terminal.doors.iex([], function))
    assert terminal.prompts == ["py@test>>> "]


async def test_a_word_is_completed_in_the_shell_of_its_terminal(
    runtime: Runtime,
) -> None:
    first, second = Terminal(), Terminal()
    second.doors = first.doors
    await first.start(runtime)
    await second.start(runtime)
    await first.type("ab_one = 1")
    await second.type("ab_two = 2")
    before = [ord("_"), ord("b"), ord("a")]
    assert bytes((await first.ask(first.doors.expand, before))[1]) == b"one"
    assert bytes((await second.ask(first.doors.expand, before, []))[1]) == b"two"


async def test_names_are_completed_before_the_first_line(runtime: Runtime) -> None:
    terminal = Terminal()
    await terminal.start(runtime)
    found, added, _ = await terminal.ask(
        terminal.doors.expand, [ord("e"), ord("h"), ord("w")]
    )
    assert (found, bytes(added)) == ("yes", b"reis(")


async def test_a_lost_connection_ends_the_shell_and_what_it_runs() -> None:
    network = MemoryNetwork()
    async with network.node("a", shell=True) as a, network.node("b") as b:
        before = set(a.runtime.processes)
        terminal = Terminal()
        await terminal.start(b.runtime, peer=a)
        await terminal.asks()
        assert "on a@memory" in terminal.shown
        await terminal.type("await trio.sleep_forever()")
        await until(lambda: len(a.runtime.processes) == len(before) + 2)
        network.reset(a, b)
        await until(lambda: set(a.runtime.processes) == before)


async def test_a_node_without_a_shell_opens_nothing(runtime: Runtime) -> None:
    class Bare:
        shell = False

    await start(Bare())
