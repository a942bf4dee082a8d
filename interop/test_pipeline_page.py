"""The tutorial on pipelines: the Elixir of the page around the Python of the page.

The library that the page installs is not there: ``pages/gen_stage.ex`` stands in.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import shells
from .beam import Missing, which
from .conftest import missing
from .staged import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "tutorial" / "3-pipeline.md"
INSTALL = 'Mix.install([{:gen_stage, "~> 1.3"}])\n'


def blocks(fence: str) -> list[str]:
    pattern = rf"^```{re.escape(fence)}\n(.*?)^```$"
    return re.findall(pattern, PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def gen_stage(tmp_path: Path) -> Path:
    """A folder with what stands in for the library."""
    sources = [SOURCES / "inlet.ex", HERE / "pages" / "gen_stage.ex"]
    try:
        compiler = which("elixirc")
    except Missing as problem:
        missing(problem)
        raise
    subprocess.run([compiler, "-o", tmp_path, *sources], check=True)
    return tmp_path


@pytest.fixture
def keys(epmd, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The Python program of the page, once it is up."""
    file = tmp_path / "keys.py"
    file.write_text(blocks("python file=keys.py")[0], "utf-8")
    with subprocess.Popen(
        [sys.executable, "-u", str(file)],
        env={**os.environ, "ERL_EPMD_PORT": str(epmd.port)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        try:
            assert program.stdout is not None
            assert "is up" in program.stdout.readline()
            yield program
        finally:
            program.kill()


def test_elixir_gets_from_python_what_the_page_shows(
    gen_stage: Path, keys: subprocess.Popen[str], epmd, tmp_path: Path
) -> None:
    (modules,) = blocks("elixir file=pipeline.exs")
    assert modules.startswith(INSTALL)
    transcript = "\n".join(blocks("elixir"))
    (shown,) = blocks("text")
    lines = [f'Code.append_path("{gen_stage}")', modules.removeprefix(INSTALL)]
    text = "\n".join([*lines, shells.typed(transcript)])
    shell = shells.start(
        "elixir", folder=tmp_path, epmd_port=epmd.port, cookie="secret"
    )
    with shell:
        guard = threading.Timer(shells.SECONDS, shell.kill)
        guard.start()
        try:
            printed = _type(shell, text, until=shown.splitlines()[-1])
        finally:
            guard.cancel()
            shell.kill()
    shells.check(transcript, printed)
    found = re.findall(r"^(?:\S+> )*(\d+ [0-9a-f]{8})$", printed, re.MULTILINE)
    assert found == shown.splitlines()
    assert keys.poll() is None


def _type(shell: subprocess.Popen[bytes], text: str, until: str) -> str:
    """Type *text*; return what was printed up to the line that ends with *until*."""
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(text.encode())
    shell.stdin.flush()
    printed = ""
    for line in shell.stdout:
        printed += line.decode()
        if printed.rstrip().endswith(until):
            break
    return printed
