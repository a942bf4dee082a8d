"""Sagas that write down what they hear, and do what their test says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ergopy import MemorySagaLog, Saga
from ergopy.process.runtime import Runtime
from tests.runtimes import settle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ergopy import SagaJob, SagaStep, SagaTransaction

    Does = Callable[..., Awaitable[Any]]


class Part(Saga):
    """Calls ``does["new"](self, tx, value)`` in ``handle_tx_new``, and so on."""

    def __init__(self, box: list[Part], does: dict[str, Any]) -> None:
        self.does = does
        self.heard: list[tuple[Any, ...]] = []
        self.log = MemorySagaLog()
        box.append(self)

    async def _hear(self, what: str, *told: Any) -> Any:
        self.heard.append((what, *told))
        do = self.does.get(what)
        return None if do is None else await do(self, *told)

    async def init(self) -> Any:
        do = self.does.get("init")
        return None if do is None else await do(self)

    async def handle_tx_new(self, tx: SagaTransaction, value: Any) -> Any:
        return await self._hear("new", tx, value)

    async def handle_tx_result(
        self, tx: SagaTransaction, step: SagaStep, result: Any
    ) -> Any:
        return await self._hear("result", tx, step, result)

    async def handle_tx_interim(
        self, tx: SagaTransaction, step: SagaStep, value: Any
    ) -> Any:
        return await self._hear("interim", tx, step, value)

    async def handle_tx_prepare(self, tx: SagaTransaction, result: Any) -> Any:
        return await self._hear("prepare", tx, result)

    async def handle_tx_done(self, tx: SagaTransaction, result: Any) -> Any:
        final = await self._hear("done", tx, result)
        return result if final is None else final

    async def handle_tx_commit(self, tx: SagaTransaction, final: Any) -> Any:
        return await self._hear("commit", tx, final)

    async def handle_tx_cancel(self, tx: SagaTransaction, reason: Any) -> Any:
        return await self._hear("cancel", tx, reason)

    async def handle_job_result(
        self, tx: SagaTransaction, job: SagaJob, result: Any
    ) -> Any:
        return await self._hear("job", tx, job, result)

    async def handle_job_failed(
        self, tx: SagaTransaction, job: SagaJob, reason: Any
    ) -> Any:
        return await self._hear("failed", tx, job, reason)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        match request:
            case ("do", function, args, options):
                return await function(self, *args, **options)
        return await self._hear("call", request)

    async def handle_info(self, message: Any) -> Any:
        return await self._hear("info", message)

    async def handle_continue(self, value: Any) -> Any:
        return await self._hear("continue", value)

    async def terminate(self, reason: Any) -> None:
        await self._hear("terminate", reason)

    async def undo(self, tx: SagaTransaction, step: Any, result: Any) -> Any:
        """Undo a step or job: what tests name as ``compensate=``."""
        return await self._hear("undo", step, result)

    async def do(self, function: Does, *args: Any, **options: Any) -> Any:
        """Have the saga call ``function(self, ...)`` in a callback."""
        root = self.process.runtime.root
        request = ("do", function, args, options)
        result = await root.call(self.pid, request, None)
        await settle()
        return result

    async def begin(self, value: Any = "work", **options: Any) -> SagaTransaction:
        """Have it start a transaction, and all that follows from that happen."""
        tx: SagaTransaction = await self.do(Saga.start_transaction, value, **options)
        return tx

    async def refuses(
        self, error: Any, verb: Does, *args: Any, **options: Any
    ) -> BaseException:
        """Check that a verb raises, and that nothing has changed; return the error."""

        async def attempt(self: Part) -> BaseException:
            before = self.facts
            with pytest.raises(error) as caught:
                await verb(self, *args, **options)
            assert self.facts == before
            return caught.value

        heard = list(self.heard)
        raised: BaseException = await self.do(attempt)
        assert self.heard == heard
        return raised

    @property
    def facts(self) -> dict[str, Any]:
        """All there is of transactions at this saga, and what it waits for."""
        machine, process = self._machine, self.process
        return {
            "transactions": [
                (tx.id, tx.state, tx.open, len(tx.steps), len(tx.jobs), tx.canceling)
                for tx in machine.transactions.values()
            ],
            "steps": len(machine.steps),
            "jobs": len(machine.jobs) + len(machine.workers),
            "deadlines": len(machine.deadlines),
            "watched": len(machine.watched),
            "monitors": len(process.monitors),
            "links": len(process.links),
            "mail": len(process.messages()),
            "processes": len(process.runtime.processes),
        }

    @property
    def is_clean(self) -> bool:
        """Whether it takes part in nothing, and waits for nobody."""
        facts = self.facts
        del facts["processes"]
        return not any(facts.values())

    @property
    def words(self) -> list[str]:
        """Which callbacks were called."""
        return [what for what, *_ in self.heard]

    def told(self, what: str) -> list[Any]:
        """Return what the callbacks of that kind were told last: the values."""
        return [told[-1] for kind, *told in self.heard if kind == what]


async def start(starter: Any, *, name: Any = None, **does: Any) -> Part:
    """Start a saga; *starter* is a node, a process or a runtime."""
    box: list[Part] = []
    options = {
        key: does.pop(key) for key in ("mailbox", "link", "config") if key in does
    }
    if isinstance(starter, Runtime):
        starter = starter.root
    await starter.start(Part, name=name, box=box, does=does, **options)
    (part,) = box
    return part


def sends(*sagas: Any, **options: Any) -> Does:
    """Make a callback that sends what it is told on to all of these."""

    async def new(part: Part, tx: SagaTransaction, *told: Any) -> None:
        for saga in sagas:
            to = saga.pid if isinstance(saga, Part) else saga
            await part.next(tx, to, told[-1], **options)

    return new


async def answer(part: Part, tx: SagaTransaction, *told: Any) -> None:
    """Send what the callback was told as the result, once nothing is open."""
    if not tx.open:
        await part.send_result(tx, told[-1])


async def chain(
    starter: Any, length: int = 3, *, first: Any = None, **options: Any
) -> list[Part]:
    """Start sagas that send what comes on to the next one, and the result back."""
    parts: list[Part] = []
    for _ in range(length):
        new = sends(parts[0], **options) if parts else answer
        parts.insert(0, await start(starter, new=new, result=answer))
    return parts
