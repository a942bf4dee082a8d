"""A ConsumerSupervisor in Python: fed by producers on a BEAM, and asked from there."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import ergopy
from ergopy import Atom, ChildSpec, ConsumerSupervisor, GenServer, Stop, supervisor

from .servers import until
from .staged import CANCEL
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages


class Job(GenServer):
    """A child that lives until it is told to end."""

    async def init(self, events: list[Any], event: Any) -> None:
        self.event = event
        events.append(event)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.event

    async def handle_cast(self, reason: Any) -> Any:
        return Stop(reason)


class Work:
    """What children have done, all of them together."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.alive = self.most = 0

    async def child(self, process: ergopy.Process, event: Any) -> None:
        self.alive += 1
        self.most = max(self.most, self.alive)
        await trio.lowlevel.checkpoint()
        self.alive -= 1
        self.done.append(event)


@pytest.fixture
def events() -> list[Any]:
    """The events that jobs were started for."""
    return []


async def jobs(node: ergopy.Node, events: list[Any], *to: Any, **spec: Any) -> Any:
    """A supervisor of jobs, subscribed as it says, and named for a BEAM."""
    template = ChildSpec(Job, events, **{"restart": "temporary", **spec})
    return await node.start(ConsumerSupervisor, template, subscribe_to=to, name="jobs")


async def pids(node: ergopy.Node) -> list[Any]:
    rows = await supervisor.which_children("jobs", caller=node)
    return [row.pid for row in rows]


@pytest.mark.parametrize(("most", "least"), [(1, 0), (7, 3), (50, 25), (1000, 999)])
async def test_each_event_of_a_producer_has_a_child(stages, node, most, least):
    work, last = Work(), 20 * most
    producer = await stages.producer(last=last)
    target = (producer.pid, {"max_demand": most, "min_demand": least})
    await node.start(ConsumerSupervisor, work.child, subscribe_to=[target])
    # The last ones may be fewer than are asked for at once.
    with trio.fail_after(40):
        while len(work.done) < last:  # noqa: ASYNC110 - of other processes
            await trio.sleep(0.01)
    assert sorted(work.done) == list(range(1, last + 1))
    assert work.most <= most


async def test_the_producer_is_asked_as_the_children_end(stages, node, events):
    recorder = await stages.recorder()
    await jobs(node, events, (recorder.pid, {"max_demand": 5, "min_demand": 2}))
    subscription, current, options = await recorder.subscribed()
    assert current is None
    assert options == {"max_demand": 5, "min_demand": 2}
    assert await recorder.asked(subscription) == 5
    await recorder.give(subscription, [1, b"two", Atom("three")])
    await recorder.give(subscription, [4, (5, [])])
    await until(lambda: len(events) == 5)
    assert events == [1, b"two", "three", 4, (5, [])]
    for pid in (await pids(node))[:4]:
        await node.cast(pid, Atom("normal"))
    assert await recorder.asked(subscription) == 2
    assert await recorder.asked(subscription) == 2
    assert await recorder.rest() == []


async def test_a_child_that_a_beam_kills_leaves_its_place(stages, node, events):
    recorder = await stages.recorder()
    await jobs(node, events, (recorder.pid, {"max_demand": 1}))
    subscription, *_ = await recorder.subscribed()
    for event in (1, 2):
        assert await recorder.asked(subscription) == 1
        await recorder.give(subscription, [event])
        await until(lambda event=event: event in events)
        (pid,) = await pids(node)
        await stages.beam.run("exit(Pid, kill)", Pid=pid)
    assert await recorder.asked(subscription) == 1


async def test_a_transient_child_that_a_beam_kills_has_its_event_again(
    stages, node, events
):
    recorder = await stages.recorder()
    target = (recorder.pid, {"max_demand": 1})
    await jobs(node, events, target, restart="transient")
    subscription, *_ = await recorder.subscribed()
    assert await recorder.asked(subscription) == 1
    await recorder.give(subscription, [b"event"])
    await until(lambda: events)
    await stages.beam.run("exit(Pid, kill)", Pid=(await pids(node))[0])
    await until(lambda: len(events) == 2)
    assert events == [b"event"] * 2
    assert await recorder.rest() == []
    await node.cast((await pids(node))[0], Atom("normal"))
    assert await recorder.asked(subscription) == 1


