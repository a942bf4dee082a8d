"""An Elixir node asks a Python node what Phoenix LiveDashboard asks every node.

The requests are those of its module ``SystemInfo``, and the results are taken apart as
its pages do.
"""

from __future__ import annotations

import pytest

from ergopy import Application, Atom, ChildSpec

from .servers import Desk

MODULE = "Phoenix.LiveDashboard.SystemInfo"
CALL = f"call = fn f, args -> :rpc.call(py, {MODULE}, f, args) end\n"


class Shop(Application):
    name = "shop"
    version = "1.2"
    description = "A small shop"
    children = (ChildSpec(Desk, id=Atom("till"), name="till"),)


@pytest.fixture
async def ask(elixir, node):
    """Run Elixir code with ``call.(function, arguments)`` in it."""

    async def run(source: str, **bindings):
        return await elixir.elixir(CALL + source, py=node.name, **bindings)

    return run


async def test_the_dashboard_finds_its_module_and_goes_on(ask, node):
    """It loads its own one over ours, which is refused, and asks ours again."""
    source = f"""
        {{:file, _}} = :rpc.call(py, :code, :is_loaded, [{MODULE}])
        needs = [application: :os_mon, application: :ecto, module: Ecto.Repo,
                 process: :rex]
        first = call.(:capabilities_callback, [needs])
        refused = :rpc.call(py, :code, :load_binary, [{MODULE}, 'x.beam', "beam"])
        again = call.(:capabilities_callback, [needs])
        {{first == again, elem(refused, 0), again.dashboard_running?,
          again.applications, again.modules, again.processes}}
    """
    answer = await ask(source)
    assert answer == (True, "badrpc", False, ["os_mon"], [], ["rex"])


async def test_the_home_page(ask, elixir, node):
    await node.ping(elixir.name)
    source = """
        %{system_info: info, system_limits: limits, system_usage: usage,
          environment: environment} = call.(:info_callback, [["PATH"], :shop])
        %{io: {input, output}, memory: %{total: total, process: process}} = usage
        true = usage.total_run_queue - usage.cpu_run_queue >= 0
        true = usage.atoms < limits.atoms and usage.ports < limits.ports
        {List.to_string(info.banner), List.to_string(info.system_architecture),
         info.app_version, usage.processes / limits.processes < 1, input > 0,
         output > 0, process < total, environment}
    """
    banner, architecture, version, *rest, environment = await ask(source)
    assert banner.startswith(b"ergopy ")
    assert architecture
    assert version == b"None"
    assert rest == [True] * 4
    assert environment == [(b"PATH", None)]


async def test_processes(ask, node, desk):
    source = """
        {rows, count, state} =
            call.(:processes_callback, [nil, :memory, :desc, 100, nil])
        {[row], 1, _} = call.(:processes_callback, ["desk", :memory, :asc, 50, state])
        true = Enum.all?(rows, &is_binary(&1[:name_or_initial_call]))
        {_, _, _} = row[:current_function]
        sizes = Enum.map(rows, & &1[:memory])
        {row[:pid], row[:name_or_initial_call], row[:reductions_diff],
         sizes == Enum.sort(sizes, :desc), length(rows) == count,
         map_size(state) == count}
    """
    pid, name, grown, *rest = await ask(source)
    assert (pid, name, grown) == (desk, b":desk", 0)
    assert rest == [True] * 3


async def test_one_process(ask, elixir, node, desk):
    source = """
        watcher = spawn(fn -> Process.monitor(pid); Process.sleep(:infinity) end)
        {:links, []} = :erpc.call(py, :erlang, :process_info, [pid, :links])
        wait = fn wait ->
          {:ok, info} = call.(:process_info_callback, [pid])
          if info[:monitored_by] == [], do: wait.(wait), else: info
        end
        info = wait.(wait)
        [%{__struct__: struct, pid: ^watcher, name_or_initial_call: nil}] =
            info[:monitored_by]
        %{__struct__: ^struct, name_or_initial_call: leader} = info[:group_leader]
        trace = for {m, f, a, [file: _, line: _]} <- info[:current_stacktrace],
                    do: Exception.format_mfa(m, f, a)
        {m, f, a} = info[:initial_call]
        Process.exit(watcher, :kill)
        {struct, leader, length(trace) > 2, Exception.format_mfa(m, f, a),
         info[:registered_name], info[:status], is_list(info[:ancestors])}
    """
    struct, leader, trace, initial, *rest = await ask(source, pid=desk)
    assert struct == f"Elixir.{MODULE}.ProcessDetails"
    assert trace is True
    assert leader is not None
    assert initial == b':"interop.servers.Desk".init/0'
    assert rest == ["desk", "waiting", True]


