"""``ergopy tree`` against a node of the test's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import ergopy
from ergopy import ChildSpec, Supervisor
from tests.cli.test_commands import ergopy_command
from tests.nodes import COOKIE, Echo, unique_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def served(epmd_port: int) -> AsyncIterator[ergopy.Node]:
    async with ergopy.Node(unique_name(), cookie=COOKIE) as node:
        await node.start(Supervisor, [ChildSpec(Echo, name="echo")], name="shop")
        yield node


async def test_it_draws_all_trees_of_a_node_that_shows_them(
    served: ergopy.Node,
) -> None:
    done = await ergopy_command("tree", served.name)
    text = done.stdout.decode()
    assert done.returncode == 0
    assert "\nshop supervisor one_for_one <" in text
    assert "\n└─ echo worker permanent <" in text
    assert "0/10 in 10 s" in text


async def test_it_prints_json(served: ergopy.Node) -> None:
    done = await ergopy_command("tree", served.name, "--json")
    trees = {tree["name"]: tree for tree in json.loads(done.stdout)}
    (echo,) = trees["shop"]["children"]
    assert (echo["id"], echo["restarts"], echo["state"]) == ("echo", 0, "running")


async def test_one_supervisor_can_be_asked_without_any_export(
    served: ergopy.Node,
) -> None:
    done = await ergopy_command("tree", served.name, "shop")
    pid = served.whereis("echo")
    assert done.returncode == 0
    assert done.stdout.decode() == f"shop supervisor\n└─ echo worker {pid}\n"


async def test_a_node_that_shows_nothing_is_said_so(served: ergopy.Node) -> None:
    served.unexport("ergopy")
    served.unexport("application")
    done = await ergopy_command("tree", served.name)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b'answers="none"' in done.stderr


async def test_a_name_that_nobody_has_is_status_1(served: ergopy.Node) -> None:
    done = await ergopy_command("tree", served.name, "nobody")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"no such process" in done.stderr
