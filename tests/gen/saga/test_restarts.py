"""Sagas that crash in a callback, and are started again by their supervisor.

Their node lives, and so does a log in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import ChildSpec, MemorySagaLog, SqliteSagaLog, Supervisor
from ergopy.gen.saga.core import committing
from ergopy.testing import MemoryNetwork

from .chain import ROLES, Chain, Part

if TYPE_CHECKING:
    from pathlib import Path

    from ergopy import Node, Saga, SagaLog

CALLBACKS = [
    (role, word)
    for role in ROLES
    for word in ("new", "result", "prepare", "commit")
    if (role, word) != ("leaf", "result")
]


class Crash(Exception):
    """Wanted."""


async def crash(saga: Saga, tx: Any) -> None:
    raise Crash


async def refuse(saga: Saga, tx: Any) -> None:
    await saga.cancel_transaction(tx, "no")


@pytest.fixture(params=["memory", "sqlite"])
def log(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SagaLog:
    hurry(monkeypatch)
    if request.param == "memory":
        return MemorySagaLog()
    return SqliteSagaLog(tmp_path / "sagas.db", synchronous="normal")


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pauses short: a file is written to in real time."""
    try_later = committing.try_later

    def sooner(machine: Any, tx: Any, at: float) -> None:
        try_later(machine, tx, min(at, trio.current_time() + 0.01))

    monkeypatch.setattr(committing, "try_later", sooner)


async def supervise(node: Node, chain: Chain) -> None:
    children = [
        ChildSpec(Part, chain, role, id=role, name=role) for role in reversed(ROLES)
    ]
    await node.start(Supervisor, children, intensity=10)


async def run(chain: Chain) -> str:
    """Have a transaction done, until nothing is left of it; return how it ended."""
    with trio.fail_after(20):
        async with MemoryNetwork().node("a") as node:
            await supervise(node, chain)
            try:
                await node.call("first", (600, True))
                while chain.left() or await chain.records(node):  # noqa: ASYNC110
                    await trio.sleep(0.005)
            finally:
                chain.hooks.clear()
    return assert_agreed(chain)


def assert_agreed(chain: Chain) -> str:
    ends = {role: chain.ended(role) for role in ROLES}
    (end,) = set.union(*ends.values()) or {"nothing"}
    for role, words in chain.words.items():
        assert ends[role] or (end != "commit" and "prepare" not in words)
    return end


@pytest.mark.parametrize("place", CALLBACKS, ids="-".join)
async def test_all_agree_after_a_crash(log: SagaLog, place: tuple[str, str]) -> None:
    chain = Chain(log)
    chain.hooks[place] = crash
    role, word = place
    if place == ("first", "new"):
        # Nobody else has heard of it, and nothing is written yet.
        assert await run(chain) == "nothing"
        return
    assert await run(chain) == ("commit" if word == "commit" else "cancel")
    if word == "commit":
        assert chain.words[role].count("commit") == 2


@pytest.mark.parametrize("role", ROLES)
async def test_cancel_is_gone_through_again_after_a_crash(
    log: SagaLog, role: str
) -> None:
    chain = Chain(log)
    chain.hooks["first", "prepare"] = refuse
    chain.hooks[role, "cancel"] = crash
    assert await run(chain) == "cancel"
    if role != "leaf":
        assert "undo" in chain.words[role]


async def test_step_that_undid_itself_is_not_undone_after_a_crash(log: SagaLog) -> None:
    chain = Chain(log)
    chain.hooks["leaf", "prepare"] = refuse
    chain.hooks["middle", "cancel"] = crash
    assert await run(chain) == "cancel"
    assert chain.words["middle"].count("cancel") == 2
    assert "undo" not in chain.words["middle"]


async def test_several_crash_in_one_transaction(log: SagaLog) -> None:
    chain = Chain(log)
    for role in ROLES:
        chain.hooks[role, "commit"] = crash
    assert await run(chain) == "commit"
    for role in ROLES:
        assert chain.words[role].count("commit") == 2


async def test_two_coordinators_restart_at_once(log: SagaLog) -> None:
    """The initiator has decided, the middle one has voted."""

    async def crash_both(saga: Saga, tx: Any) -> None:
        middle = chain.sagas["middle"].process
        await saga.exit(middle.pid, "kill")
        raise Crash

    chain = Chain(log)
    chain.hooks["first", "commit"] = crash_both
    assert await run(chain) == "commit"
    assert chain.words["first"].count("commit") == 2
