"""Other threads, and programs without Trio, talk to a BEAM."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom
from tests.threads import in_thread, result

from .servers import Desk


async def test_many_threads_call_a_beam_at_once(beam, node, server):
    def ask(number: int) -> Any:
        return node.from_thread.call(server, (Atom("echo"), number))

    outcomes = [in_thread(ask, number) for number in range(20)]
    answers = [await result(o) for o in outcomes]
    assert answers == list(range(20))


async def test_a_thread_that_waits_hears_of_the_loss(new_beam, node):
    beam = new_beam()
    pid = await beam.run("spawn(fun() -> receive never -> ok end end)")
    await node.connect(beam.name)
    outcome = in_thread(node.from_thread.call, pid, Atom("question"), None)
    source = "process_info(Pid, message_queue_len)"
    with trio.fail_after(10):
        while await beam.run(source, Pid=pid) != ("message_queue_len", 1):
            pass
    beam.kill9()
    with pytest.raises(ergopy.NodeDown):
        await result(outcome)


def test_a_program_without_trio_serves_and_calls(beam, node_options):
    options = dict(node_options)
    with ergopy.NodeThread(options.pop("name"), **options) as node:
        name = node.node.name
        node.start(Desk, name="desk")
        assert node.rpc(beam.name, "erlang", "node") == beam.name
        assert beam.eval("gen_server:call({desk, Py}, {add, 3})", Py=name) == 3
        assert beam.eval("lists:member(Py, nodes())", Py=name) is True
    source = """
        (fun Wait(0) -> up; Wait(N) ->
            case lists:member(Py, nodes()) of
                true -> timer:sleep(10), Wait(N - 1);
                false -> down
            end
        end)(500)
    """
    assert beam.eval(source, Py=name) == "down"