async def test_applications(ask, node):
    await node.applications.start(Shop)
    source = """
        {apps, 3} = call.(:applications_info_callback, [nil, :name, :asc, 50])
        {{:master, master, []}, tree} = call.(:app_tree_callback, [:shop])
        [{{:ancestor, _, _}, [{{:supervisor, top, []}, below}]}] = tree
        [{{:worker, till, :till}, []}] = below
        :error = call.(:app_tree_callback, [:ergopy])
        {Enum.map(apps, &{&1[:name], &1[:description], &1[:state], &1[:tree?]}),
         Enum.map([master, top, till], &node/1), till}
    """
    apps, nodes, till = await ask(source)
    assert apps[2] == ("shop", b"A small shop", "started", True)
    assert nodes == [node.name] * 3
    assert till == node.whereis("till")


async def test_sockets_and_ports(ask, elixir, node):
    await node.ping(elixir.name)
    source = """
        {sockets, count} = call.(:sockets_callback, [nil, :local_address, :asc, 50])
        {[], 0} = call.(:ports_callback, [nil, :input, :desc, 50])
        connected = Enum.find(sockets, &(&1[:send_oct] > 0))
        "#Port" <> _ = connected[:port] |> :erlang.port_to_list() |> List.to_string()
        {:ok, info} = call.(:socket_info_callback, [connected[:port]])
        {:ok, more} = call.(:port_info_callback, [connected[:port]])
        # As the link in the page comes back.
        port = :erlang.list_to_port(:erlang.port_to_list(connected[:port]))
        true = node(port) == py
        {length(sockets) == count, Enum.map(sockets, & &1[:state]),
         connected[:recv_oct] > 0, connected[:foreign_address], connected[:module],
         info[:connected].name_or_initial_call, more[:name]}
    """
    same, states, received, address, module, owner, driver = await ask(source)
    assert (same, received) == (True, True)
    assert sorted(set(states)) == [b"CONNECTED", b"LISTENING"]
    assert address.startswith(b"localhost:")
    assert (module, owner, driver) == ("inet_tcp", b":net_kernel", list(b"tcp_inet"))


async def test_tables_machine_and_allocators(ask):
    source = """
        {[], 0} = call.(:ets_callback, [nil, :size, :desc, 50])
        :error = call.(:ets_info_callback, [:words])
        %{cpu_per_core: cores, disk: disk, system_mem: memory} = os =
            call.(:os_mon_callback, [])
        {[%{name: :total, carrier_size: size}], peaks} =
            call.(:memory_allocators_callback, [nil])
        true = Float.ceil(os.cpu_avg1 / 256, 2) >= 0
        {length(cores) > 0, Enum.all?(cores, fn {_, use} -> is_float(use.user) end),
         Enum.all?(disk, fn {_, kb, percent} -> kb > 0 and percent <= 100 end),
         memory[:system_total_memory] > memory[:free_memory], peaks.total == size}
    """
    assert await ask(source) == (True,) * 5


async def test_older_dashboards_ask_with_fewer_arguments(ask, node, desk):
    source = f"""
        {{:module, _}} = :rpc.call(py, :code, :ensure_loaded, [{MODULE}])
        %{{dashboard: nil, os_mon: :os_mon}} = call.(:capabilities_callback, [])
        %{{system_info: %{{dashboard_version: _}}}} = call.(:info_callback, [nil])
        {{[row], 1}} = call.(:processes_callback, ["desk", :memory, :asc, 50])
        {{:ok, [memory: _, status: :waiting]}} =
            call.(:process_info_callback, [pid, [:memory, :status]])
        row[:pid]
    """
    assert await ask(source, pid=desk) == desk
