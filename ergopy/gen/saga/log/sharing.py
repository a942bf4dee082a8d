"""Sagas of one event loop that log to the same file share a writer.

Two writers of one file would do no harm, as two processes do none; but each would wait
for the disk by itself.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar, final

import trio

from .writer import Question, Writer, do_nothing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .database import Database, Synchronous

    Key: TypeAlias = tuple[Path, Synchronous]

T = TypeVar("T")

_shared: trio.lowlevel.RunVar[dict[Key, SharedWriter]] = trio.lowlevel.RunVar(
    "ergopy.gen.saga.log"
)


def find(key: Key) -> SharedWriter | None:
    """Return the writer of a file, if this event loop has one that works."""
    return _all().get(key)


def hire(key: Key) -> SharedWriter:
    """Return the writer of a file, a new one if there is none; ``release`` it."""
    shared = find(key)
    if shared is None:
        shared = _all()[key] = SharedWriter(key)
    shared.users += 1
    return shared


def _all() -> dict[Key, SharedWriter]:
    try:
        return _shared.get()
    except LookupError:
        fresh: dict[Key, SharedWriter] = {}
        _shared.set(fresh)
        return fresh


@final
class SharedWriter:
    """A writer, and how many use it. Everything is for Trio's thread."""

    def __init__(self, key: Key) -> None:
        self.users = 0
        self._key = key
        self._writer = Writer(*key, failed=self._retire)
        self._over = trio.Event()
        self._last: list[trio.Event] = []
        self.put = self._writer.put
        trio.lowlevel.spawn_system_task(self._outlast)

    async def ask(self, act: Callable[[Database], T]) -> T:
        """Return what *act* does, in the thread, when all before it is written.

        Raises:
            SagaLogError: Of a write before it, or of *act*.
        """
        answered = trio.Event()
        question = Question(act, answered.set)
        self._writer.ask(question)
        await answered.wait()
        if question.error is not None:
            raise question.error
        return question.answer  # type: ignore[return-value]

    def release(self, last: Callable[[], None]) -> trio.Event:
        """Use it no more; after the last user the thread ends before the event.

        *last* is done in the thread, when all is written, or has failed.
        """
        self.users -= 1
        written = trio.Event()
        then = partial(self._written, written)
        self._writer.ask(Question(do_nothing, then, last))
        return written

    def _written(self, written: trio.Event) -> None:
        # Who comes while the rest is written must read it: it uses this one again.
        if self.users:
            written.set()
            return
        self._last.append(written)
        if len(self._last) == 1:
            self._retire()
            self._writer.close(self._closed)

    def _closed(self) -> None:
        self._over.set()
        for written in self._last:
            written.set()

    async def _outlast(self) -> None:
        """Let the thread end when the event loop does, if it has not before."""
        try:
            await self._over.wait()
        finally:
            self._writer.close(do_nothing)

    def _retire(self) -> None:
        """Let who comes next have another one."""
        if find(self._key) is self:
            del _all()[self._key]
