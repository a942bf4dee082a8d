"""simple_one_for_one: children of one specification, known by their pids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom, ChildSpec, StartError, Supervisor
from ergopy.testing import SupervisorReport
from tests.gen.supervisor.kit import CRASH, Kid, Slow
from tests.runtimes import assert_only_the_root, find, settle

if TYPE_CHECKING:
    from ergopy import Pid
    from ergopy.testing import EventLog
    from tests.gen.supervisor.kit import Sup

SIMPLE = "simple_one_for_one"
NOT_FOR_SIMPLE = ("error", SIMPLE)


async def start(sup: Sup, *, behaviour: Any = Kid, **options: Any) -> Sup:
    flags = {key: options.pop(key) for key in ("intensity",) if key in options}
    flags |= {key: options.pop(key) for key in ("auto_shutdown",) if key in options}
    spec = ChildSpec(behaviour, sup.log, id="kid", **options)
    return await sup.start(spec, strategy=SIMPLE, **flags)


async def add(sup: Sup, name: str, *more: Any) -> Pid:
    ok, pid = await sup.ask("start_child", [name, *more])
    assert ok == "ok"
    return pid  # type: ignore[no-any-return]


async def tell(sup: Sup, pid: Pid, reason: Any) -> None:
    await sup.root.send(pid, ("end", reason))
    await settle()


async def pids(sup: Sup) -> list[Any]:
    rows = await sup.ask("which_children")
    assert all(row[0] == "undefined" for row in rows)
    return [row[1] for row in rows]


async def test_children_are_added_with_further_arguments(sup: Sup) -> None:
    await start(sup)
    assert sup.log == []
    a, b = await add(sup, "a"), await add(sup, "b")
    assert await pids(sup) == [a, b]
    assert dict(await sup.ask("count_children")) == {
        "specs": 1,
        "active": 2,
        "supervisors": 0,
        "workers": 2,
    }


async def test_a_child_is_restarted_with_the_arguments_it_had(sup: Sup) -> None:
    await start(sup, intensity=1)
    a = await add(sup, "a")
    await add(sup, "b")
    sup.forget()
    await tell(sup, a, CRASH)
    assert sup.forget() == [("down", "a", CRASH), ("up", "a")]
    assert len(await pids(sup)) == 2
    # These restarts count too; with a peer project they do not.
    await tell(sup, (await pids(sup))[1], CRASH)
    assert not sup.alive


@pytest.mark.parametrize("restart", ["transient", "temporary"])
async def test_a_child_that_is_not_restarted_is_gone(sup: Sup, restart: str) -> None:
    await start(sup, restart=restart)
    a = await add(sup, "a")
    await tell(sup, a, "normal")
    assert await pids(sup) == []


async def test_terminate_is_by_pid(sup: Sup) -> None:
    await start(sup)
    a = await add(sup, "a")
    assert await sup.ask("terminate_child", Atom("kid")) == NOT_FOR_SIMPLE
    assert await sup.ask("terminate_child", sup.pid) == ("error", "not_found")
    assert await sup.ask("terminate_child", a) == "ok"
    assert sup.forget() == [("up", "a"), ("down", "a", "shutdown")]
    # OTP takes a dead pid for that of a child.
    assert await sup.ask("terminate_child", a) == "ok"
    assert await pids(sup) == []


async def test_what_is_by_id_elsewhere_is_refused(sup: Sup) -> None:
    await start(sup)
    a = await add(sup, "a")
    for identity in (Atom("kid"), a):
        assert await sup.ask("restart_child", identity) == NOT_FOR_SIMPLE
        assert await sup.ask("delete_child", identity) == NOT_FOR_SIMPLE


async def test_get_childspec_takes_the_id_or_a_pid(sup: Sup) -> None:
    await start(sup)
    a = await add(sup, "a")
    for identity in (Atom("kid"), a):
        ok, spec = await sup.ask("get_childspec", identity)
        assert (ok, spec["id"]) == ("ok", "kid")
    assert await sup.ask("get_childspec", Atom("a")) == ("error", "not_found")
    assert await sup.ask("get_childspec", sup.pid) == ("error", "not_found")
    assert await sup.ask("which_child", a) == (
        "ok",
        ("undefined", a, "worker", [f"{Kid.__module__}.Kid"]),
    )
    assert await sup.ask("which_child", Atom("kid")) == ("error", "not_found")


async def test_a_start_that_fails_or_is_ignored_leaves_nothing(sup: Sup) -> None:
    await start(sup)
    assert await sup.ask("start_child", ["a", ("stop",)]) == ("error", "unfit")
    assert await sup.ask("start_child", ["b", ("ignore",)]) == ("ok", "undefined")
    assert await sup.ask("start_child", Atom("b")) == ("error", "badarg")
    assert await pids(sup) == []


async def test_a_failing_restart_is_restarting_under_the_old_pid(
    sup: Sup, autojump_clock: Any
) -> None:
    from ergopy import Backoff

    spec = ChildSpec(Kid, sup.log, id="kid")
    backoff = Backoff(first=1, jitter=0)
    await sup.start(spec, strategy=SIMPLE, backoff=backoff)
    a = await add(sup, "a", ("ok", "stop", "ok"))
    await tell(sup, a, CRASH)
    assert await pids(sup) == ["restarting"]
    assert dict(await sup.ask("count_children"))["active"] == 0
    assert dict(await sup.ask("count_children"))["workers"] == 1
    await trio.sleep(1.5)
    assert await pids(sup) == ["restarting"]
    await trio.sleep(5)
    (again,) = await pids(sup)
    assert find(sup.runtime, again).alive
    assert len(sup.behaviour._children) == 1


async def test_a_restarting_child_can_be_terminated_by_its_old_pid(
    sup: Sup, autojump_clock: Any
) -> None:
    from ergopy import Backoff

    spec = ChildSpec(Kid, sup.log, id="kid")
    await sup.start(spec, strategy=SIMPLE, backoff=Backoff(first=1, jitter=0))
    a = await add(sup, "a")
    await tell(sup, a, CRASH)
    assert await sup.ask("terminate_child", a) == "ok"
    await trio.sleep(5)
    assert await pids(sup) == []
    assert sup.forget()[-1] == ("down", "a", CRASH)


async def test_a_restart_that_is_ignored_forgets_the_child(sup: Sup) -> None:
    """A supervisor of OTP keeps an entry without pid, and crashes over it later."""
    await start(sup)
    a = await add(sup, "a", ("ok", "ignore"))
    await tell(sup, a, CRASH)
    assert await pids(sup) == []
    await sup.root.stop(sup.pid)


async def test_all_are_stopped_at_once_and_errors_are_reported_once(
    sup: Sup, autojump_clock: Any, reports: EventLog
) -> None:
    await start(sup, behaviour=Slow, shutdown=2)
    for n in range(50):
        await add(sup, f"slow{n}", 1.0)
    for n in range(30):
        await add(sup, f"stuck{n}", 10.0)
    behaviour = sup.behaviour
    begin = trio.current_time()
    await sup.root.stop(sup.pid, timeout=None)
    assert trio.current_time() - begin == pytest.approx(2)
    assert behaviour.forced_kills == 30
    (report,) = reports.of(SupervisorReport, context="shutdown_error")
    assert (report.reason, report.offender["nb_children"]) == ("killed", 30)
    await settle()
    assert_only_the_root(sup.runtime)


async def test_all_significant_is_the_end_of_the_last(sup: Sup) -> None:
    await start(
        sup, restart="temporary", significant=True, auto_shutdown="all_significant"
    )
    a, b = await add(sup, "a"), await add(sup, "b")
    await tell(sup, a, "normal")
    assert sup.alive
    await tell(sup, b, "normal")
    assert not sup.alive


async def test_it_has_exactly_one_specification(sup: Sup) -> None:
    for children in ([], [sup.kid("a"), sup.kid("b")]):
        with pytest.raises(StartError) as caught:
            await sup.root.start(Supervisor, children, strategy=SIMPLE)
        assert caught.value.reason[0] == "bad_start_spec"
