"""What sagas on a BEAM once said, said again to Python ones; and the bytes of a hop.

``tests/data/sagas`` has the bytes, and how they were made. In them the pid of the
Python saga, and the references that it made, are replaced by those of this run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import Atom
from ergopy.dist.flags import OFFERED_HIDDEN, WITH_HEADER
from etf import Pid, Reference
from tests.gen.saga.parts import Part, answer, sends, start
from tests.node.fakes import CREATION, PEER, FakePeer
from tests.replay import Replay
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import SagaTransaction
    from ergopy.process.runtime import Runtime

DATA = Path(__file__).parents[2] / "data" / "sagas"

# Who the captures were made with.
PYTHON = Atom("py@127.0.0.1")
PID = Pid(PYTHON, 77, 0, 7)
TX = Reference(PYTHON, 7, (1, 2, 3))
STEP = Reference(PYTHON, 7, (4, 5, 6))

Steps = list[list[str]]


@pytest.fixture(params=["otp25", "otp28"])
def about(request: pytest.FixtureRequest) -> dict[str, Any]:
    text = (DATA / f"{request.param}.json").read_text()
    return dict(json.loads(text))


async def tell(part: Part, tx: SagaTransaction, value: Any) -> None:
    await part.send_interim(tx, 6)
    await part.send_result(tx, 7)


async def test_a_transaction_of_a_beam_is_taken_part_in(
    runtime: Runtime, about: dict[str, Any]
) -> None:
    replay = Replay(runtime, about)
    part = await start(runtime, new=tell)
    replay.rename(PID, part.pid)
    await played(replay, about["exchanges"]["taking_part"])
    assert part.words == ["new", "commit"]
    assert part.told("commit") == [b"final"]
    assert part.is_clean


async def test_a_transaction_of_a_beam_is_cancelled(
    runtime: Runtime, about: dict[str, Any]
) -> None:
    replay = Replay(runtime, about)
    part = await start(runtime)
    replay.rename(PID, part.pid)
    steps = about["exchanges"]["taking_part_in_vain"]
    await played(replay, steps[:2])
    (tx,) = part._machine.transactions.values()
    assert (tx.lifespan, tx.hops_left, tx.two_phase_commit) == (30, 65535, False)
    await played(replay, steps[2:])
    assert part.told("cancel") == ["no room"]
    assert part.is_clean


@pytest.mark.parametrize(
    ("exchange", "words", "two_phase_commit"),
    [
        ("starting", ["new", "interim", "result", "prepare", "done"], True),
        ("starting_in_vain", ["new", "cancel"], False),
    ],
)
async def test_a_saga_of_a_beam_takes_part(
    runtime: Runtime,
    about: dict[str, Any],
    exchange: str,
    words: list[str],
    two_phase_commit: bool,
) -> None:
    replay = Replay(runtime, about)
    steps = about["exchanges"][exchange]
    part = await start(runtime, new=sends(leaf_of(steps)), result=answer)
    replay.rename(PID, part.pid)
    tx = await part.begin(5, two_phase_commit=two_phase_commit)
    replay.rename(TX, tx.id)
    (step,) = tx.steps.values()
    replay.rename(STEP, step.id)
    await played(replay, steps)
    assert part.words == words
    assert part.is_clean


def leaf_of(steps: Steps) -> Any:
    """The saga of the BEAM, which has sent the last message."""
    messages = [parts[-1] for kind, *parts in steps if kind == "received" and parts[-1]]
    return etf.decode(bytes.fromhex(messages[-1]))[1]


async def played(replay: Replay, steps: Steps) -> None:
    """Go through an exchange; what goes out has to be what went out then."""
    for kind, *parts in steps:
        if kind == "received":
            await replay.receive(*parts)
        else:
            assert replay.said() == etf.decode(replay.term(parts[0]))
    assert replay.is_quiet()


async def test_a_hop_is_a_monitor_and_then_a_message_in_the_bytes_of_ergo(
    runtime: Runtime,
) -> None:
    fake = FakePeer(runtime)
    wire = fake.connect(OFFERED_HIDDEN & ~WITH_HEADER, CREATION)
    frames: list[bytes] = []
    write = wire.write

    def keep(frame: bytes, sender: Any = None) -> None:
        frames.append(bytes(frame))
        write(frame, sender)

    wire.write = wire.post = keep  # type: ignore[method-assign]
    part = await start(runtime, new=sends((Atom("hotel"), PEER)))
    tx = await part.begin(Atom("v"), hop_limit=9, lifespan=30)
    await settle()
    (step,) = tx.steps
    term = {name: etf.encode(value)[1:] for name, value in places(part, tx.id, step)}
    monitor, message = packets(b"".join(frames))
    assert monitor == b"p\x83h\4a\x13%(me)bw\5hotel%(step)b" % term
    assert (
        message
        == (
            b"p\x83h\4a\6%(me)bw\0w\5hotel"
            b"\x83h\3w\x0a$saga_next%(me)bh\5%(tx)b%(step)bw\1v"
            b"l\0\0\0\1%(me)bjt\0\0\0\3k\0\x08HopLimitb\0\0\0\x08"
            b"k\0\x08Lifespanb\0\0\0\x1ek\0\x0eTwoPhaseCommitw\5false"
        )
        % term
    )


def places(part: Part, tx: Reference, step: Reference) -> list[tuple[bytes, Any]]:
    return [(b"me", part.pid), (b"tx", tx), (b"step", step)]


def packets(data: bytes) -> list[bytes]:
    """Split into packets of four bytes of size each; ticks are left out."""
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return [packet for packet in found if packet]
