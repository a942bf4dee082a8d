"""Nodes that come and go: who is told, how often, in which order, and why."""

from __future__ import annotations

import pytest
import trio

from ergopy import Atom, Down, ExitMessage, Node, NodeDownMessage, NodeUpMessage

from .beam import unique_name
from .servers import until

ABSENT = "nobody@127.0.0.1"
COLLECT = """
    register(Name, spawn(fun() ->
        process_flag(trap_exit, true),
        Setup(),
        Loop = fun
            Loop(Mail) ->
                receive
                    {tell, Whom} -> Whom ! {mail, lists:reverse(Mail)}, Loop([]);
                    Message -> Loop([Message | Mail])
                end
        end,
        Loop([])
    end))
"""


class Collector:
    """A process that keeps what it gets, after ``await setup(proc)``."""

    def __init__(self, setup):
        self.setup = setup
        self.mail = []
        self.ready = False

    async def __call__(self, proc):
        proc.trap_exit = True
        result = self.setup(proc)
        if result is not None:
            await result
        self.ready = True
        while True:
            message = await proc.receive()
            if isinstance(message, ExitMessage) and message.reason == "shutdown":
                return
            self.mail.append(message)


async def collect(node, setup):
    collector = Collector(setup)
    await node.spawn(collector)
    await until(lambda: collector.ready)
    return collector


async def test_the_loss_of_a_watched_node_is_told_as_often_as_asked(beam, node):
    def watch(proc):
        proc.monitor_node(beam.name)
        proc.monitor_node(beam.name)
        proc.monitor_node(beam.name)
        proc.monitor_node(beam.name, False)

    watching = await collect(node, watch)
    # A BEAM that has not said anything yet may not know the connection to end.
    assert await node.ping(beam.name)
    await beam.run("erlang:disconnect_node(Py)", Py=node.name)
    await until(lambda: len(watching.mail) >= 2)
    assert watching.mail == [NodeDownMessage(beam.name)] * 2
    assert not node.runtime.node_monitors._of_one


async def test_a_node_that_cannot_be_reached_is_down_at_once(node):
    watching = await collect(node, lambda proc: proc.monitor_node(ABSENT))
    await until(lambda: watching.mail)
    assert watching.mail == [(Atom("nodedown"), Atom(ABSENT))]


async def test_a_node_that_may_connect_itself_is_waited_for(new_beam, node):
    beam = new_beam()
    node.allow([ABSENT])

    def watch(proc):
        proc.monitor_node(beam.name, allow_passive_connect=True)
        proc.monitor_node(ABSENT)

    watching = await collect(node, watch)
    await until(lambda: watching.mail)
    assert watching.mail == [NodeDownMessage(Atom(ABSENT))]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("node.disconnect(beam.name)", "disconnect"),
        ("beam.eval('erlang:disconnect_node(Py)', Py=node.name)", "connection_closed"),
        ("beam.kill9()", "connection_closed"),
    ],
)
async def test_why_a_node_is_lost(new_beam, node, end, reason):
    beam = new_beam()

    def watch(proc):
        proc.monitor_nodes()
        proc.monitor_nodes(node_type="all", nodedown_reason=True)
        proc.monitor_nodes(node_type="hidden")

    watching = await collect(node, watch)
    assert await node.ping(beam.name)
    if end.startswith("beam.eval"):
        await beam.run("erlang:disconnect_node(Py)", Py=node.name)
    else:
        eval(end)
    # A BEAM that is left may come back at once; that is another story.
    await until(lambda: len(watching.mail) >= 4)
    kind = (Atom("node_type"), Atom("visible"))
    assert [m for m in watching.mail if len(m) == 2][:2] == [
        NodeUpMessage(beam.name),
        NodeDownMessage(beam.name),
    ]
    assert [m for m in watching.mail if len(m) == 3][:2] == [
        NodeUpMessage(beam.name, [kind]),
        NodeDownMessage(beam.name, [(Atom("nodedown_reason"), Atom(reason)), kind]),
    ]


async def test_a_hidden_node_is_told_to_those_who_ask_for_it(new_beam, node):
    beam = new_beam(args=("-hidden",))

    def watch(proc):
        proc.monitor_nodes()
        proc.monitor_nodes(node_type="hidden")

    watching = await collect(node, watch)
    assert await node.ping(beam.name)
    node.disconnect(beam.name)
    kind = [(Atom("node_type"), Atom("hidden"))]
    await until(lambda: len(watching.mail) == 2)
    assert watching.mail == [
        NodeUpMessage(beam.name, kind),
        NodeDownMessage(beam.name, kind),
    ]


async def test_a_program_hears_of_a_node_that_comes_back(new_beam, node):
    beam = new_beam()
    seen = []
    async with node.monitor_nodes(nodedown_reason=True) as events:
        assert await node.ping(beam.name)
        await beam.restart()
        await until(lambda: beam.name not in node.nodes())
        assert await node.ping(beam.name)
        with trio.fail_after(5):
            async for event in events:
                seen.append((type(event), event.node, getattr(event, "reason", None)))
                if len(seen) == 3:
                    break
    assert seen == [
        (NodeUpMessage, beam.name, None),
        (NodeDownMessage, beam.name, Atom("connection_closed")),
        (NodeUpMessage, beam.name, None),
    ]


