"""The manual against real shells: what a reader types does what the page shows."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy.testing.ports import free_port
from tests.docs.pages import generator

from . import shells
from .beam import Missing
from .conftest import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial" / "1-hello.md"
EXAMPLES = ROOT / "examples"
LANGUAGES = {"elixir": "elixir", "otp25": "erlang", "otp28": "erlang"}
COOKIE = "secret"


def blocks(page: Path, fence: str) -> list[str]:
    pattern = rf"^```{fence}[^\n]*\n(.*?)^```$"
    return re.findall(pattern, page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def program(page: Path) -> str:
    (text,) = blocks(page, "python file=")
    return text


def to_type(example: str) -> str:
    """The lines for the shell in the head of an example."""
    tree = ast.parse((EXAMPLES / example).read_text("utf-8"))
    head = ast.get_docstring(tree) or ""
    return "".join(re.findall(r"^ +((?:iex|\.\.\.)> .*\n)", head + "\n", re.MULTILINE))


TABLES = generator()


@pytest.fixture
def start(epmd, tmp_path) -> Callable[..., Any]:
    """``with start(FILE, "up")``: a program, once it printed a line with that word."""

    @contextmanager
    def start(file: Path, word: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [sys.executable, "-u", str(file)],
            env={**os.environ, "ERL_EPMD_PORT": str(epmd.port)},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert word in first, first + process.stdout.read()
            yield process
        finally:
            process.kill()
            process.communicate()

    return start


@pytest.fixture
def shell(epmd, tmp_path) -> Callable[[str, str], str]:
    """``shell(kind, text)``: what the shell printed."""

    def run(kind: str, text: str) -> str:
        where = {"folder": tmp_path, "epmd_port": epmd.port, "cookie": COOKIE}
        try:
            return shells.run(kind, text, **where)
        except Missing as problem:
            missing(problem)
            raise

    return run


@pytest.mark.parametrize("kind", LANGUAGES)
@pytest.mark.parametrize("page", [README, TUTORIAL], ids=["readme", "tutorial"])
def test_shells_answer_as_the_page_shows(page, kind, start, shell, tmp_path):
    file = tmp_path / "program.py"
    text = program(page)
    if page is TUTORIAL:
        file = tmp_path / "hello.py"
    file.write_text(text)
    transcript = "\n".join(blocks(page, LANGUAGES[kind]))
    assert transcript
    with start(file, "py@127.0.0.1 is up") as running:
        output = shell(kind, shells.typed(transcript))
        shells.check(transcript, output)
        running.terminate()
        assert running.wait(10) == 0


@pytest.mark.parametrize(
    ("example", "printed", "answers"),
    [
        ("counter.py", "counter ends at 0: normal", ["13", "0", ":stopped"]),
        ("model_server.py", "", ["[1.0, 2.5]", 'name: "sum"', ":ok"]),
        ("monitor.py", "worker started again", ["{:DOWN", '"told to crash"']),
        ("plain_process.py", "fire!\none\ntwo\n", ['{:printed, "fire!"}']),
    ],
)
def test_example_answers_elixir_and_ends_when_told(
    example, printed, answers, start, shell
):
    with start(EXAMPLES / example, "py@127.0.0.1") as running:
        output = shell("elixir", shells.typed(to_type(example)))
        said, _ = running.communicate(timeout=10)
    assert running.returncode == 0, said
    assert printed in said
    assert "** (" not in output, output
    rest = output
    for answer in answers:
        assert answer in rest, output
        rest = rest.partition(answer)[2]


async def test_python_calls_an_iex_as_the_example_says(start_beam, epmd, tmp_path):
    beam = start_beam("elixir", cookie=COOKIE)
    lines = shells.typed(to_type("call_beam.py"))
    assert "register(self(), :shell)" in lines
    received: list[Any] = []

    async def type_it() -> None:
        received.append(await beam.elixir(f"{lines}\nreceive do m -> m end", 60))

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(type_it)
            await beam.run(
                "ergopy_peer:until(fun() -> whereis(shell) =/= undefined end)"
            )
            done = await trio.run_process(
                [sys.executable, str(EXAMPLES / "call_beam.py"), beam.name],
                env={**os.environ, "ERL_EPMD_PORT": str(epmd.port)},
                cwd=tmp_path,
                capture_stdout=True,
            )
    finally:
        beam.stop()
    assert received == [("hello", b"from Python")]
    lines_printed = done.stdout.decode().splitlines()
    assert lines_printed[:2] == ["rpc: HELLO", "call: Hello, Python"]
    assert lines_printed[2].startswith("nobody there: ")
    assert lines_printed[3].startswith("it raised: error function_clause")


@pytest.mark.parametrize("kind", ["otp25", "otp28"])
async def test_without_epmd_as_the_page_says(kind, start_beam, start, tmp_path):
    port = free_port()
    text = program(ROOT / "docs" / "howto" / "without-epmd.md")
    file = tmp_path / "py.py"
    file.write_text(text.replace("9100", str(port)))
    options = {"name": "shop@127.0.0.1", "cookie": COOKIE}
    beam = start_beam(kind, args=("-erl_epmd_port", str(port)), **options)
    try:
        with start(file, "shop@127.0.0.1"):
            assert await beam.run("net_adm:ping('py@127.0.0.2')") == "pong"
            assert await beam.run("nodes()") == ["py@127.0.0.2"]
    finally:
        beam.stop()


@pytest.mark.parametrize("term", TABLES.TERMS, ids=lambda term: term.what)
def test_beam_means_the_term_of_the_table(beam, term):
    here = eval(term.python, dict(vars(etf)))
    there = beam.eval(term.erlang)
    assert type(there) is type(here)
    assert etf.same(there, here)
    assert beam.eval(f"Term =:= ({term.erlang})", Term=here) is True


@pytest.mark.parametrize("term", TABLES.TERMS, ids=lambda term: term.what)
async def test_elixir_means_the_term_of_the_table(elixir, term):
    here = eval(term.python, dict(vars(etf)))
    there = await elixir.elixir(term.elixir)
    assert type(there) is type(here)
    assert etf.same(there, here)
    assert await elixir.elixir(f"term === ({term.elixir})", term=here) is True


@pytest.mark.parametrize("term", TABLES.OPAQUE, ids=lambda term: term.what)
async def test_opaque_terms_come_and_go(beam, elixir, term):
    kind = vars(etf)[term.python]
    there = beam.eval(term.erlang)
    assert type(there) is kind
    assert beam.eval("Term", Term=there) == there
    assert type(await elixir.elixir(term.elixir)) is kind
