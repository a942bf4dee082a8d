"""A child in Python whose whole node goes, and comes back, under a supervisor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, GenServer, Node

from .supervised import python_child, supervise

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["python_child", "supervise"]

PROGRAM = Path(__file__).parent / "peer" / "node.py"


class Program:
    """A Python node in a process of its own, which can be killed and come back."""

    def __init__(self, name: str, cookie: str) -> None:
        self.name = Atom(name)
        self._arguments = [sys.executable, str(PROGRAM), name, cookie]
        self.start()

    def start(self) -> None:
        """Start it, again under the same name, and wait until it is up."""
        self._process = subprocess.Popen(
            self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            self.kill9()
            raise AssertionError(f"{self.name} did not come up")

    def stop(self) -> None:
        """Let it shut down in order: it ends with its standard input."""
        self._process.communicate()

    def kill9(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def program(node_options: dict[str, Any]) -> Iterator[Program]:
    program = Program(node_options["name"], node_options["cookie"])
    yield program
    program.kill9()


async def test_child_comes_back_with_its_node(program, supervise):
    sup = await supervise(program.name)
    pid = await sup.child()
    program.kill9()
    # The supervisor waits for the node, in the start function.
    program.start()
    new = await sup.replaced(pid)
    assert new.node == program.name
    assert new.creation != pid.creation
    assert await sup.call(Atom("hello")) == "hello"


async def test_child_of_a_node_that_shuts_down_comes_back_with_it(program, supervise):
    sup = await supervise(program.name)
    pid = await sup.child()
    reasons = []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def watch():
            source = """
                Ref = monitor(process, Pid),
                _ = gen_server:call(Pid, hello),
                register(watching, self()),
                receive {'DOWN', Ref, process, Pid, Reason} -> Reason end
            """
            reasons.append(await sup.run(source, Pid=pid))

        source = "ergopy_peer:until(fun() -> whereis(watching) =/= undefined end)"
        await sup.run(source)
        await trio.to_thread.run_sync(program.stop)
    assert reasons == ["shutdown"]
    program.start()
    new = await sup.replaced(pid)
    assert new.creation != pid.creation


async def test_a_node_that_takes_its_time_to_stop_does_not_use_up_the_restarts(
    beam, node_options, supervise
):
    class Quick(GenServer):
        """Ends at once when the node says so."""

    class Slow(GenServer):
        async def init(self):
            self.trap_exit = True

        async def terminate(self, reason):
            gone.set()
            # As long as that the node is there, and lets nobody in.
            await trio.sleep(1)

    gone = trio.Event()
    async with Node(**node_options) as node:
        node.provide_spawn("model", Quick)
        sup = await supervise(node.name, intensity=3)
        pid = await sup.child()
        await node.start(Slow)
    assert gone.is_set()
    async with Node(**node_options) as node:
        node.provide_spawn("model", Quick)
        new = await sup.replaced(pid)
    assert new.creation != pid.creation


async def test_child_of_a_node_that_is_away_is_started_when_it_comes(
    beam, program, supervise
):
    program.kill9()
    async with trio.open_nursery() as nursery:
        started = []

        @nursery.start_soon
        async def begin():
            started.append(await supervise(program.name))

        # The first attempt is over when the BEAM has asked for the name in vain.
        source = "ergopy_peer:until(fun() -> net_adm:ping(Py) =:= pang end)"
        await beam.run(source, Py=program.name)
        program.start()
    assert await started[0].call(Atom("hello")) == "hello"
