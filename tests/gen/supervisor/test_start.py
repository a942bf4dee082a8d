"""Starting a supervisor: order, roll-back, and what is refused with which reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import (
    IGNORE,
    AlreadyStarted,
    Atom,
    ChildSpec,
    Ignored,
    StartError,
    Stop,
    Supervisor,
    SupervisorSpec,
)
from ergopy.testing import SupervisorReport
from tests.gen.supervisor.kit import Kid, simple
from tests.runtimes import assert_only_the_root, find, settle

if TYPE_CHECKING:
    from ergopy.testing import EventLog
    from tests.gen.supervisor.kit import Sup

SHUTDOWN = Atom("shutdown")


async def test_children_start_in_order_and_stop_in_reverse(sup: Sup) -> None:
    await sup.start(*map(sup.kid, "abc"))
    await sup.root.stop(sup.pid)
    assert sup.forget() == [
        *(("up", name) for name in "abc"),
        *(("down", name, SHUTDOWN) for name in "cba"),
    ]
    assert_only_the_root(sup.runtime)


@pytest.mark.parametrize("plan", ["stop", "raise"])
async def test_a_start_that_fails_rolls_back_in_reverse(
    sup: Sup, plan: str, reports: EventLog
) -> None:
    children = [sup.kid("a"), sup.kid("b"), sup.kid("c", plan), *map(sup.kid, "de")]
    with pytest.raises(StartError) as caught:
        await sup.start(*children)
    shutdown, (failed, name, reason) = caught.value.reason
    assert (shutdown, failed, name) == (SHUTDOWN, "failed_to_start_child", "c")
    assert reason == "unfit" or reason[1] == b"builtins.ValueError"
    assert sup.forget() == [
        ("up", "a"),
        ("up", "b"),
        ("down", "b", SHUTDOWN),
        ("down", "a", SHUTDOWN),
    ]
    assert [it.context for it in reports.of(SupervisorReport)] == ["start_error"]
    await settle()
    assert_only_the_root(sup.runtime)


async def test_the_reason_of_a_failed_start_names_the_chain_of_supervisors(
    sup: Sup,
) -> None:
    inner = ChildSpec(Supervisor, [sup.kid("c", "stop")], id="inner")
    with pytest.raises(StartError) as caught:
        await sup.start(sup.kid("a"), inner)
    why = (Atom("failed_to_start_child"), Atom("c"), Atom("unfit"))
    above = (Atom("failed_to_start_child"), Atom("inner"), (SHUTDOWN, why))
    assert caught.value.reason == (SHUTDOWN, above)


async def test_a_child_that_is_ignored_keeps_its_specification_unless_temporary(
    sup: Sup,
) -> None:
    await sup.start(sup.kid("a", "ignore"), sup.kid("t", "ignore", restart="temporary"))
    assert await sup.names() == {"a": "undefined"}
    assert await sup.ask("count_children") == [
        ("specs", 1),
        ("active", 0),
        ("supervisors", 0),
        ("workers", 1),
    ]


async def test_a_supervisor_may_have_no_children(sup: Sup) -> None:
    await sup.start()
    assert await sup.ask("which_children") == []


async def test_init_of_a_subclass_says_children_and_flags(sup: Sup) -> None:
    log = sup.log

    class Shop(Supervisor):
        strategy = "rest_for_one"

        async def init(self, names: str) -> SupervisorSpec:
            kids = [ChildSpec(Kid, log, name, id=name) for name in names]
            return SupervisorSpec(kids, intensity=0)

    sup.pid = await sup.root.start(Shop, "ab", name="shop")
    assert list(await sup.names()) == ["b", "a"]
    await sup.end("a", Atom("other"))
    assert sup.runtime.whereis("shop") is None


async def test_init_may_say_that_nothing_is_to_be_started(sup: Sup) -> None:
    class Nothing(Supervisor):
        async def init(self) -> Any:
            return IGNORE

    with pytest.raises(Ignored):
        await sup.root.start(Nothing)


async def test_init_may_stop(sup: Sup) -> None:
    class Unfit(Supervisor):
        async def init(self) -> Any:
            return Stop("unfit")

    with pytest.raises(StartError) as caught:
        await sup.root.start(Unfit)
    assert caught.value.reason == "unfit"


BAD_COMBINATION = Atom("bad_combination")
SIGNIFICANT = (Atom("significant"), True)
NEVER = (BAD_COMBINATION, [(Atom("auto_shutdown"), Atom("never")), SIGNIFICANT])


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"strategy": "some_for_one"}, ("invalid_strategy", "some_for_one")),
        ({"intensity": -1}, ("invalid_intensity", -1)),
        ({"intensity": True}, ("invalid_intensity", True)),
        ({"intensity": 1.5}, ("invalid_intensity", 1.5)),
        ({"period": 0}, ("invalid_period", 0)),
        ({"period": -1.0}, ("invalid_period", -1.0)),
        ({"period": float("inf")}, ("invalid_period", float("inf"))),
        ({"auto_shutdown": "maybe"}, ("invalid_auto_shutdown", "maybe")),
        ({"drain": "slow"}, ("invalid_drain", "slow")),
        ({"budget": -1}, ("invalid_budget", -1)),
        ({"backoff": 3}, ("invalid_backoff", b"3")),
    ],
)
async def test_flags_that_make_no_sense_are_refused_as_otp_does(
    sup: Sup, flags: dict[str, Any], reason: Any
) -> None:
    with pytest.raises(StartError) as caught:
        await sup.start(sup.kid("a"), **flags)
    assert caught.value.reason == ("supervisor_data", reason)
    assert not sup.log


async def test_an_unknown_option_is_a_type_error(sup: Sup) -> None:
    with pytest.raises(TypeError, match="no \\['stratgy'\\]"):
        await sup.start(stratgy="one_for_one")


async def test_specifications_that_make_no_sense_are_refused_as_otp_does(
    sup: Sup,
) -> None:
    two = [sup.kid("a"), sup.kid("a")]
    mad = {Atom("id"): 1, Atom("start"): Atom("here")}
    significant = sup.kid("s", restart="transient", significant=True)
    for children, reason in [
        (two, (Atom("duplicate_child_name"), Atom("a"))),
        ([mad], (Atom("invalid_mfa"), Atom("here"))),
        ([7], (Atom("invalid_child_spec"), 7)),
        ([sup.kid("a"), significant], NEVER),
    ]:
        with pytest.raises(StartError) as caught:
            await sup.start(*children)
        assert caught.value.reason == ("start_spec", reason)
    assert not sup.log


async def test_init_that_returns_no_children_is_a_bad_return(sup: Sup) -> None:
    with pytest.raises(StartError) as caught:
        await sup.root.start(Supervisor, 7)
    name = "ergopy.gen.supervisor.supervisor.Supervisor"
    assert caught.value.reason == ("bad_return", (name, "init", 7))


async def test_a_name_that_is_taken_is_already_started_as_a_reason(sup: Sup) -> None:
    await sup.start(sup.kid("a", name="worker"))
    taken = await sup.child("a")
    with pytest.raises(StartError) as caught:
        await sup.start(sup.kid("b", name="worker"))
    why = (Atom("failed_to_start_child"), Atom("b"), ("already_started", taken))
    assert caught.value.reason == (SHUTDOWN, why)


async def test_a_second_supervisor_of_a_name_says_who_has_it(sup: Sup) -> None:
    first = await sup.root.start(Supervisor, name="shop")
    with pytest.raises(AlreadyStarted) as caught:
        await sup.root.start(Supervisor, [sup.kid("a")], name="shop")
    assert caught.value.pid == first
    assert not sup.log


async def test_functions_classes_and_tuples_are_children(sup: Sup) -> None:
    class Plain(Kid):
        async def init(self, *_: Any) -> None:
            return None

        async def terminate(self, reason: Any) -> None:
            return None

    spec = ChildSpec(simple, sup.log, "f", id="f")
    await sup.start(Plain, (Kid, sup.log, "k"), spec)
    assert list(await sup.names()) == [
        "f",
        "Kid",
        "test_functions_classes_and_tuples_are_children.<locals>.Plain",
    ]
    await sup.end("f", Atom("other"))
    ups = [entry for entry in sup.forget() if entry == ("up", "f")]
    assert len(ups) == 2
    process = find(sup.runtime, await sup.child("f"))
    assert process.dictionary["$ancestors"][0] == sup.pid


async def test_an_init_that_takes_too_long_fails_the_start(
    sup: Sup, autojump_clock: Any
) -> None:
    with pytest.raises(StartError) as caught:
        await sup.start(sup.kid("a"), sup.kid("b", "hang", init_timeout=3))
    why = (Atom("failed_to_start_child"), Atom("b"), Atom("timeout"))
    assert caught.value.reason == (SHUTDOWN, why)
    assert trio.current_time() == pytest.approx(3)
    assert sup.forget() == [("up", "a"), ("down", "a", SHUTDOWN)]


async def test_cancelling_the_start_leaves_nothing(
    sup: Sup, autojump_clock: Any
) -> None:
    with trio.move_on_after(2) as scope:
        await sup.start(sup.kid("a"), sup.kid("b", "hang"))
    assert scope.cancelled_caught
    await settle()
    assert_only_the_root(sup.runtime)


async def test_a_class_that_cannot_be_made_is_an_exit_as_a_reason(sup: Sup) -> None:
    """A peer project's supervisor panics when a child cannot be spawned."""
    spec = ChildSpec(Kid, sup.log, "a", id="a", restrat="permanent")
    with pytest.raises(StartError) as caught:
        await sup.start(spec)
    why = caught.value.reason[1][2]
    assert why[0] == "EXIT"
    assert why[1][:2] == ("python", b"builtins.TypeError")
