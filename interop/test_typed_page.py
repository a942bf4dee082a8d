"""The page on typed messages: what a reader types in ``iex`` does what it shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from . import shells
from .beam import Missing
from .conftest import missing

PAGE = Path(__file__).parents[1] / "docs" / "behaviours" / "typed-messages.md"


def test_the_shell_of_the_page_answers_as_it_shows(epmd, tmp_path) -> None:
    text = PAGE.read_text("utf-8")
    file = tmp_path / "shop.py"
    file.write_text(text.split("```python file=shop.py\n")[1].split("```")[0], "utf-8")
    transcript = text.split("```elixir\n")[1].split("```")[0]
    with subprocess.Popen(
        [sys.executable, "-u", str(file)],
        env={**os.environ, "ERL_EPMD_PORT": str(epmd.port)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            printed = _session(server, transcript, tmp_path, epmd.port)
        except Missing as problem:
            missing(problem)
        finally:
            server.terminate()
    shells.check(transcript, printed)


def _session(
    server: subprocess.Popen[str], transcript: str, folder: Path, port: int
) -> str:
    assert server.stdout is not None
    assert "is up" in server.stdout.readline()
    return shells.run(
        "elixir",
        shells.typed(transcript),
        folder=folder,
        epmd_port=port,
        cookie="secret",
    )
