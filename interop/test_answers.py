"""The standard questions: a BEAM and a Python node are asked the same.

What both say must have one form: the same tags, sizes of tuples, and kinds of values.
An empty list has the form of any, and a map of ours no keys that theirs has not.
"""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import Atom, Node, Pid, Port, Reference
from ergopy.services import QUESTIONS

from .beam import BeamError
from .servers import sleeper, until

ASK = """
    Say = fun(Node, {M, F, A}) ->
        Pid = erpc:call(Node, erlang, whereis, [kernel_sup]),
        Here = fun('$pid') -> Pid; ('$node') -> Node; (Other) -> Other end,
        try {value, erpc:call(Node, M, F, lists:map(Here, A))}
        catch
            error:{exception, Reason, [{_, _, _, _} | _]} -> {error, Reason};
            exit:{exception, Reason} -> {exit, Reason};
            Class:Reason -> {Class, Reason}
        end
    end,
    [[Say(Node, Call) || Node <- Nodes] || Call <- Calls]
"""

PID, NODE = Atom("$pid"), Atom("$node")
ITEMS = """
    atom_count atom_limit build_type c_compiler_used check_io compat_rel
    creation debug_compiled delayed_node_table_gc dirty_cpu_schedulers
    dirty_cpu_schedulers_online dirty_io_schedulers dist dist_buf_busy_limit
    driver_version dynamic_trace dynamic_trace_probes emu_flavor emu_type end_time
    ets_count ets_limit fullsweep_after garbage_collection heap_sizes heap_type
    kernel_poll logical_processors logical_processors_available
    logical_processors_online machine max_heap_size message_queue_data
    min_bin_vheap_size min_heap_size multi_scheduling multi_scheduling_blockers
    nif_version otp_release outstanding_system_requests_limit port_count port_limit
    port_parallelism process_count process_limit scheduler_bind_type scheduler_id
    schedulers schedulers_online schedulers_state smp_support start_time
    system_architecture system_logger system_version threads thread_pool_size
    time_correction time_offset time_warp_mode tolerant_timeofday trace_control_word
    version wordsize activate update_cpu_topology nothing
"""
# Of system_info; the others say nothing of one form, even between releases.

STATISTICS = """
    active_tasks active_tasks_all context_switches exact_reductions garbage_collection
    io reductions run_queue run_queue_lengths run_queue_lengths_all runtime
    scheduler_wall_time total_active_tasks total_active_tasks_all
    total_run_queue_lengths total_run_queue_lengths_all wall_clock nothing
"""

