"""DynamicSupervisor: children on demand, as Elixir's has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio.testing

import ergopy
import etf
from ergopy import Atom, ChildSpec, DynamicSupervisor, Stop, supervisor
from ergopy.gen.supervisor.dynamic import InFive
from tests.gen.supervisor.kit import CRASH, Kid, Log, Slow, simple
from tests.runtimes import find, settle

if TYPE_CHECKING:
    import logging

    from ergopy import Pid
    from ergopy.process.runtime import Runtime


class Dyn:
    """A dynamic supervisor under test."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.root = runtime.root
        self.log: Log = []
        self.pid: Any = None

    async def start(self, **options: Any) -> Dyn:
        self.pid = await self.root.start(DynamicSupervisor, **options)
        return self

    async def add(self, child: Any, *args: Any) -> Pid | None:
        return await DynamicSupervisor.start_child(
            self.pid, child, *args, caller=self.root
        )

    async def kid(self, label: str, *plan: str, **options: Any) -> Any:
        return await self.add(
            ChildSpec(Kid, self.log, label, plan or ("ok",), **options)
        )

    async def ask(self, *request: Any) -> Any:
        what, *about = request
        term = (Atom(what), *about) if about else Atom(what)
        return await self.root.call(self.pid, term, None)

    async def counts(self) -> dict[str, int]:
        return {str(key): value for key, value in await self.ask("count_children")}

    async def end(self, pid: Pid, reason: Any) -> None:
        await self.root.send(pid, ("end", reason))
        await settle()


@pytest.fixture
async def dyn(runtime: Runtime) -> Dyn:
    return Dyn(runtime)


def counts(active: int, *, supervisors: int = 0, waiting: int = 0) -> dict[str, int]:
    everybody = active + waiting
    return {
        "specs": everybody,
        "active": active,
        "supervisors": supervisors,
        "workers": everybody - supervisors,
    }


async def test_children_have_no_id_and_are_known_by_their_pids(dyn: Dyn) -> None:
    await dyn.start()
    one = await dyn.kid("one")
    two = await dyn.add(ChildSpec(ergopy.Supervisor, []))
    rows = await dyn.ask("which_children")
    assert [row[:3] for row in rows] == [
        ("undefined", one, "worker"),
        ("undefined", two, "supervisor"),
    ]
    assert await dyn.counts() == counts(2, supervisors=1)


async def test_a_child_may_be_a_class_a_tuple_or_a_function(dyn: Dyn) -> None:
    await dyn.start()
    pids = [
        await dyn.add(Kid, dyn.log, "class"),
        await dyn.add((Kid, dyn.log, "tuple")),
        await dyn.add(simple, dyn.log, "function"),
    ]
    assert len({*pids}) == 3
    assert await dyn.counts() == counts(3)


async def test_one_child_more_than_max_children_is_refused_until_one_is_gone(
    dyn: Dyn,
) -> None:
    await dyn.start(max_children=2)
    one, _ = await dyn.kid("one"), await dyn.kid("two")
    with pytest.raises(ergopy.ChildError) as caught:
        await dyn.kid("three")
    assert caught.value.reason == "max_children"
    assert await dyn.ask("start_child", InFive(ChildSpec(Kid))) == (
        "error",
        Atom("max_children"),
    )
    await dyn.ask("terminate_child", one)
    assert await dyn.kid("three")
    assert ("try", "three") in dyn.log


async def test_a_child_that_restarts_takes_a_place_of_max_children(dyn: Dyn) -> None:
    await dyn.start(max_children=1, backoff=ergopy.Backoff(first=10))
    pid = await dyn.kid("one")
    await dyn.end(pid, CRASH)
    assert await dyn.ask("which_children") == [
        ("undefined", "restarting", "worker", [Atom("tests.gen.supervisor.kit.Kid")])
    ]
    assert await dyn.counts() == counts(0, waiting=1)
    with pytest.raises(ergopy.ChildError):
        await dyn.kid("two")


