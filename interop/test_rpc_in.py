"""rpc and erpc of a BEAM into functions that a Python node exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, Exit, Throw

from .beam import BeamError, unique_name
from .servers import until

if TYPE_CHECKING:
    import ergopy


class Thrown(Exception):
    """An ordinary exception of the exported functions."""


@pytest.fixture
async def exporting(node: ergopy.Node) -> ergopy.Node:
    """The node with ``tools`` exported; ``tools:seen/0`` tells what was noted."""
    seen: list[Any] = []

    def add(left, right):
        return left + right

    async def wait(seconds):
        await trio.sleep(seconds)
        return Atom("waited")

    def crash():
        raise Thrown("wanted")

    def throw(term):
        raise Throw(term)

    def leave(reason):
        raise Exit(reason)

    def note(term):
        seen.append(term)

    functions = {
        "add": add,
        "wait": wait,
        "crash": crash,
        "throw": throw,
        "leave": leave,
        "note": note,
        "seen": lambda: list(seen),
        "nothing": lambda: None,
    }
    node.export("tools", functions)
    return node


@pytest.mark.parametrize("module", ["erpc", "rpc"])
async def test_value_is_returned(beam, exporting, module):
    source = f"{module}:call(Py, tools, add, [1, 2])"
    assert await beam.run(source, Py=exporting.name) == 3


@pytest.mark.parametrize("module", ["erpc", "rpc"])
async def test_async_function_is_awaited(beam, exporting, module):
    source = f"{module}:call(Py, tools, wait, [0.01])"
    assert await beam.run(source, Py=exporting.name) == "waited"


async def test_block_call_and_old_clients_reach_rex(beam, exporting):
    source = """
        Blocked = rpc:block_call(Py, tools, add, [1, 2]),
        {rex, Py} ! {self(), {call, tools, add, [3, 4], user}},
        {Blocked, receive {rex, Value} -> Value end}
    """
    assert await beam.run(source, Py=exporting.name) == (3, 7)


async def _erpc_failure(beam, node, call):
    with pytest.raises(BeamError) as caught:
        await beam.run(f"erpc:call(Py, {call})", Py=node.name)
    return caught.value.kind, caught.value.reason


async def test_exception_is_an_error_that_names_it(beam, exporting):
    kind, reason = await _erpc_failure(beam, exporting, "tools, crash, []")
    assert kind == "error"
    assert reason[0] == "exception"
    tag, name, message, frames = reason[1]
    assert (tag, message) == ("python", b"wanted")
    assert name.endswith(b"Thrown")
    assert frames


async def test_throw_is_a_throw_for_erpc_and_a_value_for_rpc(beam, exporting):
    kind, reason = await _erpc_failure(beam, exporting, "tools, throw, [{ball, 1}]")
    assert (kind, reason) == ("throw", ("ball", 1))
    source = "rpc:call(Py, tools, throw, [ball])"
    assert await beam.run(source, Py=exporting.name) == "ball"


async def test_exit_is_an_exit(beam, exporting):
    kind, reason = await _erpc_failure(beam, exporting, "tools, leave, [{my, exit}]")
    assert (kind, reason) == ("exit", ("exception", ("my", "exit")))


@pytest.mark.parametrize(
    "call",
    ["tools, absent, []", "tools, add, [1]", 'os, cmd, ["true"]', "erlang, halt, []"],
)
async def test_what_is_not_exported_is_undef(beam, exporting, call):
    kind, reason = await _erpc_failure(beam, exporting, call)
    assert kind == "error"
    exception, undef, [(module, function, args, _)] = reason
    assert (exception, undef) == ("exception", "undef")
    shown = f"{module}, {function}, "
    assert call.startswith(shown)
    assert len(args) == call.count("1") + call.count("true")


async def test_fun_of_the_beam_is_not_run(beam, exporting):
    kind, _ = await _erpc_failure(beam, exporting, "fun() -> halt() end")
    assert kind == "error"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("tools, absent, []", "undef"),
        ("tools, crash, []", "python"),
        ("tools, leave, [gone]", "gone"),
    ],
)
async def test_failures_of_rpc_are_badrpc(beam, exporting, call, expected):
    answer = await beam.run(f"rpc:call(Py, {call})", Py=exporting.name)
    assert answer[0] == "badrpc"
    kind, reason = answer[1]
    assert kind == "EXIT"
    while isinstance(reason, tuple):
        reason = reason[0]
    assert reason == expected


async def test_timeout_is_the_callers_and_leaves_nothing_behind(beam, exporting):
    source = """
        Failure = try erpc:call(Py, tools, wait, [0.5], 30)
                  catch error:{erpc, Why} -> Why end,
        {badrpc, timeout} = rpc:call(Py, tools, wait, [0.5], 30),
        {Failure, ergopy_peer:flush(700)}
    """
    assert await beam.run(source, Py=exporting.name) == ("timeout", [])


async def test_multicall_asks_python_and_beam_alike(beam, exporting):
    nobody = Atom(unique_name("nobody"))
    source = "rpc:multicall([Py, node(), Nobody], erlang, node, [], 3000)"
    exporting.export("erlang", {"node": lambda: exporting.name})
    values, bad = await beam.run(source, Py=exporting.name, Nobody=nobody)
    assert values == [exporting.name, beam.name]
    assert bad == [nobody]


async def test_erpc_multicall_and_send_request_are_answered(beam, exporting):
    source = """
        Id = erpc:send_request(Py, tools, add, [20, 22]),
        Many = erpc:multicall([Py, Py], tools, add, [1, 1]),
        {erpc:receive_response(Id, 5000), Many}
    """
    assert await beam.run(source, Py=exporting.name) == (42, [("ok", 2), ("ok", 2)])


@pytest.mark.parametrize("cast", ["erpc:cast", "rpc:cast"])
async def test_cast_runs_the_function_and_answers_nothing(beam, exporting, cast):
    source = f"{cast}(Py, tools, note, [noted]), ergopy_peer:flush(20)"
    assert await beam.run(source, Py=exporting.name) == []
    seen = "erpc:call(Py, tools, seen, [])"
    await beam.run(
        f"ergopy_peer:until(fun() -> {seen} =:= [noted] end)", Py=exporting.name
    )


async def test_many_calls_at_once_are_all_answered(beam, exporting):
    source = """
        Ids = [{N, erpc:send_request(Py, tools, add, [N, N])}
               || N <- lists:seq(1, 300)],
        length([ok || {N, Id} <- Ids, erpc:receive_response(Id, 5000) =:= N + N])
    """
    assert await beam.run(source, Py=exporting.name) == 300


async def test_call_in_flight_is_noconnection_when_the_link_is_lost(beam, exporting):
    source = """
        Id = erpc:send_request(Py, tools, wait, [60]),
        3 = erpc:call(Py, tools, add, [1, 2]),
        erlang:disconnect_node(Py),
        try erpc:receive_response(Id, 5000) catch error:{erpc, Why} -> Why end
    """
    changes = []
    exporting.runtime.node_watchers.append(lambda _, up: changes.append(up))
    assert await beam.run(source, Py=exporting.name) == "noconnection"
    # The BEAM may come back at once.
    await until(lambda: False in changes)


async def test_none_of_the_work_stays_after_many_abandoned_calls(beam, exporting):
    source = """
        [catch erpc:call(Py, tools, wait, [0.05], 1) || _ <- lists:seq(1, 20)],
        erpc:call(Py, tools, wait, [0.1]),
        erpc:call(Py, tools, nothing, [])
    """
    assert await beam.run(source, Py=exporting.name) is None
