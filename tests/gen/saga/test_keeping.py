"""A saga and its log: opened, written, failed, and let go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import MemorySagaLog, NoReply, Saga, SagaLog, SagaLogError, StartError
from tests.gen.saga.parts import Part, answer, chain, sends, start
from tests.runtimes import Ends, settle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ergopy import Reference
    from ergopy.process.runtime import Runtime


class Watched(SagaLog):
    """A log in memory that says who has it open, and fails or waits when told to."""

    def __init__(self) -> None:
        self.kept = MemorySagaLog()
        self.open_for: list[str] = []
        self.records: list[Any] = []
        self.fails = False
        self.held: list[Callable[[], None]] | None = None

    async def open(self, saga: str) -> dict[Reference, list[Any]]:
        if self.fails:
            raise SagaLogError("a log", "it cannot be read")
        self.open_for.append(saga)
        return await self.kept.open(saga)

    def append(self, saga: str, tx: Reference, record: Any, then: Any = None) -> None:
        self.records.append(record[0])
        if self.fails:
            if then is not None:
                then(SagaLogError("a log", "it is full"))
        elif self.held is not None:
            self.held.append(lambda: self.kept.append(saga, tx, record, then))
        else:
            self.kept.append(saga, tx, record, then)

    def forget(self, saga: str, tx: Reference) -> None:
        self.records.append("forgotten")
        self.kept.forget(saga, tx)

    def close(self, saga: str) -> None:
        self.open_for.remove(saga)
        self.kept.close(saga)

    def write(self) -> None:
        """Write what is held back."""
        held, self.held = self.held or [], None
        for append in held:
            append()


def uses(log: SagaLog | Path) -> Any:
    async def init(part: Part) -> None:
        part.log = log

    return init


@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
async def test_a_log_is_let_go_however_the_saga_ends(
    runtime: Runtime, end: str
) -> None:
    async def crash(part: Part, request: Any) -> None:
        raise RuntimeError("as you wish")

    log = Watched()
    named = await start(runtime, name="named", init=uses(log), call=crash)
    other = await start(runtime, init=uses(log))
    assert log.open_for == ["named py@test", str(other.pid)]
    match end:
        case "stop":
            await runtime.root.stop(named.pid)
        case "kill":
            await runtime.root.exit(named.pid, "kill")
        case "crash":
            await runtime.root.cast(named.pid, "no handle_cast")
    await settle()
    assert log.open_for == [str(other.pid)]


async def test_a_log_that_cannot_be_read_is_a_failed_start(runtime: Runtime) -> None:
    log = Watched()
    log.fails = True
    with pytest.raises(StartError, match="it cannot be read"):
        await start(runtime, init=uses(log))
    assert log.open_for == []


async def test_a_path_that_no_file_can_be_at_is_a_failed_start(
    runtime: Runtime, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StartError, match="its folder cannot be written"):
        await start(runtime, init=uses(tmp_path / "file" / "sagas.db"), name="first")


async def test_a_log_that_cannot_be_written_is_the_end_of_the_saga(
    runtime: Runtime,
) -> None:
    log = Watched()
    first, leaf = await chain(runtime, 2)
    leaf.does["new"] = sends()
    first = await start(
        runtime, init=uses(log), new=sends(leaf, compensate="undo"), name="first"
    )
    ends = Ends(first.process)
    log.fails = True
    await first.do(Saga.start_transaction, "work")
    # What waited for the record has not happened.
    assert leaf.words == []
    ((_, error, text, _),) = ends.reasons
    assert error.endswith(b"SagaLogError")
    assert b"it is full" in text


async def test_a_transaction_without_promises_is_not_written(runtime: Runtime) -> None:
    log = Watched()
    leaf = await start(runtime, init=uses(log), new=answer)
    first = await start(runtime, init=uses(log), new=sends(leaf), result=answer)
    await first.begin()
    assert first.told("done") == ["work"]
    assert log.records == []


async def test_a_step_with_a_compensation_waits_for_the_log(runtime: Runtime) -> None:
    log = Watched()
    leaf = await start(runtime, new=answer)
    new = sends(leaf, compensate="undo")
    first = await start(runtime, init=uses(log), new=new, result=answer)
    log.held = []
    await first.begin()
    assert log.records == ["transaction", "step"]
    assert leaf.words == []
    log.write()
    await settle()
    assert first.told("done") == ["work"]
    assert log.records[2:] == ["completed", "decision", "forgotten"]


async def test_a_step_that_is_cancelled_before_it_is_written_is_not_sent(
    runtime: Runtime,
) -> None:
    log = Watched()
    leaf = await start(runtime, new=answer)
    first = await start(runtime, init=uses(log), new=sends(leaf, compensate="undo"))
    log.held = []
    tx = await first.begin()
    await first.do(Saga.cancel_transaction, tx, "why")
    log.write()
    await settle()
    assert leaf.words == []
    # Of what was said to be sent nobody knows whether it was.
    assert first.words == ["new", "cancel", "undo"]
    assert first.is_clean


async def test_votes_and_decisions_wait_for_the_log(runtime: Runtime) -> None:
    logs = [Watched(), Watched()]
    leaf = await start(runtime, init=uses(logs[1]), new=answer)
    first = await start(runtime, init=uses(logs[0]), new=sends(leaf), result=answer)
    for log in logs:
        log.held = []
    await first.begin(two_phase_commit=True)
    for expected in (
        (["new", "result"], ["new"]),
        (["new", "result", "prepare"], ["new", "prepare"]),
        (["new", "result", "prepare"], ["new", "prepare"]),
        (["new", "result", "prepare", "done"], ["new", "prepare"]),
    ):
        assert (first.words, leaf.words) == expected
        for log in logs:
            log.write()
            log.held = []
        await settle()
    for _ in range(2):
        for log in logs:
            log.write()
            log.held = []
        await settle()
    assert leaf.words == ["new", "prepare", "commit"]
    assert first.is_clean
    assert leaf.is_clean
    assert [log.records[-1] for log in logs] == ["forgotten"] * 2


async def test_a_saga_comes_back_under_its_name_with_what_it_has_promised(
    runtime: Runtime, autojump_clock: trio.abc.Clock
) -> None:
    kept = Watched()

    async def go_on(part: Part, value: Any) -> None:
        part.recovered = [tx.id for tx in part.transactions]  # type: ignore[attr-defined]

    async def init(part: Part) -> Any:
        part.log = kept
        return NoReply(then="now")

    does = {"init": init, "continue": go_on}
    leaf = await start(runtime, name="leaf", new=answer, **does)
    first = await start(runtime, new=sends("leaf"), result=answer, prepare=wait)
    tx = await first.begin({"room": "5"}, two_phase_commit=True)
    assert leaf.transactions[0].state == "prepared"
    await runtime.root.exit(leaf.pid, "kill")
    await settle()
    again = await start(runtime, name="leaf", **does)
    assert again.transactions == [tx]
    assert again.recovered == [tx.id]  # type: ignore[attr-defined]
    await first.do(finish)
    await trio.sleep(60)
    assert first.words[-1] == "done"
    assert again.words == ["continue", "commit"]
    assert again.is_clean
    assert first.is_clean


async def wait(part: Part, tx: Any, result: Any) -> None:
    """Hold the vote up."""
    await trio.sleep(30)


async def finish(part: Part) -> None:
    """Have no effect: the callback before it is over then."""
