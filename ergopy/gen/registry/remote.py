"""A registry on another node, with the verbs of one that is here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid

from ...errors import (
    AlreadyStarted,
    CallError,
    CallTimeout,
    Ignored,
    NameTaken,
    NotRegistered,
    RegistryFull,
    StartError,
    StartNotSupported,
)
from ...process.atoms import UNDEFINED
from ...process.reasons import as_reason
from ..caller import acting
from .requests import MAX_PAGE, STOP_WITHIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_MARGIN = 1.0
"""Seconds that an answer may take longer than what it is about."""


@final
class RemoteRegistry:
    """Asks a registry by calls: one of another node, or of this one.

    The verbs are those of :class:`ergopy.Registry`, and all of them wait.
    :meth:`lookup_or_start`, :meth:`start` and :meth:`stop` also work with a
    ``GenRegistry`` in Elixir, whose tuples they send; it answers no other.

    Args:
        dest: The registry: ``(name, node)`` or a pid.
        caller: Who asks: a process, a behaviour, or a node. By default the process
            that runs the code, each time.
        timeout: Seconds for each answer; ``None`` waits for ever.

    Every verb raises what a call raises: ``NoProcess`` if there is no such registry,
    ``NodeDown`` and ``CallTimeout``. A timeout does not undo a start.
    """

    def __init__(
        self, dest: Any, caller: Any = None, timeout: float | None = 5.0
    ) -> None:
        self.dest = dest
        self._caller = caller
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"RemoteRegistry({self.dest!r})"

    async def lookup(self, key: Any) -> Any:
        """Return the pid under *key*, or None; a list with duplicate keys."""
        answer = await self._ask("lookup", key)
        match answer:
            case ("ok", pid):
                return pid
            case ("error", "not_found"):
                return None
        return answer if isinstance(answer, list) else self._failed(key, answer)

    async def lookup_or_start(
        self, key: Any, *args: Any, timeout: float | None = None
    ) -> Pid:
        """Return the process under *key*, started with *args* if need be.

        Raises:
            StartError, StartNotSupported, Ignored, RegistryFull: It was not started.
        """
        return await self._start("lookup_or_start", key, args, timeout)

    async def start(self, key: Any, *args: Any, timeout: float | None = None) -> Pid:
        """Start a process under *key*.

        Raises:
            AlreadyStarted: There is one.
            StartError and others: As for :meth:`lookup_or_start`.
        """
        return await self._start("start", key, args, timeout)

    async def stop(
        self,
        key: Any,
        reason: Any = None,
        timeout: float | None = None,
        *,
        wait: bool = True,
        kill: bool = True,
    ) -> None:
        """Take *key* out and end its process; see ``Registry.stop``.

        Raises:
            NotRegistered: Nobody has the key.
            CallTimeout: It has not ended, and was not to be killed.
        """
        options = _stop_options(reason, timeout, wait=wait, kill=kill)
        request = (Atom("stop"), key, options) if options else (Atom("stop"), key)
        seconds = self._timeout
        if timeout is not None and seconds is not None:
            seconds = max(seconds, timeout + _MARGIN)
        answer = await self._call(request, seconds)
        match answer:
            case ("error", "not_found"):
                raise NotRegistered(key)
            case ("error", "timeout"):
                raise CallTimeout(
                    self.dest, STOP_WITHIN if timeout is None else timeout
                )
            case "ok":
                return
        self._failed(key, answer)

    async def remove(self, key: Any) -> Pid | None:
        """Take *key* out and let its process live; return who it was."""
        match answer := await self._ask("remove", key):
            case ("ok", Pid() as pid):
                return pid
            case ("error", "not_found"):
                return None
        return self._failed(key, answer)  # type: ignore[no-any-return]

    async def register(self, key: Any, value: Any = None) -> None:
        """Register the caller under *key*.

        Raises:
            NameTaken: Somebody has the key.
            RegistryFull: There is no room.
        """
        match answer := await self._ask("register", key, value):
            case ("ok", _):
                return
            case ("error", ("already_registered", owner)):
                raise NameTaken(key, owner)
        self._failed(key, answer)

    async def unregister(self, key: Any) -> None:
        """Take the caller's entries of *key* out."""
        await self._ask("unregister", key)

    async def entries(self, key: Any) -> list[tuple[Pid, Any]]:
        """Return ``(pid, value)`` of all entries of *key*."""
        return await self._ask("entries", key)  # type: ignore[no-any-return]

    async def keys(self, pid: Pid) -> list[Any]:
        """Return the keys of a process."""
        return await self._ask("keys", pid)  # type: ignore[no-any-return]

    async def count(self) -> int:
        """Return how many entries there are."""
        return await self._call(Atom("count"), self._timeout)  # type: ignore[no-any-return]

    async def items(self, page: int = MAX_PAGE) -> AsyncIterator[tuple[Any, Pid]]:
        """Go through ``(key, pid)`` of all entries, fetched in pages.

        What comes or goes meanwhile may be among them, or not.
        """
        after: Any = 0
        while after != UNDEFINED:
            found, after = await self._ask("to_list", after, page)
            for key, pid in found:
                yield key, pid

    async def _start(
        self, verb: str, key: Any, args: tuple[Any, ...], timeout: float | None
    ) -> Pid:
        seconds = self._timeout if timeout is None else timeout
        answer = await self._call((Atom(verb), key, list(args)), seconds)
        match answer:
            case ("ok", Pid() as pid):
                return pid
            case "ignore":
                raise Ignored(key)
            case ("error", ("already_started", Pid() as pid)):
                raise AlreadyStarted(key, pid)
            case ("error", "start_not_supported"):
                raise StartNotSupported(key)
        return self._failed(key, answer)  # type: ignore[no-any-return]

    async def _ask(self, verb: str, *about: Any) -> Any:
        return await self._call((Atom(verb), *about), self._timeout)

    async def _call(self, request: Any, timeout: float | None) -> Any:
        return await acting(self._caller).call(self.dest, request, timeout)

    def _failed(self, key: Any, answer: Any) -> Any:
        match answer:
            case ("error", ("registry_full", int(limit))):
                raise RegistryFull(self.dest, "entries", limit)
            case ("error", ("key_too_large", int(limit))):
                raise RegistryFull(self.dest, "key", limit)
            case ("error", ("value_too_large", int(limit))):
                raise RegistryFull(self.dest, "value", limit)
            case ("error", ("too_many_requests", int(limit))):
                raise RegistryFull(self.dest, "requests", limit)
            case ("error", reason):
                raise StartError(key, reason)
        raise CallError(self.dest, f"no registry answers like that: {answer!r}")


def _stop_options(
    reason: Any, timeout: float | None, *, wait: bool, kill: bool
) -> list[Any]:
    """Return the options that differ from what a registry does without any."""
    options: list[Any] = []
    if reason is not None:
        options.append((Atom("reason"), as_reason(reason)))
    if timeout is not None and timeout != STOP_WITHIN:
        seconds: Any = Atom("infinity")
        if timeout != math.inf:
            seconds = round(timeout * 1000)
        options.append((Atom("timeout"), seconds))
    if not wait:
        options.append((Atom("wait"), False))
    if not kill:
        options.append((Atom("kill"), False))
    return options
