"""The process ``global_name_server`` and those that work for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import trio

from ergopy import Atom
from ergopy.services.globals import actions as do
from ergopy.services.globals.place import Place
from etf import Pid

from .together import DESK, Desk, owners, settled

if TYPE_CHECKING:
    from ergopy import Node
    from ergopy.testing import MemoryNetwork

    Cluster = list[Node]

SERVER = Atom("global_name_server")


async def test_sync_returns_when_names_are_the_same(
    network: MemoryNetwork, autojump_clock: object
) -> None:
    async with network.node("a") as a, network.node("b") as b:
        pid = await b.start(Desk, name=("global", DESK))
        await a.globals.sync([b.name])
        assert a.globals.whereis(DESK) == pid
        with trio.fail_after(30):
            await a.globals.sync(["nobody@memory"])


async def test_a_registrar_is_not_to_be_disturbed(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, _ = cluster
    registrar = a.globals.place.registrar
    assert registrar is not None
    await a.send(registrar.pid, Atom("hello"))
    server = a.whereis(SERVER)
    assert server is not None
    await b.exit(server, "go")
    await b.ping(a.name)
    pid = await a.start(Desk, name=("global", DESK))
    assert owners(cluster, DESK) == {pid}
    assert a.globals.place.registrar is registrar
    assert a.whereis(SERVER) == server


async def test_the_three_go_on_together_or_not_at_all(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, _, _ = cluster
    pid = await a.start(Desk, name=("global", DESK))
    for which in ("locker", "registrar"):
        before, place = a.whereis(SERVER), a.globals.place
        assert place.machine is not None
        assert place.registrar is not None
        locker = place.machine.sessions._locker
        victim = locker if which == "locker" else place.registrar.pid
        await a.exit(victim, "kill")
        await trio.sleep(30)
        await settled(*cluster)
        assert a.whereis(SERVER) not in (None, before), which
        assert not a.is_process_alive(locker)
    assert owners(cluster[1:], DESK) == {None}
    assert a.is_process_alive(pid)


async def test_a_node_that_counts_us_in_and_we_do_not_is_joined_again(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, c = cluster
    machine = a.globals.place.machine
    assert machine is not None
    del machine.cluster.known[b.name]
    await b.cast((SERVER, a.name), (Atom("in_sync"), b.name, True))
    await b.ping(a.name)
    assert a.globals.known() == [c.name]
    await trio.sleep(60)
    await settled(*cluster)


async def test_a_stranger_that_does_not_count_us_in_is_left_alone(
    network: MemoryNetwork, autojump_clock: object
) -> None:
    async with network.node("a") as a, network.node("o", global_="observe") as o:
        await o.connect(a.name)
        await trio.sleep(60)
        assert a.nodes("connected") == [o.name]
        assert a.globals.known() == []


class _Peer:
    transport = object()

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send_name(self, sender: Pid, name: Atom, message: Any) -> None:
        self.sent.append(message)


def test_what_the_last_server_had_not_heard_of_does_not_silence_the_next() -> None:
    peer, b = _Peer(), Atom("b@x")
    runtime = SimpleNamespace(
        is_local=lambda node: False,
        names={},
        root=SimpleNamespace(pid=Pid(Atom("a@x"), 1, 0, 1)),
    )
    connections = SimpleNamespace(peer=lambda node: peer)
    place = Place(SimpleNamespace(runtime=runtime, connections=connections))
    place.attach(SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    place.lost(b)
    place.post(do.Send(b, 1))
    place.loss_is_known(b)
    place.post(do.Send(b, 2))
    place.lost(b)
    place.post(do.Send(b, 3))
    # That one was killed.
    place.attach(SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    place.post(do.Send(b, 4))
    assert peer.sent == [2, 4]
