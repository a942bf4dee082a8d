"""A saga whose log cannot be read or written."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import Atom, GenServer, Reference, SagaLog, SagaLogError, StartError
from ergopy.gen.saga import wire
from tests.runtimes import Ends, find

from .test_recovery import ABOVE, BELOW, ORIGIN, TX, Booking, Other, kinds
from .test_recovery import node as node

if TYPE_CHECKING:
    from pathlib import Path

    from ergopy import Node, Pid


async def test_file_that_cannot_be_used_does_not_let_it_start(
    node: Node, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"this is no database at all" * 100)
    for path in (tmp_path, tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StartError, match=f"SagaLogError.*{tmp_path}"):
            await node.start(Booking, path, [], name="saga")


async def test_file_that_cannot_be_written_ends_it_with_the_first_record(
    node: Node, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    below: list[Any] = []
    await node.start(Other, below, name="below")
    path = tmp_path / "folder" / "sagas.db"
    pid = await node.start(Booking, path, [], "below", name="saga")
    # By the time that it is needed there is a file in the place of its folder.
    (tmp_path / "folder").write_bytes(b"")
    end = End(node, pid)
    await node.call("saga", "one phase")
    assert "SagaLogError" in await end.reason()
    assert below == []


class End:
    """The end of a process, to be waited for."""

    def __init__(self, node: Node, pid: Pid) -> None:
        self._ends = Ends(find(node.runtime, pid))

    async def reason(self) -> str:
        """Wait for it; return the reason as text."""
        with trio.fail_after(10):
            while not self._ends.reasons:  # noqa: ASYNC110
                await trio.sleep(0.005)
        return str(self._ends.reasons)


class FailingLog(SagaLog):
    """Fails to write one kind of record, and all that come after it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.failed = False
        self.kinds: list[str] = []

    async def open(self, saga: str) -> dict[Reference, list[Any]]:
        return {}

    def append(self, saga: str, tx: Reference, record: Any, then: Any = None) -> None:
        self.kinds.append(record[0])
        self.failed = self.failed or record[0] == self.kind
        if then is not None:
            then(SagaLogError("nowhere", "the disk is full") if self.failed else None)

    def forget(self, saga: str, tx: Reference) -> None: ...

    def close(self, saga: str) -> None: ...


@pytest.mark.parametrize(
    ("kind", "sent", "told"),
    [
        ("step", [], []),
        ("voting", ["$saga_next", "prepare", "down"], []),
        ("decision", ["$saga_next", "prepare", "down"], ["prepare"]),
        ("final", ["$saga_next", "prepare", "down"], ["prepare", ("done", "room")]),
    ],
)
async def test_nothing_is_sent_that_could_not_be_written(
    node: Node,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    sent: list[str],
    told: list[Any],
) -> None:
    """At the initiator: neither a hop, nor the decision."""
    caplog.set_level(logging.CRITICAL)
    was_told: list[Any] = []
    below = await below_of(node)
    log = FailingLog(kind)
    pid = await node.start(Booking, log, was_told, "below", name="saga")
    end = End(node, pid)
    await node.call("saga", "two phases")
    assert "the disk is full" in await end.reason()
    assert log.kinds[-1] == kind
    assert was_told == told
    await trio.testing.wait_all_tasks_blocked()
    assert below == sent


async def below_of(node: Node) -> list[str]:
    """Start a saga below that votes yes, and tells what it hears."""
    heard: list[str] = []

    class Below(GenServer):
        async def handle_info(self, message: Any) -> None:
            match message:
                case ("$saga_next", saga, (tx, ref, *_)):
                    heard.append("$saga_next")
                    await self.monitor(saga)
                    ergopys = (tx, ref, Atom("joined"), BELOW)
                    await self.send(saga, (Atom("$saga_ergopy"), self.pid, ergopys))
                    result = (tx, ref, "room")
                    await self.send(saga, (Atom("$saga_result"), self.pid, result))
                case ("$saga_ergopy", saga, (tx, ref, verb, _)):
                    heard.append(str(verb))
                    vote = (tx, ref, Atom("vote"), Atom("nil"))
                    await self.send(saga, (Atom("$saga_ergopy"), self.pid, vote))
                case ergopy.Down():
                    heard.append("down")
                case _:
                    heard.append(str(message[0]))

    await node.start(Below, name="below")
    return heard


@pytest.mark.parametrize(
    ("kind", "heard"),
    [("prepared", []), ("committed", ["vote"])],
)
async def test_nothing_is_promised_that_could_not_be_written(
    node: Node, caplog: pytest.LogCaptureFixture, kind: str, heard: list[str]
) -> None:
    """At a participant: neither its vote, nor that it will commit."""
    caplog.set_level(logging.CRITICAL)
    above: list[Any] = []
    sender = await node.start(Other, above, name="above")
    pid = await node.start(Booking, FailingLog(kind), [], name="saga")
    end = End(node, pid)
    for message in (
        wire.next_message(sender, TX, ORIGIN, "trip", [sender], 5, 60.0, True, True),
        wire.prepare(sender, TX, ORIGIN, ABOVE),
        wire.decide(sender, TX, ORIGIN, "final"),
    ):
        await node.send(pid, message)
        await trio.testing.wait_all_tasks_blocked()
    assert "the disk is full" in await end.reason()
    assert kinds(above) == ["joined", "$saga_result", *heard]
