"""Jobs that another node does: programs that it provides by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import etf
from ergopy.testing import MemoryNetwork, node_pair
from etf import Atom
from tests.gen.saga.desk import Desk, Worker, job, open_desk
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ergopy import Node, Process
    from ergopy.gen.saga.worker import WorkerJob

    Pair = tuple[Node, Node]

NORMAL = Atom("normal")
PROGRAM = "resize"


class Resize(Worker):
    """Does what the bytes of its job say; all of them write into one log."""

    all: list[Any]
    traps = False

    def __init__(self) -> None:
        super().__init__(self.all)

    async def init(self) -> None:
        self.trap_exit = self.traps

    async def handle_job_start(self, job: WorkerJob) -> None:
        self.log.append(("start", job.value))
        if job.value == b"work":
            await self.send_interim("half")
            await self.send_result("done")


@pytest.fixture
async def network() -> MemoryNetwork:
    return MemoryNetwork()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    log: list[Any] = []
    monkeypatch.setattr(Resize, "all", log, raising=False)
    return log


@pytest.fixture
async def pair(network: MemoryNetwork, log: list[Any]) -> AsyncIterator[Pair]:
    async with node_pair(network=network) as (a, b):
        b.provide_spawn(PROGRAM, Resize)
        await a.connect(b.name)
        yield a, b


async def open_on(
    pair: Pair, value: Any, program: Any = PROGRAM, **options: Any
) -> Desk:
    """Start a saga on the first node, with a job for the second one."""
    a, b = pair
    script = job(value, worker=program, node=b.name, **options.pop("job", {}))
    return await open_desk(a.runtime.root, script, **options)


def workers(node: Node) -> list[Process]:
    return [p for p in node.runtime.processes.values() if PROGRAM in str(p.label)]


@pytest.mark.parametrize("two_phases", [False, True])
async def test_a_worker_of_another_node_does_a_job(
    pair: Pair, log: list[Any], two_phases: bool
) -> None:
    desk = await open_on(pair, b"work", two_phase_commit=two_phases)
    assert desk.heard == [("interim", b"half"), ("result", b"done")]
    assert desk.job.worker.node == pair[1].name
    assert str(desk.job.work) == "resize:start on b@memory"
    await desk.finish()
    assert desk.is_clean
    commit = [("commit", b"final ok")] if two_phases else []
    assert log == [("start", b"work"), *commit, ("terminate", NORMAL)]


async def test_a_program_may_be_one_function_of_a_module(pair: Pair) -> None:
    pair[1].provide_spawn("images", Resize, "shrink")
    desk = await open_on(pair, b"work", ("images", "shrink"))
    assert desk.heard[-1] == ("result", b"done")


async def test_a_program_of_the_own_node_can_be_named_as_well(
    pair: Pair, log: list[Any]
) -> None:
    a, _ = pair
    a.provide_spawn(PROGRAM, Resize)
    value = object()
    desk = await open_on((a, a), value)
    # It goes from hand to hand.
    assert log == [("start", value)]
    await desk.give_up()
    assert desk.is_clean


async def test_a_program_need_not_be_a_worker_of_ergopy(pair: Pair) -> None:
    async def program(process: Process) -> None:
        _, saga, (job, _, _, value, _) = await process.receive()
        done = (Atom("$saga_job_result"), process.pid, (job, value + value))
        await process.send(saga, done)

    pair[1].provide_spawn("double", program)
    desk = await open_on(pair, 21, "double")
    assert desk.heard == [("result", 42)]
    await desk.finish()
    assert desk.is_clean


@pytest.mark.parametrize("alone", [False, True])
async def test_a_cancel_reaches_a_worker_of_another_node(
    pair: Pair, log: list[Any], alone: bool
) -> None:
    desk = await open_on(pair, b"wait")
    if alone:
        await desk.do(lambda self: self.cancel_job(self.job, "why"))
        await desk.finish()
    else:
        await desk.give_up()
    assert log[1:] == [("cancel", "why"), ("terminate", NORMAL)]
    assert desk.is_clean


async def test_a_program_that_is_not_provided_fails_the_job(pair: Pair) -> None:
    desk = await open_on(pair, b"work", "unknown")
    assert desk.reason()[0] == "undef"
    await desk.finish()
    assert desk.is_clean


async def test_a_node_that_cannot_be_reached_fails_the_job(
    pair: Pair, network: MemoryNetwork
) -> None:
    a, _ = pair
    script = job(b"work", worker=PROGRAM, node="nobody@memory")
    desk = await open_desk(a.runtime.root, script)
    assert desk.reason() == "noconnection"
    await desk.finish()
    assert desk.is_clean


@pytest.mark.parametrize("two_phases", [False, True])
async def test_a_lost_connection_ends_the_worker_and_fails_an_open_job(
    pair: Pair, network: MemoryNetwork, two_phases: bool
) -> None:
    a, b = pair
    desk = await open_on(pair, b"wait", two_phase_commit=two_phases)
    assert len(workers(b)) == 1
    network.reset(a, b)
    await settle()
    assert desk.reason() == "noconnection"
    assert workers(b) == []
    await desk.finish()
    assert desk.is_clean


async def test_a_worker_that_is_there_too_late_is_ended(
    pair: Pair, network: MemoryNetwork, log: list[Any]
) -> None:
    a, b = pair
    network.stall(b, a)
    desk = await open_on(pair, b"work")
    assert len(workers(b)) == 1
    # The saga goes on meanwhile.
    await desk.give_up()
    assert desk.canceled == "why"
    network.heal(a, b)
    await settle()
    assert workers(b) == []
    assert log == []
    assert desk.is_clean


async def test_a_job_is_late_even_if_its_node_does_not_answer(
    pair: Pair, network: MemoryNetwork, autojump_clock: Any
) -> None:
    a, b = pair
    network.stall(b, a)
    desk = await open_on(pair, b"work", job={"timeout": 2.0})
    await trio.sleep(2.1)
    assert desk.reason() == "lifespan"
    network.heal(a, b)
    await trio.sleep(1)
    assert workers(b) == []


async def test_what_is_no_term_is_not_for_another_node(pair: Pair) -> None:
    errors: list[Exception] = []

    async def script(desk: Desk) -> None:
        try:
            await job(object(), worker=PROGRAM, node=pair[1].name)(desk)
        except etf.EncodeError as error:
            errors.append(error)

    desk = await open_desk(pair[0].runtime.root, script)
    assert len(errors) == 1
    await desk.finish()
    assert desk.final == "final ok"


@pytest.mark.parametrize("traps", [False, True])
async def test_a_worker_ends_with_its_saga_on_another_node(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, log: list[Any], traps: bool
) -> None:
    monkeypatch.setattr(Resize, "traps", traps)
    desk = await open_on(pair, b"wait")
    desk.process.kill()
    await settle()
    assert workers(pair[1]) == []
    assert log[1:] == [("terminate", Atom("killed"))] * traps


async def test_a_worker_ends_with_a_saga_that_stops_in_order(
    pair: Pair, log: list[Any]
) -> None:
    desk = await open_on(pair, b"wait")
    await pair[0].stop(desk.pid)
    await settle()
    assert log[1:] == [("terminate", NORMAL)]
