"""Who is told of nodes that come and go, how often, and what."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from ergopy import Atom, LocalProtocolError, NodeDownMessage, NodeUpMessage
from ergopy.node.node_events import NodeEvents
from ergopy.process.node_monitors import PASSIVE_WAIT, NodeFilter
from tests.runtimes import idle, mail, running, settle, sleeper

if TYPE_CHECKING:
    from ergopy import Process
    from ergopy.process.runtime import Runtime

A, B = Atom("a@test"), Atom("b@test")
CLOSED = Atom("connection_closed")
VISIBLE, HIDDEN = (
    (Atom("node_type"), Atom("visible")),
    (Atom("node_type"), Atom("hidden")),
)
WHY = (Atom("nodedown_reason"), CLOSED)


class Way:
    """A way to a node that is lost, or was never there, when the test says so."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def watch_node(self, record: Any) -> None:
        self.records.append(record)

    def unwatch_node(self, record: Any) -> None:
        if record in self.records:
            self.records.remove(record)

    def lost(self) -> None:
        records, self.records = self.records, []
        for record in records:
            record.fire(Atom("noconnection"))


@pytest.fixture
def ways(runtime: Runtime) -> dict[str, Way]:
    return make_ways(runtime)


def make_ways(runtime: Runtime) -> dict[str, Way]:
    ways: Any = defaultdict(Way)
    runtime._remote_node = ways.__getitem__
    return ways  # type: ignore[no-any-return]


def up(runtime: Runtime, node: Atom, *, hidden: bool = False) -> None:
    runtime.node_changed(node, up=True, hidden=hidden)


def down(runtime: Runtime, node: Atom, *, hidden: bool = False) -> None:
    if runtime._remote_node is not None:
        runtime.remote_node(node).lost()  # type: ignore[attr-defined]
    runtime.node_changed(node, up=False, hidden=hidden, reason=CLOSED)


