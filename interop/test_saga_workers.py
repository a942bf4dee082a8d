"""A worker on a BEAM does the jobs of a saga in Python."""

from __future__ import annotations

from typing import Any

import pytest

import ergopy
from ergopy import Atom

from .saga_places import load
from .saga_places import saga_code as saga_code
from .servers import until

PROGRAM = "ergopy_saga_worker"


class Desk(ergopy.Saga):
    """Has a job done for each transaction."""

    def __init__(self, made: list[Desk]) -> None:
        self.heard: list[Any] = []
        made.append(self)

    async def handle_tx_new(self, tx: Any, value: Any) -> None:
        node, work, report = value
        await self.start_job(tx, (work, report), worker=PROGRAM, node=node)

    async def handle_job_interim(self, tx: Any, job: Any, value: Any) -> None:
        self.heard.append(("interim", value))

    async def handle_job_result(self, tx: Any, job: Any, result: Any) -> None:
        self.heard.append(("result", result))
        await self.send_result(tx, Atom("all"))

    async def handle_job_failed(self, tx: Any, job: Any, reason: Any) -> None:
        self.heard.append(("failed", reason))
        await self.cancel_transaction(tx, reason)

    async def handle_cast(self, request: Any) -> None:
        match request:
            case ("start", value, two_phases):
                await self.start_transaction(value, two_phase_commit=two_phases)
            case ("cancel", reason):
                await self.cancel_transaction(self.transactions[0], reason)

    @property
    def is_over(self) -> bool:
        return not self.transactions and not self.process.links


@pytest.fixture
async def start(node, beam, saga_code):
    """Starts a saga and its job; returns the saga, and what the worker reports."""
    load(beam, saga_code)

    async def start(work: str, *, two_phases: bool = False) -> tuple[Desk, list[Any]]:
        made: list[Desk] = []
        reports: list[Any] = []

        async def report(process: ergopy.Process) -> None:
            while True:
                reports.append(await process.receive())

        pid = await node.start(Desk, made=made)
        value = (beam.name, Atom(work), await node.spawn(report))
        await node.cast(pid, ("start", value, two_phases))
        await until(lambda: reports)
        return made[0], reports

    return start


HALF, DONE = Atom("half"), (Atom("done"), Atom("value"))


@pytest.mark.parametrize("two_phases", [False, True])
async def test_a_worker_on_a_beam_does_a_job(start, two_phases):
    saga, reports = await start("value", two_phases=two_phases)
    await until(lambda: saga.is_over)
    assert saga.heard == [("interim", HALF), ("result", DONE)]
    commit = [(Atom("commit"), Atom("all"))] if two_phases else []
    await until(lambda: reports[1:] == commit)


async def test_a_worker_on_a_beam_is_told_of_a_cancel(node, start):
    saga, reports = await start("wait")
    await node.cast(saga.pid, ("cancel", "why"))
    await until(lambda: reports[1:] == [(Atom("cancel"), list(b"why"))])
    await until(lambda: saga.is_over)
    assert saga.heard == []


async def test_a_worker_on_a_beam_that_ends_fails_the_job(start):
    saga, reports = await start("crash")
    await until(lambda: saga.is_over)
    assert saga.heard == [("failed", Atom("boom"))]
    assert len(reports) == 1
