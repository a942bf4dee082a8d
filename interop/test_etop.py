"""``etop`` of a real OTP looks at a Python node."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import Atom
from ergopy.testing.ports import free_port

from .beam import Missing, unique_name
from .conftest import missing
from .observer_tools import Etop, etop, observer_path
from .servers import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Process


async def customer(process: Process) -> None:
    """Buy all the time, with pauses."""
    while True:
        for _ in range(100):
            await process.call("desk", (Atom("add"), 1))
        await trio.sleep(0.02)


@pytest.fixture
def look(node, epmd, cookie, tmp_path) -> Any:
    """``async with look(kind, *arguments) as etop``."""

    @asynccontextmanager
    async def start(kind: str, *arguments: str) -> AsyncIterator[Etop]:
        try:
            observer_path(kind)
        except Missing as problem:
            missing(problem)
        async with etop(
            kind,
            node.name,
            *arguments,
            cookie=cookie,
            epmd_port=epmd.port,
            name=unique_name("etop"),
            folder=tmp_path,
        ) as running:
            yield running

    return start


async def test_etop_shows_the_processes_and_how_long_each_has_run(node, desk, look):
    """As it is by default, with its tracing on: it opens a port to read times at."""
    await node.spawn(customer, name="customer")
    port = str(free_port())
    async with look("otp25", "-port", port, "-lines", "30") as viewer:
        first = await viewer.screen()
        assert str(node.name) in first.text
        assert {"desk", "customer", "net_kernel", "rex"} <= set(first.names())
        assert first.number("procs") >= len(first.rows) > 8
        assert first.number("total") > 1000 > first.number("ets") == 0
        for _ in range(2):
            later = await viewer.screen()
        # Sorted by time: these two do all the work.
        assert set(later.names()[:2]) == {"customer", "desk"}
        assert int(later.rows[0]["time"]) >= int(later.rows[1]["time"]) > 0
        assert 0 < later.number("cpu") <= 100
    await until(lambda: node.whereis("dbg_relay") is None)


@pytest.mark.parametrize("kind", ["otp25", "otp28"])
async def test_etop_sorts_by_reductions(kind, node, desk, look):
    await node.spawn(customer, name="customer")
    options = ["-tracing", "off", "-sort", "reductions", "-lines", "8"]
    async with look(kind, *options) as viewer:
        await viewer.screen()
        later = await viewer.screen()
        assert set(later.names()[:2]) == {"customer", "desk"}
        assert int(later.rows[0]["reductions"]) >= int(later.rows[1]["reductions"]) > 9
        assert len(later.rows) == 8
        assert all(int(row["memory"]) > 1000 for row in later.rows)


async def test_etop_sorts_by_messages_that_wait(node, look):
    async def busy(process: Process) -> None:
        await trio.sleep_forever()

    pid = await node.spawn(busy, name="swamped")
    for number in range(123):
        await node.send(pid, number)
    async with look("otp25", "-tracing", "off", "-sort", "msg_q") as viewer:
        first = await viewer.screen()
    assert first.rows[0]["name"] == "swamped"
    assert first.rows[0]["queue"] == "123"
