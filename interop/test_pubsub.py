"""Topics that a Python node shares with a BEAM, which speaks as Phoenix.PubSub does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest
import trio

from ergopy import Atom, GenServer, Node, PubSub, phoenix

from .servers import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .beam import Beam

NAME = Atom("Elixir.MyApp.PubSub")
PLAIN = Atom("Elixir.Phoenix.PubSub")
CHANNEL = Atom("Elixir.Phoenix.Channel.Server")


@pytest.fixture(params=[1, 3], ids=["one", "pool"])
async def topics(request, beam, node_options) -> AsyncIterator[Any]:
    pool = request.param
    await beam.run("ergopy_pubsub:start(Name, Pool, Pool)", Name=NAME, Pool=pool)
    try:
        async with Node(**node_options) as node:
            await node.start(PubSub, "MyApp.PubSub", pool_size=pool)
            await node.connect(beam.name)
            await beam.run("ergopy_pubsub:ready(Name, Py)", Name=NAME, Py=node.name)
            topics = PubSub.of("MyApp.PubSub", caller=node)
            await until(lambda: len(node.pg(PLAIN).members(topics.adapter)) == 2)
            yield topics
    finally:
        await beam.run("ergopy_pubsub:stop(Name)", Name=NAME)


class Listening:
    """A process of the BEAM has subscribed when the block is entered."""

    def __init__(self, beam: Beam, count: int) -> None:
        self.source = """
            Me = self(),
            Listen = fun() ->
                ergopy_pubsub:subscribe(Name, <<"t">>),
                Me ! listening,
                Me ! {heard, ergopy_pubsub:collect(Name, <<"t">>, Count)}
            end,
            spawn(Listen),
            receive listening -> ok end,
            persistent_term:put(listens, true),
            receive {heard, Heard} -> Heard end
        """
        self.beam, self.count = beam, count
        self.heard: Any = None

    async def __aenter__(self) -> Self:
        await self.beam.run("persistent_term:put(listens, false)")
        self._nursery = trio.open_nursery()
        nursery = await self._nursery.__aenter__()

        @nursery.start_soon
        async def listen() -> None:
            names = {"Name": NAME, "Count": self.count}
            self.heard = await self.beam.run(self.source, **names)

        while not await self.beam.run("persistent_term:get(listens)"):  # noqa: ASYNC110
            await trio.sleep(0.005)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._nursery.__aexit__(*error)  # type: ignore[arg-type]


async def test_broadcast_of_python_reaches_the_beam(beam, topics):
    async with Listening(beam, 4) as listening:
        await topics.broadcast("t", {"n": 1})
        await topics.broadcast_from(topics.runtime.root, "t", (Atom("a"), [1, 2.5]))
        await topics.direct_broadcast(beam.name, b"t", "direct")
        topics.local_broadcast("t", "not for you")
        await topics.broadcast_channel("t", "new", {"body": "hé"})
    event = {
        Atom("__struct__"): Atom("Elixir.Phoenix.Socket.Broadcast"),
        Atom("topic"): b"t",
        Atom("event"): b"new",
        Atom("payload"): {b"body": "hé".encode()},
    }
    assert listening.heard == [
        (PLAIN, {b"n": 1}),
        (PLAIN, (Atom("a"), [1, 2.5])),
        (PLAIN, b"direct"),
        (CHANNEL, event),
    ]


async def test_broadcast_of_the_beam_reaches_python(beam, topics):
    class Reader(GenServer):
        async def init(self) -> None:
            PubSub.of(NAME).subscribe("t", self)

        async def handle_info(self, message: Any) -> None:
            mail.append(message)

    mail: list[Any] = []
    node = topics.runtime.owner
    await node.start(Reader)
    source = """
        B = fun(Message) -> ergopy_pubsub:broadcast(Name, <<"t">>, Message) end,
        B(#{n => 1}),
        ergopy_pubsub:direct(Name, Py, <<"t">>, direct),
        ergopy_pubsub:broadcast(Name, <<"other">>, other),
        ergopy_pubsub:broadcast(Name, <<"t">>, Event, 'Elixir.Phoenix.Channel.Server'),
        B(last)
    """
    event = phoenix.Broadcast("t", "new", {b"body": b"hi"})
    async with topics.subscribe("t") as messages:
        await beam.run(source, Name=NAME, Py=node.name, Event=event)
        heard = [await anext(messages) for _ in range(4)]
    assert heard == [{Atom("n"): 1}, Atom("direct"), event, Atom("last")]
    await until(lambda: mail == heard)


async def test_many_senders_are_heard_in_order(beam, topics):
    source = """
        [spawn(fun() ->
            [ergopy_pubsub:broadcast(Name, <<"t">>, {self(), N})
             || N <- lists:seq(1, 50)]
        end) || _ <- lists:seq(1, 8)]
    """
    async with topics.subscribe("t") as messages:
        senders = await beam.run(source, Name=NAME)
        heard = [await anext(messages) for _ in range(400)]
    for sender in senders:
        assert [n for pid, n in heard if pid == sender] == list(range(1, 51))


async def test_presence_is_ignored(beam, topics):
    before = topics.runtime.whereis(topics.adapter)
    source = """
        Worker = {list_to_atom(atom_to_list(Name) ++ ".Adapter"), Py},
        [Worker ! M || M <- [{pub, heartbeat, {a, 1}, empty, #{}},
            {pub, graceful_permdown, {a, 1}}, {pub, transfer_req, r, {a, 1}, #{}}, x]],
        ergopy_pubsub:broadcast(Name, <<"t">>, last)
    """
    async with topics.subscribe("t") as messages:
        await beam.run(source, Name=NAME, Py=topics.runtime.name)
        assert await anext(messages) == Atom("last")
    assert topics.runtime.whereis(topics.adapter) == before


@pytest.mark.parametrize(("ours", "theirs"), [(1, 4), (4, 1)])
async def test_pools_of_different_sizes(beam, node_options, ours, theirs):
    sizes = {"Name": NAME, "Pool": theirs}
    await beam.run("ergopy_pubsub:start(Name, Pool, Pool)", **sizes)
    try:
        async with Node(**node_options) as node:
            await node.connect(beam.name)
            await node.start(PubSub, NAME, pool_size=ours)
            await beam.run("ergopy_pubsub:ready(Name, Py)", Name=NAME, Py=node.name)
            topics = PubSub.of(NAME, caller=node)
            source = """
                [spawn(fun() -> ergopy_pubsub:broadcast(Name, <<"t">>, N) end)
                 || N <- lists:seq(1, 20)]
            """
            async with topics.subscribe("t") as messages:
                await beam.run(source, Name=NAME)
                heard = {await anext(messages) for _ in range(20)}
            assert heard == set(range(1, 21))
            async with Listening(beam, 20) as listening:

                async def say(process: Any, number: int) -> None:
                    await topics.broadcast("t", number)

                for number in range(20):
                    await node.spawn(say, number)
            assert sorted(n for _, n in listening.heard) == list(range(20))
    finally:
        await beam.run("ergopy_pubsub:stop(Name)", Name=NAME)
