"""A Python node that ends in order, as a BEAM sees it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

import ergopy
from ergopy import Atom

from .beam import unique_name
from .servers import Desk, sleeper, until

PROGRAM = Path(__file__).parent / "peer" / "node.py"

WATCH = """
    ok = net_kernel:monitor_nodes(true),
    pong = net_adm:ping(Py),
    receive {nodeup, Py} -> ok end,
    process_flag(trap_exit, true),
    Pid = erpc:call(Py, tools, desk, []),
    link(Pid), Ref = monitor(process, Pid),
    Waiter ! {self(), watching},
    Get = fun() -> receive M -> M after 10000 -> nothing end end,
    First = lists:sort([Get(), Get()]),
    [{'EXIT', Pid, Exit}, {'DOWN', Ref, process, Pid, Down}] = First,
    {Down, Exit, Get()}
"""


async def test_links_and_monitors_get_shutdown_then_the_node_is_down(
    beam, node_options
):
    waiting = trio.Event()
    answers = []

    class Gate(ergopy.GenServer):
        async def handle_info(self, message):
            waiting.set()

    async def watch(name, gate):
        answers.append(await beam.run(WATCH, Py=name, Waiter=gate))

    async with trio.open_nursery() as nursery, ergopy.Node(**node_options) as node:
        desk = await node.start(Desk, name="desk")
        node.export("tools", {"desk": lambda: desk})
        gate = await node.start(Gate)
        nursery.start_soon(watch, node.name, gate)
        with trio.fail_after(10):
            await waiting.wait()
    assert answers == [("shutdown", "shutdown", ("nodedown", node.name))]


async def test_what_a_server_sends_while_it_ends_arrives(beam, node_options):
    collector = await beam.run("""
        spawn(fun() ->
            F = fun F(N) -> receive {N, _} -> F(N + 1); shutdown -> N end end,
            Got = F(0),
            receive {get, P} -> P ! {got, Got} end end)
    """)

    class Last(ergopy.GenServer):
        async def init(self):
            self.trap_exit = True

        async def terminate(self, reason):
            for number in range(1000):
                await self.send(collector, (number, b"x" * 1000))
            await self.send(collector, reason)

    async with ergopy.Node(**node_options) as node:
        assert await node.ping(beam.name)
        await node.start(Last)
    source = "Dest ! {get, self()}, receive {got, N} -> N after 10000 -> lost end"
    assert await beam.run(source, Dest=collector) == 1000


@pytest.fixture
def program(node_options):
    """A Python node in a program of its own, as ``(process, name)``."""
    name = unique_name("py")
    command = [sys.executable, str(PROGRAM), name, node_options["cookie"]]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process, Atom(name)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_to_the_program_is_shutdown_for_its_partners(
    beam, program, epmd, number
):
    process, name = program
    answers = []

    async def watch():
        source = """
            Ref = monitor(process, {desk, Py}),
            hello = gen_server:call({desk, Py}, hello),
            register(signal_chapter, self()),
            receive {'DOWN', Ref, _, _, R} -> R after 10000 -> nothing end
        """
        answers.append(await beam.run(source, Py=name))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        with trio.fail_after(10):
            while await beam.run("whereis(signal_chapter)") == "undefined":
                pass
        process.send_signal(number)
    assert answers == ["shutdown"]
    assert await trio.to_thread.run_sync(process.wait, 10) == 0
    await until(lambda: name.split("@")[0] not in epmd.names())


async def test_a_beam_that_asks_while_the_node_ends_hears_noconnection_at_most(
    beam, node_options
):
    askers = []

    class Last(ergopy.GenServer):
        async def init(self):
            self.trap_exit = True

        async def terminate(self, reason):
            source = """
                Self = self(),
                Asker = spawn(fun() ->
                    Request = spawn_request(Py, guest, start, [], [link]),
                    Self ! asked,
                    receive {spawn_reply, Request, error, R} ->
                        receive {tell, To} -> To ! R end
                    end
                end),
                receive asked -> Asker end
            """
            askers.append(await beam.run(source, Py=self.node.name))
            # The answer comes behind the request: it has been read.
            assert await self.node.ping(beam.name)

    async with ergopy.Node(**node_options) as node:
        node.provide_spawn("guest", sleeper)
        assert await node.ping(beam.name)
        await node.start(Last)
    tell = "Asker ! {tell, self()}, receive R -> R after 5000 -> nothing end"
    assert await beam.run(tell, Asker=askers[0]) == "noconnection"
