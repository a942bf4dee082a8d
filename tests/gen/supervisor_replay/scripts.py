"""Scripts for supervisors, made at random: a tree, and what happens to it.

They are Erlang terms, in the form that ``interop/peer/ergopy_replay.erl`` describes.
The children of one script have different ids, at every level of the tree.
"""

from __future__ import annotations

import random
from typing import Any

from etf import Atom

Term = Any
Script = tuple[Term, list[Term]]

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]
RESTARTS = ["permanent", "permanent", "transient", "temporary"]
SHUTDOWNS: list[Any] = ["brutal_kill", 30, 30, 5000, "infinity"]
ENDS: list[Any] = ["normal", "shutdown", "oops", "oops", "noproc", "killed"]
REQUESTS = ["terminate_child", "restart_child", "delete_child", "get_childspec"]
PERIOD = 1000
"""Longer than any script: what the passing of time does is tested otherwise."""


def script(seed: int) -> Script:
    """Return the script of that number."""
    return _Maker(random.Random(seed)).script()


def timed_script(seed: int) -> Script:
    """Return the script of that number with pauses that restarts are forgotten in."""
    return _Maker(random.Random(seed)).timed_script()


def simple_script(seed: int) -> Script:
    """Return the script of that number for a supervisor ``simple_one_for_one``."""
    return _Maker(random.Random(seed)).crowd("simple_one_for_one")


def dynamic_script(seed: int) -> Script:
    """Return the script of that number for a DynamicSupervisor."""
    return _Maker(random.Random(seed)).crowd("dynamic")


def in_order(script: Script, log: list[Any]) -> list[Any]:
    """Bring into one order what has none where all children are equal.

    That is the order of the rows of ``which_children``, and that of the last ends.
    """
    (flags, _), _ = script
    if flags[Atom("strategy")] not in ("simple_one_for_one", "dynamic"):
        return log
    log = [_sorted_rows(entry) for entry in log]
    backwards = reversed(log)
    after = next((n for n, entry in enumerate(backwards) if entry[0] == "down"), 0)
    rest, last = log[: len(log) - after], log[len(log) - after :]
    ends: list[Any] = []
    while rest and rest[-1][0] == "down":
        ends.append(rest.pop())
    return [*rest, *sorted(ends, key=repr), *last]


def _sorted_rows(entry: Any) -> Any:
    match entry:
        case ("reply", ("reply", [(_, _, _, _), *_] as rows)):
            return (entry[0], (entry[1][0], sorted(rows, key=repr)))
    return entry


