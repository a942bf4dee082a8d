"""Supervisors on a real node: its end, and what a node gives to children."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, ChildSpec, ProcessConfig, StartError, Supervisor, supervisor
from ergopy.testing import MemoryNetwork
from tests.gen.supervisor.kit import Kid, Slow, simple
from tests.runtimes import settle

if TYPE_CHECKING:
    from tests.gen.supervisor.kit import Log


def kid(log: Log, label: str, **options: Any) -> ChildSpec:
    return ChildSpec(Kid, log, label, id=label, **options)


async def test_a_node_that_ends_stops_its_trees_in_their_order() -> None:
    log: Log = []
    async with MemoryNetwork().node("a") as node:
        inner = ChildSpec(Supervisor, [kid(log, "b"), kid(log, "c")], id="inner")
        children = [kid(log, "a"), inner, ChildSpec(simple, log, "f"), kid(log, "d")]
        await node.start(Supervisor, children, name="shop")
        await settle()
    downs = [entry for entry in log if entry[0] == "down"]
    assert downs == [("down", name, "shutdown") for name in "dcba"]


async def test_a_node_that_ends_waits_for_children_as_long_as_its_grace(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log: Log = []
    async with MemoryNetwork().node("a", grace=8) as node:
        slow = [ChildSpec(Slow, log, n, 6, id=n, shutdown="infinity") for n in "ab"]
        await node.start(Supervisor, slow)
        begin = trio.current_time()
    assert trio.current_time() - begin < 12
    assert [entry[1] for entry in log if entry[0] == "down"] == ["b"]


async def test_children_have_names_mailboxes_and_configurations() -> None:
    log: Log = []
    async with MemoryNetwork().node("a") as node:
        config = ProcessConfig(may_run_sync=False)
        children = [
            kid(log, "a", name="first", config=config),
            ChildSpec(simple, log, "b", id="b", name="second", config=config),
        ]
        await node.start(Supervisor, children, name="shop")
        for name in ("first", "second"):
            pid = node.whereis(name)
            assert pid is not None
            await node.exit(pid, "kill")
            await settle()
            assert node.whereis(name) not in (None, pid)


async def test_children_inherit_the_group_leader() -> None:
    async with MemoryNetwork().node("a") as node:
        sup = await node.start(Supervisor, [kid([], "a")])
        (row,) = await supervisor.which_children(sup, caller=node)
        leaders = [node.process_info(p, "group_leader") for p in (sup, row.pid)]
        assert leaders[0] == leaders[1]


async def test_a_program_that_is_provided_brings_its_own_settings() -> None:
    log: Log = []
    async with MemoryNetwork().node("a") as node:
        node.provide_spawn("worker", Kid, name="only")
        await node.start(Supervisor, name="shop")
        spec = ChildSpec(("worker", "start_link"), log, "w")
        pid = await supervisor.start_child("shop", spec, caller=node)
        assert node.whereis("only") == pid
        assert await supervisor.get_childspec("shop", Atom("worker"), caller=node)


async def test_a_node_that_is_full_starts_no_child_and_says_so() -> None:
    async with MemoryNetwork().node("a", max_processes=40) as node:
        await node.start(Supervisor, name="shop")
        room = 40 - len(node.runtime.processes)
        specs = [ChildSpec(simple, [], "x", id=n) for n in range(room + 1)]
        for spec in specs[:-1]:
            await supervisor.start_child("shop", spec, caller=node)
        with pytest.raises(StartError) as caught:
            await supervisor.start_child("shop", specs[-1], caller=node)
        assert caught.value.reason == ("EXIT", ("system_limit", []))
        assert (await supervisor.count_children("shop", caller=node)).active == room
