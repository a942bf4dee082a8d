"""erl_call, the C node that comes with Erlang: it speaks only the oldest operations."""

from __future__ import annotations

import os
import shutil
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from ergopy import io

from .beam import unique_name

if TYPE_CHECKING:
    import subprocess

    import ergopy


async def erl_call(
    node: ergopy.Node, cookie: str, call: str, *options: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("erl_call")
    if program is None:
        missing = pytest.fail if "ERGOPY_REQUIRE_BEAM" in os.environ else pytest.skip
        missing("erl_call is not installed")
    own = unique_name("c").partition("@")[0]
    command = [program, "-h", own, "-c", cookie, "-address", f"127.0.0.1:{node.port}"]
    run = partial(trio.run_process, capture_stdout=True, capture_stderr=True)
    with trio.fail_after(15):
        what = ["-a", call] if call else []
        return await run([*command, *options, *what], check=False, stdin=stdin)


async def test_erl_call_runs_an_exported_function(node, cookie):
    node.export("calc", {"add": lambda left, right: left + right})
    done = await erl_call(node, cookie, "calc add [20, 22]")
    assert (done.returncode, done.stdout.strip()) == (0, b"42"), done.stderr


async def test_erl_call_is_told_what_is_not_exported(node, cookie):
    done = await erl_call(node, cookie, "os cmd [ls]")
    assert b"undef" in done.stdout


async def test_erl_call_fetches_what_a_function_prints(node, cookie):
    async def greet(name):
        await io.print("hello", name)
        await io.format("~p~n", [[1, name]])
        return name

    node.export("desk", {"greet": greet})
    done = await erl_call(node, cookie, "desk greet [world]", "-fetch_stdout")
    assert done.stdout == b"hello world\n[1,world]\nworld", done.stderr
    call = "desk greet [world]"
    done = await erl_call(node, cookie, call, "-fetch_stdout", "-no_result_term")
    assert done.stdout == b"hello world\n[1,world]\n", done.stderr


@pytest.mark.parametrize("options", [("-e",), ("-e", "-fetch_stdout")])
async def test_erl_call_evaluates_nothing(node, cookie, options):
    done = await erl_call(node, cookie, "", *options, stdin=b"6*7.\n")
    assert b"undef" in done.stdout
    assert b"ok" not in done.stdout
