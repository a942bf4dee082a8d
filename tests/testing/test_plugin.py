"""The fixtures for pytest, used as a program of its own would."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """
from ergopy import Atom

pytest_plugins = ["ergopy.testing.plugin"]


async def test_pair(memory_network, memory_pair, autojump_clock):
    a, b = memory_pair
    memory_network.delay(a, b, 2)
    assert await a.ping(b.name, timeout=60)


async def test_node(memory_node):
    assert memory_node.name == "node@memory"


async def test_all_live_in_one_network(memory_node, memory_pair):
    await memory_node.connect("a@memory")
"""


async def test_fixtures_of_the_plugin_work(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    options = ["-q", "-o", "trio_mode=true", "-p", "no:cacheprovider"]
    done = await trio.run_process(
        [sys.executable, "-m", "pytest", *options, "test_it.py"],
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        cwd=tmp_path,
        capture_stdout=True,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert b"3 passed" in done.stdout, done.stdout.decode()


def test_nothing_but_the_plugin_needs_pytest() -> None:
    code = "import sys; sys.modules.update(pytest=None, _pytest=None)"
    code += "; import ergopy.testing"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
