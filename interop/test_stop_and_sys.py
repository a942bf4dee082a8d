"""Stopping servers, and the ``sys`` messages, in both directions."""

from __future__ import annotations

import pytest

from ergopy import Atom, CallExit, NoProcess, sys

from .beam import BeamError
from .servers import Desk


@pytest.mark.parametrize("reason", ["normal", "shutdown", "{shutdown, done}"])
async def test_beam_stops_a_python_server(beam, node, desk, reason):
    source = f"gen_server:stop({{desk, Py}}, {reason}, 5000)"
    assert await beam.run(source, Py=node.name) == "ok"
    assert node.whereis("desk") is None


async def test_beam_stops_a_python_server_with_any_reason(beam, node, desk):
    source = 'gen_server:stop({desk, Py}, {because, <<"x">>}, infinity)'
    assert await beam.run(source, Py=node.name) == "ok"


async def test_beam_stops_nobody(beam, node):
    with pytest.raises(BeamError) as caught:
        await beam.run("gen_server:stop({nobody, Py})", Py=node.name)
    assert caught.value.reason == "noproc"


async def test_terminate_runs_before_stop_returns(beam, node):
    ended = []

    class Careful(Desk):
        async def terminate(self, reason):
            ended.append(reason)

    await node.start(Careful, name="careful")
    await beam.run(
        "gen_server:stop({careful, Py}, {shutdown, now}, 5000)", Py=node.name
    )
    assert ended == [("shutdown", "now")]


@pytest.mark.parametrize("reason", ["normal", "shutdown"])
async def test_python_stops_a_beam_server(beam, node, server, reason):
    await node.stop(server, reason)
    assert await beam.run("whereis(Name)", Name=server[0]) == "undefined"


async def test_python_stops_a_beam_server_with_any_reason(beam, node, server):
    await node.stop(server, (Atom("because"), [1]))
    assert await beam.run("whereis(Name)", Name=server[0]) == "undefined"


async def test_python_stops_nobody(beam, node):
    with pytest.raises(NoProcess):
        await node.stop(("nobody", beam.name))


async def test_python_hears_when_the_server_ends_with_another_reason(beam, node):
    source = """
        {ok, Pid} = gen_event:start({local, not_this}),
        unlink(Pid),
        register(stubborn, spawn(fun() ->
            receive {system, _, _} -> exit(otherwise) end
        end)),
        ok
    """
    await beam.run(source)
    with pytest.raises(CallExit) as caught:
        await node.stop(("stubborn", beam.name), "normal")
    assert caught.value.reason == "otherwise"
    await beam.run("gen_event:stop(not_this)")


async def test_get_state_is_the_servers_attributes(beam, node, desk):
    source = "gen_server:call({desk, Py}, {add, 5}), sys:get_state({desk, Py})"
    assert await beam.run(source, Py=node.name) == {Atom("value"): 5}


async def test_get_status_has_the_shape_of_a_gen_server(beam, node, desk):
    source = """
        {status, Pid, {module, Mod}, [PDict, State, Parent, Debug, Misc]} =
            sys:get_status({desk, Py}),
        true = is_pid(Parent),
        [{header, Header} | Data] = Misc,
        {Pid, is_atom(Mod), proplists:get_value('$initial_call', PDict), State,
         Debug, is_list(Header), [D || {data, D} <- Data]}
    """
    pid, named, initial, state, debug, header, data = await beam.run(
        source, Py=node.name
    )
    assert pid == desk
    assert named
    assert header
    assert initial[1:] == ("init", 0)
    assert (state, debug) == ("running", [])
    text = [(bytes(key), value) for section in data for key, value in section]
    assert (b"Status", "running") in text
    assert (b"State", {Atom("value"): 0}) in text


async def test_suspended_server_serves_only_system_messages(beam, node, desk):
    source = """
        ok = sys:suspend({desk, Py}),
        {status, _, _, [_, State | _]} = sys:get_status({desk, Py}),
        Waiting = (catch gen_server:call({desk, Py}, value, 50)),
        gen_server:cast({desk, Py}, {add, 1}),
        ok = sys:resume({desk, Py}),
        {State, element(1, element(2, Waiting)), gen_server:call({desk, Py}, value)}
    """
    assert await beam.run(source, Py=node.name) == ("suspended", "timeout", 1)


