"""Fixtures for pytest: ``pytest_plugins = ["ergopy.testing.plugin"]``.

They are for tests that run on Trio, with pytest-trio; this module needs pytest, and
nothing else in ergopy does.

A test with a BEAM is skipped where there is none, and says why; where one has to be,
``ERGOPY_REQUIRE_BEAM=1`` makes it fail.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from .beam import BeamMissing, beam_pair, find_program
from .event_log import event_log
from .network import MemoryNetwork
from .pair import node_pair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .._main import Node
    from .beam import Beam, Kind
    from .event_log import EventLog


@pytest.fixture
def memory_network() -> MemoryNetwork:
    """Return the network that the nodes of the other fixtures live in."""
    return MemoryNetwork()


@pytest.fixture
async def memory_node(memory_network: MemoryNetwork) -> AsyncIterator[Node]:
    """Run one node, ``node@memory``."""
    async with memory_network.node("node") as node:
        yield node


@pytest.fixture
async def memory_pair(
    memory_network: MemoryNetwork,
) -> AsyncIterator[tuple[Node, Node]]:
    """Run two nodes, ``a@memory`` and ``b@memory``, that are not connected yet."""
    async with node_pair(network=memory_network) as pair:
        yield pair


@pytest.fixture
async def memory_log(memory_node: Node) -> AsyncIterator[EventLog]:
    """Write down what the processes of ``node@memory`` do; without messages."""
    with event_log(memory_node) as log:
        yield log


@pytest.fixture
def _erlang() -> None:
    _need("erlang")


@pytest.fixture
def _elixir() -> None:
    _need("elixir")


@pytest.fixture
async def erlang_pair(_erlang: None) -> AsyncIterator[tuple[Node, Beam]]:
    """Run a node and an Erlang one, connected; see :func:`ergopy.testing.beam_pair`."""
    async with beam_pair("erlang") as pair:
        yield pair


@pytest.fixture
async def elixir_pair(_elixir: None) -> AsyncIterator[tuple[Node, Beam]]:
    """Run a node and an Elixir one, connected."""
    async with beam_pair("elixir") as pair:
        yield pair


def _need(kind: Kind) -> None:
    # Not in an async fixture: what is raised there loses its text.
    try:
        find_program(kind)
    except BeamMissing as missing:
        if os.environ.get("ERGOPY_REQUIRE_BEAM") == "1":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
