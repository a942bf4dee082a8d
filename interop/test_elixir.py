"""The same ground in Elixir's own words."""

from __future__ import annotations

import pytest

import etf
from ergopy import Atom, CallExit

from .beam import BeamError
from .servers import sleeper


async def test_node_ping_and_connect(elixir, node):
    source = "{Node.ping(py), Node.connect(py), py in Node.list()}"
    assert await elixir.elixir(source, py=node.name) == ("pong", True, True)


async def test_python_pings_elixir(elixir, node):
    assert await node.ping(elixir.name)


async def test_genserver_call_and_cast(elixir, node, desk):
    source = """
        :ok = GenServer.cast({:desk, py}, {:add, 3})
        GenServer.call({:desk, py}, {:add, 4})
    """
    assert await elixir.elixir(source, py=node.name) == 7


async def test_genserver_call_by_pid(elixir, node, desk):
    source = 'GenServer.call(pid, {:echo, "text"})'
    assert await elixir.elixir(source, pid=desk) == b"text"


async def test_multi_call_and_abcast(elixir, node, desk):
    source = """
        :abcast = GenServer.abcast([py], :desk, {:add, 1})
        GenServer.multi_call([py], :desk, :value, 3000)
    """
    assert await elixir.elixir(source, py=node.name) == ([(node.name, 1)], [])


async def test_call_timeout_exits_the_caller_and_leaves_nothing(elixir, node, desk):
    source = """
        reason =
          try do
            GenServer.call({:desk, py}, {:later, 0.5, :late}, 30)
          catch
            :exit, {reason, _} -> reason
          end
        {reason, :ergopy_peer.flush(700)}
    """
    assert await elixir.elixir(source, py=node.name) == ("timeout", [])


async def test_python_exception_is_the_exit_reason(elixir, node, desk):
    with pytest.raises(BeamError) as caught:
        await elixir.elixir("GenServer.call({:desk, py}, :crash)", py=node.name)
    reason, (module, function, _) = caught.value.reason
    assert (module, function) == ("Elixir.GenServer", "call")
    assert reason[:3] == ("python", b"builtins.ValueError", b"wanted")


@pytest.mark.parametrize("reason", [":normal", ":shutdown", "{:shutdown, 1}"])
async def test_genserver_stop(elixir, node, desk, reason):
    source = f"GenServer.stop({{:desk, py}}, {reason})"
    assert await elixir.elixir(source, py=node.name) == "ok"
    assert node.whereis("desk") is None


async def test_process_monitor_and_exit(elixir, node):
    pid = await node.spawn(sleeper)
    source = """
        ref = Process.monitor(pid)
        Process.exit(pid, :kill)
        receive do {:DOWN, ^ref, :process, ^pid, reason} -> reason end
    """
    assert await elixir.elixir(source, pid=pid) == "killed"


async def test_send_and_receive(elixir, node, desk):
    source = """
        send({:desk, py}, {:ping, self()})
        receive do {:pong, pid} -> pid end
    """
    assert await elixir.elixir(source, py=node.name) == desk


async def test_rpc_call_into_exports(elixir, node):
    node.export("tools", {"upper": lambda data: data.upper()})
    source = """
        {:rpc.call(py, :tools, :upper, ["abc"]), :erpc.call(py, :tools, :upper, ["x"])}
    """
    assert await elixir.elixir(source, py=node.name) == (b"ABC", b"X")


async def test_node_spawn_of_a_provided_program(elixir, node):
    node.provide_spawn("sleeper", sleeper)
    source = """
        pid = Node.spawn_link(py, :sleeper, :start, [])
        Process.unlink(pid)
        ref = Process.monitor(pid)
        send(pid, {:exit, :bye})
        receive do {:DOWN, ^ref, _, _, reason} -> reason end
    """
    assert await elixir.elixir(source, py=node.name) == "bye"


async def test_struct_and_strings_survive_the_round_trip(elixir, node, desk):
    source = """
        order = struct(Peer.Order, id: 7, note: "grün", lines: [{:sku, 'char'}, nil])
        order === GenServer.call({:desk, py}, {:echo, order})
    """
    assert await elixir.elixir(source, py=node.name) is True


async def test_python_calls_an_elixir_genserver(elixir, node):
    await elixir.elixir("{:ok, _} = Peer.Counter.start(:out, 1)")
    counter = ("out", elixir.name)
    assert await node.call(counter, (Atom("add"), 2)) == 3
    await node.cast(counter, (Atom("add"), 4))
    assert await node.call(counter, Atom("value")) == 7
    assert await node.call(counter, (Atom("echo"), None)) is None
    await node.stop(counter)
    assert await elixir.elixir("Process.whereis(:out)") is None


async def test_elixir_exception_is_readable_in_python(elixir, node):
    await elixir.elixir("{:ok, _} = Peer.Counter.start(:crashing, 1)")
    with pytest.raises(CallExit) as caught:
        await node.call(("crashing", elixir.name), Atom("crash"))
    exception, _stack = caught.value.reason
    assert exception[Atom("__struct__")] == "Elixir.ArgumentError"
    assert exception[Atom("message")] == b"wanted"


async def test_python_calls_elixir_functions(elixir, node):
    value = await node.rpc(elixir.name, "Elixir.String", "split", ["a b c"], timeout=5)
    assert value == [b"a", b"b", b"c"]


async def test_task_and_agent_over_the_connection(elixir, node, desk):
    source = """
        1..20
        |> Task.async_stream(fn n -> GenServer.call({:desk, py}, {:echo, n}) end)
        |> Enum.map(fn {:ok, n} -> n end)
    """
    assert await elixir.elixir(source, py=node.name) == list(range(1, 21))


async def test_sys_get_state(elixir, node, desk):
    assert await elixir.elixir(":sys.get_state({:desk, py})", py=node.name) == {
        Atom("value"): 0
    }


async def test_io_puts_of_a_term_from_python(elixir, node, desk):
    source = "inspect(GenServer.call({:desk, py}, {:echo, term}))"
    term = {Atom("a"): [1, (2, b"x")]}
    shown = await elixir.elixir(source, py=node.name, term=term)
    assert shown == b'%{a: [1, {2, "x"}]}'
    assert etf.same(term, {Atom("a"): [1, (2, b"x")]})