CALLS: list[tuple[str, str, list[Any]]] = [
    *[("erlang", "system_info", [Atom(item)]) for item in ITEMS.split()],
    *[("erlang", "statistics", [Atom(item)]) for item in STATISTICS.split()],
    ("erlang", "system_info", [(Atom("wordsize"), Atom("external"))]),
    ("erlang", "system_info", [(Atom("allocator"), Atom("nothing"))]),
    ("erlang", "memory", []),
    ("erlang", "memory", [Atom("total")]),
    ("erlang", "memory", [[Atom("total"), Atom("system")]]),
    ("erlang", "memory", [Atom("nothing")]),
    ("erlang", "node", []),
    ("erlang", "node", [PID]),
    ("erlang", "node", [1]),
    ("erlang", "nodes", []),
    ("erlang", "nodes", [Atom("connected")]),
    ("erlang", "nodes", [[Atom("this"), Atom("visible")]]),
    ("erlang", "nodes", [Atom("nothing")]),
    (
        "erlang",
        "nodes",
        [Atom("this"), {Atom("connection_id"): True, Atom("node_type"): True}],
    ),
    ("erlang", "nodes", [Atom("this"), {Atom("nothing"): True}]),
    ("erlang", "is_alive", []),
    ("erlang", "processes", []),
    ("erlang", "process_info", [PID]),
    ("erlang", "process_info", [PID, Atom("links")]),
    ("erlang", "process_info", [PID, [Atom("links"), Atom("trap_exit")]]),
    ("erlang", "process_info", [PID, Atom("nothing")]),
    ("erlang", "process_info", [1]),
    ("erlang", "is_process_alive", [PID]),
    ("erlang", "is_process_alive", [1]),
    ("erlang", "registered", []),
    ("erlang", "whereis", [Atom("nobody")]),
    ("erlang", "whereis", [b"text"]),
    ("erlang", "ports", []),
    ("erlang", "port_info", [1]),
    ("erlang", "function_exported", [Atom("erlang"), Atom("node"), 0]),
    ("erlang", "function_exported", [Atom("erlang"), Atom("nodes"), 99]),
    ("erlang", "function_exported", [Atom("erlang"), Atom("nodes"), -1]),
    ("erlang", "function_exported", [b"erlang", Atom("nodes"), 0]),
    ("erlang", "loaded", []),
    ("erlang", "monotonic_time", []),
    ("erlang", "monotonic_time", [Atom("millisecond")]),
    ("erlang", "monotonic_time", [Atom("fortnight")]),
    ("erlang", "system_time", [1000]),
    ("erlang", "system_time", [0]),
    ("erlang", "time_offset", []),
    ("erlang", "timestamp", []),
    ("erlang", "localtime", []),
    ("erlang", "universaltime", []),
    ("erlang", "date", []),
    ("erlang", "time", []),
    ("net_kernel", "get_net_ticktime", []),
    ("net_kernel", "get_state", []),
    ("net_kernel", "longnames", []),
    ("net_kernel", "nodes_info", []),
    ("net_kernel", "node_info", [Atom("no@where")]),
    ("net_adm", "localhost", []),
    ("net_adm", "names", []),
    ("inet", "gethostname", []),
    ("os", "type", []),
    ("os", "version", []),
    ("os", "getpid", []),
    ("os", "timestamp", []),
    ("os", "system_time", []),
    ("os", "system_time", [Atom("second")]),
    ("application", "which_applications", []),
    ("application", "which_applications", [1000]),
    ("application", "loaded_applications", []),
    ("application", "get_key", [Atom("kernel"), Atom("vsn")]),
    ("application", "get_key", [Atom("kernel"), Atom("nothing")]),
    ("application", "get_application", [PID]),
    ("application", "get_env", [Atom("nothing"), Atom("nothing")]),
    ("application", "get_env", [Atom("nothing"), Atom("nothing"), 5]),
    ("application", "get_all_env", [Atom("nothing")]),
    ("application", "get_supervisor", [Atom("nothing")]),
    ("supervisor", "which_children", [Atom("kernel_sup")]),
    ("supervisor", "which_children", [Atom("nobody")]),
    ("supervisor", "count_children", [Atom("kernel_sup")]),
    ("supervisor", "get_childspec", [Atom("kernel_sup"), Atom("nothing")]),
    ("sys", "get_status", [Atom("nobody")]),
    ("sys", "get_state", [Atom("nobody")]),
    ("proc_lib", "translate_initial_call", [PID]),
    ("proc_lib", "initial_call", [PID]),
    ("code", "is_loaded", [Atom("erlang")]),
    ("code", "is_loaded", [Atom("nothing")]),
    ("code", "ensure_loaded", [Atom("erlang")]),
    ("code", "ensure_loaded", [Atom("nothing")]),
    ("code", "which", [Atom("erlang")]),
    ("code", "which", [Atom("nothing")]),
    ("code", "get_mode", []),
    ("init", "get_status", []),
    ("init", "script_id", []),
    ("init", "get_argument", [Atom("nothing")]),
    ("init", "get_arguments", []),
    ("init", "get_plain_arguments", []),
    ("ets", "info", [Atom("nothing")]),
    ("ets", "info", [Atom("nothing"), Atom("size")]),
    ("ets", "whereis", [Atom("nothing")]),
    ("logger", "get_primary_config", []),
    ("logger", "get_handler_ids", []),
    ("logger", "get_module_level", []),
    ("erlang", "no_such_function", [1]),
    ("no_such_module", "f", []),
]


def alike(theirs: Any, ours: Any, at: str = "") -> list[str]:
    """Say where two terms are not of one form."""
    if isinstance(theirs, list) and isinstance(ours, list):
        if not theirs or not ours:
            return []
        return [p for one in ours for p in _like_any(theirs, one, f"{at}[]")]
    if isinstance(theirs, tuple) and isinstance(ours, tuple):
        if len(theirs) != len(ours):
            return [f"{at}: {theirs!r} and {ours!r}"]
        pairs = enumerate(zip(theirs, ours, strict=True))
        return [p for n, (one, two) in pairs for p in alike(one, two, f"{at}.{n}")]
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if not ours.keys() <= theirs.keys():
            return [f"{at}: {sorted(theirs)} and {sorted(ours)}"]
        return [p for key in ours for p in alike(theirs[key], ours[key], f"{at}.{key}")]
    return [] if _kind(theirs) == _kind(ours) else [f"{at}: {theirs!r} and {ours!r}"]


def _like_any(theirs: list[Any], one: Any, at: str) -> list[str]:
    """A property is like the one of that name, anything else like any."""
    match one:
        case (Atom() as key, *_):
            named = [t for t in theirs if isinstance(t, tuple) and t[:1] == (key,)]
            theirs = named or theirs
    found = [alike(other, one, at) for other in theirs]
    return min(found, key=len)


def _kind(term: Any) -> object:
    if isinstance(term, bool):
        return bool
    kinds = (Atom, int, float, bytes, Pid, Port, Reference, list)
    return next((kind for kind in kinds if isinstance(term, kind)), type(term))


async def test_both_answer_in_one_form(beam: Any, node: Node) -> None:
    calls = [(Atom(m), Atom(f), args) for m, f, args in CALLS]
    answers = await beam.run(ASK, 40, Calls=calls, Nodes=[beam.name, node.name])
    problems = []
    for (module, function, args), (theirs, ours) in zip(CALLS, answers, strict=True):
        if theirs == (Atom("error"), Atom("undef")) and module != "no_such_module":
            # That release does not have it.
            continue
        name = f"{module}:{function}({', '.join(map(repr, args))})"
        problems += [f"{name}{problem}" for problem in alike(theirs, ours)]
    assert not problems, "\n".join(problems)


