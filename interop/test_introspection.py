"""A BEAM looks at the processes of a Python node."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from ergopy import Atom, Process

from .beam import BeamError
from .servers import sleeper, until


async def test_nothing_can_be_seen_that_was_turned_off(beam, node):
    node.unexport("erlang")
    with pytest.raises(BeamError) as caught:
        await beam.run("erpc:call(Py, erlang, processes, [])", Py=node.name)
    assert caught.value.reason[1] == "undef"


async def test_the_functions_of_erlang_answer_as_a_beam_does(beam, node):
    pid = await node.spawn(sleeper, name="sleepy")
    source = """
        [erpc:call(Py, erlang, F, A) || {F, A} <- [
            {whereis, [sleepy]}, {whereis, [nobody]}, {is_process_alive, [Pid]},
            {node, []}, {nodes, []}]]
    """
    answers = await beam.run(source, Py=node.name, Pid=pid)
    assert answers == [pid, "undefined", True, node.name, [beam.name]]
    source = "{erpc:call(Py, erlang, F, []), rpc:call(Py, erlang, F, [])}"
    for function, wanted in (("processes", pid), ("registered", Atom("sleepy"))):
        both = await beam.run(source, Py=node.name, F=Atom(function))
        assert all(wanted in answer for answer in both)


async def test_process_info_has_the_shapes_of_otp(beam, node):
    """The same questions about a process of either kind have answers of one form."""
    pid = await node.spawn(sleeper)
    source = """
        Mine = spawn(fun() -> receive stop -> ok end end),
        Shape = fun Shape(T) when is_tuple(T) ->
                        list_to_tuple([Shape(E) || E <- tuple_to_list(T)]);
                    Shape(L) when is_list(L) -> list;
                    Shape(A) when is_boolean(A) -> boolean;
                    Shape(A) when is_atom(A) -> atom;
                    Shape(N) when is_integer(N) -> number;
                    Shape(P) when is_pid(P) -> pid;
                    Shape(M) when is_map(M) -> map;
                    Shape(B) when is_binary(B) -> binary
                end,
        Items = [registered_name, links, monitors, monitored_by, message_queue_len,
                 messages, dictionary, trap_exit, status, current_function,
                 current_location, current_stacktrace, initial_call, group_leader,
                 priority, reductions, memory, suspending, total_heap_size, heap_size,
                 stack_size, error_handler, garbage_collection, min_heap_size,
                 message_queue_data, catchlevel, backtrace, binary, last_calls,
                 sequential_trace_token, trace, fullsweep_after, max_heap_size,
                 min_bin_vheap_size, garbage_collection_info],
        Ask = fun(P, I) ->
            {I, Shape(erpc:call(node(P), erlang, process_info, [P, I]))} end,
        Both = {[Ask(Mine, I) || I <- Items], [Ask(Pid, I) || I <- Items]},
        Default = [[K || {K, _} <- erpc:call(node(P), erlang, process_info, [P])]
                   || P <- [Mine, Pid]],
        exit(Mine, kill),
        Dead = [erpc:call(node(P), erlang, process_info, [P, L])
                || P <- [Mine], L <- [links, [links]]],
        {Both, Default, Dead}
    """
    (mine, ours), defaults, dead = await beam.run(source, Pid=pid)
    assert ours == mine
    assert defaults[1] == defaults[0]
    await node.send(pid, Atom("stop"))
    await until(lambda: not node.is_process_alive(pid))
    source = """
        [erpc:call(node(Pid), erlang, process_info, [Pid, L]) || L <- [links, [links]]]
    """
    assert dead == await beam.run(source, Pid=pid) == ["undefined"] * 2


async def test_links_and_monitors_of_a_beam_are_seen(beam, node):
    pid = await node.spawn(sleeper)
    source = """
        Pid = Dest, link(Pid), monitor(process, Pid),
        Info = erpc:call(node(Pid), erlang, process_info, [Pid, [links, monitored_by]]),
        unlink(Pid),
        {self(), Info}
    """
    me, info = await beam.run(source, Dest=pid)
    assert info == [("links", [me]), ("monitored_by", [me])]


async def test_a_python_process_sees_itself_watched_from_both_sides(beam, node):
    """``process_info(monitored_by)`` on the BEAM names the Python process."""
    target = await beam.run("spawn(fun() -> receive stop -> ok end end)")
    done = trio.Event()
    seen_there: list[Any] = []

    async def body(proc: Process) -> None:
        await proc.monitor(target)
        answer = await proc.rpc(
            beam.name, "erlang", "process_info", [target, Atom("monitored_by")]
        )
        seen_there.append(answer)
        seen_there.append(node.process_info(proc.pid, "monitors"))
        done.set()

    pid = await node.spawn(body)
    with trio.fail_after(10):
        await done.wait()
    assert seen_there == [
        ("monitored_by", [pid]),
        ("monitors", [("process", target)]),
    ]


async def test_elixir_reads_process_info_by_rpc(elixir, node):
    pid = await node.spawn(sleeper, name="sleepy")
    source = """
        {:rpc.call(py, :erlang, :process_info, [pid, :links]),
         :rpc.call(py, :erlang, :process_info, [pid, [:registered_name, :trap_exit]]),
         :rpc.call(py, :erlang, :process_info, [pid, :no_such_item])}
    """
    links, several, wrong = await elixir.elixir(source, py=node.name, pid=pid)
    assert links == ("links", [])
    assert several == [("registered_name", "sleepy"), ("trap_exit", False)]
    assert wrong[0] == "badrpc"
