"""Event managers: the functions of ``gen_event`` on ours, our verbs on a BEAM's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio

import etf
from ergopy import Atom, EventHandler, EventManager, HandlerError, event_manager
from ergopy.gen.event_manager import Remove, Swap

from .servers import inside, local_name, until
from .supervised import python_child

__all__ = ["python_child"]

CASES = Path(__file__).parents[1] / "tests" / "data" / "event_manager_cases.json"
MODULE = Atom("ergopy_peer_events")


class Total(EventHandler):
    """Adds up, and does what an event says."""

    async def init(self, args):
        match args:
            case "refuse":
                return (Atom("error"), Atom("refused"))
            case (start, former):
                self.former, args = former, start
        self.total = args
        return None

    async def handle_event(self, event):
        match event:
            case ("add", int(n)):
                self.total += n
            case "crash":
                raise ValueError("wanted")
            case "leave":
                return Remove()
            case ("become", name, args):
                return Swap(name, args, leaving=Atom("bye"))
        return None

    async def handle_info(self, message):
        await self.handle_event(message)

    async def handle_call(self, request):
        if request == "odd":
            return object()
        return self.total

    async def terminate(self, args):
        return (Atom("left"), self.total)


@pytest.fixture
async def events(node):
    return await node.start(EventManager, name="events", handlers={"total": Total})


async def test_random_scripts_do_on_this_release_what_they_do_in_python(beam):
    rows = [tuple(map(etf.parse, row)) for row in json.loads(CASES.read_text("utf-8"))]
    source = "ergopy_peer_events:run_all(Scripts)"
    logs = await beam.run(source, 15, Scripts=[script for script, _ in rows])
    different = [
        (script, log)
        for (script, expected), log in zip(rows, logs, strict=True)
        if not etf.same(log, expected)
    ]
    assert different == []


async def test_beam_adds_a_handler_and_tells_it_events(beam, node, events):
    source = """
        Manager = {events, Py},
        ok = gen_event:add_handler(Manager, total, 1),
        ok = gen_event:add_handler(Manager, {total, two}, 100),
        gen_event:notify(Manager, {add, 5}),
        ok = gen_event:sync_notify(Manager, {add, 6}),
        Manager ! {add, 7},
        {gen_event:which_handlers(Manager),
         gen_event:call(Manager, total, total),
         gen_event:call(Manager, {total, two}, total, 5000),
         gen_event:delete_handler(Manager, {total, two}, done),
         gen_event:which_handlers(Manager)}
    """
    assert await beam.run(source, Py=node.name) == (
        [("total", "two"), "total"],
        19,
        118,
        ("left", 118),
        ["total"],
    )


async def test_beam_can_add_only_what_the_manager_was_given(beam, node, events):
    source = """
        Manager = {events, Py},
        {'EXIT', {undef, [{os, init, [1], []}]}} =
            gen_event:add_handler(Manager, os, 1),
        {'EXIT', {undef, _}} = gen_event:add_handler(Manager, {os, 1}, 1),
        {gen_event:add_handler(Manager, total, refuse),
         gen_event:call(Manager, os, 1),
         gen_event:delete_handler(Manager, os, 1),
         gen_event:which_handlers(Manager)}
    """
    assert await beam.run(source, Py=node.name) == (
        ("error", "refused"),
        ("error", "bad_module"),
        ("error", "module_not_found"),
        [],
    )


async def test_beam_supervises_a_handler(beam, node, events):
    source = """
        Manager = {events, Py},
        [ok = gen_event:add_sup_handler(Manager, {total, N}, N) || N <- [1, 2, 3]],
        {left, 1} = gen_event:delete_handler(Manager, {total, 1}, done),
        ok = gen_event:swap_handler(Manager, {{total, 2}, why}, {{total, 9}, 9}),
        ok = gen_event:sync_notify(Manager, crash),
        Told = [receive {gen_event_EXIT, Handler, Reason} -> {Handler, Reason}
                after 5000 -> timeout end || _ <- [1, 2, 3, 4]],
        {Told, gen_event:which_handlers(Manager), self()}
    """
    told, left, pid = await beam.run(source, Py=node.name)
    assert told[:2] == [
        (("total", 1), "normal"),
        (("total", 2), ("swapped", ("total", 9), pid)),
    ]
    assert {handler for handler, _ in told[2:]} == {("total", 9), ("total", 3)}
    assert {reason[0] for _, reason in told[2:]} == {"EXIT"}
    assert {reason[1][1] for _, reason in told[2:]} == {b"builtins.ValueError"}
    assert left == []


async def test_a_handler_ends_with_the_beam_process_that_supervises_it(
    beam, node, events
):
    await beam.run(
        "ok = gen_event:add_sup_handler({events, Py}, total, 1)", Py=node.name
    )
    with trio.fail_after(5):
        while await event_manager.which_handlers("events", caller=node):  # noqa: ASYNC110
            await trio.sleep(0.01)


async def test_beam_stops_a_manager_and_its_supervisors_hear(beam, node, events):
    source = """
        ok = gen_event:add_sup_handler({events, Py}, total, 1),
        ok = gen_event:stop({events, Py}),
        receive Message -> Message after 5000 -> timeout end
    """
    message = await beam.run(source, Py=node.name)
    assert message == ("gen_event_EXIT", "total", "shutdown")
    assert node.whereis("events") is None


async def test_beam_sends_requests(beam, node, events):
    source = """
        ok = gen_event:add_handler({events, Py}, total, 5),
        Id = gen_event:send_request({events, Py}, total, total),
        gen_event:receive_response(Id, 5000)
    """
    assert await beam.run(source, Py=node.name) == ("reply", 5)


async def test_an_answer_that_is_no_term_ends_nobody(beam, node, events):
    source = """
        ok = gen_event:add_handler({events, Py}, total, 5),
        {error, {'EXIT', {python, Class, _, _}}} =
            gen_event:call({events, Py}, total, odd),
        {Class, gen_event:call({events, Py}, total, total)}
    """
    answer = await beam.run(source, Py=node.name)
    assert answer == (b"etf._errors.EncodeError", 5)


async def test_beam_looks_into_a_manager(beam, node, events):
    source = """
        ok = gen_event:add_handler({events, Py}, {total, 1}, 5),
        {status, _, _, [_, running, _, [], Parts]} = sys:get_status({events, Py}),
        {items, {Title, Installed}} = lists:keyfind(items, 1, Parts),
        [{header, Header} | _] = Parts,
        {sys:get_state({events, Py}), list_to_binary(Header),
         list_to_binary(Title), Installed}
    """
    state, header, title, installed = await beam.run(source, Py=node.name)
    assert state == [("total", 1, {"total": 5})]
    assert header == b"Status for event handler events"
    assert title == b"Installed handlers"
    assert installed == [("handler", "total", 1, {"total": 5}, False)]


async def test_a_supervisor_on_the_beam_has_a_python_manager_as_a_child(
    beam, node, python_child
):
    class Manager(EventManager):
        handlers = {"total": Total}  # noqa: RUF012

    node.provide_spawn("manager", Manager)
    source = """
        true = code:add_patha(Folder),
        Start = {python_child, start_link, [Py, manager, []]},
        Child = #{id => events, start => Start, shutdown => 5000, modules => dynamic},
        {ok, Sup} =
            gen_server:start(supervisor, {self, ergopy_peer_sup, {#{}, [Child]}}, []),
        [{events, Pid, worker, dynamic}] = supervisor:which_children(Sup),
        ok = gen_event:add_handler(Pid, total, 5),
        Total = gen_event:call(Pid, total, total),
        Monitor = monitor(process, Pid),
        ok = gen_server:stop(Sup),
        receive {'DOWN', Monitor, _, _, Reason} -> {Total, Reason} end
    """
    folder = etf.Charlist(python_child)
    answer = await beam.run(source, Py=node.name, Folder=folder)
    assert answer == (5, "shutdown")


@pytest.fixture
async def theirs(beam):
    """An event manager on the BEAM, as ``(name, node)``."""
    name = local_name("events")
    await beam.run("{ok, _} = gen_event:start({local, Name})", Name=name)
    yield name, beam.name
    source = "case whereis(Name) of undefined -> ok; Pid -> exit(Pid, kill) end"
    await beam.run(source, Name=name)


async def test_python_uses_an_event_manager_of_the_beam(node, theirs):
    log = []

    async def driver(proc):
        args = (Atom("driver"), proc.pid)
        await event_manager.add_handler(theirs, (MODULE, 1), args)
        await event_manager.notify(theirs, {})
        await event_manager.sync_notify(theirs, {Atom("first"): Atom("stay")})
        log.append(await event_manager.call(theirs, (MODULE, 1), {}))
        log.append(await event_manager.which_handlers(theirs))
        new = (MODULE, Atom("u"))
        await event_manager.swap_handler(theirs, ((MODULE, 1), Atom("why")), new)
        log.append(await event_manager.delete_handler(theirs, MODULE, Atom("bye")))
        with pytest.raises(HandlerError) as caught:
            await event_manager.call(theirs, MODULE, {})
        log.append(caught.value.reason)
        with pytest.raises(HandlerError) as caught:
            await event_manager.delete_handler(theirs, MODULE)
        log.append(caught.value.reason)
        log.append([message[1][0] for message in proc.messages()])

    await inside(node, driver)
    assert log == [
        ("reply", "first"),
        [(MODULE, 1)],
        ("left", "u"),
        "bad_module",
        "module_not_found",
        ["event", "event", "call", "terminate", "swapped_in", "init", "terminate"],
    ]


async def test_python_supervises_a_handler_on_the_beam(node, theirs):
    log = []

    async def owner(proc):
        args = (Atom("driver"), proc.pid)
        await event_manager.add_sup_handler(theirs, MODULE, args)
        new = ((MODULE, 2), Atom("v"))
        await event_manager.swap_sup_handler(theirs, (MODULE, Atom("why")), new)
        await event_manager.notify(theirs, {Atom("v"): Atom("crash")})
        for _ in range(2):
            log.append(await proc.receive(lambda m: m[0] == "gen_event_EXIT", 5))
        with pytest.raises(HandlerError) as caught:
            await event_manager.add_handler(theirs, MODULE, Atom("refuse"))
        log.append(caught.value.reason)
        with pytest.raises(HandlerError) as caught:
            await event_manager.add_handler(theirs, MODULE, Atom("crash"))
        log.append(caught.value.reason)
        log.append(proc.pid)

    await inside(node, owner)
    swapped, crashed, refused, failed, pid = log
    assert swapped == ("gen_event_EXIT", MODULE, ("swapped", (MODULE, 2), pid))
    assert crashed == ("gen_event_EXIT", (MODULE, 2), ("EXIT", "wanted"))
    assert (refused, failed) == ("refused", ("EXIT", "wanted"))


async def test_python_managers_on_two_nodes_use_each_other_by_name(
    node, events, node_options
):
    from ergopy import Node

    from .beam import unique_name

    async with Node(**{**node_options, "name": unique_name("py")}) as other:
        dest = ("events", node.name)
        await event_manager.add_handler(dest, "total", 1, caller=other)
        await event_manager.sync_notify(dest, (Atom("add"), 2), caller=other)
        assert await event_manager.call(dest, "total", 0, caller=other) == 3
        with pytest.raises(etf.EncodeError):
            await event_manager.add_handler(dest, Total, 1, caller=other)


async def test_elixir_uses_a_python_manager(elixir, node, events):
    source = """
        manager = {:events, py}
        :ok = :gen_event.add_handler(manager, :total, 1)
        :ok = :gen_event.sync_notify(manager, {:add, 2})
        {:gen_event.call(manager, :total, :total), :sys.get_state(manager),
         GenServer.stop(manager)}
    """
    total, state, stopped = await elixir.elixir(source, py=node.name)
    assert (total, stopped) == (3, "ok")
    assert state == [("total", False, {"total": 3})]
    await until(lambda: node.whereis("events") is None)
