"""A BEAM asks a Python node what the observer asks every node."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import Application, Atom, ChildSpec

from .servers import Desk

# The form of a term: what a viewer matches on, without the values.
FORM = """
    Form = fun Form(T) when is_tuple(T), is_atom(element(1, T)), tuple_size(T) == 2 ->
                    {element(1, T), Form(element(2, T))};
               Form(T) when is_tuple(T) ->
                    list_to_tuple([Form(E) || E <- tuple_to_list(T)]);
               Form([]) -> list;
               Form(L) when is_list(L) ->
                    case io_lib:printable_unicode_list(L) of
                        true -> list;
                        false -> [Form(E) || E <- L]
                    end;
               Form(M) when is_map(M) -> [Form(E) || E <- lists:sort(maps:to_list(M))];
               Form(B) when is_boolean(B) -> boolean;
               Form(A) when is_atom(A) -> atom;
               Form(N) when is_number(N) -> number;
               Form(P) when is_pid(P) -> pid;
               Form(P) when is_port(P) -> port;
               Form(R) when is_reference(R) -> reference;
               Form(B) when is_binary(B) -> binary
           end,
"""


class Shop(Application):
    name = "shop"
    version = "1.2"
    description = "A small shop"
    children = (ChildSpec(Desk, id=Atom("till"), name="till"),)


async def test_the_page_of_the_system_has_the_form_of_otp(beam, node):
    if beam.release < 28:
        source = """
            Pairs = fun(N) -> L = rpc:call(N, observer_backend, sys_info, []),
                [Form(P) || {K, _} = P <- L, K =/= alloc_info] end,
            {lists:usort(Pairs(node())), lists:usort(Pairs(Py))}
        """
        theirs, ours = await beam.run(FORM + source, Py=node.name)
        assert ours == theirs
    told = await beam.run("rpc:call(Py, observer_backend, sys_info, [])", Py=node.name)
    assert dict(told)["process_count"] > 5
    version = await beam.run("rpc:call(Py, observer_backend, vsn, [])", Py=node.name)
    assert version == ("ok", list(b"2.2"))


async def test_the_page_of_allocators_has_something_to_divide_by(beam, node):
    # What observer_alloc_wx:alloc_info/1 takes out of it; 0 would end the viewer.
    source = """
        Sum = fun(N) ->
            Info = proplists:get_value(alloc_info, rpc:call(N, observer_backend,
                sys_info, [])),
            Kinds = [Kind || {_, Instances} <- Info, is_list(Instances),
                {instance, _, Kinds} <- Instances, Kind <- Kinds],
            lists:unzip([{lists:sum([Size || {_, [{size, Size, _, _}]} <- Blocks]), All}
                || {_, [{blocks, Blocks}, {carriers_size, All, _, _}]} <- Kinds]) end,
        [{lists:sum(Blocks), lists:sum(Carriers)}
            || {Blocks, Carriers} <- [Sum(N) || N <- Nodes]]
    """
    # OTP 28 has no runtime_tools here.
    nodes = [node.name] if beam.release == 28 else [node.name, beam.name]
    for blocks, carriers in await beam.run(source, Nodes=nodes):
        assert 10**6 < blocks <= carriers


async def test_the_viewer_finds_what_it_looks_for_before_it_asks(beam, node):
    source = """
        [{rpc:call(Py, code, ensure_loaded, [observer_backend]),
          rpc:call(Py, erlang, function_exported, [observer_backend, F, A])}
         || {F, A} <- [{procs_info, 1}, {get_port_list, 0}, {get_socket_list, 0}]]
    """
    wanted = (("module", "observer_backend"), True)
    assert await beam.run(source, Py=node.name) == [wanted] * 3


async def test_the_list_of_processes_has_the_form_of_otp(beam, node, desk):
    source = """
        Look = fun(N, F) ->
            Pid = spawn_link(N, observer_backend, F, [self()]),
            receive {procs_info, Pid, L} -> L; {Pid, I} -> I after 5000 -> timeout end
        end,
        {Look(Py, procs_info), Look(Py, etop_collect)}
    """
    processes, report = await beam.run(source, Py=node.name)
    mine = next(record for record in processes if record[4] == "desk")
    tag, pid, memory, reductions, _, runtime, function, waiting = mine
    assert (tag, pid, runtime, waiting) == ("etop_proc_info", desk, 0, 0)
    assert memory > 1000
    assert reductions >= 0
    assert len(function) == 3
    assert report[0] == "etop_info"
    assert len(report) == 9
    assert {record[1] for record in processes} >= {desk, node.whereis("rex")}


async def test_the_charts_of_load_get_their_numbers(beam, node):
    source = """
        Pid = spawn_link(Py, observer_backend, fetch_stats, [self(), 50]),
        Got = [receive {stats, 1, [{1, A, T}], {{input, I}, {output, O}}, M} ->
                   {A =< T, I > 0, O > 0, lists:keymember(total, 1, M)} end
               || _ <- [1, 2, 3]],
        Ref = monitor(process, Pid), unlink(Pid), Pid ! stop,
        End = receive {'DOWN', Ref, _, _, Why} -> Why end,
        {Got, End, rpc:call(Py, erlang, system_info, [dirty_cpu_schedulers])}
    """
    got, end, dirty = await beam.run(source, Py=node.name)
    assert got == [(True, True, True, True)] * 3
    assert (end, dirty) == ("normal", 0)


async def test_the_connections_are_ports_and_sockets(beam, node):
    await node.ping(beam.name)
    source = """
        Ports = rpc:call(Py, observer_backend, get_port_list, []),
        Sockets = rpc:call(Py, observer_backend, get_socket_list, []),
        Names = [[erlang:port_to_list(proplists:get_value(port_id, P)),
                  proplists:get_value(registered_name, P),
                  proplists:get_value(name, P),
                  is_pid(proplists:get_value(connected, P)),
                  proplists:get_value(inet, P)] || P <- Ports],
        Sorted = fun(S) -> lists:sort(maps:keys(S) -- [raddress]) end,
        Keys = lists:usort(lists:map(Sorted, Sockets)),
        {Names, Keys, rpc:call(Py, observer_backend, socket_info, []),
         [rpc:call(Py, erlang, port_info, [P]) || P <- rpc:call(Py, erlang, ports, [])]}
    """
    ports, keys, info, told = await beam.run(source, Py=node.name)
    names = {name: more for _, name, *more in ports}
    assert {"epmd", "listener", beam.name} <= set(names)
    driver, has_owner, inet = names[beam.name]
    assert (driver, has_owner) == (list(b"tcp_inet"), True)
    inet = dict(inet)
    assert inet["local_port"] == node.port or inet["remote_port"] > 0
    assert inet["remote_address"] == (127, 0, 0, 1)
    assert dict(inet["statistics"])["recv_oct"] > 0
    assert dict(inet["options"])["nodelay"] is True
    wanted = "domain fd id id_str kind laddress monitored_by options owner protocol"
    assert keys == [[*wanted.split(), "rstates", "statistics", "type", "wstates"]]
    assert dict(info)["num_sockets"] == len(ports) == len(told)
    first = [name for name, _ in told[0]]
    assert first == ["name", "links", "id", "connected", "input", "output", "os_pid"]


async def test_the_view_of_applications_draws_ours(beam, node):
    await node.applications.start(Shop)
    # What appmon_info:start_link/3, app_ctrl/4 and app/4 do; OTP 28 has none here.
    source = """
        {ok, Pid} = rpc:call(Py, appmon_info, start_link2, [self(), self(), []]),
        gen_server:cast(Pid, {self(), app_ctrl, Py, true, []}),
        Apps = receive {delivery, Pid, app_ctrl, Py, L} -> L end,
        gen_server:cast(Pid, {self(), app, shop, true, []}),
        Tree = receive {delivery, Pid, app, shop, T} -> T end,
        gen_server:cast(Pid, {self(), app, shop, false, []}),
        gen_server:cast(Pid, {self(), app_ctrl, Py, false, []}),
        {[{is_pid(P), N, D, V} || {P, N, {N, D, V}} <- Apps], Tree}
    """
    apps, (root, members, children, others) = await beam.run(source, Py=node.name)
    assert (True, "shop", list(b"A small shop"), list(b"1.2")) in apps
    names = {"".join(map(chr, name)).split(" <")[0] for _, name in members}
    assert names == {"application_master shop", "application shop", "shop_sup", "till"}
    assert (members[0][1], len(children), others) == (root, 3, [])


async def test_the_window_of_a_process_gets_all_its_pages(beam, node, desk):
    await node.send(desk, Atom("unread"))
    source = """
        Ask = fun(M, F, A) -> rpc:call(Py, M, F, A) end,
        {M, init, _} = Ask(proc_lib, translate_initial_call, [Pid]),
        {status, Pid, {module, _}, [_Dict, State, _Parent, _Dbg,
            [Header, {data, First}, {data, Second} | _]]} =
                Ask(sys, get_status, [Pid, 200]),
        {_, Stack} = Ask(erlang, process_info, [Pid, current_stacktrace]),
        {messages, Messages} = Ask(erlang, process_info, [Pid, messages]),
        {dictionary, Dict} = Ask(erlang, process_info, [Pid, dictionary]),
        {registered_name, Name} = Ask(erlang, process_info, [Pid, registered_name]),
        {Ask(M, module_info, [attributes]), State, Header, First, Second,
         [{Mod, F, A, L} || {Mod, F, A, [{file, _}, {line, L}]} <- Stack],
         Messages, [K || {K, _} <- Dict], Name, Ask(erlang, system_info, [wordsize])}
    """
    told = await beam.run(source, Py=node.name, Pid=desk)
    attributes, state, header, first, second, stack, messages, keys, name, word = told
    assert attributes == [("behaviour", ["gen_server"])]
    assert (state, header[0], name, word) == ("running", "header", "desk", 8)
    assert first
    assert second
    assert len(stack) >= 3
    assert messages == []
    assert keys == ["$ancestors", "$initial_call"]


async def test_the_window_of_any_process_knows_what_to_ask_for_its_state(
    beam, node, desk
):
    await node.applications.start(Shop)

    async def plain(process: Any) -> None:
        await process.receive()

    await node.spawn(plain, name="plain")
    # What observer_procinfo:fetch_state_info/1 does, which takes no other answer.
    source = """
        Ask = fun(M, F, A) -> rpc:call(Py, M, F, A) end,
        Look = fun(Pid) ->
            case Ask(proc_lib, translate_initial_call, [Pid]) of
                {proc_lib, init_p, 5} -> none;
                {M, _, _} ->
                    {behaviour, [B]} = lists:keyfind(behaviour, 1,
                        Ask(M, module_info, [attributes])),
                    {status, Pid, {module, _}, [_, _, _, _,
                        [{header, _}, {data, _}, {data, _} | _]]} =
                            Ask(sys, get_status, [Pid, 5000]),
                    B
            end end,
        Own = spawn(timer, sleep, [infinity]),
        {proc_lib:translate_initial_call(Own), exit(Own, kill),
         [{Name, Look(Pid)} || Pid <- Ask(erlang, processes, []),
            {_, Name} <- [Ask(erlang, process_info, [Pid, registered_name])]]}
    """
    own, _, told = await beam.run(source, Py=node.name)
    assert own == ("proc_lib", "init_p", 5)
    found = dict(told)
    assert found["plain"] == "none"
    assert found["desk"] == found["till"] == found["rex"] == "gen_server"


async def test_the_table_viewer_is_empty(beam, node):
    source = """
        Options = [{sys_hidden, true}, {unread_hidden, true}],
        Tables = rpc:call(Py, observer_backend, get_table_list, [ets, Options]),
        Mnesia = rpc:call(Py, observer_backend, get_table_list, [mnesia, Options]),
        Pid = rpc:call(Py, observer_backend, get_table, [self(), words, ets]),
        {Tables, Mnesia, receive {Pid, What} -> What end}
    """
    tables, mnesia, last = await beam.run(source, Py=node.name)
    assert tables == []
    assert mnesia == ("error", list(f"Mnesia is not running on: {node.name}".encode()))
    assert last == "$end_of_table"


async def recon(beam: Any, node: Any) -> Any:
    source = """
        Pids = rpc:call(Py, erlang, processes, []),
        Items = [message_queue_len, registered_name, current_function, initial_call],
        Attrs = [{P, L} || P <- Pids,
            L <- [rpc:call(Py, erlang, process_info, [P, Items])], is_list(L)],
        Count = fun(What) -> lists:sublist(lists:reverse(lists:keysort(2, [{P, V}
            || P <- Pids,
               {_, V} <- [rpc:call(Py, erlang, process_info, [P, What])]])), 3) end,
        {Attrs, Count(memory), Count(reductions),
         rpc:call(Py, recon, proc_count, [memory, 3])}
    """
    return await beam.run(source, Py=node.name)


async def test_what_recon_does_by_rpc_works_and_its_own_module_is_not_there(
    beam, node, desk
):
    attributes, memory, reductions, own = await recon(beam, node)
    assert desk in {pid for pid, _ in attributes}
    assert all(len(told) == 4 for _, told in attributes)
    assert len(memory) == len(reductions) == 3
    assert own[0] == "badrpc"
    assert own[1][1][0] == "undef"


@pytest.mark.parametrize("function", ["ttb_init_node", "ttb_stop"])
async def test_tracing_is_undefined(beam, node, function):
    source = "catch rpc:call(Py, observer_backend, F, [a])"
    answer = await beam.run(source, Py=node.name, F=Atom(function))
    assert answer[1][1][0] == "undef"