async def test_everything_that_is_said_to_be_answered_is(beam: Any, node: Node) -> None:
    """No answer is a failure of Python: whatever the arguments, it is one of OTP's."""
    calls = [
        (Atom(one.module), Atom(one.function), [Atom("$node")] * count)
        for one in QUESTIONS
        if one.module != "_"
        for count in one.arities
    ]
    answers = await beam.run(ASK, 40, Calls=calls, Nodes=[node.name])
    for call, [(kind, value)] in zip(calls, answers, strict=True):
        assert kind in ("value", "error", "exit"), call
        assert "python" not in repr(value)[:20], (call, value)
        assert value != "undef", call


async def test_what_acts_is_refused_and_said_once(
    beam: Any, node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    source = "catch erpc:call(Py, init, stop, [])"
    for _ in range(2):
        match await beam.run(source, Py=node.name):
            case ("EXIT", (("exception", "not_allowed", [stack]), _)):
                assert stack == (Atom("init"), Atom("stop"), [], [])
            case other:
                pytest.fail(repr(other))
    badrpc = await beam.run("rpc:call(Py, erlang, unregister, [rex])", Py=node.name)
    assert badrpc[:1] == ("badrpc",)
    assert badrpc[1][1][0] == "not_allowed"
    said = [r.getMessage() for r in caplog.records if "was refused" in r.getMessage()]
    assert [line.split()[0] for line in said] == ["init:stop", "erlang:unregister"]
    assert node.whereis("rex") is not None


async def test_a_node_that_lets_others_act_is_stopped_in_order(
    beam: Any, node_options: dict[str, Any]
) -> None:
    async with Node(**node_options, answers="all") as node:
        pid = await node.spawn(sleeper)
        source = "{erpc:call(Py, erlang, register, [sleepy, Pid]), init:get_status()}"
        done, _ = await beam.run(source, Py=node.name, Pid=pid)
        assert done is True
        assert node.whereis("sleepy") == pid
        source = "erpc:call(Py, erlang, exit, [Pid, kill])"
        assert await beam.run(source, Py=node.name, Pid=pid) is True
        await until(lambda: not node.is_process_alive(pid))
        assert await beam.run("rpc:call(Py, init, stop, [])", Py=node.name) == "ok"
        await node.wait_closed()


async def test_a_node_with_no_answers_has_none(
    beam: Any, node_options: dict[str, Any]
) -> None:
    async with Node(**node_options, answers="none") as node:
        for source in (
            "erpc:call(Py, erlang, node, [])",
            "erpc:call(Py, init, stop, [])",
        ):
            with pytest.raises(BeamError) as caught:
                await beam.run(source, Py=node.name)
            assert caught.value.reason[1] == "undef"


async def test_the_shell_lists_the_processes_of_all_nodes(
    beam: Any, node: Node
) -> None:
    """``c:ni()``, ``c:nregs()`` and ``rpc:pinfo`` find what they look for."""
    pid = await node.spawn(sleeper, name="sleepy")
    await node.ping(beam.name)
    source = """
        Me = self(),
        Leader = spawn(fun() ->
            (fun Serve(Text) ->
                receive
                    {io_request, From, As, Request} ->
                        {Chars, Reply} = case Request of
                            {put_chars, _, io_lib, F, A} -> {apply(io_lib, F, A), ok};
                            {put_chars, _, Made} -> {Made, ok};
                            _ -> {[], "y\\n"}  %% to go on after a page
                        end,
                        From ! {io_reply, As, Reply},
                        Serve([Text, Chars]);
                    done -> Me ! {text, unicode:characters_to_binary(Text)}
                end
            end)([])
        end),
        group_leader(Leader, self()),
        c:ni(), c:nregs(),
        Leader ! done,
        Text = receive {text, T} -> T end,
        {Text, rpc:pinfo(Pid, registered_name), list_to_binary(pid_to_list(Pid))}
    """
    text, name, shown = await beam.run(source, Py=node.name, Pid=pid)
    assert shown in text
    assert text.count(b"sleepy") >= 2
    assert b"** Registered procs on node '" + node.name.encode() in text
    assert name == ("registered_name", "sleepy")


async def test_many_nodes_are_asked_at_once(beam: Any, node: Node) -> None:
    source = """
        {rpc:multicall([Py, node()], erlang, node, []),
         erpc:multicall([Py], erlang, system_info, [otp_release]),
         net_adm:ping(Py)}
    """
    (names, bad), [(_, release)], pong = await beam.run(source, Py=node.name)
    assert (set(names), bad) == ({node.name, beam.name}, [])
    assert release == list(b"28")
    assert pong == "pong"
    assert await beam.run("nodes()", Py=node.name) == [node.name]
