"""Ports for what a test starts: its own EPMD, a node that listens where it is told."""

from __future__ import annotations

import os
import secrets
import socket

RANGE = range(10_240, 32_768)
"""Below what operating systems give to those who do not care which port they have.

One of theirs, given back for somebody else to use, may be the local end of any
connection a moment later.
"""

TRIES = 100


def free_port() -> int:
    """Return a port of the loopback interface that nobody has.

    Of the workers of pytest-xdist no two are given the same one.

    Raises:
        OSError: A hundred of them are taken.
    """
    for port in secrets.SystemRandom().sample(_own(), TRIES):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port found")


def _own() -> range:
    """Return the ports of this worker, or all of them."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if not worker.isdecimal():
        return RANGE
    return RANGE[int(worker) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]
