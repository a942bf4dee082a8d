"""Who is restarted when one child ends: strategy, restart type and kind of end.

The expectations are those of OTP's ``supervisor``.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from ergopy import Atom
from tests.gen.supervisor.kit import CRASH
from tests.runtimes import find, settle

if TYPE_CHECKING:
    from tests.gen.supervisor.kit import Log, Sup

STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")
RESTARTS = ("permanent", "transient", "temporary")
REASONS: dict[str, Any] = {
    "normal": Atom("normal"),
    "shutdown": Atom("shutdown"),
    "shutdown with a term": (Atom("shutdown"), b"done"),
    "crash": CRASH,
    "killed": Atom("killed"),
}
SHUTDOWN = Atom("shutdown")


def restarted(restart: str, kind: str) -> bool:
    if restart == "transient":
        return kind in ("crash", "killed")
    return restart == "permanent"


def expected(strategy: str, ending: str, reason: Any, again: bool) -> Log:
    """What happens to a, b (which ends), t (temporary) and d, in that order."""
    first: Log = [("down", ending, reason)]
    if not again:
        return first
    if strategy == "one_for_one":
        return [*first, ("up", "b")]
    stopped = ["d", "t"] + (["a"] if strategy == "one_for_all" else [])
    started = (["a"] if strategy == "one_for_all" else []) + ["b", "d"]
    return [
        *first,
        *(("down", name, SHUTDOWN) for name in stopped),
        *(("up", name) for name in started),
    ]


@pytest.mark.parametrize(
    ("strategy", "restart", "kind"), list(product(STRATEGIES, RESTARTS, REASONS))
)
async def test_who_is_stopped_and_started_when_one_child_ends(
    sup: Sup, strategy: str, restart: str, kind: str
) -> None:
    await sup.start(
        sup.kid("a"),
        sup.kid("b", restart=restart),
        sup.kid("t", restart="temporary"),
        sup.kid("d"),
        strategy=strategy,
    )
    assert sup.forget() == [("up", name) for name in "abtd"]
    await sup.end("b", REASONS[kind])
    again = restarted(restart, kind)
    assert sup.forget() == expected(strategy, "b", REASONS[kind], again)
    names = await sup.names()
    kept = {"a", "d"} | ({"b"} if restart != "temporary" else set())
    group = again and strategy != "one_for_one"
    assert set(names) == kept | (set() if group else {"t"})
    if restart == "transient" and not again:
        assert names["b"] == "undefined"


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_killed_child_is_restarted(sup: Sup, strategy: str) -> None:
    await sup.start(sup.kid("a"), strategy=strategy)
    first = await sup.child("a")
    find(sup.runtime, first).kill()
    await settle()
    assert sup.forget() == [("up", "a"), ("up", "a")]
    assert await sup.child("a") != first


async def test_order_of_children_survives_group_restarts(sup: Sup) -> None:
    await sup.start(*map(sup.kid, "abcd"), strategy="rest_for_one")
    await sup.end("c", CRASH)
    await sup.end("a", CRASH)
    rows = await sup.ask("which_children")
    assert [row[0] for row in rows] == ["d", "c", "b", "a"]


async def test_a_sibling_that_did_not_run_is_started_by_a_group_restart(
    sup: Sup,
) -> None:
    """OTP restarts every specification that it still holds."""
    await sup.start(
        sup.kid("a"), sup.kid("b", restart="transient"), strategy="one_for_all"
    )
    await sup.end("b", "normal")
    sup.forget()
    await sup.end("a", CRASH)
    assert sup.forget()[-2:] == [("up", "a"), ("up", "b")]


async def test_a_transient_that_ends_normally_takes_nobody_down(sup: Sup) -> None:
    """A peer project once restarted the siblings; so did Go supervisors of Ergo."""
    await sup.start(
        sup.kid("a"), sup.kid("b", restart="transient"), strategy="one_for_all"
    )
    sup.forget()
    await sup.end("b", "normal")
    assert sup.forget() == [("down", "b", "normal")]


async def test_exit_of_a_linked_process_that_is_no_child_changes_nothing(
    sup: Sup,
) -> None:
    await sup.start(sup.kid("a"))

    async def stranger(process: Any) -> None:
        await process.link(sup.pid)
        raise ValueError("not your child")

    await sup.root.spawn(stranger)
    await settle()
    assert sup.forget() == [("up", "a")]
    assert sup.alive


async def test_children_see_their_supervisor_as_parent_and_ancestor(sup: Sup) -> None:
    await sup.start(sup.kid("a"))
    kid = find(sup.runtime, await sup.child("a"))
    assert kid.parent == sup.pid
    assert kid.dictionary["$ancestors"][0] == sup.pid
    assert sup.pid in kid.links
