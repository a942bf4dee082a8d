"""Makes ``event_manager_cases.json``: what real ``gen_event`` did in random scripts.

Run it from the root with ``python -m tests.data.event_manager_cases``, which needs both
OTP 25 and 28. Each row is a script and its log, which is the same on both.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import trio

import etf
from interop.beam import Beam, Epmd, compile_peer
from tests.gen.event_manager.tables import MODULE, Script, atoms
from tests.runtimes import running

NUMBER = 200
FILE = Path(__file__).with_suffix(".json")

UNKNOWN = etf.Atom("no_such_module")
NAMES = [MODULE, atoms(MODULE, "a"), atoms(MODULE, "b"), UNKNOWN, (UNKNOWN, 1)]
TAGS = [etf.Atom(tag) for tag in ("t", "u", "v", "w")]
ARGS = [*TAGS, *TAGS, *atoms("refuse", "crash")]


class Scripts:
    """Makes scripts at random, from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def script(self) -> list[Any]:
        return [self._step() for _ in range(self._random.randrange(3, 14))]

    def _step(self) -> Any:
        pick = self._random.choice
        chance = self._random.random()
        if chance < 0.1:
            reason = pick(atoms("normal", "boom", atoms("shutdown", 1)))
            return atoms("leave", pick([1, 2]), reason)
        if chance < 0.6:
            return atoms("by", pick([1, 2]), self._operation())
        return self._operation()

    def _operation(self) -> Any:
        pick = self._random.choice
        kinds = ["add", "add", "add_sup", "add_sup", "add_sup", "notify", "sync_notify"]
        kind = pick([*kinds, "info", "call", "call", "delete", "swap", "swap_sup"])
        match kind:
            case "add" | "add_sup":
                return atoms(kind, self._name(), pick(ARGS))
            case "delete":
                return atoms(kind, self._name(), self._leaving())
            case "swap" | "swap_sup":
                old, new = (self._name(), self._leaving()), (self._name(), pick(ARGS))
                return atoms(kind, old, new)
            case "call":
                return atoms(kind, self._name(), self._event(call=True))
        return atoms(kind, self._event())

    def _name(self) -> Any:
        return self._random.choice(NAMES[: self._random.choice([3, 3, 3, 5])])

    def _leaving(self) -> Any:
        return self._random.choice(atoms("bye", "bye", "crash"))

    def _event(self, *, call: bool = False) -> Any:
        acts = {tag: self._act(call) for tag in TAGS if self._random.random() < 0.3}
        return dict(acts)

    def _act(self, call: bool) -> Any:
        swap = atoms("swap", self._leaving(), self._name(), self._random.choice(ARGS))
        acts = [*atoms("remove", "crash", "stay"), swap, swap]
        return self._random.choice(acts if call else [*acts, *atoms("bad")])


async def logs(scripts: list[Any]) -> list[Any]:
    """Return our logs."""
    found = []
    for script in scripts:
        async with running() as runtime:
            found.append(await Script(runtime).run(script))
    return found


def run_on(kind: str, scripts: list[Any], code: Path, epmd: Epmd) -> list[Any]:
    """Return the logs of a real ``gen_event``."""
    beam = Beam(kind, code=code, folder=code, epmd_port=epmd.port, cookie="cases")
    try:
        source = "ergopy_peer_events:run_all(Scripts)"
        logs: list[Any] = beam.eval(source, 60, Scripts=scripts)
        return logs
    finally:
        beam.stop()


def main() -> None:
    """Write the file, and print what differs."""
    maker = Scripts(201)
    scripts = [maker.script() for _ in range(NUMBER)]
    code = compile_peer(Path(tempfile.mkdtemp()))
    epmd = Epmd()
    new, old = (run_on(kind, scripts, code, epmd) for kind in ("otp28", "otp25"))
    epmd.stop()
    for script, ours, theirs, on_25 in zip(
        scripts, trio.run(logs, scripts), new, old, strict=True
    ):
        for one, other, third in zip(ours, theirs, on_25, strict=True):
            if not etf.same(one, other) or not etf.same(other, third):
                sys.stdout.write(
                    f"{script}\nours {one}\n28   {other}\n25   {third}\n\n"
                )
                break
    rows = [
        [etf.format(term) for term in row] for row in zip(scripts, new, strict=True)
    ]
    FILE.write_text(json.dumps(rows, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main()