async def test_extra_arguments_come_first(dyn: Dyn) -> None:
    await dyn.start(extra_arguments=[dyn.log])
    await dyn.add(Kid, "one")
    assert dyn.log[-1] == ("up", "one")


async def test_a_restarted_child_gets_the_extra_arguments_again(dyn: Dyn) -> None:
    await dyn.start(extra_arguments=(dyn.log,))
    pid = await dyn.add(Kid, "one")
    assert pid is not None
    await dyn.end(pid, CRASH)
    assert [entry for entry in dyn.log if entry[0] == "up"] == [("up", "one")] * 2


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize(
    "reason", ["normal", "shutdown", ("shutdown", "x"), CRASH], ids=str
)
async def test_who_is_restarted_depends_on_restart_type_and_reason(
    dyn: Dyn, restart: str, reason: Any
) -> None:
    await dyn.start()
    pid = await dyn.kid("one", restart=restart)
    await dyn.end(pid, reason)
    again = restart == "permanent" or (restart == "transient" and reason == CRASH)
    assert await dyn.counts() == counts(int(again))
    assert len([entry for entry in dyn.log if entry[0] == "up"]) == 1 + again


async def test_a_restart_changes_no_other_child(dyn: Dyn) -> None:
    await dyn.start()
    one, two = await dyn.kid("one"), await dyn.kid("two")
    await dyn.end(one, CRASH)
    rows = await dyn.ask("which_children")
    assert two in [row[1] for row in rows]
    assert one not in [row[1] for row in rows]


async def test_a_restart_that_fails_is_tried_again_and_counts(dyn: Dyn) -> None:
    await dyn.start(intensity=3)
    pid = await dyn.kid("one", "ok", "raise", "stop", "ok")
    await dyn.end(pid, CRASH)
    assert await dyn.counts() == counts(1)
    assert len([entry for entry in dyn.log if entry[0] == "try"]) == 4


async def test_a_restart_whose_init_ignores_is_the_end_of_the_child(dyn: Dyn) -> None:
    await dyn.start()
    pid = await dyn.kid("one", "ok", "ignore")
    await dyn.end(pid, CRASH)
    assert await dyn.counts() == counts(0)


async def test_too_many_restarts_end_it_and_its_other_children(dyn: Dyn) -> None:
    await dyn.start(intensity=1)
    one, _ = await dyn.kid("one"), await dyn.kid("two")
    await dyn.end(one, CRASH)
    for _, pid, *_ in await dyn.ask("which_children"):
        await dyn.root.send(pid, ("end", CRASH))
    await settle()
    assert dyn.runtime.find(dyn.pid) is None
    assert len([entry for entry in dyn.log if entry[0] == "up"]) == 3


async def test_a_start_that_fails_leaves_nothing(dyn: Dyn) -> None:
    await dyn.start()
    with pytest.raises(ergopy.StartError) as caught:
        await dyn.kid("one", "stop")
    assert caught.value.reason == "unfit"
    assert await dyn.kid("two", "ignore") is None
    assert await dyn.counts() == counts(0)


async def test_an_ignored_start_is_answered_as_elixir_does(dyn: Dyn) -> None:
    await dyn.start()
    spec = ChildSpec(Kid, dyn.log, "one", ("ignore",))
    assert await dyn.ask("start_child", spec) == "ignore"


async def test_what_nobody_has_provided_is_undef_as_in_elixir(dyn: Dyn) -> None:
    await dyn.start()
    mfa = (Atom("no"), Atom("start_link"), [1])
    five = (mfa, Atom("permanent"), 5000, Atom("worker"), [Atom("no")])
    match await dyn.ask("start_child", five):
        case ("error", ("undef", [("no", "start_link", [1], []), *_])):
            pass
        case answer:
            pytest.fail(repr(answer))


