"""A machine whose callback does what each event says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ergopy import StateMachine
from ergopy.gen.state_machine import POSTPONE, Keep, Next
from tests.runtimes import settle

if TYPE_CHECKING:
    from ergopy.process.runtime import Runtime


async def cast(runtime: Runtime, pid: Any, *contents: Any) -> None:
    for content in contents:
        await runtime.root.cast(pid, content)
    await settle()


class Free(StateMachine):
    """Does what the message says; the log is in ``seen``."""

    seen: list[Any]

    async def init(self, first: Any = None) -> Any:
        self.seen = SEEN
        return Next("s") if first is None else first

    async def handle_event(self, kind: Any, content: Any, state: Any) -> Any:
        self.seen.append((kind, content, state))
        match kind:
            case ("call", from_):
                return content(from_) if callable(content) else Keep(POSTPONE)
        return content(self) if callable(content) else None

    async def terminate(self, reason: Any) -> None:
        self.seen.append(("terminate", reason, self.state))


SEEN: list[Any] = []
