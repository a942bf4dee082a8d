"""Take the samples: alternating rounds, processor time, and foreign load.

Each round runs a test against both peers, and every second round starts with
the other one, so a drift of the machine meets both alike. A sample during which
other work took more than 15 % of a core is left out, unless too few remain.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ._plan import GROWTH, IDLE, OPEN, TESTS, Test
from ._procs import PeerError, cpu_seconds, rss_bytes
from ._world import Peer, World

_TICKS = os.sysconf("SC_CLK_TCK")
_QUIET = 0.12
_NOISY = 0.15
_GATE_BUDGET = 60.0  # seconds that all waiting for a quiet machine may take
_SHORTEST = 0.15  # seconds; over less, 10 ms ticks say nothing about others
_WARM_UP = 0.1
_SETTLED = 20_000  # calls after which a peer's memory should not grow


@dataclass(frozen=True)
class Sample:
    """The metrics of one run of one test against one peer."""

    test: str
    kind: str
    values: dict[str, float]
    foreign: float | None = None
    """Cores taken by processes that are not ours; ``None`` if too short to tell."""


@dataclass(frozen=True)
class Failure:
    """A test that a peer did not pass, and the driver's reason."""

    test: str
    kind: str
    reason: str


class Session:
    """All samples of one run."""

    def __init__(self, world: World, *, rounds: int, quick: bool) -> None:
        self.samples: list[Sample] = []
        self.failures: list[Failure] = []
        self._world = world
        self._rounds = rounds
        self._quick = quick
        self._patience = 0.0 if quick else _GATE_BUDGET

    def run(self, groups: Iterable[str], progress: Callable[[str], None]) -> None:
        for group in groups:
            progress(group)
            if group == "start":
                self._start()
            elif group == "growth":
                self._growth()
            elif group == "idle":
                self._kept(IDLE)
            elif group == "tls":
                self._tls()
            else:
                self._group([test for test in TESTS if test.group == group])
            if group == "sagas":
                self._kept(OPEN)

    def values(self, test: str, metric: str, kind: str) -> list[float]:
        """The samples that count: the quiet ones, if they are at least half."""
        chosen = [s for s in self.samples if (s.test, s.kind) == (test, kind)]
        chosen = [s for s in chosen if metric in s.values]
        quiet = [s for s in chosen if (s.foreign or 0) <= _NOISY]
        used = quiet if 2 * len(quiet) >= len(chosen) else chosen
        return [s.values[metric] for s in used]

    def noisy(self, test: str) -> bool:
        """Whether the line had to be made from samples under foreign load."""
        loads = [s.foreign or 0 for s in self.samples if s.test == test]
        return bool(loads) and statistics.median(loads) > _NOISY

    def _group(self, tests: list[Test]) -> None:
        alone = not any("{other}" in test.command for test in tests)
        with self._world.peers() if alone else self._world.couples() as pair:
            for test in tests:
                works = [peer for peer in pair if self._warm_up(test, peer)]
                for turn in range(self._rounds):
                    for peer in works if turn % 2 == 0 else works[::-1]:
                        self._attempt(test, peer)

    def _warm_up(self, test: Test, peer: Peer) -> bool:
        line = test.line(peer.node, peer.other, quick=self._quick, share=_WARM_UP)
        try:
            self._world.driver.ask(line)
        except PeerError as error:
            self._fail(test, peer, error)
            return False
        return True

    def _attempt(self, test: Test, peer: Peer) -> None:
        self._gate()
        try:
            self._sample(test, peer)
        except PeerError as error:
            self._fail(test, peer, error)

    def _sample(self, test: Test, peer: Peer) -> None:
        line = test.line(peer.node, peer.other, quick=self._quick)
        load = _Load(self._world)
        pids = (peer.child.pid, self._world.driver.pid)
        before = [cpu_seconds(pid) for pid in pids]
        values = self._world.driver.ask(line)
        used = [cpu_seconds(pid) - old for pid, old in zip(pids, before, strict=True)]
        for name, seconds in zip(("cpu", "driver_cpu"), used, strict=True):
            values[name] = seconds / values["count"] * 1e6
        self.samples.append(Sample(test.key, peer.kind, values, load.foreign()))

    def _start(self) -> None:
        with self._world.peers():
            pass  # files are in the page cache and Python's bytecode is written
        for turn in range(self._rounds):
            kinds = self._world.kinds
            for kind in kinds if turn % 2 == 0 else kinds[::-1]:
                self._gate()
                with self._world.peer(kind) as peer:
                    size = rss_bytes(peer.child.pid) / 1e6
                    values = {"ms": peer.first_call * 1e3, "mb": size}
                self.samples.append(Sample("start", kind, values))

    def _growth(self) -> None:
        calls = GROWTH.quick if self._quick else GROWTH.count
        share = _SETTLED / GROWTH.count
        with self._world.peers() as pair:
            for peer in pair:
                warm = GROWTH.line(peer.node, quick=False, share=share)
                self._world.driver.ask(warm)
                before = rss_bytes(peer.child.pid)
                self._world.driver.ask(GROWTH.line(peer.node, quick=self._quick))
                grown = rss_bytes(peer.child.pid) - before
                values = {"bytes": grown / calls}
                self.samples.append(Sample("growth", peer.kind, values))

    def _tls(self) -> None:
        try:
            with self._world.secured():
                self._group([test for test in TESTS if test.group == "tls"])
        except PeerError as error:
            self.failures.append(Failure("tls", self._world.kinds[1], str(error)))

    def _kept(self, tests: Iterable[Test]) -> None:
        for test in tests:
            with self._world.peers() as pair:
                for peer in pair:
                    self._world.driver.ask(test.line(peer.node, quick=True, share=0.1))
                    before = rss_bytes(peer.child.pid)
                    line = test.line(peer.node, quick=self._quick)
                    count = self._world.driver.ask(line)["count"]
                    grown = rss_bytes(peer.child.pid) - before
                    each = {"bytes": grown / count, "mb": grown / count * 0.1}
                    self.samples.append(Sample(test.key, peer.kind, each))

    def _fail(self, test: Test, peer: Peer, error: PeerError) -> None:
        self.failures.append(Failure(test.key, peer.kind, str(error)))

    def _gate(self) -> None:
        """Wait until others leave us the machine, but not for ever."""
        while self._patience > 0:
            load = _Load(self._world)
            time.sleep(0.2)
            self._patience -= 0.2
            if (load.foreign() or 0) < _QUIET:
                return


class _Load:
    """How many cores work that is not ours takes, from here on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._at, self._busy, self._own = self._read()

    def foreign(self) -> float | None:
        at, busy, own = self._read()
        elapsed = at - self._at
        if elapsed < _SHORTEST:
            return None
        return max(0.0, (busy - self._busy) - (own - self._own)) / elapsed

    def _read(self) -> tuple[float, float, float]:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
        user, nice, system = (int(field) for field in fields[1:4])
        pids = [os.getpid(), *(child.pid for child in self._world.children())]
        own = sum(cpu_seconds(pid) for pid in pids)
        return time.perf_counter(), (user + nice + system) / _TICKS, own