@pytest.mark.parametrize(
    ("five", "reason"),
    [
        ((1, "permanent", 1, "worker", []), ("invalid_mfa", 1)),
        ((..., "often", 1, "worker", []), ("invalid_restart_type", "often")),
        ((..., "permanent", -1, "worker", []), ("invalid_shutdown", -1)),
        ((..., "permanent", 1, "boss", []), ("invalid_child_type", "boss")),
        ((..., "permanent", 1, "worker", 1), ("invalid_modules", 1)),
        ((1, 2, 3), ("invalid_child_spec", (1, 2, 3))),
    ],
)
async def test_a_bad_specification_is_an_error(
    dyn: Dyn, five: Any, reason: Any
) -> None:
    await dyn.start()
    mfa = (Atom("m"), Atom("f"), [])
    term = tuple(mfa if part is ... else atoms(part) for part in five)
    assert await dyn.ask("start_child", term) == ("error", atoms(reason))


def atoms(part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(map(atoms, part))
    return Atom(part) if isinstance(part, str) else part


async def test_terminate_child_waits_for_the_end(
    dyn: Dyn, autojump_clock: trio.testing.MockClock
) -> None:
    await dyn.start()
    pid = await dyn.add(Slow, dyn.log, "slow", 3.0)
    assert pid is not None
    begun = trio.current_time()
    await supervisor.terminate_child(dyn.pid, pid, caller=dyn.root)
    assert trio.current_time() - begun == pytest.approx(3)
    assert dyn.runtime.find(pid) is None
    assert await dyn.counts() == counts(0)


async def test_who_is_no_child_is_not_found(dyn: Dyn) -> None:
    await dyn.start()
    for who in (dyn.root.pid, Atom("one"), 7):
        answer = await dyn.ask("terminate_child", who)
        assert answer == ("error", Atom("not_found"))


async def test_a_child_in_restart_can_be_terminated_by_the_pid_it_had(
    dyn: Dyn, autojump_clock: trio.testing.MockClock
) -> None:
    await dyn.start(backoff=ergopy.Backoff(first=10))
    pid = await dyn.kid("one")
    await dyn.end(pid, CRASH)
    assert await dyn.ask("terminate_child", pid) == "ok"
    await trio.sleep(100)
    assert len([entry for entry in dyn.log if entry[0] == "up"]) == 1
    assert await dyn.counts() == counts(0)


async def test_all_children_are_stopped_at_the_same_time(
    dyn: Dyn, autojump_clock: trio.testing.MockClock
) -> None:
    await dyn.start()
    for number in range(100):
        await dyn.add(Slow, dyn.log, f"slow{number}", 2.0)
    begun = trio.current_time()
    await dyn.root.stop(dyn.pid, timeout=60)
    assert trio.current_time() - begun == pytest.approx(2)
    assert len([entry for entry in dyn.log if entry[0] == "down"]) == 100


async def test_each_child_is_stopped_as_its_specification_says(
    dyn: Dyn, autojump_clock: trio.testing.MockClock
) -> None:
    await dyn.start()
    for seconds, shutdown in ((9.0, 1), (9.0, "brutal_kill"), (9.0, "infinity")):
        label = str(shutdown)
        await dyn.add(ChildSpec(Slow, dyn.log, label, seconds, shutdown=shutdown))
    begun = trio.current_time()
    await dyn.root.stop(dyn.pid, timeout=60)
    assert trio.current_time() - begun == pytest.approx(9)
    downs = [entry[1] for entry in dyn.log if entry[0] == "down"]
    assert downs == ["infinity"]


async def test_ten_thousand_children_come_and_go(dyn: Dyn) -> None:
    await dyn.start()

    async def idle(process: Any) -> None:
        await process.receive()

    before = len(dyn.runtime.processes)
    for _ in range(10_000):
        await dyn.add(idle)
    assert await dyn.counts() == counts(10_000)
    await dyn.root.stop(dyn.pid, timeout=None)
    assert len(dyn.runtime.processes) == before - 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"strategy": "one_for_all"}, ("invalid_strategy", "one_for_all")),
        ({"max_children": -1}, ("invalid_max_children", -1)),
        ({"max_children": True}, ("invalid_max_children", True)),
        ({"extra_arguments": 7}, ("invalid_extra_arguments", 7)),
        ({"intensity": -1}, ("invalid_intensity", -1)),
        (
            {"auto_shutdown": "any_significant"},
            ("invalid_auto_shutdown", "any_significant"),
        ),
    ],
)
async def test_options_that_make_no_sense_are_a_start_error(
    dyn: Dyn, options: dict[str, Any], reason: Any
) -> None:
    with pytest.raises(ergopy.StartError) as caught:
        await dyn.start(**options)
    assert caught.value.reason == ("supervisor_data", reason)