def atoms(value: Any) -> Any:
    """Turn plain text into atoms."""
    if isinstance(value, dict):
        return {Atom(key): atoms(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(atoms, value))
    return Atom(value) if isinstance(value, str) else value


class _Maker:
    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._ids: list[str] = []
        self._trees: list[str] = []
        self._below: list[str] = []
        """Children of a supervisor that is a child."""
        self._may_branch = True
        self._shutdown: Any = None
        """What all children have in common, if they have."""
        self._requests = REQUESTS
        self._counts = self._restarts_fail = True

    def script(self) -> Script:
        tree = self._tree(depth=0)
        steps = [self._step() for _ in range(self._random.randint(2, 9))]
        made: Script = atoms((tree, steps))
        return made

    def timed_script(self) -> Script:
        (flags, children), steps = self.script()
        for _ in range(2):
            # By then a restart has left the window, wherever in its second it was.
            steps.insert(self._random.randint(0, len(steps)), (Atom("pause"), 2100))
        flags |= {Atom("period"): 1, Atom("intensity"): self._of(1, 2)}
        return (flags, children), steps

    def crowd(self, strategy: str) -> Script:
        """Make a script for children that have no ids for their supervisor."""
        self._may_branch = False
        flags = {
            "strategy": strategy,
            "intensity": self._of(0, 1, 2, 3, 5),
            "period": PERIOD,
        }
        self._requests = ["terminate_child"]
        children = []
        if strategy == "dynamic":
            flags["max_children"] = self._of(2, 4, "infinity", "infinity")
        else:
            flags["auto_shutdown"] = "never"
            self._requests += ["get_childspec", "restart_child", "delete_child"]
            template = {**self._child(), "id": "template"}
            self._shutdown = template["shutdown"]
            # Of one that is terminated while it restarts a simple_one_for_one
            # supervisor of OTP thinks for ever that it restarts, when it counts.
            self._counts = self._chance(0.5)
            self._restarts_fail = not self._counts
            children.append(template)
            self._ids.clear()
        first = [self._start() for _ in range(self._random.randint(1, 4))]
        steps = [self._step() for _ in range(self._random.randint(2, 8))]
        made: Script = atoms(((flags, children), [*first, *steps]))
        return made

    def _tree(self, depth: int) -> Term:
        auto_shutdown = self._of("never", "never", "any_significant", "all_significant")
        flags = {
            "strategy": self._of(*STRATEGIES),
            "intensity": self._of(0, 1, 2, 3, 5),
            "period": PERIOD,
            "auto_shutdown": auto_shutdown,
        }
        count = self._random.randint(0 if depth else 1, 5 - 2 * depth)
        may_end = auto_shutdown != "never"
        return flags, [self._child(depth, may_end) for _ in range(count)]

    def _child(self, depth: int = 0, may_end: bool = False) -> dict[str, Any]:
        identity = f"c{len(self._ids) + len(self._below)}"
        (self._below if depth else self._ids).append(identity)
        restart = self._of(*RESTARTS)
        child = {
            "id": identity,
            "restart": restart,
            "shutdown": self._shutdown or self._of(*SHUTDOWNS),
            "significant": may_end and restart != "permanent" and self._chance(0.5),
            "type": "worker",
            "modules": ["m"],
            "plan": self._plan(),
            "trap": False,
        }
        if depth == 0 and self._may_branch and self._chance(0.12):
            # Whoever kills a supervisor leaves the order of the ends below to chance.
            self._trees.append(identity)
            tree = self._tree(depth=1)
            return {**child, "type": "supervisor", "shutdown": "infinity", "tree": tree}
        traps: list[Any] = ["obey", ("odd", "oops"), ("odd", "normal")]
        if child["shutdown"] in ("brutal_kill", 30):
            traps.append("slow")
        if self._chance(0.6):
            child["trap"] = self._of(*traps)
        return child

    def _plan(self) -> list[Any]:
        first = self._outcome(0.05, 0.04)
        # A simple_one_for_one supervisor of OTP 25 that restarts a child which then
        # ignores that crashes at its end.
        ignore = 0.05 if self._shutdown is None else 0.0
        error = 0.2 if self._restarts_fail else 0.0
        later = [
            self._outcome(error, ignore) for _ in range(self._random.randint(0, 4))
        ]
        return [first, *later]

    def _outcome(self, error: float, ignore: float) -> Any:
        if self._chance(error):
            return ("error", self._of("no", "shutdown", ("shutdown", "x"), "normal"))
        return "ignore" if self._chance(ignore) else "ok"

    def _step(self) -> Any:
        kind = self._of("end", "end", "end", "call", "call", "burst")
        if kind == "burst":
            # What a supervisor below does meanwhile is not certain.
            steps = [self._end, self._call]
            some = self._random.randint(2, 4)
            return ("burst", [self._of(*steps)() for _ in range(some)])
        if self._below and self._chance(0.3):
            return self._end(self._of(*self._below))
        return self._end() if kind == "end" else self._call()

    def _end(self, identity: str | None = None) -> Any:
        identity = identity or self._id()
        if identity in self._trees:
            return ("end_tree", identity, self._of("normal", "shutdown", "oops"))
        kind = self._of("kill", "stop", "stop", "stop", "unlink")
        return (kind, identity, self._of(*ENDS, ("shutdown", "x")))

    def _call(self) -> Any:
        about = self._requests
        request = self._of(*about, *about, "start_child", "which_children")
        if self._counts and self._chance(0.2):
            request = "count_children"
        if request in about:
            return ("call", (request, self._id()))
        if request != "start_child":
            return ("call", request)
        return self._start()

    def _start(self) -> Any:
        child = self._child()
        if self._may_branch and self._chance(0.3) and len(self._ids) > 1:
            again = self._of(*self._ids)
            # A supervisor of that id would be no target for what ends a worker.
            if again not in self._trees and child["id"] not in self._trees:
                child["id"] = again
        return ("call", ("start_child", child))

    def _id(self) -> str:
        return self._of(*self._ids) if self._chance(0.95) else "nobody"

    def _of(self, *choices: Any) -> Any:
        return self._random.choice(choices)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share
