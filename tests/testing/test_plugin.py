"""The fixtures for pytest, used as a program of its own would."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.programs import run_pytest

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


async def body(process):
    pass


async def test_log(memory_node, memory_log):
    await memory_node.spawn(body, name="short")
    assert (await memory_log.wait_for(reason="normal")).label == "short"
"""

WITH_BEAMS = """
pytest_plugins = ["ergopy.testing.plugin"]


async def test_erlang(erlang_pair):
    pass


async def test_elixir(elixir_pair):
    pass
"""


async def outcome(folder: Path, tests: str, **environment: str) -> str:
    """Run tests in a program of their own; what it prints."""
    file = folder / "test_it.py"
    file.write_text(tests)
    return (await run_pytest(file, "-rsE", **environment))[1]


async def test_fixtures_of_the_plugin_work(tmp_path: Path) -> None:
    printed = await outcome(tmp_path, TESTS)
    assert "4 passed" in printed, printed


async def test_without_a_beam_tests_are_skipped_or_fail_and_say_why(
    tmp_path: Path,
) -> None:
    nowhere = {"ERGOPY_ERL": "/no/erl", "ERGOPY_ELIXIR": "/no/elixir"}
    printed = await outcome(tmp_path, WITH_BEAMS, **nowhere, ERGOPY_REQUIRE_BEAM="0")
    assert "2 skipped" in printed, printed
    assert "no program '/no/erl' here: install erlang, or set ERGOPY_ERL" in printed
    assert "install elixir, or set ERGOPY_ELIXIR to the path of its 'elixir'" in printed
    printed = await outcome(tmp_path, WITH_BEAMS, **nowhere, ERGOPY_REQUIRE_BEAM="1")
    assert "2 errors" in printed, printed


def test_nothing_but_the_plugin_needs_pytest() -> None:
    code = "import sys; sys.modules.update(pytest=None, _pytest=None)"
    code += "; import ergopy.testing"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