async def test_an_unknown_option_is_a_mistake(dyn: Dyn) -> None:
    with pytest.raises(TypeError, match="no \\['children'\\]"):
        await dyn.start(children=[])


async def test_it_begins_without_children(dyn: Dyn) -> None:
    with pytest.raises(ergopy.StartError) as caught:
        await dyn.root.start(DynamicSupervisor, [Kid])
    assert caught.value.reason[0] == "bad_start_spec"


async def test_a_subclass_sets_itself_up(dyn: Dyn) -> None:
    class Mine(DynamicSupervisor):
        max_children = 5

        async def init(self, most: int) -> Any:
            self.max_children = most
            return Stop("unfit") if most > 100 else None

    dyn.pid = await dyn.root.start(Mine, 1)
    await dyn.kid("one")
    with pytest.raises(ergopy.ChildError):
        await dyn.kid("two")
    with pytest.raises(ergopy.StartError):
        await dyn.root.start(Mine, 101)


async def test_a_specification_travels_as_elixirs_tuple_of_five() -> None:
    spec = ChildSpec(("Elixir.Mod", "start_link"), 1, restart="temporary", shutdown=0.5)
    assert etf.decode(etf.encode(InFive(spec))) == (
        ("Elixir.Mod", "start_link", [1]),
        "temporary",
        500,
        "worker",
        ["Elixir.Mod"],
    )


async def test_a_python_class_cannot_travel(dyn: Dyn) -> None:
    with pytest.raises(etf.EncodeError, match="Python object"):
        etf.encode(InFive(ChildSpec(Kid)))


async def test_get_childspec_and_which_child_find_a_child_by_its_pid(dyn: Dyn) -> None:
    await dyn.start()
    pid = await dyn.kid("one", restart="transient")
    spec = await supervisor.get_childspec(dyn.pid, pid, caller=dyn.root)
    assert spec.restart == "transient"
    assert (await supervisor.which_child(dyn.pid, pid, caller=dyn.root)).pid == pid


@pytest.mark.parametrize("what", ["restart_child", "delete_child", "cheer"])
async def test_what_it_does_not_know_is_answered_with_an_error(
    dyn: Dyn, what: str
) -> None:
    await dyn.start()
    answer = await dyn.ask(what, 1)
    assert answer == ("error", (Atom("unknown_request"), (Atom(what), 1)))


async def test_it_shows_its_options_to_sys(dyn: Dyn) -> None:
    await dyn.start(max_children=3)
    state = find(dyn.runtime, dyn.pid).supervisor.format_state()
    assert state["max_children"] == 3


async def test_children_that_had_to_be_killed_are_counted_and_reported_together(
    dyn: Dyn,
    reports: list[logging.LogRecord],
    autojump_clock: trio.testing.MockClock,
) -> None:
    await dyn.start()
    behaviour = find(dyn.runtime, dyn.pid).supervisor
    for number in range(5):
        slow = ChildSpec(Slow, dyn.log, f"slow{number}", 9.0, shutdown=1)
        await dyn.add(slow)
    await dyn.root.stop(dyn.pid, timeout=60)
    assert behaviour.forced_kills == 5
    errors = [r for r in reports if getattr(r, "context", "") == "shutdown_error"]
    assert [record.__dict__["offender"]["nb_children"] for record in errors] == [5]
