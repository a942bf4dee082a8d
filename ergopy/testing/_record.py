"""A list that a test can wait on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, final

import trio

if TYPE_CHECKING:
    from collections.abc import Callable

Match: TypeAlias = "Callable[[Any], object] | type | Any"
"""What is wanted: a class, a function that says so, or what is equal; None is all."""


def matcher(match: Match) -> Callable[[Any], object]:
    """Return a function that tells what is wanted."""
    if match is None:
        return lambda it: True
    if isinstance(match, type):
        return lambda it: isinstance(it, match)
    return match if callable(match) else lambda it: it == match


@final
class Record:
    """What has come, oldest first."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._more: trio.Event | None = None

    def add(self, item: Any) -> None:
        """Append *item*, and wake who waits."""
        self.items.append(item)
        if self._more is not None:
            self._more.set()
            self._more = None

    async def wait(
        self,
        find: Callable[[], list[Any]],
        count: int,
        timeout: float,
        what: Callable[[], str],
    ) -> Any:
        """Wait until *find* finds *count* items; return the last of these.

        Raises:
            AssertionError: It did not in *timeout* seconds; *what* says what came.
        """
        with trio.move_on_after(timeout):
            while len(found := find()) < count:
                if self._more is None:
                    self._more = trio.Event()
                await self._more.wait()
            return found[count - 1]
        raise AssertionError(f"{len(find())} of {count} in {timeout:g} s; {what()}")
