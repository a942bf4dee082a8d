"""The testing kit's own BEAM: Erlang of both releases, and Elixir."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

import ergopy
from ergopy.testing import BeamGone, beam_pair, event_log, spy
from ergopy.testing.log_events import MessageReceived
from tests.docs.pages import DOCS, blocks

from .beam import Missing, otp28_root, which
from .conftest import missing
from .servers import Desk, until


@pytest.fixture(params=["otp25", "otp28", "elixir"])
def kind(request, monkeypatch):
    """Which program runs; the variables say where it is."""
    if request.param == "otp28":
        try:
            root = otp28_root()
        except Missing as problem:
            missing(problem)
        monkeypatch.setenv("ERGOPY_ERL", str(root / "bin" / "erl"))
        monkeypatch.setenv("ERL_ROOTDIR", str(root))
    return "elixir" if request.param == "elixir" else "erlang"


@pytest.fixture
def args(kind):
    return ("-boot", "start_clean") if "ERL_ROOTDIR" in os.environ else ()


async def test_each_calls_the_other_and_the_kit_sees_it(kind, args):
    async with beam_pair(kind, args=args) as (node, beam):
        await node.start(Desk, name="desk")
        source = {
            "erlang": "gen_server:call({desk, Node}, {add, 3})",
            "elixir": "GenServer.call({:desk, node}, {:add, 3})",
        }[kind]
        name = "Node" if kind == "erlang" else "node"
        with spy(node, "desk") as desk, event_log(node, messages=True) as log:
            assert await beam.eval(source, **{name: node.name}) == 3
        assert desk.calls == [("add", 3)]
        assert len(log.of(MessageReceived, label="desk")) == 1
        assert await node.rpc(beam.name, "erlang", "node", []) == beam.name


async def test_values_come_back_and_what_raises_is_told(kind, args):
    async with beam_pair(kind, args=args) as (_, beam):
        assert await beam.eval("[1, <<2>>]") == [1, b"\2"]
        boom = "error({boom, 1})" if kind == "erlang" else ":erlang.error({:boom, 1})"
        with pytest.raises(ergopy.RpcError) as caught:
            await beam.eval(boom)
        assert caught.value.reason == ("boom", 1)
        with pytest.raises(ValueError if kind == "erlang" else ergopy.RpcError):
            await beam.eval("1 +")


async def test_expressions_run_at_the_same_time(kind, args):
    one, other = {
        "erlang": (
            "register(waiting, self()), receive go -> went end",
            "F = fun F() -> case whereis(waiting) of undefined -> erlang:yield(), F();"
            " Pid -> Pid ! go end end, F()",
        ),
        "elixir": (
            "Process.register(self(), :waiting); receive do :go -> :went end",
            "f = fn f -> if pid = Process.whereis(:waiting), do: send(pid, :go),"
            " else: f.(f) end; f.(f)",
        ),
    }[kind]
    async with beam_pair(kind, args=args) as (_, beam):
        answers = []

        async def wait():
            answers.append(await beam.eval(one))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await beam.eval(other)
        assert answers == ["went"]


async def test_it_is_gone_when_it_is_left(kind, args):
    async with beam_pair(kind, args=args) as (_, beam):
        os.kill(beam.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(beam.pid, 0)


HOLDS = """
import sys, trio
from ergopy.testing import beam_pair

async def main():
    async with beam_pair(sys.argv[1], args=sys.argv[2:]) as (_, beam):
        print(beam.pid, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


async def test_it_ends_with_a_test_that_is_killed(kind, args, tmp_path):
    command = [sys.executable, "-c", HOLDS, kind, *args]
    held = await trio.lowlevel.open_process(
        command,
        stdout=subprocess.PIPE,
        # Nobody is left to remove what it has made.
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    beam = int(await held.stdout.receive_some())
    os.kill(beam, 0)
    held.kill()
    await held.wait()
    await held.stdout.aclose()
    await until(lambda: not is_alive(beam))


def is_alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    # Nobody here is to wait for it, so that it may stay as a zombie.
    return stat.rpartition(")")[2].split()[0] != "Z"


async def test_a_beam_that_dies_is_a_node_that_is_down(kind, args):
    async with beam_pair(kind, args=args) as (node, beam):
        os.kill(beam.pid, signal.SIGKILL)
        await until(lambda: not node.nodes())
        with pytest.raises(ergopy.RpcError) as caught:
            await beam.eval("1")
        assert caught.value.reason == "noconnection"


async def test_one_that_cannot_start_says_what_it_printed(kind):
    with pytest.raises(BeamGone, match="nosuch"):
        async with beam_pair(kind, args=("-proto_dist", "nosuch")):
            pass


@pytest.fixture
def erl():
    try:
        return which("erl")
    except Missing as problem:
        missing(problem)


async def test_the_page_on_tests_has_one_with_a_beam(erl, tmp_path):
    page = DOCS / "howto" / "test-your-server.md"
    parts = [block.text for block in blocks(page, "python")]
    (tmp_path / "test_counter.py").write_text("\n\n".join(parts))
    options = ["-q", "-k", "erlang", "-o", "trio_mode=true", "-p", "no:cacheprovider"]
    done = await trio.run_process(
        [sys.executable, "-m", "pytest", *options, "test_counter.py"],
        cwd=tmp_path,
        capture_stdout=True,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert b"1 passed" in done.stdout, done.stdout.decode()
