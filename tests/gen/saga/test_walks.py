"""Random sagas, random moments: nobody crashes, nothing is left, all end once."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import trio

from ergopy import SagaCanceled, SagaError
from tests.gen.saga.parts import Part, start
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import SagaTransaction
    from ergopy.process.runtime import Runtime

OUTCOMES = ("done", "commit", "cancel")


class Walk:
    """Sagas that send transactions to each other as they come to think of it."""

    def __init__(self, runtime: Runtime, random: Random) -> None:
        self.runtime = runtime
        self.random = random
        self.parts: list[Part] = []
        self.killed: list[Part] = []

    async def go(self) -> None:
        callbacks = ("new", "result", "info", "prepare", "undo")
        does: dict[str, Any] = {word: getattr(self, word) for word in callbacks}
        for _ in range(self.random.choice([2, 3, 4, 6])):
            self.parts.append(await start(self.runtime, **does, job=self.result))
        for _ in range(self.random.choice([1, 3, 6])):
            await self.begin()
        # Longer than any lifespan, and all pauses between compensations.
        await trio.sleep(2000)
        for part in self.living:
            assert part.process.alive
            assert part.is_clean
            check_outcomes(part)
        timers = self.runtime.timers
        assert len(timers._heap) == timers.dead

    @property
    def living(self) -> list[Part]:
        return [part for part in self.parts if part not in self.killed]

    def often(self, chance: float) -> bool:
        return self.random.random() < chance

    async def pause(self) -> None:
        if self.often(0.2):
            await trio.sleep(self.random.random() * 2)

    async def begin(self) -> None:
        if not self.living:
            return
        await self.random.choice(self.living).begin(
            lifespan=self.random.choice([60, 3, 1.2]),
            hop_limit=self.random.choice([65_535, 3]),
            two_phase_commit=self.often(0.5),
        )
        await self.pause()
        if self.living and self.often(0.15):
            self.killed.append(part := self.random.choice(self.living))
            await self.runtime.root.exit(part.pid, "kill")
            await settle()

    async def new(self, part: Part, tx: SagaTransaction, value: Any) -> None:
        await self.pause()
        for _ in range(self.random.choice([0, 0, 1, 1, 2, 3])):
            await self.next(part, tx)
            await self.pause()
        if self.often(0.25):
            await self.job(part, tx)
        if self.often(0.1):
            part.start_soon(self.meddle, part, tx)
        if self.often(0.1):
            await part.cancel_transaction(tx, "as it likes")
        else:
            await self.result(part, tx, value)

    async def next(self, part: Part, tx: SagaTransaction) -> None:
        to = self.random.choice(self.parts).pid
        try:
            await part.next(
                tx,
                to,
                "work",
                timeout=self.random.choice([None, None, 0.5, 1.5]),
                trap_cancel=self.often(0.4),
                compensate="undo" if self.often(0.3) else None,
            )
        except SagaError:
            """It has gone far enough, or for too long."""

    async def job(self, part: Part, tx: SagaTransaction) -> None:
        compensate = "undo" if self.often(0.5) else None
        try:
            job = await part.start_job(tx, 1, worker=self.work, compensate=compensate)
            if self.often(0.2):
                await part.cancel_job(job)
        except SagaError:
            """There is no time left."""

    async def work(self, value: Any) -> None:
        await self.pause()
        if self.often(0.2):
            raise RuntimeError("no luck")

    async def meddle(self, part: Part, tx: SagaTransaction) -> None:
        await trio.sleep(self.random.random() * 3)
        try:
            match self.random.randrange(3):
                case 0:
                    await self.next(part, tx)
                case 1:
                    await part.cancel_transaction(tx, "by a helper")
                case 2:
                    await part.send_interim(tx, "half")
        except SagaError:
            """It is over, or too late for that."""

    async def result(self, part: Part, tx: SagaTransaction, *told: Any) -> None:
        await self.pause()
        if not tx.open and self.often(0.95):
            await part.send_result(tx, "done")

    async def info(self, part: Part, message: Any) -> None:
        if isinstance(message, SagaCanceled) and message.transaction.state == "open":
            await self.result(part, message.transaction)

    async def prepare(self, part: Part, tx: SagaTransaction, result: Any) -> None:
        await self.pause()
        if self.often(0.1):
            await part.cancel_transaction(tx, "refused")

    async def undo(self, part: Part, step: Any, result: Any) -> None:
        if self.often(0.3):
            raise RuntimeError("not now")


def check_outcomes(part: Part) -> None:
    """Check that each time that a transaction came here it has ended once at most."""
    for tx in {told[0] for what, *told in part.heard if what in OUTCOMES}:
        words = [what for what, *told in part.heard if told[0] == tx]
        ends = sum(words.count(word) for word in OUTCOMES)
        assert ends <= max(1, words.count("new"))


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_happens_all_sagas_come_to_an_end(
    runtime: Runtime, autojump_clock: trio.abc.Clock, seed: int
) -> None:
    # Seeds and not generated choices: those that never let a compensation succeed
    # have no end.
    await Walk(runtime, Random(seed)).go()
