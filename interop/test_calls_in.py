"""Erlang calls, casts and sends to Python processes."""

from __future__ import annotations

import pytest
import trio

from ergopy import NOREPLY, Atom, Node

from .beam import BeamError, unique_name
from .servers import Desk, until


@pytest.mark.parametrize("how", ["name", "pid"])
async def test_call_is_answered(beam, node, desk, how):
    dest = (Atom("desk"), node.name) if how == "name" else desk
    answers = await beam.run(
        "[gen_server:call(Dest, {add, N}) || N <- [1, 2, 3]]", Dest=dest
    )
    assert answers == [1, 3, 6]


async def test_request_by_send_request_is_answered(beam, node, desk):
    source = """
        Id = gen_server:send_request({desk, Py}, {echo, hello}),
        gen_server:receive_response(Id, 5000)
    """
    assert await beam.run(source, Py=node.name) == ("reply", "hello")


async def test_multi_call_reaches_python_and_reports_where_nobody_is(beam, node, desk):
    source = "gen_server:multi_call([Py, node()], desk, {echo, hi}, 3000)"
    replies, bad = await beam.run(source, Py=node.name)
    assert replies == [(node.name, Atom("hi"))]
    assert bad == [beam.name]


@pytest.mark.parametrize("tag", ["make_ref()", "{make_ref(), node()}", "some_tag"])
async def test_any_tag_shape_comes_back_unchanged(beam, node, desk, tag):
    source = f"""
        Tag = {tag},
        {{desk, Py}} ! {{'$gen_call', {{self(), Tag}}, {{echo, hi}}}},
        receive {{Tag, hi}} -> ok end
    """
    assert await beam.run(source, Py=node.name) == "ok"


async def test_tag_of_multi_call_in_otp_28_comes_back_through_the_alias(
    beam, node, desk
):
    source = """
        Alias = erlang:monitor(process, {desk, Py}, [{alias, reply_demonitor}]),
        Tag = [[alias | Alias] | make_ref()],
        {desk, Py} ! {'$gen_call', {self(), Tag}, {echo, hi}},
        receive {Tag, hi} -> ok end
    """
    assert await beam.run(source, Py=node.name) == "ok"


async def test_call_that_times_out_leaves_nothing_behind(beam, node):
    class Late(Desk):
        async def handle_call(self, request, from_):
            self.from_ = from_
            return NOREPLY

        async def handle_cast(self, request):
            await self.reply(self.from_, request)

    await node.start(Late, name="late")
    source = """
        Result = (catch gen_server:call({late, Py}, hello, 30)),
        gen_server:cast({late, Py}, too_late),
        {late, Py} ! {ping, self()},
        receive {pong, _} -> {Result, ergopy_peer:flush()} end
    """
    result, stray = await beam.run(source, Py=node.name)
    assert result[1][0] == "timeout"
    assert stray == []


async def test_reply_of_another_process_reaches_the_caller(beam, node, desk):
    source = "gen_server:call({desk, Py}, {later, 0.01, done})"
    assert await beam.run(source, Py=node.name) == "done"


async def test_slow_call_does_not_hold_up_others(beam, node, desk):
    source = """
        Slow = gen_server:send_request({desk, Py}, {later, 0.2, slow}),
        fast = gen_server:call({desk, Py}, {echo, fast}),
        gen_server:receive_response(Slow, 5000)
    """
    assert await beam.run(source, Py=node.name) == ("reply", "slow")


async def test_cast_and_abcast_are_taken_in_order(beam, node, desk):
    source = """
        gen_server:cast({desk, Py}, {add, 2}),
        abcast = gen_server:abcast([Py], desk, {add, 3}),
        gen_server:call({desk, Py}, value)
    """
    assert await beam.run(source, Py=node.name) == 5


@pytest.mark.parametrize("how", ["name", "pid"])
async def test_plain_message_is_handled_and_answered(beam, node, desk, how):
    dest = (Atom("desk"), node.name) if how == "name" else desk
    source = "Dest ! {ping, self()}, receive {pong, Pid} -> Pid end"
    assert await beam.run(source, Dest=dest) == desk


