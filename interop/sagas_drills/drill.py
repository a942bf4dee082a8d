"""Three Python nodes with a saga each, that are killed at some point of their work.

A :class:`Drill` starts the nodes and has them do transactions, one after the other; in
each of them somebody is killed, and started again at once. When nothing is left of the
transaction anywhere, the journals of the three say what each of them knows of it; what
must not be there is found by :func:`faults`.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import trio

import ergopy
from ergopy import Atom

from ..beam import unique_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PROGRAM = Path(__file__).parent / "node.py"
ROLES = ("first", "middle", "leaf")
CALL_ERRORS = (ergopy.CallError, ergopy.ConnectError)


class Plan(NamedTuple):
    """What is to become of a transaction if nobody is killed."""

    two_phase: bool = True
    refuses: str | None = None
    """Who cancels it."""
    when: str | None = None
    """Where that one does: ``result`` or ``prepare``."""

    @property
    def commits(self) -> bool:
        return self.refuses is None


class Story(NamedTuple):
    """One transaction, and who was killed at which points of it."""

    name: str
    plan: Plan
    killed: dict[str, list[str]]
    words: dict[str, list[str]]
    """What each saga did, by role."""


class Drill:
    """The nodes, and the node of the test among them.

    The last of *roles* has the result, or sends on to the saga *to*.
    """

    def __init__(
        self,
        node: ergopy.Node,
        cookie: str,
        folder: Path,
        zygote: Any,
        roles: tuple[str, ...],
        to: Any,
    ) -> None:
        self.node = node
        self.folder = folder
        self.roles = roles
        self.names = {role: unique_name(role) for role in roles}
        self._cookie = cookie
        self._zygote = zygote
        self._to = to
        self._said = zygote.stdout
        self._rest = b""
        self._killed: dict[str, list[str]] = {}
        self._is_up: dict[str, trio.Event] = {}
        self._count = 0
        self.passed: dict[str, list[str]] = {}
        """The points of the last transaction, by role."""
        self.after: dict[str, int] = {}
        """At which point one that was killed is killed again, coming back."""

    async def run(self) -> None:
        """Follow what the nodes say of themselves; start those that were killed."""
        async for chunk in self._said:
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                word, role, *point = line.decode().split(" ", 2)
                if word == "ready":
                    self._is_up[role].set()
                elif word == "failed":
                    raise AssertionError(f"{role} has ended; standard error says why")
                else:
                    self._killed.setdefault(role, []).append(*point)
                    await self.start(role, self.after.pop(role, 0))

    async def start(self, role: str, arm: int = 0) -> None:
        """Start a node, which dies at point *arm*."""
        if role in self._is_up:
            self._is_up[role].set()  # who waits for it looks again
        self._is_up[role] = trio.Event()
        following = self.roles[self.roles.index(role) + 1 :]
        to = (following[0], self.names[following[0]]) if following else self._to
        options = {
            "role": role,
            "name": self.names[role],
            "cookie": self._cookie,
            "folder": str(self.folder),
            "to": to,
            "arm": arm,
        }
        await self._zygote.stdin.send_all(json.dumps(options).encode() + b"\n")

    async def up(self) -> None:
        """Wait until all nodes are up."""
        while waiting := [up for up in self._is_up.values() if not up.is_set()]:
            await waiting[0].wait()

    async def ask(self, role: str, request: Any) -> Any:
        """Ask the saga of that role; raises if it is not there."""
        return await self.node.call((role, self.names[role]), request, 5)

    async def story(self, plan: Plan, armed: dict[str, str]) -> Story:
        """Have a transaction done, with these victims; return when all is over."""
        self._count += 1
        name = f"t{self._count}"
        self._killed = {}
        for role, at in armed.items():
            await self.ask(role, (Atom("arm"), Atom(at)))
        refuses = (plan.refuses or "").encode(), (plan.when or "").encode()
        try:
            request = (Atom("start"), name.encode(), refuses, plan.two_phase)
            await self.ask("first", request)
        except CALL_ERRORS:
            assert "first" in armed
        await self._until_over()
        return Story(name, plan, self._killed, self._words(name))

    async def _until_over(self) -> None:
        """Wait until nobody knows anything of a transaction, and nobody will die."""
        left: Any = None
        with trio.move_on_after(20):
            while True:
                await self.up()
                try:
                    left = {role: await self.left(role) for role in self.roles}
                    if not any(any(counts) for counts in left.values()):
                        # Whoever was to be killed, and was not, is so no more.
                        for role in self.roles:
                            self.passed[role] = await self.points(role)
                            await self.ask(role, (Atom("arm"), 0))
                        return
                except CALL_ERRORS:
                    continue
                await trio.sleep(0.002)
        raise AssertionError(f"{left} is left; killed were {self._killed}")

    async def points(self, role: str) -> list[str]:
        """The points that a saga has come by since it was armed."""
        return list(await self.ask(role, Atom("passed")))

    async def left(self, role: str) -> list[int]:
        """How much a saga has of each kind: transactions, steps, ..., records."""
        return [*await self.ask(role, Atom("left")), self._records(role)]

    def _records(self, role: str) -> int:
        path = self.folder / f"{role}.db"
        if not path.exists():
            return 0
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as log:
                (count,) = log.execute("SELECT count(*) FROM record").fetchone()
        except sqlite3.OperationalError:
            return 1  # it was killed while it made the file
        return int(count)

    def _words(self, name: str) -> dict[str, list[str]]:
        words: dict[str, list[str]] = {}
        for role in self.roles:
            path = self.folder / f"{role}.journal"
            lines = [line.split() for line in path.read_text().splitlines()]
            words[role] = [word for tx, _, word in lines if tx == name]
            assert len({key for tx, key, _ in lines if tx == name}) <= 1
        return words


@asynccontextmanager
async def drill(
    node: ergopy.Node,
    cookie: str,
    folder: Path,
    *,
    roles: tuple[str, ...] = ROLES,
    to: Any = None,
) -> AsyncIterator[Drill]:
    """Have the nodes up."""
    async with trio.open_nursery() as nursery:
        run = partial(
            trio.run_process,
            [sys.executable, str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            check=False,
        )
        zygote = await nursery.start(run)
        drill = Drill(node, cookie, folder, zygote, roles, to)
        nursery.start_soon(drill.run)
        for role in roles:
            await drill.start(role)
        await drill.up()
        yield drill
        nursery.cancel_scope.cancel()


def faults(story: Story) -> list[str]:
    """Say what must not be in a story: all agree, and nothing is forgotten."""
    return [
        text
        for text in (
            *_disagreements(story),
            *_effects(story),
            *_orders(story),
        )
        if text
    ]


def _disagreements(story: Story) -> list[str]:
    words, plan = story.words, story.plan
    committed = [role for role in ROLES if "commit" in words[role]]
    undone = [role for role in ROLES if _UNDOING & set(words[role])]
    wanted = list(ROLES) if plan.two_phase else ["first"]
    found = []
    if committed and undone:
        found.append(f"{committed} have committed, {undone} have not")
    if committed and committed != wanted:
        found.append(f"only {committed} know of the commit")
    if not story.killed and bool(committed) != plan.commits:
        found.append(f"the plan was {plan}")
    if any("odd" in words[role] for role in ROLES):
        found.append("there are two decisions")
    return found


def _effects(story: Story) -> list[str]:
    """Whatever was begun is committed; or undone by itself, or by who had it begun."""
    words = story.words
    if "commit" in words["first"]:
        return []
    # Without two phases who gets a result has to undo all that led to it.
    taken_over = not story.plan.two_phase and "undo_step" in words["first"]
    found = []
    for role, above in zip(ROLES, (None, *ROLES), strict=False):
        mine = words[role]
        is_undone = "cancel" in mine or (above and "undo_step" in words[above])
        is_known = above or "new" in words["middle"] or role not in story.killed
        if "new" in mine and is_known and not (is_undone or taken_over):
            found.append(f"{role} holds what nobody wants")
        if "prepare" in mine and "cancel" not in mine:
            found.append(f"{role} has voted, and heard no more")
    middle = words["middle"]
    if "job" in middle and "undo_job" not in middle and not taken_over:
        found.append("the job is not undone")
    return found


def _orders(story: Story) -> list[str]:
    """The callback first, then what was done last; from the start again if killed."""
    found = []
    for role in ROLES:
        last = 0
        for word in story.words[role]:
            place = _ORDER.index(word) if word in _UNDOING else last
            if place < last and word != "cancel":
                found.append(f"{role} has undone in another order")
            last = place
    return found


_ORDER = ("cancel", "undo_step", "undo_job")
_UNDOING = frozenset(_ORDER)
