"""Hosts of their own for nodes: network namespaces, with a cable between each two.

A host is a network namespace that a sleeping process holds, so that nothing is left of
it when that process has ended, which it does with the test run. From the n-th host,
10.9.0.n, a cable of its own leads to each of the others: cut that one, and the two are
apart, while each of them may see the rest.
"""

from __future__ import annotations

import os
import subprocess
import time
from itertools import combinations
from pathlib import Path

from ..beam import Missing, _die_with_parent, which

EPMD_PORT = 4370


class Host:
    """One network namespace; ``inside`` goes before a command that runs there."""

    def __init__(self, number: int) -> None:
        self.address = f"10.9.0.{number}"
        self._mapper: subprocess.Popen[bytes] | None = None
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sleep", "infinity"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=_die_with_parent,
        )
        self.pid = self._holder.pid
        self.inside = ("nsenter", f"--net=/proc/{self.pid}/ns/net")
        ours = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{self.pid}/ns/net").readlink() == ours:
            if self._holder.poll() is not None:
                assert self._holder.stderr is not None
                problem = self._holder.stderr.read().decode().strip()
                raise Missing(f"no network namespace: {problem}")
            time.sleep(0.002)
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command: str) -> None:
        """Run a command there."""
        subprocess.run([*self.inside, *command], check=True, capture_output=True)

    def map_ports(self) -> None:
        """Have a port mapper there."""
        self._mapper = subprocess.Popen(
            [*self.inside, "epmd", "-port", str(EPMD_PORT)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
        asks = [*self.inside, "epmd", "-port", str(EPMD_PORT), "-names"]
        while subprocess.run(asks, capture_output=True).returncode:
            assert self._mapper.poll() is None
            time.sleep(0.005)

    def close(self) -> None:
        """Have nothing left of it, but for the nodes there."""
        for process in (self._mapper, self._holder):
            if process is not None:
                process.kill()
                process.wait()
        assert self._holder.stderr is not None
        self._holder.stderr.close()


class Hosts(list[Host]):
    """So many hosts, each of which reaches each."""

    def __init__(self, count: int) -> None:
        for program in ("ip", "unshare", "nsenter", "epmd"):
            which(program)
        if os.geteuid():
            raise Missing("network namespaces are for root")
        super().__init__()
        try:
            for number in range(1, count + 1):
                self.append(Host(number))
            for one, other in combinations(range(count), 2):
                self._connect(one, other)
        except BaseException:
            self.close()
            raise

    def _connect(self, one: int, other: int) -> None:
        here, there = self[one], self[other]
        here.run(
            *("ip", "link", "add", f"to{other}", "type", "veth"),
            *("peer", "name", f"to{one}", "netns", str(there.pid)),
        )
        for host, peer, cable in ((here, there, other), (there, here, one)):
            address = ("ip", "addr", "add", f"{host.address}/32", "peer")
            host.run(*address, f"{peer.address}/32", "dev", f"to{cable}")
            host.run("ip", "link", "set", f"to{cable}", "up")

    def cut(self, ones: list[int], others: list[int]) -> None:
        """Have each of *ones* lose each of *others*."""
        self._set(ones, others, "down")

    def mend(self, ones: list[int], others: list[int]) -> None:
        """Undo `cut`."""
        self._set(ones, others, "up")

    def _set(self, ones: list[int], others: list[int], state: str) -> None:
        for one in ones:
            for other in others:
                self[one].run("ip", "link", "set", f"to{other}", state)

    def close(self) -> None:
        """Let nothing be left of them."""
        for host in self:
            host.close()