async def test_server_sends_to_a_registered_name_and_to_an_alias(beam, node, desk):
    source = """
        register(interop_inbox, self()),
        gen_server:cast({desk, Py}, {tell, {interop_inbox, node()}, one}),
        Alias = alias(),
        gen_server:cast({desk, Py}, {tell, Alias, two}),
        [receive one -> 1 end, receive two -> 2 end]
    """
    assert await beam.run(source, Py=node.name) == [1, 2]


async def test_message_to_a_dropped_alias_does_not_arrive(beam, node, desk):
    source = """
        Alias = alias(),
        unalias(Alias),
        gen_server:cast({desk, Py}, {tell, Alias, unwanted}),
        0 = gen_server:call({desk, Py}, value),
        ergopy_peer:flush(20)
    """
    assert await beam.run(source, Py=node.name) == []


async def _failure(beam, source, **bindings):
    with pytest.raises(BeamError) as caught:
        await beam.run(source, **bindings)
    assert caught.value.kind == "exit"
    reason, (module, function, _) = caught.value.reason
    assert (module, function) == ("gen_server", "call")
    return reason


async def test_call_to_an_unknown_name_is_noproc(beam, node):
    source = "gen_server:call({nobody, Py}, hello, infinity)"
    assert await _failure(beam, source, Py=node.name) == "noproc"


async def test_call_to_a_dead_pid_is_noproc(beam, node, desk):
    await node.stop(desk)
    source = "gen_server:call(Pid, hello, infinity)"
    assert await _failure(beam, source, Pid=desk) == "noproc"


async def test_call_to_an_absent_node_is_nodedown(beam):
    nobody = Atom(unique_name("nobody"))
    source = "gen_server:call({desk, N}, hello, infinity)"
    assert await _failure(beam, source, N=nobody) == ("nodedown", nobody)


async def test_exception_during_a_call_is_the_callers_exit_reason(beam, node, desk):
    # No timeout: were the end not reported, this would never return.
    source = "gen_server:call({desk, Py}, crash, infinity)"
    reason = await _failure(beam, source, Py=node.name)
    assert reason[:3] == ("python", b"builtins.ValueError", b"wanted")
    assert all(type(frame) is bytes for frame in reason[3])
    assert b"servers.py" in reason[3][-1]


async def test_exit_during_a_call_is_the_callers_exit_reason(beam, node, desk):
    source = "gen_server:call({desk, Py}, {exit, {my, reason}}, infinity)"
    assert await _failure(beam, source, Py=node.name) == ("my", "reason")


async def test_stop_with_a_reply_answers_first_and_ends_then(beam, node, desk):
    source = """
        Ref = monitor(process, {desk, Py}),
        bye = gen_server:call({desk, Py}, {stop, {shutdown, done}, bye}),
        receive {'DOWN', Ref, process, Who, Reason} -> {Who, Reason} end
    """
    who, reason = await beam.run(source, Py=node.name)
    assert who == ("desk", node.name)
    assert reason == ("shutdown", "done")


async def test_name_is_free_again_when_the_server_has_crashed(beam, node, desk):
    source = "gen_server:call({desk, Py}, crash, infinity)"
    await _failure(beam, source, Py=node.name)
    await node.start(Desk, 7, name="desk")
    assert await beam.run("gen_server:call({desk, Py}, value)", Py=node.name) == 7


async def test_call_in_flight_ends_when_the_python_node_leaves(beam, node_options):
    node = Node(**node_options)
    name = Atom(node_options["name"])
    source = """
        register(Caller, self()),
        catch gen_server:call({desk, Py}, never, infinity)
    """
    results = []

    async def call():
        results.append(await beam.run(source, Py=name, Caller=Atom("leaving_caller")))

    async with trio.open_nursery() as nursery, node:
        desk = await node.start(Desk, name="desk")
        nursery.start_soon(call)
        # Its monitor is here before its request is.
        await until(lambda: node.runtime.find(desk).watchers)
        await beam.run("gen_server:call({desk, Py}, value)", Py=name)
    kind, (reason, _) = results[0]
    assert kind == "EXIT"
    # What comes first decides: the server's end, or that of the connection.
    assert reason in ("shutdown", "killed", ("nodedown", name), "noconnection")
