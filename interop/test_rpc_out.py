"""``node.rpc`` into a BEAM."""

from __future__ import annotations

import pytest

from ergopy import Atom, RpcError

from .beam import unique_name
from .servers import inside


async def test_value_is_returned(beam, node):
    assert await node.rpc(beam.name, "erlang", "node", []) == beam.name


async def test_arguments_and_value_keep_their_types(beam, node):
    terms = [1, 2.5, b"bin", Atom("atom"), [1, 2], (1, "text"), {Atom("k"): None}]
    value = await node.rpc(beam.name, "erlang", "list_to_tuple", [terms])
    assert value == (1, 2.5, b"bin", "atom", [1, 2], (1, b"text"), {Atom("k"): None})


async def test_value_from_a_process(beam, node):
    async def ask(proc):
        return await proc.node.rpc(beam.name, "lists", "seq", [1, 3])

    assert await inside(node, ask) == [1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("throw", Atom("ball")), ("exit", (Atom("bye"), 1)), ("error", Atom("oops"))],
)
async def test_each_kind_of_exception_is_told_apart(beam, node, kind, reason):
    with pytest.raises(RpcError) as caught:
        await node.rpc(beam.name, "erlang", kind, [reason])
    assert (caught.value.kind, caught.value.reason) == (kind, reason)


async def test_error_carries_the_stack_of_the_beam(beam, node):
    with pytest.raises(RpcError) as caught:
        await node.rpc(beam.name, "lists", "nth", [5, [1]])
    assert caught.value.kind == "error"
    assert caught.value.reason == "function_clause"
    assert caught.value.stacktrace[0][0] == "lists"


async def test_unknown_function_is_undef(beam, node):
    with pytest.raises(RpcError) as caught:
        await node.rpc(beam.name, "no_such_module", "f", [1])
    assert (caught.value.kind, caught.value.reason) == ("error", "undef")
    assert caught.value.stacktrace[0][:3] == ("no_such_module", "f", [1])


async def test_killed_worker_is_a_failure(beam, node):
    source = """
        {ok, Tokens, _} = erl_scan:string("exit(self(), kill), receive go -> 1 end."),
        {ok, Exprs} = erl_parse:parse_exprs(Tokens),
        Exprs
    """
    expressions = await beam.run(source)
    with pytest.raises(RpcError) as caught:
        await node.rpc(beam.name, "erl_eval", "exprs", [expressions, []])
    assert caught.value.reason == "killed"


async def test_timeout_is_an_erpc_failure_and_the_node_goes_on(beam, node):
    with pytest.raises(RpcError) as caught:
        await node.rpc(beam.name, "timer", "sleep", [60_000], timeout=0.03)
    assert (caught.value.kind, caught.value.reason) == ("erpc", "timeout")
    assert await node.rpc(beam.name, "erlang", "abs", [-1]) == 1


async def test_absent_node_is_noconnection(node):
    with pytest.raises(RpcError) as caught:
        await node.rpc(unique_name("nobody"), "erlang", "node", [])
    assert (caught.value.kind, caught.value.reason) == ("erpc", "noconnection")


async def test_output_of_the_function_does_not_stop_it(beam, node):
    value = await node.rpc(beam.name, "io", "format", [b"printed by the peer~n"])
    assert value == "ok"


async def test_what_the_function_prints_is_put_out_here(beam, node, capsys):
    """It has our group leader, and whoever it starts has so too."""
    source = [b"~ts has ~p and ~s~n", [b"gr\xc3\xbc\xc3\x9fe", (Atom("a"), 1.5), b"x"]]
    assert await node.rpc(beam.name, "io", "format", source) == "ok"
    assert "grüße has {a,1.5} and x\n" in capsys.readouterr().out


async def test_a_beam_prints_on_the_device_of_python(beam, node, capsys):
    source = """
        ok = io:format(Device, "~p of ~s~n", [[{a, <<"b">>}, "c"], "erlang"]),
        ok = io:put_chars(Device, "one line\n"),
        Wrong = (catch io:format(Device, "~p ~p~n", [1])),
        {element(1, element(2, Wrong)), io:get_line(Device, "?")}
    """
    seen = await beam.run(source, Device=node.whereis("user"))
    assert seen == (Atom("badarg"), Atom("eof"))
    printed = capsys.readouterr().out
    assert printed == '[{a,<<"b">>},"c"] of erlang\none line\n'