async def test_a_beam_has_it_subscribe(stages, node, events):
    await jobs(node, events)
    producer = await stages.producer(last=3)
    source = "gen_server:call(To, {'$subscribe', nil, Producer, [{max_demand, 10}]})"
    to = (Atom("jobs"), node.name)
    ok, tag = await stages.beam.run(source, To=to, Producer=producer.pid)
    assert ok == "ok"
    await until(lambda: events == [1, 2, 3])
    consumers = await producer.call("consumers")
    assert consumers == [tag]


async def test_a_beam_asks_what_the_functions_of_genstage_ask(stages, node, events):
    await jobs(node, events)
    source = """
        Ask = fun(Request) -> gen_server:call(To, Request, infinity) end,
        {ok, Pid} = Ask({start_child, [one]}),
        {ok, _} = Ask({start_child, [two]}),
        {error, {python, _, _, _}} = Ask({start_child, []}),
        Rows = Ask(which_children),
        Counts = Ask(count_children),
        one = gen_server:call(Pid, event),
        {Rows, Counts, Ask({terminate_child, Pid}), Ask({terminate_child, Pid}),
         maps:get(active, Ask(count_children))}
    """
    to = (Atom("jobs"), node.name)
    rows, counted, *rest = await stages.beam.run(source, To=to)
    name = f"{Job.__module__}.{Job.__qualname__}"
    assert [row[:1] + row[2:] for row in rows] == [("undefined", "worker", [name])] * 2
    assert counted == {"specs": 1, "active": 2, "supervisors": 0, "workers": 2}
    assert rest == ["ok", ("error", "not_found"), 1]


async def test_supervisors_of_elixir_look_at_it(elixir, node, events):
    await jobs(node, events)
    pid = await supervisor.start_child("jobs", [1], caller=node)
    jobs_there = (Atom("jobs"), node.name)
    rows, same, stopped, again = await elixir.elixir(
        """
        rows = Supervisor.which_children(jobs)
        [{_, pid, _, _}] = rows
        ref = Process.monitor(pid)
        stopped = DynamicSupervisor.terminate_child(jobs, pid)
        receive do {:DOWN, ^ref, _, _, :shutdown} -> :ok end
        {rows, DynamicSupervisor.which_children(jobs) == [], stopped,
         DynamicSupervisor.terminate_child(jobs, pid)}
        """,
        jobs=jobs_there,
    )
    assert [row[1] for row in rows] == [pid]
    assert (same, stopped, again) == (True, "ok", ("error", "not_found"))


async def test_children_may_run_on_the_beam(stages, node):
    recorder = await stages.recorder()
    template = ChildSpec(("timer", "sleep"), node=stages.name, restart="temporary")
    target = (recorder.pid, {"max_demand": 3})
    sup = await node.start(ConsumerSupervisor, template, subscribe_to=[target])
    subscription, *_ = await recorder.subscribed()
    assert await recorder.asked(subscription) == 3
    await recorder.give(subscription, [Atom("infinity")])
    await recorder.give(subscription, [1, 1])
    assert await recorder.asked(subscription) == 1
    assert await recorder.asked(subscription) == 1
    (row,) = await supervisor.which_children(sup, caller=node)
    assert row.pid.node == stages.name
    await node.stop(sup)
    gone = "ergopy_peer:until(fun() -> not is_process_alive(Pid) end)"
    assert await stages.beam.run(gone, Pid=row.pid) is True


@pytest.mark.parametrize("cancel", ["permanent", "temporary"])
async def test_the_producers_node_is_lost(new_stages, node, events, cancel):
    stages = new_stages()
    recorder = await stages.recorder()
    sup = await jobs(node, events, (recorder.pid, {"cancel": cancel}))
    subscription, *_ = await recorder.subscribed()
    await recorder.asked(subscription)
    await recorder.give(subscription, [1, 2])
    await until(lambda: len(events) == 2)
    children = await pids(node)
    stages.beam.kill9()
    if cancel == "temporary":
        await until(lambda: stages.name not in node.nodes())
        assert await pids(node) == children
        return
    await until(lambda: node.runtime.find(sup) is None)
    assert [node.runtime.find(child) for child in children] == [None, None]


async def test_what_ends_the_subscription_ends_it(stages, node, events):
    recorder = await stages.recorder()
    sup = await jobs(node, events, recorder.pid)
    subscription, *_ = await recorder.subscribed()
    monitor = await recorder.monitor(sup)
    await recorder.asked(subscription)
    await recorder.give(subscription, (CANCEL, Atom("enough")))
    down = (Atom("DOWN"), monitor, Atom("process"), sup, Atom("enough"))
    assert await recorder.next() == down
