"""``node.globals`` of several nodes, over a network in memory."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
import etf
from ergopy import (
    AlreadyStarted,
    Atom,
    ChildSpec,
    LocalProtocolError,
    NameTaken,
    NoProcess,
    NotRegistered,
    Via,
)
from ergopy.errors import LockNotTaken
from ergopy.testing import MemoryNetwork

from .together import DESK, Desk, joined, owners

if TYPE_CHECKING:
    from ergopy import Node

    Cluster = list[Node]


async def test_a_name_is_known_everywhere_when_register_returns(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, c = cluster
    pid = await a.start(Desk)
    await b.globals.register(DESK, pid)
    assert owners(cluster, DESK) == {pid}
    assert c.globals.names() == [DESK]
    assert await c.call(("global", DESK), 5) == 5


async def test_a_name_is_given_once(cluster: Cluster, autojump_clock: object) -> None:
    pids = [await node.start(Desk) for node in cluster]
    outcomes: list[Any] = []

    async def register(node: Node, pid: Any) -> None:
        try:
            await node.globals.register(DESK, pid)
        except NameTaken as taken:
            outcomes.append(taken.owner)
        else:
            outcomes.append(None)

    async with trio.open_nursery() as nursery:
        for node, pid in zip(cluster, pids, strict=True):
            nursery.start_soon(register, node, pid)
    (owner,) = owners(cluster, DESK)
    assert sorted(outcomes, key=str) == sorted([None, owner, owner], key=str)


async def test_names_are_terms(cluster: Cluster, autojump_clock: object) -> None:
    a, b, _ = cluster
    a.applications.set_env("kernel", "global_multi_name_action", "allow")
    pid = await a.start(Desk)
    for name in (1, 1.0, True, "text", (Atom("t"), [1, {}]), b"bytes"):
        await a.globals.register(name, pid)
        assert b.globals.whereis(name) == pid
    assert b.globals.whereis(b"text") is None
    assert b.globals.whereis(Atom("text")) == b.globals.whereis("text") == pid
    assert b.globals.whereis(Atom("bytes")) is None
    assert await b.call(("global", "text"), Atom("heard")) == []
    with pytest.raises(etf.EncodeError):
        await a.globals.register(object(), pid)


async def test_a_process_has_one_name(cluster: Cluster, autojump_clock: object) -> None:
    a, b, _ = cluster
    pid = await a.start(Desk)
    await a.globals.register(DESK, pid)
    with pytest.raises(NameTaken) as caught:
        await b.globals.register(Atom("other"), pid)
    assert caught.value.owner == pid
    await b.globals.unregister(DESK)
    await b.globals.register(Atom("other"), pid)
    assert owners(cluster, Atom("other")) == {pid}


async def test_the_end_of_a_process_is_the_end_of_its_name(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, c = cluster
    pid = await a.start(Desk)
    await a.globals.register(DESK, pid)
    await a.exit(pid, "kill")
    assert a.globals.whereis(DESK) is None
    for node in (b, c):
        await node.ping(a.name)
    await trio.sleep(0.1)
    assert owners(cluster, DESK) == {None}


async def test_re_register_and_unregister(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, c = cluster
    one, other = await a.start(Desk), await b.start(Desk)
    await a.globals.register(DESK, one)
    await c.globals.re_register(DESK, other)
    assert owners(cluster, DESK) == {other}
    await a.globals.unregister(DESK)
    assert owners(cluster, DESK) == {None}
    await a.globals.unregister(DESK)


async def test_every_verb_takes_a_global_name(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, _ = cluster
    dest = ("global", DESK)
    pid = await a.start(Desk, name=dest)
    assert owners(cluster, DESK) == {pid}
    await b.cast(dest, 1)
    await b.send(dest, 2)
    b.send_nowait(dest, 3)
    b.send_after(0.5, dest, 4)
    await trio.sleep(1)
    assert await b.call(Via("global", DESK), Atom("heard")) == [1, 2, 3, 4]
    request = await b.send_request(dest, 6)
    assert await request.receive_response() == 6
    seen: list[Any] = []

    async def watch(process: Any) -> None:
        await process.monitor(dest)
        seen.append(await process.receive())

    await b.spawn(watch)
    await trio.sleep(0.1)
    await b.stop(dest)
    await trio.sleep(0.1)
    assert [(down.pid, down.reason) for down in seen] == [(pid, "normal")]


async def test_a_name_that_nobody_has(cluster: Cluster, autojump_clock: object) -> None:
    a, *_ = cluster
    dest = ("global", Atom("nobody"))
    with pytest.raises(NoProcess):
        await a.call(dest, 1)
    with pytest.raises(NotRegistered):
        await a.send(dest, 1)
    await a.cast(dest, 1)


async def test_a_start_under_a_name_that_is_taken(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, _ = cluster
    pid = await a.start(Desk, name=("global", DESK))
    with pytest.raises(AlreadyStarted) as caught:
        await b.start(Desk, name=Via("global", DESK))
    assert caught.value.pid == pid
    with pytest.raises(LocalProtocolError, match="start"):
        await b.spawn(trio.sleep_forever, name=Via("global", DESK))


async def test_a_supervisor_starts_it_again_under_its_name(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, _ = cluster
    child = ChildSpec(Desk, name=("global", DESK))
    await a.start(ergopy.Supervisor, [child])
    first = b.globals.whereis(DESK)
    assert first is not None
    await b.exit(first, "kill")
    await trio.sleep(10)
    (second,) = owners(cluster, DESK)
    assert second not in (None, first)


async def test_locks_of_two_requesters(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, _ = cluster
    ours, theirs = (DESK, 1), (DESK, 2)
    assert await a.globals.set_lock(ours)
    assert await b.globals.set_lock(ours)
    assert not await b.globals.set_lock(theirs, retries=0)
    await a.globals.del_lock(ours)
    assert not await b.globals.set_lock(theirs, retries=0)
    await b.globals.del_lock(ours)
    assert await b.globals.set_lock(theirs, retries=0)
    with pytest.raises(LockNotTaken):
        await a.globals.trans(ours, list, retries=0)


async def test_trans_gives_the_lock_back_whatever_happens(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, _ = cluster

    async def fail() -> None:
        raise KeyError("as you wish")

    with pytest.raises(KeyError):
        await a.globals.trans((DESK, 1), fail)
    assert await b.globals.trans((DESK, 2), lambda: 7, retries=3) == 7


async def test_a_lock_goes_with_its_holder(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, _ = cluster
    taken: list[bool] = []

    async def hold(process: Any) -> None:
        taken.append(await process.node.globals.set_lock((DESK, process.pid)))
        await trio.sleep_forever()

    pid = await a.spawn(hold)
    await trio.sleep(1)
    assert taken == [True]
    assert not await b.globals.set_lock((DESK, 1), retries=0)
    await a.exit(pid, "kill")
    assert await b.globals.set_lock((DESK, 1), retries=5)


async def test_who_waits_for_a_lock_and_is_cancelled_has_none(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, c = cluster
    assert await a.globals.set_lock((DESK, 1))
    with trio.move_on_after(3):
        await b.globals.set_lock((DESK, 2))
    await a.globals.del_lock((DESK, 1))
    assert await c.globals.set_lock((DESK, 3), retries=3)


async def test_a_conflict_is_settled_by_a_function(
    network: MemoryNetwork, autojump_clock: object
) -> None:
    asked: list[Any] = []

    def later(name: Any, one: Any, other: Any) -> Any:
        asked.append(name)
        return max(one, other, key=lambda pid: pid.node)

    async with network.node("a") as a, network.node("b") as b:
        pids = []
        for node in (a, b):
            pids.append(await node.start(Desk))
            await node.globals.register(DESK, pids[-1], resolve=later)
        await joined(a, b)
        assert owners([a, b], DESK) == {pids[1]}
        assert asked == [DESK]
        assert a.is_process_alive(pids[0])


@pytest.mark.parametrize("resolve", ["random_exit", "random_notify", "none"])
async def test_a_conflict_is_settled_as_in_otp(
    network: MemoryNetwork, resolve: str, autojump_clock: object
) -> None:
    async with network.node("a") as a, network.node("b") as b:
        one, other = await a.start(Desk), await b.start(Desk)
        await a.globals.register(DESK, one, resolve)
        await b.globals.register(DESK, other, resolve)
        await joined(a, b)
        await trio.sleep(1)
        conflict = Atom("global_name_conflict")
        if resolve == "none":
            assert owners([a, b], DESK) == {None}
            assert await a.call(one, Atom("heard")) == [(conflict, DESK, other)]
            assert await b.call(other, Atom("heard")) == [(conflict, DESK, one)]
            return
        assert owners([a, b], DESK) == {one}
        assert b.is_process_alive(other) is (resolve == "random_notify")
        if resolve == "random_notify":
            assert await b.call(other, Atom("heard")) == [(conflict, DESK)]


async def test_a_lost_connection_parts_a_node_from_all(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, c = cluster
    pid = await a.start(Desk, name=("global", DESK))
    a.disconnect(b.name)
    await trio.sleep(1)
    for node in cluster:
        # Who does not belong together has no connection either.
        assert set(node.nodes()) == set(node.globals.known())
        mine = {node.name, *node.globals.known()}
        for other in cluster:
            if other.name in node.globals.known():
                assert mine == {other.name, *other.globals.known()}
    await joined(*cluster)
    assert owners(cluster, DESK) == {pid}
    assert c.globals.is_locked() is False


async def test_prevention_can_be_switched_off(
    network: MemoryNetwork, autojump_clock: object
) -> None:
    async with AsyncExitStack() as stack:
        nodes = []
        for name in "abc":
            node = network.node(
                name, environment={"prevent_overlapping_partitions": False}
            )
            nodes.append(await stack.enter_async_context(node))
        await joined(*nodes)
        a, b, c = nodes
        a.disconnect(b.name)
        await trio.sleep(1)
        assert set(c.globals.known()) == {a.name, b.name}


async def test_a_name_server_that_was_killed_comes_back_and_joins(
    cluster: Cluster, autojump_clock: object
) -> None:
    a, b, _ = cluster
    pid = await b.start(Desk, name=("global", DESK))
    await a.exit(a.whereis("global_name_server"), "kill")  # type: ignore[arg-type]
    await trio.sleep(3)
    await joined(*cluster)
    assert owners(cluster, DESK) == {pid}


async def test_a_lone_node_has_names_too(autojump_clock: object) -> None:
    async with MemoryNetwork().node("a") as a:
        pid = await a.start(Desk, name=("global", DESK))
        await a.globals.sync()
        assert a.globals.whereis(DESK) == pid
