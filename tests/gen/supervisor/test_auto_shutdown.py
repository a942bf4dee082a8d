"""Significant children: whose end ends the supervisor, and what may not be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom, ChildSpec, SpecError, Supervisor
from tests.gen.supervisor.kit import CRASH, Kid
from tests.runtimes import settle

if TYPE_CHECKING:
    from tests.gen.supervisor.kit import Sup

SIGNIFICANT = (Atom("significant"), True)
BAD = Atom("bad_combination")


def ends_it(restart: str, reason: Any) -> bool:
    """Say whether a significant child is gone for good with that reason."""
    return restart == "temporary" or reason != CRASH


@pytest.mark.parametrize("ending", ["never", "any_significant", "all_significant"])
@pytest.mark.parametrize("restart", ["transient", "temporary"])
@pytest.mark.parametrize("reason", ["normal", CRASH], ids=repr)
async def test_the_end_of_the_only_significant_child(
    sup: Sup, ending: str, restart: str, reason: Any
) -> None:
    spec = sup.kid("s", restart=restart, significant=ending != "never")
    await sup.start(sup.kid("a"), spec, auto_shutdown=ending)
    await sup.end("s", reason)
    gone = ends_it(restart, reason) and ending != "never"
    assert sup.alive is not gone
    if gone:
        assert sup.forget()[-1] == ("down", "a", "shutdown")
        assert not sup.behaviour.gave_up


async def test_all_significant_waits_for_the_last(sup: Sup) -> None:
    """A peer project ends while some significant child still lives."""
    await sup.start(
        *(sup.kid(n, restart="temporary", significant=True) for n in "st"),
        sup.kid("a"),
        auto_shutdown="all_significant",
    )
    await sup.end("s", "normal")
    assert sup.alive
    await sup.end("a", CRASH)
    assert sup.alive
    await sup.end("t", CRASH)
    assert not sup.alive


async def test_any_significant_ends_with_the_first(sup: Sup) -> None:
    await sup.start(
        *(sup.kid(n, restart="transient", significant=True) for n in "st"),
        auto_shutdown="any_significant",
    )
    await sup.end("s", "shutdown")
    assert not sup.alive


async def test_a_child_that_is_terminated_on_request_ends_nobody(sup: Sup) -> None:
    await sup.start(
        sup.kid("s", restart="temporary", significant=True),
        auto_shutdown="any_significant",
    )
    await sup.ask("terminate_child", Atom("s"))
    await settle()
    assert sup.alive


async def test_a_supervisor_above_sees_a_shutdown(sup: Sup) -> None:
    inner = ChildSpec(
        Supervisor,
        [sup.kid("s", restart="transient", significant=True)],
        id="inner",
        restart="transient",
        auto_shutdown="any_significant",
    )
    await sup.start(inner)
    (row,) = await sup.root.call(await sup.child("inner"), Atom("which_children"))
    await sup.root.send(row[1], ("end", Atom("normal")))
    await settle()
    assert await sup.names() == {"inner": "undefined"}


def test_a_permanent_child_cannot_be_significant() -> None:
    with pytest.raises(SpecError) as caught:
        ChildSpec(Kid, significant=True)
    assert caught.value.reason == (
        BAD,
        [(Atom("restart"), Atom("permanent")), SIGNIFICANT],
    )


async def test_without_auto_shutdown_no_child_can_be_significant(sup: Sup) -> None:
    await sup.start()
    spec = sup.kid("s", restart="transient", significant=True)
    never = (BAD, [(Atom("auto_shutdown"), Atom("never")), SIGNIFICANT])
    assert await sup.ask("start_child", spec) == ("error", never)
    assert await sup.ask("which_children") == []
