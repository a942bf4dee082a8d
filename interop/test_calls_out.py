"""Python calls, casts and sends to Erlang processes."""

from __future__ import annotations

import pytest
import trio

from ergopy import Atom, CallExit, CallTimeout, GenServer, NodeDown, NoProcess

from .beam import unique_name
from .servers import inside, until


async def all_monitors_end(beam, server):
    count = "length(element(2, process_info(whereis(Name), monitored_by)))"
    await beam.run(f"ergopy_peer:until(fun() -> {count} =:= 0 end)", Name=server[0])


async def test_call_by_name_is_answered(node, server):
    assert await node.call(server, (Atom("add"), 2)) == 2
    assert await node.call(server, (Atom("add"), 3)) == 5


async def test_call_by_pid_is_answered(beam, node, server):
    pid = await beam.run("whereis(Name)", Name=server[0])
    assert await node.call(pid, (Atom("echo"), "text")) == b"text"


async def test_call_from_a_process_is_answered(node, server):
    async def ask(proc):
        return await proc.call(server, (Atom("echo"), [1, 2]))

    assert await inside(node, ask) == [1, 2]


async def test_cast_is_taken(node, server):
    await node.cast(server, (Atom("add"), 4))
    assert await node.call(server, Atom("value")) == 4


async def test_send_and_receive_plain_messages(node, server):
    async def ask(proc):
        await proc.send(server, (Atom("ping"), proc.pid))
        return await proc.receive(timeout=5)

    kind, pid = await inside(node, ask)
    assert (kind, pid.node) == ("pong", server[1])


async def test_beam_sends_to_our_alias_once(node, server):
    async def ask(proc):
        alias = proc.alias(once=True)
        for word in ("first", "second"):
            await proc.cast(server, (Atom("tell"), alias, Atom(word)))
        await proc.call(server, Atom("value"))
        await proc.call(server, Atom("value"))
        return [await proc.receive(timeout=5), proc.message_count()]

    assert await inside(node, ask) == ["first", 0]


async def test_call_that_times_out_leaves_nothing_on_either_side(beam, node, server):
    async def ask(proc):
        with pytest.raises(CallTimeout):
            await proc.call(server, (Atom("later"), 60, Atom("late")), timeout=0.02)
        await trio.sleep(0.15)
        return proc.messages()

    assert await inside(node, ask) == []
    await all_monitors_end(beam, server)


async def test_cancelled_call_leaves_nothing_on_either_side(beam, node, server):
    async def ask(proc):
        with trio.move_on_after(0.02):
            await proc.call(server, (Atom("later"), 60, Atom("late")))
        await trio.sleep(0.15)
        return proc.messages()

    assert await inside(node, ask) == []
    await all_monitors_end(beam, server)


async def test_monitor_of_a_finished_call_is_taken_back(beam, node, server):
    await node.call(server, Atom("value"))
    await all_monitors_end(beam, server)


async def test_ten_thousand_calls_leave_nothing(beam, node, server):
    async def ask(proc):
        for number in range(5_000):
            assert await proc.call(server, (Atom("echo"), number)) == number
        requests = [
            await proc.send_request(server, Atom("value")) for _ in range(5_000)
        ]
        for request in requests[:4_000]:
            assert await request.receive_response(30) == 0
        return requests

    # Those whose answers nobody has fetched end with the process.
    await inside(node, ask)
    watched = "element(2, process_info(whereis(Name), monitored_by))"
    await beam.run(f"ergopy_peer:until(fun() -> {watched} =:= [] end)", Name=server[0])
    assert not node.connections.peer(beam.name).monitors
    assert not node.runtime.aliases


async def test_requests_of_a_process_that_ended_are_taken_back(beam, node, server):
    async def ask(proc):
        for _ in range(100):
            await proc.send_request(server, Atom("never"))
        assert await proc.call(server, Atom("value")) == 0
        await node.ping(beam.name)  # sent behind what takes the monitor back
        counted = "length(element(2, process_info(whereis(Name), monitored_by)))"
        return await beam.run(counted, Name=server[0])

    assert await inside(node, ask) == 100
    watched = "element(2, process_info(whereis(Name), monitored_by))"
    await beam.run(f"ergopy_peer:until(fun() -> {watched} =:= [] end)", Name=server[0])
    assert not node.runtime.aliases


