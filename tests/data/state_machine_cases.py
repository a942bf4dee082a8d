"""Makes ``state_machine_cases.json``: what real ``gen_statem`` did in random cases.

Run it from the root with ``python -m tests.data.state_machine_cases``, which needs both
OTP 25 and 28. A case is kept if no real clock could give another order of events. Each
row is a case, its log on OTP 28, and whether OTP 25 has the same: that one loses a
timeout that is started while one of zero seconds of the same kind is due, and its
timer's message comes as an ``info``.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import trio
from trio.testing import MockClock

import etf
from ergopy import Atom
from interop.beam import Beam, Epmd, compile_peer
from tests.gen.state_machine.tables import play
from tests.runtimes import running

NUMBER = 200
UNIT_MS = 25
FILE = Path(__file__).with_suffix(".json")

STATES = [Atom("a"), Atom("b"), Atom("c")]
NAMED = [(Atom("timeout"), 1), (Atom("timeout"), Atom("n"))]
TIMEOUTS = [Atom("timeout"), Atom("state_timeout"), *NAMED]
OUTSIDE = [Atom("cast"), Atom("info"), Atom("call")]
KINDS = [*OUTSIDE, Atom("internal"), *TIMEOUTS]
CONTENTS = [0, 1]


class Cases:
    """Makes cases at random, from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def case(self) -> Any:
        enter = self._random.random() < 0.5
        table: dict[Any, Any] = {
            (state, kind, content): self._result(kind)
            for state in STATES
            for kind in KINDS
            for content in CONTENTS
            if self._random.random() < 0.8
        }
        if enter:
            table |= {
                (state, Atom("enter"), old): self._enter_result()
                for state in STATES
                for old in STATES
                if self._random.random() < 0.5
            }
        first = self._random.choice(STATES)
        return (enter, first, self._actions(init=True), table, self._script())

    def _result(self, kind: Any) -> Any:
        actions = self._actions()
        chance = self._random.random()
        if chance < 0.4:
            return (Atom("next"), self._random.choice(STATES), actions)
        if chance < 0.5:
            return (Atom("repeat"), actions)
        if chance < 0.52:
            return (Atom("stop"), Atom("normal"), 7)
        return (Atom("keep"), actions)

    def _enter_result(self) -> Any:
        actions = [self._timeout() for _ in range(self._random.randrange(3))]
        if self._random.random() < 0.02:
            return (Atom("stop"), Atom("shutdown"), 7)
        again = Atom("repeat" if self._random.random() < 0.1 else "keep")
        return (again, actions)

    def _actions(self, *, init: bool = False) -> list[Any]:
        count = self._random.choice([0, 0, 1, 1, 2, 3])
        return [self._action(init) for _ in range(count)]

    def _action(self, init: bool) -> Any:
        chance = self._random.random()
        content = self._random.choice(CONTENTS)
        if chance < 0.3:
            return (Atom("postpone"), self._random.random() < 0.9)
        if chance < 0.45 and not init:
            return (Atom("reply"), content)
        if chance < 0.6:
            kind = Atom("internal") if init else self._random.choice(KINDS)
            return (Atom("next_event"), kind, content)
        return self._timeout()

    def _timeout(self) -> Any:
        kind = self._random.choice(TIMEOUTS)
        content = self._random.choice(CONTENTS)
        chance = self._random.random()
        if chance < 0.1:
            return (Atom("cancel"), kind)
        if chance < 0.2:
            return (Atom("set"), kind, Atom("update"), content)
        if chance < 0.25:
            return (Atom("set"), kind, Atom("infinity"), content)
        units = 0 if chance < 0.6 else self._random.choice([3, 7, 11, 18, 29, 41])
        return (Atom("set"), kind, units, content)

    def _script(self) -> list[Any]:
        script: list[Any] = []
        at, suspended = 0, False
        for _ in range(self._random.randrange(1, 6)):
            at += self._random.choice([1, 2, 5, 9, 20])
            operations: list[Any] = [
                (self._random.choice(OUTSIDE), self._random.choice(CONTENTS))
                for _ in range(self._random.randrange(1, 5))
            ]
            if self._random.random() < 0.15:
                suspended = not suspended
                operations.append(Atom("suspend" if suspended else "resume"))
            script.append((at, operations))
        return script


async def select() -> list[tuple[Any, list[Any]]]:
    """Return cases that are the same by any clock, and our logs of them."""
    cases = Cases(20)
    found: list[tuple[Any, list[Any]]] = []
    while len(found) < NUMBER:
        case = cases.case()
        async with running() as runtime:
            log, clear = await play(runtime, case)
        if clear and len(log) > 5:
            found.append((_pruned(case, log), log))
    return found


def _pruned(case: Any, log: list[Any]) -> Any:
    """Return *case* without what its table says about events that never come."""
    enter, first, actions, table, script = case
    used = {(entry[2], entry[0], entry[1]) for entry in log if len(entry) == 3}
    table = {key: result for key, result in table.items() if key in used}
    return (enter, first, actions, table, script)


def run_on(kind: str, cases: list[Any], code: Path, epmd: Epmd) -> list[Any]:
    """Return the logs of a real ``gen_statem``."""
    beam = Beam(kind, code=code, folder=code, epmd_port=epmd.port, cookie="cases")
    try:
        source = "ergopy_peer_statem:run_all(Cases, Unit)"
        logs: list[Any] = beam.eval(source, 120, Cases=cases, Unit=UNIT_MS)
        return logs
    finally:
        beam.stop()


def main() -> None:
    """Write the file, and print what differs."""
    found = trio.run(select, clock=MockClock(autojump_threshold=0))
    cases = [case for case, _ in found]
    code = compile_peer(Path(tempfile.mkdtemp()))
    epmd = Epmd()
    new, old = (run_on(kind, cases, code, epmd) for kind in ("otp28", "otp25"))
    epmd.stop()
    rows = []
    for (case, ours), theirs, on_25 in zip(found, new, old, strict=True):
        if not etf.same(ours, theirs):
            sys.stdout.write(f"{case}\nours   {ours}\ntheirs {theirs}\n\n")
        terms = (case, theirs, etf.same(theirs, on_25))
        rows.append([etf.format(term) for term in terms])
    FILE.write_text(json.dumps(rows, indent=0) + "\n", "utf-8")
    differ = sum(row[2] == "false" for row in rows)
    sys.stdout.write(f"{len(rows)} cases, {differ} not on OTP 25\n")


if __name__ == "__main__":
    main()
