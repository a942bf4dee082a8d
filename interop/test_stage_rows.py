"""Ends and crowds that no other chapter of stages has."""

from __future__ import annotations

import itertools

import pytest

from ergopy import Atom

from .python_stages import Adder, Counter, Log, Sink, answer, do
from .python_stages import log as log
from .servers import until
from .staged import new_stages as new_stages
from .staged import stage_code as stage_code
from .staged import stages as stages

MODES = ["permanent", "transient", "temporary"]
CUTS = 8
IN_FLIGHT = 2500
"""The demand of the middle, a batch that it holds, and the demand of the sink."""

THOUSAND = """
    Subscribe = fun(N) ->
        Tag = monitor(process, P),
        P ! {'$gen_producer', {self(), Tag}, {subscribe, nil, []}},
        P ! {'$gen_producer', {self(), Tag}, {ask, N rem 3 + 1}},
        Tag
    end,
    Tags = [Subscribe(N) || N <- lists:seq(1, 1000)],
    [receive {'$gen_consumer', {P, Tag}, Events} -> Events end || Tag <- Tags]
"""


class Persistent(Adder):
    """Subscribes again when it has lost its producer."""

    async def handle_canceled(self, subscription, reason):
        await super().handle_canceled(subscription, reason)
        self.send_after(0.01, self.pid, Atom("again"))

    async def handle_info(self, message):
        if message == "again":
            ((to, options),) = self.subscribe_to
            await self.subscribe(to, **options)
        else:
            await super().handle_info(message)


@pytest.mark.parametrize("cancel", MODES)
@pytest.mark.parametrize("how", ["killed", "cut"])
async def test_what_the_loss_of_a_producer_means(stages, node, log, how, cancel):
    producer = await stages.producer()
    to = [(producer.pid, {"cancel": cancel})]
    sink = await node.start(Sink, log, to, name="sink")
    await until(lambda: log.events)
    if how == "killed":
        await producer.kill()
    else:
        node.disconnect(stages.name)
    reason = "killed" if how == "killed" else "noconnection"
    await until(lambda: log.ended)
    assert log.ended == [(Atom("down"), Atom(reason))]
    if cancel == "temporary":
        assert await do(node, sink, lambda stage: answer(stage.subscriptions)) == []
    else:
        await until(lambda: node.whereis("sink") is None)


async def test_a_connection_that_is_cut_again_and_again_doubles_nothing(
    stages, node, log
):
    producer = await stages.producer(name="source")
    to = [((Atom("source"), stages.name), {"cancel": "temporary"})]
    middle = await node.start(Persistent, log, to)
    sink = await stages.consumer(middle, cancel="temporary", retry=10)
    for cut in range(CUTS):
        await until(lambda n=cut: len(log.opened) > n)
        beyond = len(log.events) + 5_000
        await until(lambda n=beyond: len(log.events) > n)
        if cut % 2:
            node.disconnect(stages.name)
        else:
            await stages.beam.run("erlang:disconnect_node(Py)", Py=node.name)
        await until(lambda n=cut: len(log.ended) > n)
    runs = await sink.got(len(log.events) + 5_000)
    assert len(runs) > 1
    for (_, last), (again, _) in itertools.pairwise(runs):
        assert 0 < again - last <= IN_FLIGHT
    assert log.events == sorted(set(log.events))
    await producer.kill()


async def test_each_of_a_thousand_subscriptions_of_a_process_is_served(stages, node):
    counter = await node.start(Counter, Log())
    batches = await stages.beam.run(THOUSAND, P=counter)
    assert [len(events) for events in batches] == [n % 3 + 1 for n in range(1, 1001)]
    events = sorted(event for batch in batches for event in batch)
    assert events == list(range(1, len(events) + 1))
