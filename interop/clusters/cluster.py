"""A cluster, and what has to be true of it when nothing happens any more."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING, Any

import trio

from ergopy.certs import flags, write_options

from ..beam import unique_name
from .hosts import EPMD_PORT, Hosts
from .python import Member, PythonMember

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from tests.certificates import Desk

NET_TICKTIME = 4
SECONDS = 30
ATTEMPT = 6
"""Seconds in which most of what is waited for has come."""
CRASHES = (" crashed: ", "CRASH REPORT", "[error] GenServer", "[error] Process")
KINDS = tuple(os.environ.get("ERGOPY_CLUSTER", "python,elixir,otp28,python").split(","))
"""By name the least and the greatest are of Python, to which ``global`` gives tasks.

Of BEAMs only, it is how to see what they make of the same chapters by themselves.
"""


class Cluster(list[Member]):
    """The members, by number; those that do not run are among them, too.

    *environment* is of the application ``kernel``, on all of them. With *certificates*
    they talk over TLS.
    """

    def __init__(
        self,
        kinds: Sequence[str],
        *,
        code: Path,
        folder: Path,
        cookie: str,
        epmd_port: int,
        hosts: Hosts | None = None,
        net_ticktime: int = NET_TICKTIME,
        environment: dict[str, bool] | None = None,
        certificates: Desk | None = None,
    ) -> None:
        super().__init__()
        self.hosts = hosts
        self._net_ticktime = net_ticktime
        self._environment = environment or {}
        self._certificates = certificates
        self._common: dict[str, Any] = {
            "code": code,
            "folder": folder,
            "cookie": cookie,
        }
        self._epmd_port = EPMD_PORT if hosts else epmd_port
        self.patience = SECONDS
        """Seconds until what does not become right is wrong."""
        self.running: set[int] = set()
        self._beside: list[Member] = []
        try:
            for kind in kinds:
                self.add(kind)
        except BaseException:
            self.close()
            raise

    def add(self, kind: str, *args: str, **options: Any) -> Member:
        """Have one more; *args* are for a BEAM, *options* of a Python node.

        An ``environment`` among these is for both, instead of that of the cluster.
        """
        number = len(self)
        if self.hosts:
            host = self.hosts[number]
            place = {
                "name": f"{_prefix(number, kind)}@{host.address}",
                "inside": host.inside,
                "interface": "{0,0,0,0}",
            }
            if kind != "python":
                host.map_ports()
        else:
            place = {"name": unique_name(_prefix(number, kind))}
        self.append(self._make(kind, place, args, options))
        self.running.add(number)
        return self[number]

    def beside(self, kind: str, *args: str, **options: Any) -> Member:
        """Have one more on loopback that is not counted among the members."""
        member = self._make(
            kind, {"name": unique_name(f"beside_{kind}")}, args, options
        )
        self._beside.append(member)
        return member

    def _make(
        self, kind: str, place: dict[str, Any], args: Any, options: dict[str, Any]
    ) -> Member:
        common = {**self._common, **place, "epmd_port": self._epmd_port}
        environment = options.pop("environment", self._environment)
        folder = None
        if self._certificates:
            folder = self._certificates.files(place["name"])
        if kind == "python":
            tls = str(folder) if folder else None
            own = {"net_ticktime": self._net_ticktime, "environment": environment}
            options = {**own, "tls": tls, **options}
            return PythonMember(kind, options=options, **common)
        environment = {"net_ticktime": self._net_ticktime, **environment}
        for key, value in environment.items():
            args = ("-kernel", key, str(value).lower(), *args)
        if folder:
            write_options(folder)
            args = (*flags(folder).split(), *args)
        return Member(kind, args=args, **common)

    async def restore(self) -> None:
        """Have all run, know each other, and have no names; nobody is beside them."""
        for member in self._beside:
            member.kill9()
        if self.hosts:
            numbers = list(range(len(self)))
            for number in numbers:
                self.hosts.mend([number], numbers[number + 1 :])
        for number in range(len(self)):
            if number not in self.running:
                await self.start(number)
        names = await self.meet()
        for name, _ in names:
            await self[0].do("unregister", name)
        await self.until("names", lambda answers: not any(answers))

    def close(self) -> None:
        """End them all."""
        for number in self.running:
            self[number].kill9()
        for member in self._beside:
            member.kill9()
        self.running.clear()
        if self.hosts:
            self.hosts.close()

    def crashes(self) -> list[str]:
        """What was logged of processes that crashed, on any of them."""
        return [
            line
            for member in (*self, *self._beside)
            for line in member.output().splitlines()
            if any(word in line for word in CRASHES)
        ]

    def kill9(self, number: int) -> None:
        """End one as a power cut would."""
        self.running.discard(number)
        self[number].kill9()

    async def leave(self, number: int) -> None:
        """Have one end in order."""
        self.running.discard(number)
        await self[number].do("leave")
        await self[number].ended()

    async def start(self, number: int) -> None:
        """Start the next incarnation of one that does not run."""
        self[number].launch()
        self.running.add(number)
        await self[number].up()

    @property
    def up(self) -> list[Member]:
        """Those that run."""
        return [self[number] for number in sorted(self.running)]

    # Asking.

    async def all(self, word: str, *args: Any, among: Any = None) -> list[Any]:
        """Ask all that run, at once."""
        return await together(
            [partial(m.do, word, *args) for m in (self.up if among is None else among)]
        )

    async def until(
        self,
        word: str,
        right: Callable[[list[Any]], object],
        *args: Any,
        among: Any = None,
    ) -> list[Any]:
        """Ask all that run until the answers are right; return them."""
        answers: list[Any] = []
        with trio.move_on_after(self.patience):
            while True:
                answers = await self.all(word, *args, among=among)
                if right(answers):
                    return answers
                await trio.sleep(0.02)
        raise AssertionError(f"{word}{args} is not right: {answers}")

    async def agree(self, word: str, *args: Any, among: Any = None) -> Any:
        """Ask all until they say the same; return it, a list in some order."""
        answers = await self.until(word, _are_same, *args, among=among)
        return in_order(answers[0])

    # What happens to them.

    async def cut(self, ones: list[int], others: list[int]) -> None:
        """Have each of *ones* lose each of *others*, and wait until all know of it."""
        assert self.hosts
        self.hosts.cut(ones, others)
        for here, there in ((ones, others), (others, ones)):
            lost = {self[number].name for number in there}
            await self.until(
                "members",
                lambda answers, lost=lost: not any(lost & {*one} for one in answers),
                among=[self[number] for number in here],
            )

    async def mend(self, ones: list[int], others: list[int]) -> None:
        """Undo `cut`; have somebody connect, and all be together again."""
        assert self.hosts
        self.hosts.mend(ones, others)
        await self.meet()

    async def rush(self) -> None:
        """Have each that runs connect to each, all at once."""
        ways = permutations(self.up, 2)
        await together([partial(one.do, "connect", other.name) for one, other in ways])

    async def race(self, name: Any, pids: list[Any]) -> None:
        """Have all give a name at once, each to its own; one wins, as all see."""
        answers = await together(
            [
                partial(member.do, "register", name, pid)
                for member, pid in zip(self, pids, strict=True)
            ]
        )
        texts = list(map(str, answers))
        assert sorted(texts) == ["no"] * (len(self) - 1) + ["yes"]
        winner = pids[texts.index("yes")]
        await self.until("whereis", lambda seen: set(seen) == {winner}, name)

    # States.

    async def meet(self, among: Sequence[Member] | None = None) -> list[Any]:
        """Have those that run connect, and wait until each has each, and all names."""
        among = self.up if among is None else among

        async def attempt() -> list[Any]:
            for member in among[1:]:
                await member.do("connect", among[0].name)
            return await self.is_whole(among)

        names: list[Any] = await self._again(attempt)
        return names

    async def _again(self, attempt: Callable[[], Awaitable[Any]]) -> Any:
        """Make an attempt again while what is under way still undoes it.

        News of an earlier loss may part who has just met, or who was still together.
        """
        with trio.move_on_after(self.patience - ATTEMPT):
            while True:
                with trio.move_on_after(ATTEMPT):
                    return await attempt()
        return await attempt()

    async def is_whole(
        self, among: Sequence[Member] | None = None, locks: int = 0
    ) -> list[Any]:
        """Wait until all have each other, and agree; return the names.

        So many *locks* are held on each, and no more.
        """
        among = self.up if among is None else among
        everybody = {member.name for member in among}

        def is_full(answers: list[Any]) -> bool:
            return all(view == everybody for view in self._views(answers, among))

        await self.until("members", is_full, among=among)
        with trio.fail_after(SECONDS):
            assert set(await self.all("sync", among=among)) == {"ok"}
        await self.until("locks", lambda held: set(held) == {locks}, among=among)
        names: list[Any] = await self.agree("names", among=among)
        return names

    def _views(
        self, answers: list[Any], among: Sequence[Member]
    ) -> list[frozenset[Any]]:
        """Of whom of the cluster each knows, itself among them."""
        names = {member.name for member in self}
        return [
            frozenset(names & {*answer, member.name})
            for answer, member in zip(answers, among, strict=True)
        ]

    async def cliques(self, locks: int = 0) -> list[list[int]]:
        """Wait until those that run are in groups that agree; return the numbers.

        In a group each has each, and nobody has one of another group.
        """
        numbers = sorted(self.running)
        groups: set[frozenset[Any]] = set()

        def is_apart(answers: list[Any]) -> bool:
            nonlocal groups
            views = self._views(answers, self.up)
            groups = set(views)
            return sum(map(len, groups)) == len(numbers) and all(
                self[number].name in view
                for number, view in zip(numbers, views, strict=True)
            )

        async def attempt() -> list[list[int]]:
            await self.until("members", is_apart)
            found = [
                [number for number in numbers if self[number].name in group]
                for group in groups
            ]
            for group in found:
                await self.is_whole([self[number] for number in group], locks)
            return sorted(found)

        found: list[list[int]] = await self._again(attempt)
        return found


def _prefix(number: int, kind: str) -> str:
    return f"{'abcdefgh'[number]}_{kind}"


def _are_same(answers: list[Any]) -> bool:
    return all(in_order(answer) == in_order(answers[0]) for answer in answers)


def in_order(answer: Any) -> Any:
    """Bring what has none into some order."""
    return sorted(answer, key=repr) if isinstance(answer, list) else answer


async def together(questions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all at once; return the answers in order."""
    answers: list[Any] = [None] * len(questions)

    async def one(number: int) -> None:
        answers[number] = await questions[number]()

    async with trio.open_nursery() as nursery:
        for number in range(len(questions)):
            nursery.start_soon(one, number)
    return answers


@contextlib.contextmanager
def closing(cluster: Cluster) -> Iterator[Cluster]:
    """End all members when the block is left."""
    try:
        yield cluster
    finally:
        cluster.close()
