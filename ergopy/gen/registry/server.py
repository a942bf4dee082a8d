"""The process of a registry: what it answers to other nodes, and how it ends.

It traps exits. What it has started is linked to it and gets its end, as a supervisor's
children do; who has registered by other means gets the exit signal of the link.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import trio

from etf import Atom

from ...process.atoms import INITIAL_CALL
from ...process.messages import ExitMessage
from ..returns import NOREPLY
from ..server import From, GenServer
from ..supervisor.checks import Shutdown
from ..supervisor.crowd import report_shutdown_errors
from ..supervisor.stopping import Stopping
from .requests import answer

if TYPE_CHECKING:
    from ...process.init_ack import Acknowledge
    from ...process.process import Process
    from ..supervisor.children import Child
    from .registry import Registry

logger = logging.getLogger("ergopy.gen")


class RegistryServer(GenServer):
    """Serves one :class:`Registry`."""

    terminate_timeout: float | None = math.inf

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def enter(
        self, process: Process, args: tuple[Any, ...], ack: Acknowledge | None = None
    ) -> None:
        kind = type(self._registry)
        name = f"{kind.__module__}.{kind.__qualname__}"[:255]
        initial = (Atom(name), Atom("init"), len(args))
        process.dictionary.setdefault(INITIAL_CALL, initial)
        await super().enter(process, args, ack)

    async def init(self) -> None:
        self.trap_exit = True
        self._registry._begin()

    async def handle_call(self, request: Any, from_: From) -> Any:
        reply = await answer(self._registry, request, from_)
        return NOREPLY if reply is None else reply

    async def handle_cast(self, request: Any) -> None:
        # Whatever a peer casts, the others keep their registry.
        await super().handle_info(request)

    async def handle_info(self, message: Any) -> None:
        # Whose exit it is has been dealt with when that process ended.
        if isinstance(message, ExitMessage) or self._registry._answers.take(message):
            return
        await super().handle_info(message)

    async def terminate(self, reason: Any) -> None:
        registry = self._registry
        children = registry.children()
        registry._end()
        over = math.inf
        if not isinstance(registry.shutdown, Shutdown):
            over = trio.current_time() + registry.shutdown
        errors: list[tuple[Child, Any]] = []
        stopping = Stopping(self.process, lambda *error: errors.append(error), over)
        await stopping.stop(children)
        report_shutdown_errors(self.process, errors)
        registry.forced = stopping.forced
        if stopping.forced:
            logger.warning(
                "registry %s: %d of %d processes had to be killed at its end",
                self.process.label,
                stopping.forced,
                len(children),
                extra={"pid": str(self.pid), "node": self.process.runtime.name},
            )

    def format_state(self) -> Any:
        registry = self._registry
        return {
            Atom("name"): registry.dest,
            Atom("entries"): len(registry),
            Atom("starting"): len(registry._reserved),
            Atom("children"): len(registry.children()),
        }
