"""Children of a supervisor here that live on a BEAM."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from ergopy import Atom, Backoff, ChildSpec, StartError, Supervisor, supervisor

from .servers import until

PEER = Atom("ergopy_peer_server")
GEN_SERVER = ("gen_server", "start_link")


async def only(node: Any, sup: Any) -> Any:
    (row,) = await supervisor.which_children(sup, caller=node)
    return row


async def replaced(node: Any, sup: Any, old: Any) -> Any:
    """Return the next pid of the only child, as soon as there is one."""
    with trio.fail_after(20):
        while (row := await only(node, sup)).pid in (None, old):  # noqa: ASYNC110
            await trio.sleep(0.01)
    return row.pid


async def test_a_gen_server_of_the_beam_is_a_child(beam, node):
    spec = ChildSpec(GEN_SERVER, PEER, 7, [], id="p", node=beam.name)
    sup = await node.start(Supervisor, [spec])
    pid = (await only(node, sup)).pid
    assert pid.node == beam.name
    assert await node.call(pid, Atom("value")) == 7
    links = await beam.run("{links, L} = process_info(Pid, links), L", Pid=pid)
    assert links == [sup]
    source = """
        {dictionary, D} = process_info(Pid, dictionary),
        {proplists:get_value('$ancestors', D), proplists:get_value('$initial_call', D)}
    """
    ancestors, initial = await beam.run(source, Pid=pid)
    assert ancestors[0] == sup
    assert initial == ("ergopy_peer_server", "init", 1)
    await beam.run("exit(Pid, kill)", Pid=pid)
    again = await replaced(node, sup, pid)
    await node.stop(sup)
    assert await beam.run("is_process_alive(Pid)", Pid=again) is False


async def test_a_name_over_there_is_free_again_for_each_restart(beam, node):
    name = Atom("named_child")
    args = [(Atom("local"), name), PEER, 7, []]
    sup = await node.start(Supervisor, [ChildSpec(GEN_SERVER, *args, node=beam.name)])
    for _ in range(5):
        pid = (await only(node, sup)).pid
        assert await beam.run("whereis(named_child)") == pid
        await beam.run("exit(Pid, kill)", Pid=pid)
        await replaced(node, sup, pid)
    await node.stop(sup)
    assert await beam.run("whereis(named_child)") == "undefined"


async def test_a_name_that_is_taken_over_there_fails_the_start(beam, node):
    name = Atom("taken_name")
    owner = await beam.run("{ok, Pid} = ergopy_peer_server:start(Name), Pid", Name=name)
    args = [(Atom("local"), name), PEER, 7, []]
    with pytest.raises(StartError) as caught:
        await node.start(Supervisor, [ChildSpec(GEN_SERVER, *args, node=beam.name)])
    assert caught.value.reason[1][2] == ("already_started", owner)
    await beam.run("exit(Pid, kill)", Pid=owner)


async def test_what_is_not_there_is_undef(beam, node):
    spec = ChildSpec(GEN_SERVER, Atom("nobody"), 7, [], node=beam.name)
    with pytest.raises(StartError) as caught:
        await node.start(Supervisor, [spec])
    assert caught.value.reason[1][2][0] == "undef"


async def test_a_supervisor_of_the_beam_is_a_child_with_its_own_children(beam, node):
    kid = {
        Atom("id"): Atom("kid"),
        Atom("start"): (Atom("gen_server"), Atom("start_link"), [PEER, 1, []]),
    }
    init = ({Atom("intensity"): 1}, [kid])
    spec = ChildSpec(
        ("supervisor", "start_link"),
        Atom("ergopy_peer_sup"),
        init,
        node=beam.name,
        type="supervisor",
    )
    sup = await node.start(Supervisor, [spec])
    inner = (await only(node, sup)).pid
    row = await only(node, inner)
    assert await node.call(row.pid, Atom("value")) == 1
    await node.stop(sup)
    assert await beam.run("is_process_alive(Pid)", Pid=row.pid) is False


async def test_a_plain_function_of_the_beam_is_a_child(beam, node):
    spec = ChildSpec(("timer", "sleep"), Atom("infinity"), node=beam.name)
    sup = await node.start(Supervisor, [spec])
    pid = (await only(node, sup)).pid
    await beam.run("exit(Pid, oops)", Pid=pid)
    await replaced(node, sup, pid)
    await node.stop(sup)


async def test_a_node_that_goes_is_noconnection_and_its_child_comes_back(
    new_beam, node, caplog
):
    beam = new_beam()
    spec = ChildSpec(GEN_SERVER, PEER, 7, [], id="p", node=beam.name)
    backoff = Backoff(first=0.05, most=0.2)
    sup = await node.start(Supervisor, [spec], intensity=1000, backoff=backoff)
    first = (await only(node, sup)).pid
    beam.kill9()
    await until(lambda: "child_terminated" in caplog.text)
    assert "Atom('noconnection')" in caplog.text
    assert (await only(node, sup)).restarting
    await beam.restart()
    second = await replaced(node, sup, first)
    assert await node.call(second, Atom("value")) == 7
    await node.stop(sup)
