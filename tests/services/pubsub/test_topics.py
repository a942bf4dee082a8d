"""Topics of one node, and of several: who gets what."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import (
    Atom,
    ChildSpec,
    LocalProtocolError,
    NoProcess,
    PubSub,
    StartError,
    Supervisor,
    phoenix,
)
from ergopy.testing import MemoryNetwork, node_pair
from tests.runtimes import idle, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NAME = "MyApp.PubSub"
ADAPTER = Atom("Elixir.MyApp.PubSub.Adapter")
SCOPE = "Elixir.Phoenix.PubSub"
FORWARD = Atom("forward_to_local")


@pytest.fixture
async def node() -> AsyncIterator[ergopy.Node]:
    async with MemoryNetwork().node("a") as node:
        await node.start(PubSub, NAME)
        yield node


@pytest.fixture
async def pair() -> AsyncIterator[tuple[ergopy.Node, ergopy.Node]]:
    async with node_pair() as (a, b):
        for node in (a, b):
            await node.start(PubSub, NAME)
        await a.connect(b.name)
        await settle()
        yield a, b


def of(node: ergopy.Node) -> Any:
    return PubSub.of(NAME, caller=node)


async def reader(node: ergopy.Node) -> Any:
    """A process that leaves its mail where it can be looked at."""
    process = node.runtime.find(await node.spawn(idle))
    assert process is not None
    return process


async def test_it_is_in_pg_as_its_adapter(node):
    pid = node.whereis(ADAPTER)
    assert node.pg(SCOPE).members(ADAPTER) == [pid]
    assert of(node) is PubSub.of("Elixir.MyApp.PubSub", caller=node)
    assert of(node).name == "Elixir.MyApp.PubSub"
    assert of(node).node_name() == node.name


async def test_name_that_is_no_module_of_elixir(node):
    await node.start(PubSub, "my_pubsub")
    assert node.whereis("my_pubsub.Adapter") is not None


async def test_what_a_program_hears(node):
    topics = of(node)
    async with topics.subscribe("room:1") as messages:
        await topics.broadcast("room:2", "elsewhere")
        await topics.broadcast("room:1", "one")
        topics.local_broadcast(b"room:1", "two")
        await topics.direct_broadcast(node.name, "room:1", "three")
        assert [await anext(messages) for _ in range(3)] == ["one", "two", "three"]
    assert not topics._subscribers


async def test_mailbox_gets_each_message_once_per_subscription(node):
    topics = of(node)
    process = await reader(node)
    topics.subscribe("room:1", process)
    topics.subscribe("room:1", process.pid)
    topics.subscribe("room:2", process)
    await topics.broadcast("room:1", 1)
    await topics.broadcast("room:2", 2)
    assert process.messages() == [1, 1, 2]
    topics.unsubscribe("room:1", process)
    topics.unsubscribe("room:1", process)
    await topics.broadcast("room:1", 3)
    await topics.broadcast("room:2", 4)
    assert process.messages() == [1, 1, 2, 4]
    await node.exit(process.pid, "kill")
    assert not topics._subscribers
    assert not topics._topics_of
    with pytest.raises(NoProcess):
        topics.subscribe("room:1", process)


async def test_nothing_is_kept_of_who_wants_nothing_any_more(node):
    topics = of(node)
    process = await reader(node)
    for topic in ("room:1", "room:2"):
        topics.subscribe(topic, process)
    topics.unsubscribe("room:3", process)
    topics.unsubscribe("room:1", process)
    assert topics._topics_of == {process: {b"room:2"}}
    topics.unsubscribe("room:2", process)
    assert not topics._topics_of
    assert not topics._subscribers
    assert not process.claims
    topics.subscribe("room:1", process)
    await topics.broadcast("room:1", 1)
    assert process.messages() == [1]


async def test_behaviour_subscribes_itself(node):
    heard = []
    done = trio.Event()

    class Room(ergopy.GenServer):
        async def init(self) -> None:
            PubSub.of(NAME).subscribe("room:1", self)

        async def handle_info(self, message: Any) -> None:
            heard.append(message)
            if len(heard) == 1:
                await PubSub.of(NAME).broadcast_from(self, "room:1", "not to me")
                await PubSub.of(NAME).broadcast("room:1", "to all")
            else:
                done.set()

    await node.start(Room)
    await of(node).broadcast("room:1", "first")
    await done.wait()
    assert heard == ["first", "to all"]


async def test_all_but_who_sends(node):
    topics = of(node)
    one, two = await reader(node), await reader(node)
    for process in (one, two):
        topics.subscribe("room:1", process)
    async with topics.subscribe("room:1") as messages:
        await topics.broadcast_from(one, "room:1", 1)
        topics.local_broadcast_from(two.pid, "room:1", 2)
        await topics.broadcast_from(messages, "room:1", 3)
        await topics.broadcast("room:1", 4)
        assert [await anext(messages) for _ in range(3)] == [1, 2, 4]
    assert one.messages() == [2, 3, 4]
    assert two.messages() == [1, 3, 4]


async def test_slow_program_misses_the_oldest(node):
    topics = of(node)
    async with topics.subscribe("room:1", limit=2) as messages:
        for number in range(5):
            topics.local_broadcast("room:1", number)
        assert messages.dropped == 3
        assert [await anext(messages) for _ in range(2)] == [3, 4]


async def test_subscription_that_nobody_enters_is_told(node):
    messages = of(node).subscribe("room:1")
    with pytest.warns(RuntimeWarning, match="never entered"):
        del messages


async def test_what_makes_no_sense(node):
    topics = of(node)
    with pytest.raises(LocalProtocolError, match="async with"):
        topics.subscribe("room:1", node)
    for wrong in (1, None, Atom("room")):
        with pytest.raises(TypeError):
            topics.local_broadcast(wrong, 1)
    with pytest.raises(TypeError):
        topics.subscribe("room:1", 17)
    with pytest.raises(NoProcess):
        PubSub.of("Other.PubSub", caller=node)
    for sizes in ({"pool_size": 0}, {"pool_size": 9999}, {"broadcast_pool_size": 2}):
        with pytest.raises(ValueError, match="pool_size="):
            await node.start(PubSub, "Other", **sizes)
    with pytest.raises(StartError) as caught:
        await node.start(PubSub, NAME)
    assert caught.value.reason[0] == "already_started"
    with pytest.raises(StartError):
        await node.start(PubSub, "")


async def test_restart_loses_no_subscription():
    async with node_pair() as (a, b):
        await a.start(Supervisor, [ChildSpec(PubSub, NAME, pool_size=2)])
        await b.start(PubSub, NAME, pool_size=2)
        await a.connect(b.name)
        process = await reader(a)
        of(a).subscribe("room:1", process)
        await a.exit(a.whereis(ADAPTER), "kill")
        await settle()
        assert a.whereis(f"{ADAPTER}_2") is not None
        await of(b).broadcast("room:1", 1)
        await settle()
        assert process.messages() == [1]


async def test_all_nodes_hear_of_a_broadcast(pair):
    a, b = pair
    here, there = await reader(a), await reader(b)
    of(a).subscribe("room:1", here)
    of(b).subscribe("room:1", there)
    await of(a).broadcast("room:1", {"n": 1})
    of(a).local_broadcast("room:1", 2)
    await of(a).direct_broadcast(b.name, "room:1", 3)
    await of(a).broadcast_from(here, "room:1", 4)
    await of(a).direct_broadcast("nobody@memory", "room:1", 5)
    await settle()
    assert here.messages() == [{"n": 1}, 2]
    assert there.messages() == [{b"n": 1}, 3, 4]


async def test_event_for_channels(pair):
    a, b = pair
    here, there = await reader(a), await reader(b)
    of(a).subscribe("room:1", here)
    of(b).subscribe("room:1", there)
    await of(a).broadcast_channel("room:1", "new_msg", {"body": "hi"})
    await settle()
    assert here.messages() == [phoenix.Broadcast("room:1", "new_msg", {"body": "hi"})]
    assert there.messages() == [
        phoenix.Broadcast("room:1", "new_msg", {b"body": b"hi"})
    ]


async def test_one_process_is_heard_in_order_whatever_the_pools(pair):
    a, b = pair
    await a.start(PubSub, "Other", pool_size=7, broadcast_pool_size=3)
    await b.start(PubSub, "Other", pool_size=2)
    await settle()
    there = await reader(b)
    PubSub.of("Other", caller=b).subscribe("t", there)

    async def talk(proc):
        for number in range(50):
            await PubSub.of("Other").broadcast("t", (proc.pid, number))

    pids = [await a.spawn(talk) for _ in range(5)]
    await settle()
    heard = there.messages()
    for pid in pids:
        assert [n for p, n in heard if p == pid] == list(range(50))


async def test_node_without_it_is_sent_nothing(pair):
    a, b = pair
    await a.start(PubSub, "Other")
    await PubSub.of("Other", caller=a).broadcast("t", 1)
    await settle()
    assert b.whereis("Elixir.Other.Adapter") is None


async def test_program_loop_ends_with_the_node():
    heard = []
    async with trio.open_nursery() as nursery, MemoryNetwork().node("a") as node:
        await node.start(PubSub, NAME)

        @nursery.start_soon
        async def listen():
            async with of(node).subscribe("t") as messages:
                heard.extend([message async for message in messages])

        await settle()
        await of(node).broadcast("t", 1)
    assert heard == [1]


@pytest.mark.parametrize(
    "message",
    [
        b"text",
        (FORWARD, b"room:1", 1),
        (FORWARD, 17, 1, Atom(SCOPE)),
        (Atom("pub"), Atom("heartbeat"), {}),
        (Atom("pub"), Atom("graceful_permdown"), (b"name", 1)),
        (Atom("ref"), Atom("join"), Atom(f"{ADAPTER}_9"), []),
    ],
    ids=repr,
)
async def test_anything_else_is_ignored(pair, message):
    a, b = pair
    before = b.whereis(ADAPTER)
    there = await reader(b)
    of(b).subscribe("room:1", there)
    await a.send((ADAPTER, b.name), message)
    await a.cast((ADAPTER, b.name), message)
    await of(a).broadcast("room:1", 1)
    await settle()
    assert b.whereis(ADAPTER) == before
    assert there.messages() == [1]


async def test_dispatcher_that_is_not_known_is_told_once(pair, caplog):
    a, b = pair
    caplog.set_level(logging.WARNING)
    there = await reader(b)
    of(b).subscribe("room:1", there)
    await of(a).broadcast("room:1", 6)
    await of(a).broadcast("room:1", 7, dispatcher="Phoenix.Channel.Server")
    await settle()
    assert there.messages() == [6, 7]
    assert caplog.text == ""
    for number in range(3):
        await of(a).broadcast("room:1", number, dispatcher="MyApp.Dispatcher")
    await settle()
    assert there.messages() == [6, 7, 0, 1, 2]
    assert caplog.text.count("Elixir.MyApp.Dispatcher") == 1


STRUCT = {
    Atom("__struct__"): Atom("Elixir.Phoenix.Socket.Broadcast"),
    Atom("topic"): b"room:1",
    Atom("event"): b"e",
    Atom("payload"): None,
}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (STRUCT, phoenix.Broadcast("room:1", "e", None)),
        (
            {**STRUCT, Atom("event"): b"\xff"},
            phoenix.Broadcast("room:1", b"\xff", None),
        ),
        ({**STRUCT, Atom("event"): 1}, phoenix.Broadcast("room:1", 1, None)),
        ({Atom("__struct__"): Atom("Elixir.Phoenix.Socket.Broadcast")}, None),
        ({**STRUCT, Atom("__struct__"): Atom("Elixir.Other")}, None),
        ({b"other": 1}, None),
        ([], None),
    ],
    ids=repr,
)
def test_struct_of_phoenix(given, read):
    assert phoenix.read(given) == (given if read is None else read)
