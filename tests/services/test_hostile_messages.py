"""A peer with the cookie sends anything to every service: none of them minds."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ergopy import Atom, ErgopyError, IoDevice
from ergopy.testing import MemoryNetwork
from tests.services.hostile import (
    FAR,
    LONG_REFERENCE,
    ODD,
    SERVICES,
    WORKER,
    Harm,
    attacked,
    malformed,
    messages,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node

    Two = tuple[Node, Node]

CAST, CALL = Atom("$gen_cast"), Atom("$gen_call")


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    async with attacked(MemoryNetwork()) as both:
        yield both


async def flood(peer: Node, dest: Any, these: list[Any]) -> None:
    for message in these:
        await peer.send(dest, message)


@pytest.mark.parametrize("service", SERVICES)
async def test_no_message_harms_a_service(
    two: Two,
    service: str,
    caplog: pytest.LogCaptureFixture,
    autojump_clock: object,
) -> None:
    node, peer = two
    harm = Harm(node, peer, caplog)
    await flood(peer, (service, node.name), malformed([peer.pid]))
    await harm.check()


async def test_no_message_harms_the_node_itself(
    two: Two, caplog: pytest.LogCaptureFixture, autojump_clock: object
) -> None:
    node, peer = two
    harm = Harm(node, peer, caplog)
    await flood(peer, node.pid, malformed([peer.pid]))
    await harm.check()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(messages, min_size=20, max_size=60))
def test_nothing_that_hypothesis_thinks_of_harms_a_service(these: list[Any]) -> None:
    async def main() -> None:
        async with attacked(MemoryNetwork()) as (node, peer):
            before = {name: node.whereis(name) for name in SERVICES}
            for service in SERVICES:
                wrapped = [(CAST, m) for m in these]
                asked = [(CALL, (peer.pid, LONG_REFERENCE), m) for m in these]
                await flood(peer, (service, node.name), [*these, *wrapped, *asked])
            await trio.sleep(60)
            assert {name: node.whereis(name) for name in SERVICES} == before
            assert peer.name in node.nodes()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


ANSWERING = [
    name
    for name in SERVICES
    # A BEAM's does not answer either.
    if name not in ("global_name_server", "logger_proxy")
]


@pytest.mark.parametrize("service", ANSWERING)
async def test_who_calls_a_service_is_not_left_without_an_answer(
    two: Two, service: str, autojump_clock: object
) -> None:
    node, peer = two
    for odd in ODD:
        await peer.call((service, node.name), odd, timeout=5)


async def test_a_device_of_a_program_stands_calls_and_casts(
    two: Two, autojump_clock: object
) -> None:
    node, peer = two
    device = await node.start(IoDevice)
    for odd in ODD:
        await peer.cast(device, odd)
        assert await peer.call(device, odd) == (Atom("error"), Atom("badarg"))
    assert node.is_process_alive(device)


TOPICS: list[Any] = [Atom("x"), 1, [120], None, b"\xff", (b"room",)]


@pytest.mark.parametrize("topic", TOPICS, ids=repr)
async def test_a_topic_is_any_term(
    two: Two, topic: Any, autojump_clock: object
) -> None:
    """Phoenix looks for the subscribers of whatever it is; there are none."""
    node, peer = two
    before = node.whereis(WORKER)
    forward = (Atom("forward_to_local"), topic, 1, Atom("Elixir.Phoenix.PubSub"))
    await peer.send((WORKER, node.name), forward)
    await trio.sleep(1)
    assert node.whereis(WORKER) == before is not None


async def test_names_of_workers_that_are_none_make_none(
    two: Two, autojump_clock: object
) -> None:
    node, peer = two
    pg = ("Elixir.Phoenix.PubSub", node.name)
    scope = peer.pg("Elixir.Phoenix.PubSub")
    scope.join(Atom("start"), await peer.spawn(sleep))
    await trio.sleep(1)
    before = set(node.registered())
    pid = peer.whereis("Elixir.Phoenix.PubSub")
    for number in ("99999", "9" * 200, "-1", "\u0663", "1e1", "", "0"):
        group = Atom(f"{WORKER}_{number}")
        await peer.send(pg, (Atom("join"), pid, group, [pid]))
    await trio.sleep(1)
    assert len(set(node.registered()) - before) <= 2


async def sleep(process: Any) -> None:
    await trio.sleep_forever()


async def test_what_is_said_of_a_third_node_stays_where_it_is_not_connected(
    two: Two, autojump_clock: object
) -> None:
    node, peer = two
    for word in ("discover", "join", "leave"):
        message = (Atom(word), FAR, Atom("g"), [FAR])
        await peer.send(
            ("pg", node.name), message[:2] if word == "discover" else message
        )
    sync = (CAST, (Atom("sync"), FAR, [(Atom("g"), [FAR])]))
    await peer.send(("pg", node.name), sync)
    await trio.sleep(1)
    assert list(node.pg.groups()) == []
    assert node.nodes() == [peer.name]


async def test_nodes_that_are_said_to_be_in_sync_are_not_looked_for(
    two: Two, autojump_clock: object
) -> None:
    node, peer = two
    await node.globals.sync()
    tasks = trio.lowlevel.current_statistics().tasks_living
    server = ("global_name_server", node.name)
    for number in range(500):
        name = Atom(f"n{number}@memory")
        await peer.send(server, (CAST, (Atom("in_sync"), name, True)))
    await peer.ping(node.name)
    assert trio.lowlevel.current_statistics().tasks_living <= tasks + 2


async def test_many_waiting_for_the_same_node_are_one_search(
    two: Two, autojump_clock: object
) -> None:
    node, peer = two
    await node.globals.sync()
    sync = (Atom("sync"), [Atom("nobody@memory")])
    answers: list[Any] = []
    ask = partial(peer.call, ("global_name_server", node.name), sync, timeout=60)

    async def one() -> None:
        answers.append(await ask())

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(one)
    assert answers == ["ok"] * 50


async def test_rubbish_is_logged_once(
    two: Two, caplog: pytest.LogCaptureFixture, autojump_clock: object
) -> None:
    node, peer = two
    for service in ("global_name_server", "pg"):
        caplog.clear()
        await flood(peer, (service, node.name), ODD * 3)
        await trio.sleep(1)
        assert len(caplog.records) == 1


async def test_a_reply_that_nobody_reads_is_not_kept_for_ever(
    autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ergopy.services.io.device.MAX_LATE", 5)
    network = MemoryNetwork()
    async with attacked(network) as (node, peer):
        network.stall(node, peer)
        big = (Atom("put_chars"), Atom("unicode"), ("x" * 1000,))
        for number in range(4000):
            request = (Atom("io_request"), peer.pid, number, big)
            await peer.send(("user", node.name), request)
        before = trio.lowlevel.current_statistics().tasks_living
        await trio.sleep(1)
        assert trio.lowlevel.current_statistics().tasks_living <= before + 6
        network.resume(node, peer)
        await trio.sleep(1)
        assert await peer.rpc(node.name, "erlang", "node") == node.name


def test_names_are_of_processes_that_are_there() -> None:
    """The list of services is complete."""

    async def main() -> None:
        async with attacked(MemoryNetwork()) as (node, _):
            assert sorted(map(str, node.registered())) == sorted(SERVICES)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def test_programs_that_can_be_spawned_take_any_arguments(
    two: Two, caplog: pytest.LogCaptureFixture, autojump_clock: object
) -> None:
    node, peer = two
    services = {name: node.whereis(name) for name in SERVICES}
    for module, name in list(node.exports.programs):
        function = name or "start"
        for count in range(6):
            for odd in ODD:
                arguments = [odd] * count
                with suppress(ErgopyError):
                    await peer.remote_spawn(node.name, module, function, arguments)
                if count:
                    arguments = [peer.pid, *arguments[1:]]
                    with suppress(ErgopyError):
                        await peer.remote_spawn(node.name, module, function, arguments)
    await trio.sleep(30)
    assert {name: node.whereis(name) for name in SERVICES} == services
    crashes = [one for one in caplog.records if one.levelname == "ERROR"]
    assert [one.getMessage() for one in crashes] == []


async def test_no_message_harms_a_shell(
    caplog: pytest.LogCaptureFixture, autojump_clock: object
) -> None:
    async with attacked(MemoryNetwork(), shell=True) as (node, peer):
        device = await peer.start(Quiet)
        before = set(node.processes())

        async def come_in(process: Any) -> None:
            process.group_leader = device
            await process.rpc(node.name, "shell", "start", [])
            await trio.sleep_forever()

        await peer.spawn(come_in)
        await trio.sleep(1)
        session = set(node.processes()) - before
        assert len(session) == 2  # the shell, and what evaluates for it
        for pid in session:
            await flood(peer, pid, malformed([peer.pid]))
        await trio.sleep(1)
        assert [pid for pid in session if not node.is_process_alive(pid)] == []
        crashes = [one for one in caplog.records if one.levelname == "ERROR"]
        assert [one.getMessage() for one in crashes] == []


class Quiet(IoDevice):
    """A terminal at which nobody types."""

    async def put_chars(self, text: str) -> None:
        """Show it to nobody."""

    async def get_line(self, prompt: str) -> str | None:
        await trio.sleep_forever()
        return None
