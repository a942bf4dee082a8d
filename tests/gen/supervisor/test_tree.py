"""The supervision tree as data, text and JSON.

``tests/data/supervision_tree.txt`` and ``.json`` are golden files; ``ERGOPY_CAPTURE=1``
writes them anew, to be read before they are kept.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio.testing

import ergopy
import etf
from ergopy import (
    Atom,
    ChildSpec,
    DynamicSupervisor,
    PartitionSupervisor,
    Supervisor,
    TreeNode,
    supervision_tree,
    supervisor,
)
from ergopy.gen.supervisor import all_trees, tree_remote
from ergopy.gen.supervisor.tree_text import lines
from ergopy.testing import MemoryNetwork, node_pair
from tests.gen.supervisor.kit import CRASH, Kid, Log, Slow
from tests.runtimes import find, settle

if TYPE_CHECKING:
    from ergopy import Pid
    from ergopy.process.runtime import Runtime

DATA = Path(__file__).parents[2] / "data"


Clock = trio.testing.MockClock


@pytest.fixture
async def shop(runtime: Runtime) -> Pid:
    """A tree with something of everything, after ten seconds and some restarts."""
    log: Log = []
    kid = ChildSpec(Kid, log, "kid")
    pid = await runtime.root.start(
        Supervisor,
        [
            kid.replace(id="cache", name="cache"),
            kid.replace(id=(Atom("worker"), 1), restart="transient"),
            kid.replace(id="gone", restart="transient"),
            ChildSpec(DynamicSupervisor, name="sessions", intensity=3),
            ChildSpec(
                Supervisor,
                [
                    kid.replace(id="wait"),
                    kid.replace(id="end", restart="transient", significant=True),
                ],
                id="below",
                backoff=ergopy.Backoff(first=20, jitter=0),
                auto_shutdown="all_significant",
                restart="transient",
            ),
            ChildSpec(PartitionSupervisor, kid, id="parts", partitions=2),
        ],
        name="shop",
        strategy="rest_for_one",
    )
    slow = ChildSpec(Slow, log, "slow", 9.0, shutdown=1)
    await DynamicSupervisor.start_child("sessions", kid, caller=runtime.root)
    one = await DynamicSupervisor.start_child("sessions", slow, caller=runtime.root)
    for _ in range(2):
        await DynamicSupervisor.start_child("sessions", kid, caller=runtime.root)
    await trio.sleep(10)
    first = await _find(runtime, "sessions", 0)
    await runtime.root.send(first, ("end", CRASH))
    await runtime.root.send(await _find(runtime, "shop", "gone"), ("end", "normal"))
    below = await _find(runtime, "shop", "below")
    await runtime.root.send(await _find(runtime, below, "wait"), ("end", CRASH))
    await settle()
    await supervisor.terminate_child("sessions", one, caller=runtime.root)
    await trio.sleep(3)
    return pid  # type: ignore[no-any-return]


async def _find(runtime: Runtime, dest: Any, which: Any) -> Any:
    rows = await supervisor.which_children(dest, caller=runtime.root)
    if isinstance(which, int):
        return rows[which].pid
    return next(row.pid for row in rows if row.id == which)


async def test_the_text_is_that_of_the_golden_file(
    runtime: Runtime, shop: Pid, autojump_clock: Clock
) -> None:
    _compare("supervision_tree.txt", f"{supervision_tree(shop, caller=runtime.root)}\n")


async def test_the_json_is_that_of_the_golden_file(
    runtime: Runtime, shop: Pid, autojump_clock: Clock
) -> None:
    tree = supervision_tree(shop, caller=runtime.root)
    _compare("supervision_tree.json", f"{tree.json()}\n")
    assert json.loads(tree.json()) == tree.as_json()


def _compare(name: str, text: str) -> None:
    file = DATA / name
    if os.environ.get("ERGOPY_CAPTURE") == "1":
        file.write_text(text)
    assert text == file.read_text()


def paths(tree: TreeNode) -> list[tuple[str, ...]]:
    below = [path for child in tree.children for path in paths(child)]
    return [(tree.shown_id,), *((tree.shown_id, *path) for path in below)]


async def test_ids_are_stable_when_everything_restarts(
    runtime: Runtime, shop: Pid, autojump_clock: Clock
) -> None:
    before = supervision_tree("shop", caller=runtime.root)
    await trio.sleep(100)
    for child in supervision_tree("sessions", caller=runtime.root).children:
        await runtime.root.send(child.pid, ("end", CRASH))
    parts = await _find(runtime, "shop", "parts")
    await runtime.root.exit(await _find(runtime, parts, 1), "kill")
    await settle()
    after = supervision_tree("shop", caller=runtime.root)
    assert str(after) != str(before)
    assert paths(after) == paths(before)


async def test_a_root_is_whom_no_other_supervisor_has_started(
    runtime: Runtime, shop: Pid, autojump_clock: Clock
) -> None:
    await runtime.root.start(Supervisor, [])
    assert [tree.id for tree in all_trees(runtime)] == ["shop", "Supervisor"]


async def test_a_root_without_a_name_is_shown_by_its_label(runtime: Runtime) -> None:
    pid = await runtime.root.start(Supervisor, [])
    find(runtime, pid).label = "shop_sup"
    assert [tree.id for tree in all_trees(runtime)] == ["shop_sup"]
    find(runtime, pid).label = (Atom("any"), "term")
    assert [tree.id for tree in all_trees(runtime)] == ["Supervisor"]


async def test_without_a_root_it_is_the_nearest_supervisor(runtime: Runtime) -> None:
    found = []

    class Looker(ergopy.GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            found.append(supervision_tree())

    await runtime.root.start(Supervisor, [ChildSpec(Looker, name="looker")])
    await runtime.root.call("looker", "look")
    assert [child.name for child in found[0].children] == ["looker"]


@pytest.mark.parametrize("root", ["nobody", "cache", None])
async def test_who_is_no_supervisor_has_no_tree(
    runtime: Runtime, shop: Pid, autojump_clock: Clock, root: str | None
) -> None:
    with pytest.raises(ValueError, match="no supervisor"):
        supervision_tree(root, caller=runtime.root)


async def test_a_supervisor_that_is_still_coming_up_has_no_tree(
    runtime: Runtime,
) -> None:
    trees = []

    class Mine(Supervisor):
        async def init(self, *args: Any) -> Any:
            trees.extend(all_trees(runtime))
            return []

    await runtime.root.start(Mine)
    assert trees == []


async def test_a_tree_is_frozen_and_compares_by_value(
    runtime: Runtime, shop: Pid, autojump_clock: Clock
) -> None:
    tree = supervision_tree(shop, caller=runtime.root)
    assert tree == supervision_tree(shop, caller=runtime.root)
    with pytest.raises(dataclasses.FrozenInstanceError):
        tree.id = "other"  # type: ignore[misc]


async def test_a_tree_survives_the_wire(
    runtime: Runtime, shop: Pid, autojump_clock: Clock
) -> None:
    tree = supervision_tree(shop, caller=runtime.root)
    assert TreeNode.from_term(etf.decode(etf.encode(tree))) == tree


async def test_restarts_leave_the_period_as_time_goes_by(
    runtime: Runtime, shop: Pid, autojump_clock: Clock
) -> None:
    before = supervision_tree("sessions", caller=runtime.root)
    await trio.sleep(100)
    after = supervision_tree("sessions", caller=runtime.root)
    assert (before.restarts_in_period, after.restarts_in_period) == (1, 0)


def test_what_a_later_release_tells_besides_is_passed_over() -> None:
    term = {"id": Atom("a"), "pid": None, "colour": b"red", "children": []}
    assert TreeNode.from_term(term) == TreeNode(Atom("a"), None)


@pytest.mark.parametrize("term", [7, {}, {"id": 1, "children": []}, {"children": 1}])
def test_what_is_no_tree_is_refused(term: Any) -> None:
    with pytest.raises(ValueError, match="not a supervision tree"):
        TreeNode.from_term(term)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "up 0.0 s"),
        (59.9, "up 59.9 s"),
        (61, "up 1 min 1 s"),
        (3700, "up 1 h 1 min"),
        (90000, "up 1 d 1 h"),
    ],
)
def test_times_are_shown_in_two_units(seconds: float, text: str) -> None:
    (line,) = lines(TreeNode(Atom("a"), None, uptime=seconds))
    assert line.endswith(text)


async def test_the_tree_of_another_node_can_be_asked_for(
    autojump_clock: Clock,
) -> None:
    async with node_pair() as (a, b):
        children = [ChildSpec(Kid, [], "kid", id=word) for word in ("one", "two")]
        children.append(ChildSpec(DynamicSupervisor, id="many"))
        pid = await b.start(Supervisor, children, name="top")
        await a.connect(b.name)
        tree = await supervisor.ask_tree(("top", b.name), caller=a)
        assert paths(tree) == [
            ("top",),
            ("top", "one"),
            ("top", "two"),
            ("top", "many"),
        ]
        assert [child.kind for child in tree.children] == [
            "worker",
            "worker",
            "supervisor",
        ]
        assert tree.children == (await supervisor.ask_tree(pid, caller=a)).children
        with pytest.raises(ergopy.NoProcess):
            await supervisor.ask_tree(("nobody", b.name), caller=a)


async def test_who_does_not_answer_is_shown_without_children(
    autojump_clock: Clock,
) -> None:
    async def deaf(process: Any) -> None:
        await trio.sleep_forever()

    async with node_pair() as (a, b):
        dead = ChildSpec(deaf, id="deaf", type="supervisor")
        await b.start(Supervisor, [dead, ChildSpec(Kid, [], "kid")], name="top")
        await a.connect(b.name)
        tree = await supervisor.ask_tree(("top", b.name), caller=a)
        assert [(child.shown_id, child.children) for child in tree.children] == [
            ("deaf", ()),
            ("Kid", ()),
        ]


async def test_who_answers_nonsense_has_no_tree(runtime: Runtime) -> None:
    class Other(ergopy.GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            return 7

    odd = ChildSpec(Other, name="odd", type="supervisor")
    await runtime.root.start(Supervisor, [odd], name="top")
    tree = await supervisor.ask_tree("top", caller=runtime.root)
    assert [(child.shown_id, child.children) for child in tree.children] == [
        ("odd", ())
    ]
    with pytest.raises(ergopy.ChildError) as caught:
        await supervisor.ask_tree("odd", caller=runtime.root)
    assert caught.value.reason == 7


async def test_a_node_shows_its_trees_to_others_unless_it_is_told_not_to(
    autojump_clock: Clock,
) -> None:
    async with node_pair() as (a, b):
        await b.start(Supervisor, [ChildSpec(Kid, [], "kid")], name="top")
        told = await a.rpc(b.name, "ergopy", "supervision_tree")
        trees = tuple(map(TreeNode.from_term, told))
        assert trees == b.supervision_tree()
        assert "top" in [tree.name for tree in trees]
        b.unexport("ergopy")
        with pytest.raises(ergopy.RpcError):
            await a.rpc(b.name, "ergopy", "supervision_tree")


@pytest.mark.parametrize("many", [1, 3])
async def test_what_says_to_be_below_itself_is_asked_once(
    runtime: Runtime, many: int
) -> None:
    asked: list[Any] = []

    class Liar(ergopy.GenServer):
        async def handle_call(self, request: Any, from_: Any) -> Any:
            asked.append(request)
            kind = Atom("supervisor")
            return [(Atom("me"), self.pid, kind, [])] * many

    pid = await runtime.root.start(Liar)
    tree = await supervisor.ask_tree(pid, caller=runtime.root)
    assert len(asked) == 2
    assert [len(child.children) for child in tree.children] == [
        *[0] * (many - 1),
        many,
    ][::-1]


async def test_a_tree_is_asked_for_only_so_deep(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_remote, "MAX_DEPTH", 3)
    spec = ChildSpec(Kid, [], "kid")
    for _ in range(5):
        spec = ChildSpec(Supervisor, [spec], id="sup")
    pid = await runtime.root.start(Supervisor, [spec])
    tree = await supervisor.ask_tree(pid, caller=runtime.root)
    depth = 0
    while tree.children:
        (tree,) = tree.children
        depth += 1
    assert depth == 3


async def test_one_on_a_node_that_is_gone_is_shown_without_children(
    autojump_clock: Clock,
) -> None:
    network = MemoryNetwork()
    async with network.node("a") as a, network.node("b") as b:
        async with network.node("c") as c:
            below = await c.start(Supervisor, [])

        class Liar(ergopy.GenServer):
            async def handle_call(self, request: Any, from_: Any) -> Any:
                return [(Atom("far"), below, Atom("supervisor"), [])]

        await b.start(Liar, name="top")
        tree = await supervisor.ask_tree(("top", b.name), caller=a)
        assert [(child.pid, child.children) for child in tree.children] == [(below, ())]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"uptime": b"long"}, {"restarts": 1.5}, {"kind": 1}, {"pid": 5}),
        *({"significant": 1}, {"strategy": []}, {"forced_kills": "many"}),
    ],
    ids=str,
)
def test_a_tree_of_another_node_is_looked_at(wrong: dict[str, Any]) -> None:
    term = {**TreeNode(Atom("x"), None).__etf__(), **wrong}
    with pytest.raises(ValueError, match="not a supervision tree"):
        TreeNode.from_term(term)


def test_a_tree_of_another_node_may_be_too_deep() -> None:
    term: Any = {"id": 1, "children": []}
    for _ in range(5000):
        term = {"id": 1, "children": [term]}
    with pytest.raises(ValueError, match="not a supervision tree"):
        TreeNode.from_term(term)


def test_what_another_node_calls_its_processes_is_no_order_to_a_terminal() -> None:
    evil = "\x1b[2J\nroot"
    tree = TreeNode(Atom(evil), None, name=evil, strategy=evil, restart=evil)
    (line,) = lines(tree)
    assert line.isprintable()
    assert "\\x1b[2J\\nroot" in line
