"""A spy: what comes to a process is written down, and the process has it as before."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

from ..process.atoms import GEN_CALL, GEN_CAST
from ._place import runtime_of
from ._record import Record, matcher
from ._tap import Tap, content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..process import Process
    from ._place import Place
    from ._record import Match


@contextmanager
def spy(where: Place, dest: Any) -> Iterator[Spy]:
    """Watch what comes to a process; ``with`` gives the :class:`Spy`.

    *where* is its node, or the :class:`Probe` of a process that runs alone; *dest* is a
    pid, a local name or a :class:`ergopy.Via`. Behind a name it is who has
    it now, if anybody, and whoever gets it meanwhile: a process that a supervisor
    starts again is watched from its first message on. Nobody notices it: it is in the
    process and not before it. So it sees what is sent to the pid too, and exit
    messages and the like; not the answers to calls, which no mailbox gets.

    Raises:
        LocalProtocolError: A pid that no process of the node has.
    """
    watcher = Spy()
    tap = Tap(runtime_of(where), dest, watcher._take)
    tap.open()
    try:
        yield watcher
    finally:
        tap.close()


@final
class Spy:
    """What has come to a process."""

    def __init__(self) -> None:
        self._record = Record()

    def __repr__(self) -> str:
        return f"<Spy: {len(self.messages)} messages>"

    @property
    def messages(self) -> list[Any]:
        """All messages as they came, oldest first; clear it as you like."""
        return self._record.items

    @property
    def calls(self) -> list[Any]:
        """The requests of the calls."""
        return [content(it) for it in self.messages if _kind(it) is GEN_CALL]

    @property
    def casts(self) -> list[Any]:
        """The requests of the casts."""
        return [content(it) for it in self.messages if _kind(it) is GEN_CAST]

    @property
    def infos(self) -> list[Any]:
        """What is neither call nor cast: for ``handle_info``."""
        kinds = (GEN_CALL, GEN_CAST)
        return [it for it in self.messages if _kind(it) not in kinds]

    async def wait_for(
        self, match: Match = None, *, count: int = 1, timeout: float = 5.0
    ) -> Any:
        """Wait until *count* messages that match have come; return the last of them.

        Those that are there already count. It returns when the process has the message
        and may not have dealt with it.

        Args:
            match: A class, a function that says whether one is wanted, or what is equal
                to it; asked of the request of a call or cast, and of other messages.
            count: How many.
            timeout: Seconds.

        Raises:
            AssertionError: They did not come in time.
        """
        wanted = matcher(match)
        return await self._record.wait(
            lambda: [it for it in map(content, self.messages) if wanted(it)],
            count,
            timeout,
            lambda: f"what came: {self.messages}",
        )

    def _take(
        self, process: Process, message: Any, deliver: Callable[[Any], None]
    ) -> None:
        self._record.add(message)
        deliver(message)


def _kind(message: Any) -> Any:
    return message[0] if message.__class__ is tuple and message else None
