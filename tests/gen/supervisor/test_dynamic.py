"""DynamicSupervisor: children on demand, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import ergopy
import etf
from ergopy import Atom, ChildSpec, DynamicSupervisor, Stop, supervisor
from ergopy.gen.supervisor.dynamic import InFive
from tests.gen.supervisor.dynamic_kit import Dyn, counts
from tests.gen.supervisor.kit import CRASH, Kid, simple
from tests.runtimes import find

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


@pytest.fixture
async def dyn(runtime: Runtime) -> Dyn:
    return Dyn(runtime)


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