async def test_monitor_node_connects_and_tells_of_the_loss_once(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    one = sleeper(runtime)
    one.monitor_node(A)
    assert len(ways[A].records) == 1
    up(runtime, A)
    assert mail(one) == []
    down(runtime, B)
    assert mail(one) == []
    down(runtime, A)
    down(runtime, A)
    assert mail(one) == [(Atom("nodedown"), A)]
    assert isinstance(mail(one)[0], NodeDownMessage)
    assert runtime.node_monitors.is_empty()


async def test_monitor_node_counts(runtime: Runtime, ways: dict[str, Way]) -> None:
    one = sleeper(runtime)
    for flag in (True, True, True, False):
        one.monitor_node(A, flag)
    down(runtime, A)
    assert mail(one) == [NodeDownMessage(A)] * 2
    one.monitor_node(A)
    one.monitor_node(A, False)
    one.monitor_node(A, False)
    down(runtime, A)
    assert len(mail(one)) == 2
    assert runtime.node_monitors.is_empty()


async def test_of_the_node_itself_nothing_is_told(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    one = sleeper(runtime)
    one.monitor_node(runtime.name)
    assert ways == {}
    assert runtime.node_monitors.is_empty()


async def test_a_node_that_may_connect_itself_has_some_time_for_it(
    runtime: Runtime, ways: dict[str, Way], autojump_clock: trio.testing.MockClock
) -> None:
    patient, other = sleeper(runtime), sleeper(runtime)
    for process in (patient, other):
        process.monitor_node(A, allow_passive_connect=True)
        process.monitor_node(B, allow_passive_connect=True)
    for node in (A, B):
        ways[node].lost()
    assert mail(patient) == []
    up(runtime, A)
    await trio.sleep(PASSIVE_WAIT + 1)
    assert mail(patient) == mail(other) == [NodeDownMessage(B)]
    down(runtime, A)
    assert mail(patient)[1:] == [NodeDownMessage(A)]


KINDS: list[tuple[dict[str, Any], bool, bool, list[Any] | None, list[Any] | None]] = [
    # options, of a visible node, of a hidden one; what is up, what is down of it
    ({}, True, False, None, None),
    ({"node_type": "visible"}, True, False, [VISIBLE], [VISIBLE]),
    ({"node_type": "hidden"}, False, True, [HIDDEN], [HIDDEN]),
    ({"nodedown_reason": True}, True, False, [], [WHY]),
    (
        {"node_type": "visible", "nodedown_reason": True},
        True,
        False,
        [VISIBLE],
        [WHY, VISIBLE],
    ),
]


@pytest.mark.parametrize(("options", "visible", "hidden", "came", "went"), KINDS)
async def test_monitor_nodes_tells_of_the_kind_it_was_asked_for(
    runtime: Runtime,
    options: dict[str, Any],
    visible: bool,
    hidden: bool,
    came: list[Any] | None,
    went: list[Any] | None,
) -> None:
    one = sleeper(runtime)
    one.monitor_nodes(**options)
    for kind in (False, True):
        up(runtime, A, hidden=kind)
        down(runtime, A, hidden=kind)
    assert visible is not hidden
    assert mail(one) == [NodeUpMessage(A, came), NodeDownMessage(A, went)]


async def test_monitor_nodes_of_all_says_which_kind(runtime: Runtime) -> None:
    one = sleeper(runtime)
    one.monitor_nodes(node_type="all", nodedown_reason=True)
    up(runtime, A)
    up(runtime, B, hidden=True)
    down(runtime, B, hidden=True)
    assert mail(one) == [
        (Atom("nodeup"), A, [VISIBLE]),
        (Atom("nodeup"), B, [HIDDEN]),
        (Atom("nodedown"), B, [WHY, HIDDEN]),
    ]
    last = mail(one)[-1]
    assert (last.node, last.node_type, last.reason) == (B, "hidden", CLOSED)


async def test_monitor_nodes_counts_and_ends_all_with_the_same_options(
    runtime: Runtime,
) -> None:
    one = sleeper(runtime)
    one.monitor_nodes()
    one.monitor_nodes()
    one.monitor_nodes(nodedown_reason=True)
    up(runtime, A)
    assert mail(one) == [NodeUpMessage(A)] * 2 + [NodeUpMessage(A, [])]
    one.monitor_nodes(False)
    one.monitor_nodes(False, node_type="all")
    down(runtime, A)
    assert mail(one)[3:] == [NodeDownMessage(A, [WHY])]
    one.monitor_nodes(False, nodedown_reason=True)
    assert runtime.node_monitors.is_empty()


async def test_a_kind_of_node_that_there_is_not_is_refused(runtime: Runtime) -> None:
    with pytest.raises(ValueError, match="node_type"):
        sleeper(runtime).monitor_nodes(node_type="all of them")
    assert runtime.node_monitors.is_empty()


async def test_a_process_that_ends_is_told_nothing_and_leaves_nothing(
    runtime: Runtime, ways: dict[str, Way]
) -> None:
    one = sleeper(runtime)
    one.monitor_node(A, allow_passive_connect=True)
    one.monitor_node(B)
    one.monitor_nodes()
    await runtime.root.exit(one.pid, "kill")
    await settle()
    assert runtime.node_monitors.is_empty()
    for verb in (lambda: one.monitor_node(A), one.monitor_nodes):
        with pytest.raises(LocalProtocolError, match="has ended"):
            verb()
    assert runtime.node_monitors.is_empty()


async def test_the_messages_match_by_class(runtime: Runtime) -> None:
    seen: list[Any] = []
    for message in (NodeUpMessage(A), NodeDownMessage(B, [WHY])):
        match message:
            case NodeUpMessage(node):
                seen.append(("up", node))
            case NodeDownMessage(node, reason):
                seen.append(("down", node, reason))
    assert seen == [("up", A), ("down", B, CLOSED)]


async def test_a_program_hears_of_nodes_in_order_until_the_node_ends(
    runtime: Runtime,
) -> None:
    monitors = runtime.node_monitors
    async with NodeEvents(monitors, NodeFilter(), 10) as events:
        up(runtime, A)
        down(runtime, A)
        monitors.stop()
        assert [event async for event in events] == [
            NodeUpMessage(A),
            NodeDownMessage(A),
        ]
    assert monitors.is_empty()
    assert not monitors.streams


async def test_a_slow_program_loses_the_oldest_events_and_is_told_how_many(
    runtime: Runtime,
) -> None:
    monitors = runtime.node_monitors
    async with NodeEvents(monitors, NodeFilter(), 2) as events:
        for node in (A, B, A):
            up(runtime, node)
        assert events.dropped == 1
        monitors.stop()
        assert [event.node async for event in events] == [B, A]
    with pytest.raises(ValueError, match="limit="):
        NodeEvents(monitors, NodeFilter(), 0)


OPTIONS = [
    {},
    {"node_type": "all"},
    {"node_type": "hidden"},
    {"nodedown_reason": True},
]
who, which = st.integers(0, 2), st.sampled_from([A, B])
steps = st.one_of(
    st.tuples(st.just("watch"), who, which),
    st.tuples(st.just("unwatch"), who, which),
    st.tuples(st.just("subscribe"), who, st.integers(0, 3)),
    st.tuples(st.just("unsubscribe"), who, st.integers(0, 3)),
    st.tuples(st.just("up"), which, st.booleans()),
    st.tuples(st.just("lost"), which),
    st.tuples(st.just("end"), who),
)


class World:
    """The real table, and beside it lists in which everything is looked for."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.ways = make_ways(runtime)
        self.processes = [runtime.spawn(idle, ()) for _ in range(3)]
        self.one: list[tuple[Process, Atom]] = []
        self.all: list[tuple[Process, int]] = []
        self.hidden: dict[Atom, bool] = {}
        self.expected: dict[Process, list[Any]] = {p: [] for p in self.processes}

    async def do(self, step: str, *details: Any) -> None:
        if step in ("up", "lost"):
            getattr(self, step)(*details)
            return
        process = self.processes[details[0]]
        if process.alive:
            await getattr(self, step)(process, *details[1:])

    async def watch(self, process: Process, node: Atom) -> None:
        process.monitor_node(node)
        self.one.append((process, node))

    async def unwatch(self, process: Process, node: Atom) -> None:
        process.monitor_node(node, False)
        if (process, node) in self.one:
            self.one.remove((process, node))

    async def subscribe(self, process: Process, number: int) -> None:
        process.monitor_nodes(**OPTIONS[number])
        self.all.append((process, number))

    async def unsubscribe(self, process: Process, number: int) -> None:
        process.monitor_nodes(False, **OPTIONS[number])
        self.all = [entry for entry in self.all if entry != (process, number)]

    async def end(self, process: Process) -> None:
        await self.runtime.root.exit(process.pid, "kill")
        await settle()
        self.one = [entry for entry in self.one if entry[0] is not process]
        self.all = [entry for entry in self.all if entry[0] is not process]
        self.expected[process] = []

    def up(self, node: Atom, hidden: bool) -> None:
        if node not in self.hidden:
            self.hidden[node] = hidden
            up(self.runtime, node, hidden=hidden)
            self.tell_all(node, "nodeup")

    def lost(self, node: Atom) -> None:
        self.ways[node].lost()
        for process, watched in self.one:
            if watched == node:
                self.expected[process].append(NodeDownMessage(node))
        self.one = [entry for entry in self.one if entry[1] != node]
        if node in self.hidden:
            hidden = self.hidden[node]
            self.runtime.node_changed(node, up=False, hidden=hidden, reason=CLOSED)
            self.tell_all(node, "nodedown")
            del self.hidden[node]

    def tell_all(self, node: Atom, what: str) -> None:
        hidden = self.hidden[node]
        for process, number in self.all:
            options = OPTIONS[number]
            kind = options.get("node_type")
            if kind != "all" and (kind == "hidden") is not hidden:
                continue
            info: list[Any] = []
            if "nodedown_reason" in options and what == "nodedown":
                info.append(WHY)
            if kind is not None:
                info.append(HIDDEN if hidden else VISIBLE)
            message = (Atom(what), node, info) if options else (Atom(what), node)
            self.expected[process].append(message)

    def check(self) -> None:
        for process in self.processes:
            assert sorted(map(repr, map(tuple, mail(process)))) == sorted(
                map(repr, map(tuple, self.expected[process]))
            )
        assert self.runtime.node_monitors.is_empty() is not bool(self.one or self.all)
        watched = sum(len(way.records) for way in self.ways.values())
        assert watched == len(set(self.one))


async def live(script: list[tuple[Any, ...]]) -> None:
    async with running() as runtime:
        world = World(runtime)
        await settle()
        for step, *details in script:
            await world.do(step, *details)
            world.check()


@settings(max_examples=150)
@given(st.lists(steps, max_size=30))
def test_any_script_tells_each_as_often_as_it_asked(
    script: list[tuple[Any, ...]],
) -> None:
    trio.run(live, script)


async def test_who_ends_while_a_node_has_time_to_connect_itself_is_forgotten(
    runtime: Runtime,
    ways: dict[str, Way],
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = sleeper(runtime)
    one.monitor_node(A, allow_passive_connect=True)
    ways[A].lost()
    await runtime.root.exit(one.pid, "kill")
    await trio.sleep(PASSIVE_WAIT + 1)
    assert runtime.node_monitors.is_empty()
    assert not caplog.records
