"""``ergopy shell`` without a BEAM: the terminals, and a prompt of a Python node."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy.cli.shell.escapes import clean
from ergopy.cli.shell.terminals import PlainTerminal
from ergopy.services.terminal import Line, Pressed
from tests.nodes import COOKIE, unique_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "shown", "plain"),
    [
        ("plain λ\n\t", "plain λ\n\t", "plain λ\n\t"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[H.", "\x1b[2J\x1b[H.", "."),
        ("\x1b[?25l.", "\x1b[?25l.", "."),
        ("\x1b]0;title\x07a\x1b]52;c;aGk=\x1b\\b", "ab", "ab"),
        ("\x1b[6n\x1b[c\x1b[21t.", ".", "."),
        ("\x1b[?1049h.", ".", "."),
        ("\x1bPq#0\x1b\\.\x1b_x\x07.", "..", ".."),
        ("\x1bc\x9b31m.\x90", "31m.", "31m."),
        ("\x1b]never ends", "", ""),
        ("\x1b[12", "12", "12"),
        ("nul\0 del\x7f", "nul? del?", "nul? del?"),
    ],
)
def test_what_may_be_shown(text: str, shown: str, plain: str) -> None:
    assert clean(text, terminal=True) == shown
    assert clean(text, terminal=False) == plain


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


async def test_lines_of_a_pipe(pipe: tuple[int, int], capsys: Any) -> None:
    terminal = PlainTerminal(pipe[0])
    await terminal.write("hello, says the shell\n")
    os.write(pipe[1], "λ\nha".encode())
    assert await terminal.read_line(Line("1> ")) == "λ\n"
    os.write(pipe[1], b"lf")
    os.close(pipe[1])
    assert await terminal.read_line(Line("2> ")) == "half\n"
    assert await terminal.read_line(Line("3> ")) is Pressed.END
    await terminal.write("\x1b[1manswer\x1b[0m\n")
    assert capsys.readouterr().out == "answer\n"
    assert terminal.size() is None


async def test_a_cancelled_read_loses_nothing(pipe: tuple[int, int]) -> None:
    terminal = PlainTerminal(pipe[0])
    os.write(pipe[1], b"ha")
    with trio.move_on_after(0):
        await terminal.read_line(Line(""))
    os.write(pipe[1], b"lf\n")
    assert await terminal.read_line(Line("")) == "half\n"


async def test_lines_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("1.\n2.")
    with (tmp_path / "lines").open() as file:
        terminal = PlainTerminal(file.fileno())
        assert await terminal.read_line(Line("")) == "1.\n"
        assert await terminal.read_line(Line("")) == "2.\n"
        assert await terminal.read_line(Line("")) is Pressed.END


async def test_what_a_shell_said_before_it_failed_is_shown(capsys: Any) -> None:
    terminal = PlainTerminal(text=lambda: "1.\n")
    await terminal.write("no more shells\n")
    assert capsys.readouterr().out == ""
    await terminal.finish()
    assert capsys.readouterr().out == "no more shells\n"


def test_words_in_columns() -> None:
    from ergopy.cli.shell.editor import in_columns

    assert in_columns(["bb", "a", "ccc", "a"], 10) == "a    ccc\nbb\n"
    assert in_columns(["wide" * 5, "a"], 10) == "a\n" + "wide" * 5 + "\n"


async def shell(
    node: str, *words: str, text: str = "", code: str = "from ergopy.cli import main"
) -> tuple[int, str, str]:
    done = await trio.run_process(
        [
            sys.executable,
            "-c",
            f"import sys; {code}; sys.exit(main(sys.argv[1:]))",
            "shell",
            node,
            *words,
        ],
        env={**os.environ, "ERGOPY_COOKIE": COOKIE},
        stdin=text.encode(),
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def test_lines_at_a_python_prompt(epmd_port: int) -> None:
    async with ergopy.Node(unique_name(), cookie=COOKIE, shell=True) as node:
        text = "def f():\n    return 6\n\nf() * 7\nawait ergopy.io.get_line()\nread"
        assert await shell(node.name, text=text) == (0, "42\n'read\\n'\n", "")
        assert await shell(node.name, "-c", "6 * 7") == (0, "42\n", "")
        assert await shell(node.name, "--erl", "-c", "6 * 7") == (0, "42\n", "")
        # Neither needs the library that edits lines.
        code = "sys.modules['prompt_toolkit'] = None; from ergopy.cli import main"
        assert (await shell(node.name, "-c", "1", code=code))[:2] == (0, "1\n")


async def test_a_node_without_a_prompt(epmd_port: int) -> None:
    async with ergopy.Node(unique_name(), cookie=COOKIE) as node:
        status, out, err = await shell(node.name, "-c", "1")
    assert (status, out) == (1, "")
    assert f"no prompt on {node.name}" in err
    assert "shell=True" in err
