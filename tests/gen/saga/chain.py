"""A chain of three sagas that tell what they do, and what must hold at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import MemorySagaLog, Saga, SqliteSagaLog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ergopy import Node, SagaLog

ROLES = ("first", "middle", "leaf")


async def records_of(log: SagaLog, name: str) -> Any:
    """Return what a log has of a saga that runs, without taking its place."""
    reader = SqliteSagaLog(log.path) if isinstance(log, SqliteSagaLog) else log
    records = await reader.open(name)
    reader.close(name)
    return records


class Chain:
    """What the sagas of a chain did, and what is to happen when they do it."""

    def __init__(self, log: SagaLog | None = None) -> None:
        self.log = log or MemorySagaLog()
        self.words: dict[str, list[str]] = {role: [] for role in ROLES}
        self.hooks: dict[tuple[str, str], Callable[[Saga, Any], Awaitable[None]]] = {}
        """What to do, once, in which callback of whom."""
        self.places: dict[str, Any] = {role: role for role in ROLES}
        self.sagas: dict[str, Saga] = {}
        """Those that were started last."""

    def on(self, *nodes: Node) -> None:
        """Have the three on these nodes."""
        for role, node in zip(ROLES, nodes, strict=True):
            self.places[role] = (role, node.name)

    def after(self, role: str) -> Any:
        """Return where a saga sends a transaction on to."""
        following = ROLES[ROLES.index(role) + 1 :]
        return self.places[following[0]] if following else None

    def left(self) -> dict[str, list[int]]:
        """Return how much each saga still has, of each kind, if there is any."""
        machines = {role: saga._machine for role, saga in self.sagas.items()}
        counts = {
            role: [
                len(table)
                for table in (
                    machine.transactions,
                    machine.steps,
                    machine.jobs,
                    machine.workers,
                    machine.watched,
                    machine.deadlines,
                )
            ]
            for role, machine in machines.items()
        }
        return {role: found for role, found in counts.items() if any(found)}

    async def records(self, *nodes: Node) -> dict[Any, Any]:
        """Return what the log still has of the sagas of these nodes."""
        found = {}
        for node in nodes:
            for role in ROLES:
                name = f"{role} {node.name}"
                if records := await records_of(self.log, name):
                    found[name] = records
        return found

    def ended(self, role: str) -> set[str]:
        """Return what a saga was told of the end."""
        return {"commit", "cancel"} & set(self.words[role])

    @property
    def agreed(self) -> str:
        """How it ended for all; fails if they do not agree."""
        ends = {role: self.ended(role) for role in ROLES if self.words[role]}
        assert len({*map(frozenset, ends.values())}) == 1, self.words
        (end,) = ends["first"]
        return end


class Part(Saga):
    """One saga of a chain."""

    async def init(self, chain: Chain, role: str) -> None:
        self.chain, self.role, self.log = chain, role, chain.log
        chain.sagas[role] = self

    async def came(self, tx: Any, word: str) -> None:
        self.chain.words[self.role].append(word)
        hook = self.chain.hooks.pop((self.role, word), None)
        if hook is not None:
            await hook(self, tx)

    async def handle_tx_new(self, tx: Any, value: Any) -> None:
        await self.came(tx, "new")
        to = self.chain.after(self.role)
        if to is None:
            await self.send_result(tx, value)
        else:
            await self.next(tx, to, value, compensate=self.undo)

    async def handle_tx_result(self, tx: Any, step: Any, result: Any) -> None:
        await self.came(tx, "result")
        await self.send_result(tx, result)

    async def handle_tx_prepare(self, tx: Any, result: Any) -> None:
        await self.came(tx, "prepare")

    async def handle_tx_done(self, tx: Any, result: Any) -> None:
        await self.came(tx, "commit")

    async def handle_tx_commit(self, tx: Any, final: Any) -> None:
        await self.came(tx, "commit")

    async def handle_tx_cancel(self, tx: Any, reason: Any) -> None:
        await self.came(tx, "cancel")

    async def undo(self, tx: Any, step: Any, result: Any) -> None:
        await self.came(tx, "undo")

    async def handle_call(self, request: Any, from_: Any) -> Any:
        lifespan, two_phase = request
        tx = await self.start_transaction(
            1, lifespan=lifespan, two_phase_commit=two_phase
        )
        return tx.id
