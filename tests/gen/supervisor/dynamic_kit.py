"""A dynamic supervisor under test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import ChildSpec, DynamicSupervisor
from tests.gen.supervisor.kit import Kid, Log, ask
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy import Pid
    from ergopy.process.runtime import Runtime


class Dyn:
    """A dynamic supervisor under test."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.root = runtime.root
        self.log: Log = []
        self.pid: Any = None

    async def start(self, **options: Any) -> Dyn:
        self.pid = await self.root.start(DynamicSupervisor, **options)
        return self

    async def add(self, child: Any, *args: Any) -> Pid | None:
        return await DynamicSupervisor.start_child(
            self.pid, child, *args, caller=self.root
        )

    async def kid(self, label: str, *plan: str, **options: Any) -> Any:
        return await self.add(
            ChildSpec(Kid, self.log, label, plan or ("ok",), **options)
        )

    async def ask(self, *request: Any) -> Any:
        return await ask(self.root, self.pid, *request)

    async def counts(self) -> dict[str, int]:
        return {str(key): value for key, value in await self.ask("count_children")}

    async def end(self, pid: Pid, reason: Any) -> None:
        await self.root.send(pid, ("end", reason))
        await settle()


def counts(active: int, *, supervisors: int = 0, waiting: int = 0) -> dict[str, int]:
    """Return what ``count_children`` has to say."""
    everybody = active + waiting
    return {
        "specs": everybody,
        "active": active,
        "supervisors": supervisors,
        "workers": everybody - supervisors,
    }
