"""Processes that hand over copies: see ``copying`` for what is copied, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Pid, Reference

from ..process import Process

if TYPE_CHECKING:
    from ..message_timers import MessageTimer
    from ..signals import RemoteNode
    from .copying import Copier


class Isolated(Process):
    """A process as one that may have a policy for what it sends on its own node."""

    __slots__ = ()

    @property
    def copier(self) -> Copier:
        """Makes what a local send hands over; None hands over the object itself."""
        raise NotImplementedError

    async def send(self, dest: Any, message: Any, *, priority: bool = False) -> None:
        # Whatever is not for a pid comes to send_one.
        if dest.__class__ is Pid and not priority:
            message = self._for(dest, message)
        await super().send(dest, message, priority=priority)

    async def call(self, dest: Any, request: Any, timeout: float | None = 5.0) -> Any:
        return await super().call(dest, self._for(dest, request), timeout)

    async def send_request(self, dest: Any, request: Any) -> Any:
        return await super().send_request(dest, self._for(dest, request))

    async def multi_call(self, name: str, request: Any, *args: Any, **kw: Any) -> Any:
        return await super().multi_call(name, self._copied(request), *args, **kw)

    def send_one(self, dest: Any, message: Any) -> None:
        super().send_one(dest, self._for(dest, message))

    async def _send_one_priority(
        self, dest: Any, way: RemoteNode | None, message: Any
    ) -> None:
        # What is not for an alias comes to send_one.
        if dest.__class__ is Reference:
            message = self._for(dest, message)
        await super()._send_one_priority(dest, way, message)

    def _start(
        self, seconds: float, dest: Any, message: Any, ref: Reference
    ) -> MessageTimer:
        # It is handed over now; what its sender does to it later is too late.
        return super()._start(seconds, dest, self._copied(message), ref)

    def _for(self, dest: Any, message: Any) -> Any:
        """Return what *dest* is to get: to another node it is encoded anyway."""
        # Not as self.way_to: what is sent in answer needs no right.
        if self.copier is None or Process.way_to(self, dest) is not None:
            return message
        return self._copied(message)

    def _copied(self, message: Any) -> Any:
        copier = self.copier
        return message if copier is None else copier(message)
