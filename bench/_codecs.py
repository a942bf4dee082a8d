"""Time our codec beside MessagePack and the BEAM's own, in alternating rounds.

MessagePack (msgspec) is the yardstick: it builds the same Python objects from
as many bytes, in C. The method is that of the node lines; each sample is one
loop of at least 120 ms.
"""

import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from ._procs import Child, PeerError
from ._world import World
from .codec import SIZES

KINDS = ("compiled", "pure", "msgspec", "beam")
OPERATIONS = ("encode", "decode")
TARGET = 1.5
_LOOP_MS, _QUICK_MS = 120, 10


@dataclass
class CodecTimes:
    """Microseconds per operation: ``(kind, term, operation)`` to all samples."""

    samples: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Codecs that could not run, and why."""

    def median(self, kind: str, term: str, operation: str) -> float | None:
        values = self.samples.get((kind, term, operation))
        return statistics.median(values) if values else None


def time_codecs(
    world: World, *, rounds: int, quick: bool, progress: Callable[[str], None]
) -> CodecTimes:
    """Run all codecs on all terms."""
    times = CodecTimes()
    with ExitStack() as stack:
        workers = _start(world, stack, times)
        for turn in range(rounds):
            progress(f"codec round {turn + 1} of {rounds}")
            order = list(workers.items())[:: 1 if turn % 2 == 0 else -1]
            for term in SIZES:
                for operation in OPERATIONS:
                    for kind, worker in order:
                        took = _time(kind, worker, term, operation, quick)
                        key = (kind, term, operation)
                        times.samples.setdefault(key, []).append(took)
    return times


def _time(kind: str, worker: Child, term: str, operation: str, quick: bool) -> float:
    milliseconds = _QUICK_MS if quick else _LOOP_MS
    words = (term, operation, str(milliseconds))
    line = f"{{{','.join(words)}}}." if kind == "beam" else " ".join(words)
    return worker.ask(line)["us"]


def _start(world: World, stack: ExitStack, times: CodecTimes) -> dict[str, Child]:
    workers: dict[str, Child] = {}
    for kind in KINDS:
        try:
            worker = stack.enter_context(_worker(world, kind))
            if kind != "beam":
                said = worker.ask("hello")
                if kind == "compiled" and not said["compiled"]:
                    raise PeerError("the compiled codec is not built")
        except PeerError as error:
            times.missing[kind] = str(error)
        else:
            workers[kind] = worker
    return workers


def _worker(world: World, kind: str) -> Child:
    if kind == "beam":
        return world.alone("bench_codec")
    codec = "msgspec" if kind == "msgspec" else "etf"
    env = world.environment(pure=kind == "pure")
    argv = [sys.executable, "-m", "bench.codec", codec]
    return Child(kind, argv, cpu=world.peer_cpu, env=env)