async def test_replace_state_is_refused_and_the_server_goes_on(beam, node, desk):
    source = """
        Refusal = (catch sys:replace_state({desk, Py}, fun(_) -> 42 end)),
        {Refusal, gen_server:call({desk, Py}, value)}
    """
    refusal, value = await beam.run(source, Py=node.name)
    assert "error" in str(refusal) or "EXIT" in str(refusal)
    assert value == 0


async def test_statistics_count_messages(beam, node, desk):
    source = """
        ok = sys:statistics({desk, Py}, true),
        [gen_server:call({desk, Py}, value) || _ <- lists:seq(1, 5)],
        {ok, Statistics} = sys:statistics({desk, Py}, get),
        ok = sys:statistics({desk, Py}, false),
        {proplists:get_value(messages_in, Statistics),
         sys:statistics({desk, Py}, get)}
    """
    counted, off = await beam.run(source, Py=node.name)
    assert counted == 5
    assert off == ("ok", "no_statistics")


@pytest.mark.parametrize(
    "request_",
    [
        "sys:trace({desk, Py}, false)",
        "sys:no_debug({desk, Py})",
        "sys:log({desk, Py}, false)",
    ],
)
async def test_debug_switches_are_accepted(beam, node, desk, request_):
    assert await beam.run(request_, Py=node.name) == "ok"
    assert await beam.run("gen_server:call({desk, Py}, value)", Py=node.name) == 0


async def test_change_code_is_answered_while_suspended(beam, node, desk):
    source = """
        ok = sys:suspend({desk, Py}),
        Answer = sys:change_code({desk, Py}, desk, undefined, []),
        ok = sys:resume({desk, Py}),
        {Answer, gen_server:call({desk, Py}, value)}
    """
    assert await beam.run(source, Py=node.name) == ("ok", 0)


async def test_sys_terminate_ends_the_server_with_that_reason(beam, node, desk):
    source = """
        Ref = monitor(process, {desk, Py}),
        ok = sys:terminate({desk, Py}, {shutdown, asked}),
        receive {'DOWN', Ref, process, _, Reason} -> Reason end
    """
    assert await beam.run(source, Py=node.name) == ("shutdown", "asked")


async def test_unknown_system_message_is_answered_with_an_error(beam, node, desk):
    source = """
        Tag = make_ref(),
        {desk, Py} ! {system, {self(), Tag}, strange},
        Answer = receive {Tag, A} -> A end,
        {Answer, gen_server:call({desk, Py}, value)}
    """
    answer, value = await beam.run(source, Py=node.name)
    assert answer == ("error", ("unknown_system_msg", "strange"))
    assert value == 0


async def test_python_asks_a_beam_server_for_its_state(beam, node, server):
    pid = await beam.run("whereis(Name)", Name=server[0])
    state = await node.rpc(beam.name, "sys", "get_state", [pid])
    assert state == 0


async def test_python_looks_into_an_erlang_server(beam, node, server):
    await node.call(server, (Atom("add"), 2))
    state = await sys.get_state(server, caller=node)
    assert state == await beam.run("sys:get_state(Name)", Name=server[0])
    status = await sys.get_status(server, caller=node)
    assert status[0] == "status"
    await sys.statistics(server, True, caller=node)
    await node.call(server, Atom("value"))
    counted = await sys.statistics(server, caller=node)
    assert counted["messages_in"] == 1
    await sys.suspend(server, caller=node)
    request = await node.send_request(server, Atom("value"))
    await sys.resume(server, caller=node)
    assert await request.receive_response(5) == 2


async def test_the_log_of_a_python_server_is_read_by_sys(beam, node, desk):
    asked = (
        "ok = sys:log({desk, Py}, {true, 4}), "
        "gen_server:call({desk, Py}, {echo, 1}), "
        "{ok, Log} = sys:log({desk, Py}, get), "
        "[element(1, Event) || Event <- Log]"
    )
    assert (await beam.run(asked, Py=node.name))[0] == "in"
