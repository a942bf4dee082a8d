"""Who hears of each registration: ``listeners:`` of Elixir's Registry, and more.

A listener gets ``{register, Registry, Key, Pid, Value}`` for each entry, and
``{unregister, Registry, Key, Pid}`` when the process has no more entries of that key.
Unlike in Elixir that comes when the process has ended as well, and not when there was
nothing to unregister. The messages are sent in the step in which the table changes, so
their order is that of the changes.

A listener that takes no more messages (its mailbox has a limit, and refuses) misses
some. How many it is told, before the next one that it gets: ``{lagged, Registry, N}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import trio

from etf import Atom, EncodeError, Pid

from ...errors import MailboxFull, NoProcess, NotRegistered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...process.process import Process
    from .table import Entry

REGISTER = Atom("register")
UNREGISTER = Atom("unregister")
LAGGED = Atom("lagged")

_MISSED = (MailboxFull, trio.WouldBlock)
_NOBODY = (NotRegistered, NoProcess, EncodeError)


@final
class Listeners:
    """Whom a registry tells; in the order in which they began to listen.

    Args:
        process: In whose name.
        registry: What the registry is called in the messages.
    """

    def __init__(self, process: Process, registry: Any, dests: Iterable[Any]) -> None:
        self._process = process
        self._registry = registry
        # How many messages each has missed since it was told how many.
        self._missed: dict[Any, int] = dict.fromkeys(dests, 0)

    def __bool__(self) -> bool:
        return bool(self._missed)

    def add(self, dest: Any, entries: Iterable[Entry]) -> None:
        """Begin to tell *dest*; first of the *entries* that are there already."""
        self._missed.setdefault(dest, 0)
        for entry in entries:
            self._tell(dest, self._registration(entry))

    def discard(self, dest: Any) -> None:
        """Tell *dest* nothing more."""
        self._missed.pop(dest, None)

    def registered(self, entry: Entry) -> None:
        """Tell everybody of a new entry."""
        self._tell_all(self._registration(entry))

    def unregistered(self, entry: Entry) -> None:
        """Tell everybody that an entry is gone."""
        self._tell_all((UNREGISTER, self._registry, entry.key, entry.pid))

    def _registration(self, entry: Entry) -> tuple[Any, ...]:
        return REGISTER, self._registry, entry.key, entry.pid, entry.value

    def _has_ended(self, dest: Any) -> bool:
        runtime = self._process.runtime
        if dest.__class__ is not Pid or dest.node != runtime.name:
            return False
        return runtime.find(dest) is None

    def _tell_all(self, message: Any) -> None:
        for dest in list(self._missed):
            self._tell(dest, message)

    def _tell(self, dest: Any, message: Any) -> None:
        missed = self._missed.get(dest)
        if missed is None:
            # Gone since this round began: what one is told may end another.
            return
        if self._has_ended(dest):
            self.discard(dest)
            return
        try:
            if missed:
                self._process.send_nowait(dest, (LAGGED, self._registry, missed))
                self._missed[dest] = 0
            self._process.send_nowait(dest, message)
        except _MISSED:
            self._missed[dest] = missed + 1
        except _NOBODY:
            # Nobody there, or a value that is no term for a listener over there.
            return