async def test_the_order_of_a_loss_is_that_of_a_beam(beam, node):
    """Exits, monitors of the node and of processes, and last who hears of all nodes."""
    pids = await beam.run("[spawn(fun() -> receive stop -> ok end end) || _ <- [1, 2]]")
    refs = []

    async def depend(proc):
        proc.monitor_nodes()
        proc.monitor_node(beam.name)
        for pid in pids:
            refs.append(await proc.monitor(pid))
        for pid in pids:
            await proc.link(pid)

    depending = await collect(node, depend)
    assert await node.ping(beam.name)
    up = [m for m in depending.mail if isinstance(m, NodeUpMessage)]
    depending.mail.clear()
    await beam.run("erlang:disconnect_node(Py)", Py=node.name)
    # A BEAM that is left may come back at once.
    await until(lambda: len(depending.mail) >= 6)
    lost = Atom("noconnection")
    assert up == [NodeUpMessage(beam.name)]
    assert depending.mail[:6] == [
        *(ExitMessage(pid, lost) for pid in pids),
        NodeDownMessage(beam.name),
        *(Down(ref, pid, lost) for ref, pid in zip(refs, pids, strict=True)),
        NodeDownMessage(beam.name),
    ]
    await beam.run("[P ! stop || P <- Pids]", Pids=pids)


@pytest.mark.parametrize("hidden", [False, True])
async def test_a_beam_hears_of_a_python_node(beam, node_options, hidden):
    async with Node(**node_options, hidden=hidden) as node:
        setup = """
            Setup = fun() ->
                net_kernel:monitor_nodes(true, [{node_type, all}, nodedown_reason]),
                pong = net_adm:ping(Py),
                true = monitor_node(Py, true)
            end,
        """
        watcher = Atom(f"watcher_{node.port}")
        await beam.run(setup + COLLECT, Py=node.name, Name=watcher)
        # It answers when it has made its monitors, and not before.
        tell = "Name ! {tell, self()}, receive {mail, Mail} -> Mail end"
        mail = await beam.run(tell, Name=watcher)
    name = Atom(node_options["name"])
    with trio.fail_after(10):
        while len(mail := [m for m in mail if m[1] == name]) < 3:
            mail += await beam.run(tell, Name=watcher)
    kind = (Atom("node_type"), Atom("hidden" if hidden else "visible"))
    why = (Atom("nodedown_reason"), Atom("connection_closed"))
    assert mail == [
        (Atom("nodeup"), name, [kind]),
        (Atom("nodedown"), name),
        (Atom("nodedown"), name, [why, kind]),
    ]
    await beam.run("exit(whereis(Name), kill)", Name=watcher)


async def test_a_frozen_node_is_lost_with_the_reason_of_a_beam(new_beam, node_options):
    beam = new_beam()
    async with Node(**node_options, net_ticktime=1.0) as node:

        def watch(proc):
            proc.monitor_nodes(node_type="all", nodedown_reason=True)

        watching = await collect(node, watch)
        assert await node.ping(beam.name)
        beam.pause()
        await until(lambda: len(watching.mail) == 2)
        beam.resume()
        assert watching.mail[1].reason == "net_tick_timeout"


async def test_elixir_watches_links_and_ends_python_processes(elixir, node):
    source = """
        Process.flag(:trap_exit, true)
        ref = Process.monitor(pid)
        named = Process.monitor({:kept, py})
        Process.link(pid)
        Process.group_leader(pid, self())
        Process.exit(pid, {:shutdown, :enough})
        exit = receive do {:EXIT, ^pid, reason} -> reason end
        down = receive do {:DOWN, ^ref, :process, ^pid, reason} -> reason end
        true = Process.demonitor(named, [:info, :flush])
        absent = Process.monitor({:absent, py})
        noproc = receive do {:DOWN, ^absent, :process, who, reason} -> {who, reason} end
        {exit, down, noproc}
    """

    async def idle(proc):
        await trio.sleep_forever()

    pid = await node.spawn(idle)
    await node.spawn(idle, name="kept")
    answer = await elixir.elixir(source, pid=pid, py=node.name)
    enough = (Atom("shutdown"), Atom("enough"))
    absent = ((Atom("absent"), node.name), Atom("noproc"))
    assert answer == (enough, enough, absent)


async def test_elixir_monitors_a_python_node(elixir, node):
    source = """
        Node.monitor(py, true)
        true = Node.connect(py)
        true = Node.disconnect(py)
        receive do message -> message end
    """
    answer = await elixir.elixir(source, py=node.name)
    assert answer == (Atom("nodedown"), node.name)
    name = unique_name("gone")
    source = "Node.monitor(py, true); receive do message -> message end"
    answer = await elixir.elixir(source, py=Atom(name))
    assert answer == (Atom("nodedown"), Atom(name))
