"""A shell as its terminal sees it: lines in, text out, Ctrl-C, and the end."""

from __future__ import annotations

import linecache
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from ergopy.services.shell import evaluator as evaluating
from ergopy.services.shell import source
from etf import Atom
from tests.runtimes import running as running
from tests.runtimes import runtime as runtime
from tests.runtimes import settle
from tests.services.shell.conftest import INTERRUPTED, Terminal

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


DEEP = "x = " + "1 + " * 20_000 + "1"


async def test_it_says_who_it_is_and_asks_for_a_line(terminal: Terminal) -> None:
    assert "ergopy" in terminal.shown
    assert "on py@test" in terminal.shown
    assert terminal.prompts == ["py@test>>> "]
    assert (Atom("binary"), True) in terminal.options


async def test_an_expression_is_shown_and_kept(terminal: Terminal) -> None:
    assert await terminal.type("40 + 2") == "42\n"
    assert await terminal.type("_ + 1") == "43\n"
    assert await terminal.type("None") == ""
    assert await terminal.type("_") == "43\n"


async def test_await_works_at_the_prompt(
    terminal: Terminal, autojump_clock: trio.testing.MockClock
) -> None:
    await terminal.type("await trio.sleep(5) or 7")
    assert not terminal.waits
    await terminal.asks()
    assert terminal.shown.endswith("\n7\n")


async def test_a_forgotten_await_is_told(terminal: Terminal) -> None:
    shown = await terminal.type("trio.sleep(0)")
    assert "coroutine object sleep" in shown
    assert "await _" in shown
    assert await terminal.type("await _") == ""


async def test_several_lines_have_a_prompt_of_their_own(terminal: Terminal) -> None:
    assert await terminal.type("def double(x):", "    return 2 * x", "") == ""
    assert terminal.prompts[1:4] == ["       ... ", "       ... ", "py@test>>> "]
    assert await terminal.type("double(21)") == "42\n"


async def test_lines_without_content_are_passed_over(terminal: Terminal) -> None:
    assert await terminal.type("", "   ", "# nothing") == ""
    assert set(terminal.prompts) == {"py@test>>> "}


async def test_names_stand_for_the_process_that_runs_it(
    terminal: Terminal, runtime: Runtime
) -> None:
    await terminal.type("self.register('prompt')")
    assert await terminal.type("whereis('prompt') == self.pid") == "True\n"
    assert await terminal.type("pid(self.pid.id) == self.pid") == "True\n"
    assert await terminal.type("pid(str(self.pid)) == self.pid") == "True\n"
    await runtime.root.send("prompt", Atom("hello"))
    await settle()
    assert await terminal.type("flush()") == "Shell got Atom('hello')\n"
    assert await terminal.type("flush()") == ""
    await runtime.root.send("prompt", 5)
    assert await terminal.type("await self.receive()") == "5\n"


async def test_a_traceback_begins_with_what_was_typed(terminal: Terminal) -> None:
    await terminal.type("def fail():", "    1 / 0", "")
    shown = await terminal.type("fail()")
    assert shown.startswith("Traceback (most recent call last):\n")
    assert "    1 / 0" in shown
    assert shown.endswith("ZeroDivisionError: division by zero\n")
    assert "evaluator.py" not in shown
    assert await terminal.type("1") == "1\n"


@pytest.mark.parametrize(
    "line", ["1 +* 2", "x = = 1", "'\0'", "return 5", "f(", "é$", DEEP]
)
async def test_what_is_no_python_is_refused(terminal: Terminal, line: str) -> None:
    shown = await terminal.type(line)
    if line == "f(":
        shown = await terminal.type("]")
    assert "Error" in shown
    assert "source.py" not in shown
    assert await terminal.type("1") == "1\n"


