"""Sagas that do what they are told, to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ergopy
from ergopy import Reference
from ergopy.gen.saga.core.transaction import SagaJob, SagaStep, SagaTransaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SECRET = "the secret of the guest"
"""A value, an interim and a result: nothing of it may be seen."""


class Part(ergopy.Saga):
    """Sends a transaction on; leaves it open, or does what a test has it do."""

    def __init__(
        self,
        *,
        steps: list[Any] | None = None,
        result: Any = None,
        interim: Any = None,
        events: str | None = None,
        **options: Any,
    ) -> None:
        self.log = ergopy.MemorySagaLog()
        self.max_transactions = 50
        self.events = events
        self.steps = steps or []
        self.result, self.interim = result, interim
        self.options = options

    async def handle_tx_new(self, tx: SagaTransaction, value: Any) -> None:
        for saga in self.steps:
            await self.next(tx, saga, value, **self.options)
        if self.interim is not None:
            await self.send_interim(tx, self.interim)
        if self.result is not None and not self.steps:
            await self.send_result(tx, self.result)

    async def handle_tx_result(
        self, tx: SagaTransaction, step: SagaStep, result: Any
    ) -> None:
        if not tx.open:
            await self.send_result(tx, result)

    async def handle_job_result(
        self, tx: SagaTransaction, job: SagaJob, result: Any
    ) -> None:
        pass

    async def undo(self, tx: SagaTransaction, step: SagaStep, result: Any) -> None:
        raise RuntimeError("no luck")

    async def handle_call(self, request: Any, from_: Any) -> Any:
        do: Callable[[Part], Awaitable[Any]] = request
        return await do(self)


async def start(saga: Any, caller: Any, **options: Any) -> SagaTransaction:
    """Have a saga start a transaction; return that, or its reference elsewhere."""

    async def begin(part: Part) -> Any:
        return await part.start_transaction(SECRET, **options)

    return await caller.call(saga, begin)  # type: ignore[no-any-return]


def transaction(
    words: tuple[int, ...] = (1, 2, 3), now: float = 0.0, **more: Any
) -> SagaTransaction:
    given = {"hops_left": 9, "lifespan": 60.0, "two_phase_commit": False}
    ref = Reference("a@h", 1, words)
    return SagaTransaction(ref, SECRET, now=now, **(given | more))
