"""How busy a node is, and the process that tells so again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, Pid

from ...errors import Exit, ReceiveTimeout
from ...process.atoms import BADARG
from ..answers.numbers import amounts
from ..facts import links, wall_time

if TYPE_CHECKING:
    from ...process.process import Process

LEAST_INTERVAL = 0.01
"""Seconds between two reports, whatever the viewer asks for."""

MOST_MILLISECONDS = 2**32 - 1
"""The longest time that a process of a BEAM can wait."""

_INPUT = Atom("input")
_OUTPUT = Atom("output")
_STATS = Atom("stats")


def io(node: Any) -> tuple[tuple[Atom, int], tuple[Atom, int]]:
    """Return the bytes received and sent, as ``erlang:statistics(io)``."""
    received, sent = links.totals(node)
    return (_INPUT, received), (_OUTPUT, sent)


async def fetch_stats(process: Process, parent: Any, interval: Any) -> None:
    """Report to *parent* every *interval* milliseconds, until anything is sent here.

    ``observer_backend:fetch_stats/2``. The end of *parent* is one of these things.
    """
    if not (isinstance(parent, Pid) and _is_interval(interval)):
        raise Exit(BADARG)
    process.trap_exit = True
    await process.monitor(parent)
    node = process.node
    with wall_time.measured():
        while True:
            try:
                await process.receive(timeout=max(interval / 1000, LEAST_INTERVAL))
            except ReceiveTimeout:
                await process.send(parent, _report(node))
            else:
                return


def _is_interval(interval: Any) -> bool:
    return isinstance(interval, int) and 0 <= interval <= MOST_MILLISECONDS


def _report(node: Any) -> tuple[Any, ...]:
    memory = list(amounts(node).items())
    return (_STATS, 1, wall_time.statistics(), io(node), memory)
