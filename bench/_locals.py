"""Time what happens within one node: ergopy, a BEAM, and triotp if it is there.

The method is that of the codec lines: a worker for each, alternating rounds. triotp
needs an interpreter of its own (``--triotp PYTHON``), since it wants an older Trio.
"""

import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from ._procs import Child, PeerError
from ._world import World

KINDS = ("ergopy", "beam", "triotp")


@dataclass(frozen=True)
class Line:
    """One operation: how often each kind does it in a round, and the goal."""

    name: str
    label: str
    count: int
    beam_count: int
    limit: float | None = None
    """Microseconds that ours may take."""


LINES = (
    Line("call", "call of a server", 20_000, 200_000, 15),
    Line("cast", "cast, sent and handled", 60_000, 600_000),
    Line("cast_sent", "cast, sent", 3_000, 600_000, 1),
    Line("send", "message, sent and received", 60_000, 600_000),
    Line("start", "start of a child", 2_000, 20_000, 60),
    Line("lookup", "look-up in a registry", 300_000, 3_000_000, 1),
)
_QUICK = 20


@dataclass
class LocalTimes:
    """Microseconds per operation: ``(kind, name)`` to all samples."""

    samples: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    """Kinds that could not run, and why."""

    def median(self, kind: str, name: str) -> float | None:
        values = self.samples.get((kind, name))
        return statistics.median(values) if values else None


def time_locals(
    world: World,
    *,
    rounds: int,
    quick: bool,
    triotp: str | None,
    progress: Callable[[str], None],
) -> LocalTimes:
    """Run all operations on all kinds."""
    times = LocalTimes()
    with ExitStack() as stack:
        workers = _start(world, stack, times, triotp)
        for turn in range(rounds):
            progress(f"local round {turn + 1} of {rounds}")
            order = list(workers.items())[:: 1 if turn % 2 == 0 else -1]
            for line in LINES:
                for kind, worker in order:
                    _sample(times, kind, worker, line, _QUICK if quick else 1)
    return times


def _sample(times: LocalTimes, kind: str, worker: Child, line: Line, part: int) -> None:
    count = (line.beam_count if kind == "beam" else line.count) // part
    command = f"{{{line.name},{count}}}." if kind == "beam" else f"{line.name} {count}"
    try:
        took = worker.ask(command)["us"]
    except PeerError:
        if kind == "triotp":
            return  # it has nothing like it
        raise
    times.samples.setdefault((kind, line.name), []).append(took)


def _start(
    world: World, stack: ExitStack, times: LocalTimes, triotp: str | None
) -> dict[str, Child]:
    env = world.environment(pure=world.setup.pure)
    ours = [world.setup.python, "-m", "bench.local"]
    workers = {
        "ergopy": Child("ergopy", ours, cpu=world.peer_cpu, env=env),
        "beam": world.alone("bench_local"),
    }
    if triotp is None:
        times.missing["triotp"] = "give the Python that has it: --triotp PYTHON"
    else:
        theirs = [triotp, "-m", "bench.triotp_local"]
        workers["triotp"] = Child("triotp", theirs, cpu=world.peer_cpu, env=env)
    for kind, worker in list(workers.items()):
        stack.enter_context(worker)
        if kind == "triotp":
            try:
                worker.ask("call 10")
            except PeerError as error:
                times.missing[kind] = str(error)
                del workers[kind]
    return workers