async def test_call_to_an_unknown_name_is_noproc(beam, node):
    with pytest.raises(NoProcess):
        await node.call(("nobody", beam.name), Atom("hello"), timeout=None)


async def test_call_to_a_dead_pid_is_noproc(beam, node):
    pid = await beam.run("Pid = spawn(fun() -> ok end), Pid")
    await beam.run("ergopy_peer:until(fun() -> not is_process_alive(P) end)", P=pid)
    with pytest.raises(NoProcess):
        await node.call(pid, Atom("hello"), timeout=None)


async def test_call_to_an_absent_node_is_node_down(node):
    with pytest.raises(NodeDown):
        await node.call(("server", unique_name("nobody")), Atom("hello"), timeout=None)


async def test_crash_during_a_call_is_the_reason(node, server):
    with pytest.raises(CallExit) as caught:
        await node.call(server, Atom("crash"), timeout=None)
    reason, stack = caught.value.reason
    assert reason == "wanted"
    assert stack[0][0] == "ergopy_peer_server"


async def test_exit_during_a_call_is_the_reason(node, server):
    request = (Atom("exit"), (Atom("my"), [1, b"x"]))
    with pytest.raises(CallExit) as caught:
        await node.call(server, request, timeout=None)
    assert caught.value.reason == ("my", [1, b"x"])


async def test_stop_with_a_reply_answers(beam, node, server):
    request = (Atom("stop"), Atom("normal"), Atom("bye"))
    assert await node.call(server, request) == "bye"
    gone = "ergopy_peer:until(fun() -> whereis(Name) =:= undefined end)"
    await beam.run(gone, Name=server[0])


async def test_many_destinations_get_one_message(beam, node, server):
    async def ask(proc):
        await proc.send([server, server], (Atom("ping"), proc.pid))
        return [(await proc.receive(timeout=5))[0] for _ in range(2)]

    assert await inside(node, ask) == ["pong", "pong"]


async def test_send_to_an_unknown_name_or_dead_pid_is_dropped(beam, node, server):
    pid = await beam.run("self()")
    await node.send(("nobody", beam.name), Atom("hello"))
    await node.send(pid, Atom("hello"))
    assert await node.call(server, Atom("value")) == 0


async def test_send_connects_by_itself(beam, node):
    assert beam.name not in node.nodes()
    async with trio.open_nursery() as nursery:
        received = []

        async def wait():
            source = "register(autoconnect, self()), receive M -> M end"
            received.append(await beam.run(source))

        nursery.start_soon(wait)
        await beam.run(
            "ergopy_peer:until(fun() -> whereis(autoconnect) =/= undefined end)"
        )
        await node.send(("autoconnect", beam.name), [Atom("hello")])
    assert received == [["hello"]]
    await until(lambda: beam.name in node.nodes())


async def test_requests_to_a_server_are_answered_later(node, server):
    later = await node.send_request(server, (Atom("later"), 0, Atom("late")))
    at_once = await node.send_request(server, (Atom("echo"), 1))
    assert await at_once.receive_response(5) == 1
    assert await later.receive_response(5) == "late"


async def test_multi_call_reaches_servers_of_both_kinds(beam, node, server):
    class Echo(GenServer):
        async def handle_call(self, request, from_):
            return request

    await node.start(Echo, name=server[0])
    nodes = [node.name, beam.name, unique_name("away")]
    replies, bad = await node.multi_call(server[0], (Atom("echo"), 7), nodes, 5)
    assert replies == {node.name: ("echo", 7), beam.name: 7}
    assert bad == nodes[2:]
    missing = await node.multi_call("nobody", 1, [beam.name], 5)
    assert missing == ({}, [beam.name])


async def test_abcast_is_taken_by_an_erlang_server(beam, node, server):
    await node.abcast(server[0], (Atom("add"), 4), [beam.name, node.name])
    assert await node.call(server, Atom("value")) == 4