async def test_too_long_a_statement_is_refused(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_SOURCE", 20)
    await terminal.type("'''")
    assert "more than 20 characters" in await terminal.type("a" * 30)
    assert await terminal.type("1") == "1\n"


async def test_what_is_printed_comes_in_order(terminal: Terminal) -> None:
    assert await terminal.type("for i in range(2): print(i); -i", "") == "0\n0\n1\n-1\n"
    assert await terminal.type("import sys; print('no', file=sys.stderr)") == "no\n"


async def test_what_others_print_stays_with_them(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    before = terminal.shown
    sys.stdout.write("of the program\n")
    await settle()
    assert terminal.shown == before
    assert capsys.readouterr().out == "of the program\n"


async def test_what_a_prompt_starts_prints_to_it(terminal: Terminal) -> None:
    await terminal.type("async def hello(process): print('hello')", "")
    assert "hello\n" in await terminal.type("await self.spawn(hello)")
    await terminal.type("await trio.to_thread.run_sync(lambda: print('thread'))")
    await terminal.asks()
    assert terminal.shown.endswith("\nthread\n")


async def test_standard_output_is_as_before_at_the_end(runtime: Runtime) -> None:
    usual = sys.stdout
    first, second = Terminal(), Terminal()
    await first.start(runtime)
    assert sys.stdout is not usual
    await second.start(runtime)
    await first.type("exit()")
    assert await second.type("print(1)") == "1\n"
    assert not first.open
    await second.type("quit()")
    assert sys.stdout is usual


async def test_two_shells_have_their_own_names(runtime: Runtime) -> None:
    first, second = Terminal(), Terminal()
    second.doors = first.doors
    await first.start(runtime)
    await second.start(runtime)
    await first.type("x = 1")
    assert "NameError" in await second.type("x")
    assert await second.type("5") == "5\n"
    assert "NameError" in await first.type("_")


async def test_ctrl_c_at_the_prompt_drops_what_was_begun(terminal: Terminal) -> None:
    await terminal.type("def f():")
    before = len(terminal.shown)
    await terminal.answer(INTERRUPTED)
    assert terminal.shown[before:] == "\nKeyboardInterrupt\n"
    assert terminal.prompts[-1] == "py@test>>> "
    assert await terminal.type("1") == "1\n"


@pytest.mark.parametrize(
    "line",
    [
        "await trio.sleep_forever()",
        "await self.receive()",
        "await call('nobody', 1, timeout=None) if whereis('n') else "
        "await self.receive()",
        "async with trio.open_nursery() as n: n.start_soon(trio.sleep_forever)",
    ],
)
async def test_ctrl_c_interrupts_what_waits(terminal: Terminal, line: str) -> None:
    await terminal.type(line, *([""] if line.startswith("async") else []))
    assert not terminal.waits
    assert "KeyboardInterrupt\n" in await terminal.interrupt()
    assert terminal.waits
    assert await terminal.type("1") == "1\n"


async def test_code_can_catch_ctrl_c_and_go_on_waiting(
    terminal: Terminal, autojump_clock: trio.testing.MockClock
) -> None:
    await terminal.type(
        "try: await trio.sleep_forever()",
        "except KeyboardInterrupt:",
        "    await trio.sleep(1)",
        "    print('caught')",
        "",
    )
    assert await terminal.interrupt() == ""
    await trio.sleep(2)
    await settle()
    assert terminal.shown.endswith("caught\n")
    assert terminal.waits


async def test_a_second_ctrl_c_cancels(terminal: Terminal) -> None:
    await terminal.type(
        "while True:",
        "    try: await trio.sleep_forever()",
        "    except KeyboardInterrupt: print('no')",
        "",
    )
    assert await terminal.interrupt() == "no\n"
    assert await terminal.interrupt() == "KeyboardInterrupt\n"
    assert await terminal.type("1") == "1\n"


async def test_ctrl_c_ends_a_loop_that_never_sleeps(
    terminal: Terminal, runtime: Runtime
) -> None:
    await terminal.line("while True: await trio.sleep(0)")
    await terminal.line("")
    for _ in range(50):
        await trio.lowlevel.checkpoint()
    assert not terminal.waits
    terminal.press_ctrl_c()
    await terminal.asks()
    assert terminal.shown.endswith("\nKeyboardInterrupt\n")


async def test_ctrl_c_of_nobody_does_nothing(terminal: Terminal) -> None:
    assert await terminal.interrupt() == ""
    assert await terminal.type("1") == "1\n"


async def test_without_the_inside_of_trio_ctrl_c_is_a_cancellation(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluating, "ATTEMPT", "_no_such_method")
    await terminal.type("await trio.sleep_forever()")
    assert await terminal.interrupt() == "KeyboardInterrupt\n"
    assert await terminal.type("1") == "1\n"


async def test_the_process_that_runs_it_may_crash(terminal: Terminal) -> None:
    await terminal.type("x = 5; old = self.pid")
    shown = await terminal.type("await self.exit(self.pid, 'kill')")
    assert "the process has ended: Atom('killed')" in shown
    assert await terminal.type("x, old != self.pid") == "(5, True)\n"


async def test_it_may_also_end_while_nothing_runs(terminal: Terminal) -> None:
    await terminal.type("async def boom(process): raise ValueError", "")
    await terminal.type("other = await self.spawn(boom, link=True)")
    await settle()
    assert "the process has ended" in terminal.shown
    assert await terminal.type("1") == "1\n"


@pytest.mark.parametrize("line", ["exit()", "quit()", "raise SystemExit"])
async def test_leaving_ends_the_shell_and_nothing_else(
    terminal: Terminal, runtime: Runtime, line: str
) -> None:
    processes = len(runtime.processes)
    await terminal.type("1")
    await terminal.type(line)
    assert not terminal.open
    # The group process goes with its shell, and so does the one that runs the lines.
    assert len(runtime.processes) == processes - 3
    assert not [name for name in linecache.cache if name.startswith("<shell")]


@pytest.mark.parametrize(
    "reply",
    [
        Atom("eof"),
        (Atom("error"), Atom("terminated")),
        (Atom("error"), Atom("estale")),
        5,
        None,
    ],
)
async def test_the_end_of_input_ends_the_shell(terminal: Terminal, reply: Any) -> None:
    await terminal.answer(reply)
    assert not terminal.open


@pytest.mark.parametrize("reason", ["noconnection", "die", "normal", "kill"])
async def test_a_terminal_that_is_gone_takes_all_with_it(
    terminal: Terminal, runtime: Runtime, reason: str
) -> None:
    await terminal.type("self.trap_exit = True")
    await terminal.type("await trio.sleep_forever()")
    await terminal.hang_up(reason)
    assert not terminal.open
    assert list(runtime.processes.values()) == [runtime.root]


async def test_a_killed_shell_leaves_nothing(
    terminal: Terminal, runtime: Runtime
) -> None:
    usual = terminal
    await terminal.type("self.trap_exit = True")
    runtime.root.exit_nowait(terminal.shell, Atom("kill"))
    await settle()
    assert list(runtime.processes.values()) == [runtime.root]
    assert "Stream" not in type(sys.stdout).__name__
    assert usual.doors._open == {}


async def test_lines_may_come_as_charlists(terminal: Terminal) -> None:
    await terminal.answer([ord(c) for c in "'h\u00e9'\n"])
    assert terminal.shown.endswith("'h\u00e9'\n")


@pytest.mark.parametrize(
    "junk",
    [
        None,
        (Atom("io_reply"), 1, 2),
        (Atom("io_reply"),),
        (Atom("done"), 1),
        (Atom("EXIT"), 1, 2),
        b"junk",
    ],
)
async def test_what_a_peer_sends_besides_does_nothing(
    terminal: Terminal, runtime: Runtime, junk: Any
) -> None:
    await runtime.root.send(terminal.shell, junk)
    assert await terminal.type("1") == "1\n"


async def test_output_for_a_stuck_terminal_has_a_limit(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ergopy.services.shell.output.MAX_PENDING", 100)
    shown = await terminal.type("for _ in range(50): print('0123456789')", "")
    assert "characters of output are lost" in shown
    assert len(shown) < 200
    assert await terminal.type("1") == "1\n"


async def test_input_is_refused_as_it_would_stop_the_node(terminal: Terminal) -> None:
    assert "would stop the node" in await terminal.type("input()")


async def test_a_repr_that_fails_is_told(terminal: Terminal) -> None:
    await terminal.type("class Bad:", "    def __repr__(self): raise OSError('no')", "")
    assert "OSError: no" in await terminal.type("Bad()")
    assert await terminal.type("1") == "1\n"
