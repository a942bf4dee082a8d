"""Whatever happens to children: what a supervisor knows is what there is.

Random requests, ends and failing starts; after each the tables of the supervisor, its
links and the processes of the runtime have to agree.
"""

from __future__ import annotations

from typing import Any

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ergopy import Atom, ChildSpec
from ergopy.gen.supervisor.children import State
from ergopy.gen.supervisor.group import Group
from tests.gen.supervisor.kit import CRASH, Kid, Sup
from tests.runtimes import assert_only_the_root, find, running, settle

NAMES = "abcd"
PLANS = [("ok",), ("ok", "stop", "ok"), ("ok", "ignore", "ok"), ("ok", "raise", "ok")]

children = st.fixed_dictionaries(
    {
        "restart": st.sampled_from(["permanent", "transient", "temporary"]),
        "shutdown": st.sampled_from([5, "brutal_kill", "infinity"]),
    }
)
steps = st.tuples(
    st.sampled_from(
        [
            "crash",
            "normal",
            "kill",
            "unlink",
            "terminate_child",
            "restart_child",
            "delete_child",
            "start_child",
            "which_children",
        ]
    ),
    st.integers(0, 3),
)
relaxed = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


async def hit(sup: Sup, what: str, pid: Any) -> None:
    """Let a child that runs end, or leave its supervisor."""
    match what:
        case "crash":
            await sup.root.send(pid, ("end", CRASH))
        case "normal":
            await sup.root.send(pid, ("end", Atom("normal")))
        case "kill":
            await sup.root.exit(pid, "kill")
        case "unlink":
            await sup.root.send(pid, ("unlink", sup.pid))
    await settle()


def check(sup: Sup, unlinked: set[Any]) -> None:
    supervision = sup.behaviour._children
    everybody = list(supervision)
    runs = [child for child in everybody if child.state is State.RUNNING]
    table = supervision._by_pid if isinstance(supervision, Group) else None
    table = supervision.running if table is None else table
    assert {child.pid: child for child in runs} == table
    links = set(sup.process.links) - {sup.root.pid}
    for child in everybody:
        if child.state is State.RUNNING:
            # One that has unlinked itself may be gone without anybody hearing of it.
            if child.pid not in unlinked:
                assert find(sup.runtime, child.pid) is child.process
                assert child.pid in links
        else:
            assert child.process is None
            assert child.pid not in links
    assert links <= {child.pid for child in runs}
    assert not sup.process.monitors
    assert not sup.process.queue
    if isinstance(supervision, Group):
        ids = [child.spec.id for child in everybody]
        assert len(ids) == len(set(ids))


@relaxed
@given(
    st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
    st.lists(children, min_size=4, max_size=4),
    st.lists(st.sampled_from(PLANS), min_size=4, max_size=4),
    st.sampled_from(["sequential", "concurrent"]),
    st.lists(steps, max_size=15),
)
async def test_a_group_agrees_with_the_processes_there_are(
    strategy: str,
    options: list[dict[str, Any]],
    plans: list[Any],
    drain: str,
    script: list[tuple[str, int]],
) -> None:
    async with running() as runtime:
        sup = Sup(runtime)
        specs = [
            sup.kid(name, *plan, **option)
            for name, plan, option in zip(NAMES, plans, options, strict=True)
        ]
        await sup.start(*specs, strategy=strategy, drain=drain, intensity=10**6)
        unlinked: set[Any] = set()
        for what, number in script:
            name = Atom(NAMES[number])
            pid = (await sup.names()).get(name)
            if what == "which_children":
                await sup.ask(what)
            elif what == "start_child":
                await sup.ask(what, specs[number])
            elif what.endswith("_child"):
                await sup.ask(what, name)
            elif pid is not None and not isinstance(pid, Atom):
                await hit(sup, what, pid)
                unlinked |= {pid} if what == "unlink" else set()
            await settle()
            check(sup, unlinked)
        await sup.root.stop(sup.pid)
        await settle()
        assert_only_the_root(runtime)


@relaxed
@given(children, st.lists(steps, max_size=15))
async def test_a_crowd_agrees_with_the_processes_there_are(
    option: dict[str, Any], script: list[tuple[str, int]]
) -> None:
    async with running() as runtime:
        sup = Sup(runtime)
        spec = ChildSpec(Kid, sup.log, id="kid", **option)
        await sup.start(spec, strategy="simple_one_for_one", intensity=10**6)
        unlinked: set[Any] = set()
        for what, number in script:
            pids = [row[1] for row in await sup.ask("which_children")]
            if what == "start_child" or not pids:
                await sup.ask("start_child", [f"k{len(sup.log)}", PLANS[number]])
            elif what in ("terminate_child", "restart_child", "delete_child"):
                await sup.ask(what, pids[number % len(pids)])
            elif what != "which_children":
                pid = pids[number % len(pids)]
                await hit(sup, what, pid)
                unlinked |= {pid} if what == "unlink" else set()
            await settle()
            check(sup, unlinked)
        with trio.fail_after(5):
            await sup.root.stop(sup.pid)
        await settle()
        assert_only_the_root(runtime)
