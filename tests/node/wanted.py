"""The program that tests ask another node to start."""

from __future__ import annotations

from ergopy import Atom
from ergopy.node.remote_spawn import Wanted

M, F = Atom("worker"), Atom("start")
LINK, MONITOR = Atom("link"), Atom("monitor")
OOPS, KILL = Atom("oops"), Atom("kill")
ABANDONED = Atom("abandoned")


def wanted(flags: int = 0) -> Wanted:
    options = [MONITOR] * bool(flags & 2) + [LINK] * (flags & 1)
    return Wanted(M, F, [1], options)
