"""Plays a script on our supervisor: the twin of ``interop/peer/ergopy_replay.erl``."""

from __future__ import annotations

import itertools
import math
from typing import Any, NoReturn

import trio

import ergopy
from ergopy import (
    IGNORE,
    Down,
    DynamicSupervisor,
    Exit,
    ExitMessage,
    Supervisor,
    SupervisorSpec,
)
from ergopy.gen.loop import Loop
from etf import Atom, Pid

REPLY = Atom("reply")

_numbers = itertools.count(1)


class Log:
    """What happened, in the order in which it did."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.module = Atom(f"replay{next(_numbers)}")
        self._starts: dict[Any, int] = {}
        self._known: dict[Pid, tuple[Any, int]] = {}
        self._gone: dict[Pid, trio.Event] = {}
        self._last: dict[Any, Pid] = {}

    def started(self, process: Any, child: dict[Any, Any]) -> Any:
        """Note a start; return what is to become of it."""
        who, plan = child["id"], child["plan"]
        n = self._starts[who] = self._starts.get(who, 0) + 1
        outcome = plan[min(n, len(plan)) - 1]
        self.entries.append((Atom("init"), who, n, outcome))
        self._known[process.pid] = (who, n)
        if outcome == "ok":
            self._gone[process.pid] = trio.Event()
            self._last[who] = process.pid
            watcher = _Watcher(self, process.pid)
            process.watchers[watcher] = watcher
        return outcome

    def ended(self, pid: Pid, reason: Any) -> None:
        self.entries.append((Atom("down"), *self._known[pid], reason))
        self._gone.pop(pid).set()

    def whereis(self, who: Any) -> Pid | None:
        living = [pid for pid in self._gone if self._known[pid][0] == who]
        assert len(living) <= 1
        return living[0] if living else None

    def last(self, who: Any) -> Pid | None:
        """Return the last pid that it had."""
        return self._last.get(who)

    async def gone(self, pid: Pid) -> None:
        if pid in self._gone:
            await self._gone[pid].wait()

    def note(self, entry: Any) -> None:
        self.entries.append(self._named(entry))

    def _named(self, term: Any) -> Any:
        if isinstance(term, Pid):
            return (Atom("pid"), *self._known.get(term, (Atom("unknown"), 0)))
        if isinstance(term, tuple):
            if len(term) == 3 and term[0] == self.module:
                return Atom("start" if isinstance(term[2], list) else "forgotten")
            return tuple(map(self._named, term))
        if isinstance(term, list):
            return list(map(self._named, term))
        if isinstance(term, dict):
            return {key: self._named(value) for key, value in term.items()}
        return term


class _Watcher:
    def __init__(self, log: Log, pid: Pid) -> None:
        self._log = log
        self._pid = pid

    def fire(self, reason: Any) -> None:
        self._log.ended(self._pid, reason)


def _outcome(log: Log, process: Any, child: Any) -> Any:
    """Return what ``init`` is to return."""
    outcome = log.started(process, child)
    if outcome == "ignore":
        return IGNORE
    if outcome != "ok":
        raise Exit(outcome[1])
    return None


def _worker(log: Log) -> type[Loop]:
    class Worker(Loop):
        """A child that does what its plan says."""

        async def init(self, child: Any) -> Any:
            self.trap = child["trap"]
            self.process.trap_exit = self.trap is not False
            return _outcome(log, self.process, child)

        async def _serve(self, process: Any, started: Any) -> NoReturn:
            while True:
                self._take(await process.receive())

        def _take(self, message: Any) -> None:
            match message:
                case ("stop", reason):
                    raise Exit(reason)
                case ("unlink", reason):
                    self.process.unlink(self.process.parent)
                    raise Exit(reason)
                case ExitMessage(pid, reason) if pid == self.process.parent:
                    if self.trap != "slow":
                        raise Exit(reason if self.trap == "obey" else self.trap[1])

    return Worker


def _branch(log: Log) -> type[Supervisor]:
    class Branch(Supervisor):
        """A supervisor; a child as well unless it is the root."""

        async def init(self, tree: Any, child: Any = None) -> Any:
            if child is not None and _outcome(log, self.process, child) is IGNORE:
                return IGNORE
            flags, children = tree
            specs = [spec(log, child) for child in children]
            if flags[Atom("strategy")] == "simple_one_for_one":
                specs[0][Atom("start")] = (log.module, Atom("worker"), [])
            return SupervisorSpec(specs, **_options(flags))

    return Branch


def _options(flags: dict[Any, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in flags.items()}


def spec(log: Log, child: dict[Any, Any]) -> dict[Any, Any]:
    """Build the child specification that a BEAM would send."""
    keys = ("id", "restart", "shutdown", "type", "significant", "modules")
    known = {Atom(key): child[key] for key in keys}
    if "tree" in child:
        start = (log.module, Atom("branch"), [child["tree"], child])
    else:
        start = (log.module, Atom("worker"), [child])
    return {**known, Atom("start"): start}


async def play(node: ergopy.Node, script: Any) -> list[Any]:
    """Play a script on *node*; return its log."""
    log, done = Log(), trio.Event()
    branch = _branch(log)
    node.provide_spawn(log.module, _worker(log), "worker")
    node.provide_spawn(log.module, branch, "branch")

    async def drive(process: Any) -> None:
        try:
            await _Driver(process, log).drive(branch, *script)
        finally:
            done.set()

    await node.spawn(drive)
    await done.wait()
    return log.entries


class _Driver:
    """Does the steps, as the parent of the root."""

    def __init__(self, process: Any, log: Log) -> None:
        self._process = process
        self._log = log
        process.trap_exit = True

    async def drive(self, root: type[Supervisor], tree: Any, steps: Any) -> None:
        process, log = self._process, self._log
        try:
            self._sup = sup = await self._start(root, tree)
        except ergopy.StartError as error:
            log.note((Atom("ended"), (Atom("error"), error.reason)))
            return
        for step in steps:
            if self._is_up():
                await self._step(step)
        if self._is_up():
            await process.exit(sup, "shutdown")
        message = await process.receive(
            lambda m: isinstance(m, ExitMessage) and m.pid == sup
        )
        log.note((Atom("ended"), message.reason))

    async def _start(self, root: type[Supervisor], tree: Any) -> Pid:
        options = _options(tree[0])
        self._strategy = options["strategy"]
        if self._strategy != "dynamic":
            return await self._process.start(root, tree, link=True)
        del options["strategy"]
        if options["max_children"] == "infinity":
            del options["max_children"]
        return await self._process.start(DynamicSupervisor, link=True, **options)

    def _is_up(self) -> bool:
        return self._process.runtime.find(self._sup) is not None

    async def _step(self, step: Any) -> None:
        match step:
            case ("burst", steps):
                await self._ask("system", "suspend")
                asked = [await self._early(step) for step in steps]
                await self._ask("system", "resume")
                await self._settle()
                for request in asked:
                    if request is not None:
                        await self._answer(request)
            case ("pause", milliseconds):
                await trio.sleep(milliseconds / 1000)
            case ("call", request):
                await self._answer(await self._request(request))
                await self._settle()
            case _:
                await self._early(step)
                await self._settle()

    async def _early(self, step: Any) -> Any:
        process, log = self._process, self._log
        if step[0] == "call":
            return await self._request(step[1])
        what, who, reason = step
        pid = log.whereis(who)
        if pid is None:
            log.note((Atom("nobody"), who))
            return None
        if what == "kill":
            await process.exit(pid, "kill")
        elif what == "end_tree":
            with_reason = (Atom("terminate"), reason)
            await self._send(pid, "system", with_reason, process.new_ref())
        else:
            await process.send(pid, (what, reason))
        await log.gone(pid)
        return None

    async def _request(self, request: Any) -> Any:
        request = self._translated(request)
        ref = await self._process.monitor(self._sup)
        await self._send(self._sup, "$gen_call", request, ref)
        return ref

    def _translated(self, request: Any) -> Any:
        crowd = self._strategy in ("dynamic", "simple_one_for_one")
        match request:
            case ("start_child", child) if self._strategy == "simple_one_for_one":
                return (request[0], [child])
            case ("start_child", child):
                told = spec(self._log, child)
                if crowd:
                    parts = ("start", "restart", "shutdown", "type", "modules")
                    told = tuple(told[Atom(part)] for part in parts)
                return (request[0], told)
            case (what, who) if crowd:
                return (what, self._log.last(who) or self._process.pid)
        return request

    async def _answer(self, ref: Any) -> None:
        answer = await self._process.receive(
            lambda m: (
                getattr(m, "ref", None) == ref or (type(m) is tuple and m[0] == ref)
            )
        )
        self._process.demonitor(ref)
        reply = Atom("error") if isinstance(answer, Down) else (REPLY, answer[1])
        self._log.note((REPLY, reply))

    async def _ask(self, tag: str, request: Any) -> None:
        ref = self._process.new_ref()
        await self._send(self._sup, tag, Atom(request), ref)
        await self._process.receive(lambda m: isinstance(m, tuple) and m[0] == ref)

    async def _send(self, dest: Pid, tag: str, request: Any, ref: Any) -> None:
        await self._process.send(dest, (Atom(tag), (self._process.pid, ref), request))

    async def _settle(self) -> None:
        """Wait until every supervisor has dealt with what it knows."""
        while True:
            before = await self._rows(self._sup)
            size = len(self._log.entries)
            if before is None or (
                await self._rows(self._sup) == before
                and len(self._log.entries) == size
                and "restarting" not in str(before)
            ):
                return

    async def _rows(self, sup: Pid) -> Any:
        try:
            rows = await self._process.call(sup, Atom("which_children"), math.inf)
        except ergopy.CallError:
            return None
        below = [
            await self._rows(pid)
            for _, pid, kind, _ in rows
            if kind == "supervisor" and isinstance(pid, Pid)
        ]
        return rows, below
