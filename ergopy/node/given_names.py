"""The names that this node gives to nodes that ask for one (protocol 2.4).

``erl -name undefined`` has no name of its own: whom it connects to first invents one.
When that connection ends, the name is free for the next node of the same host, with
another creation, as on a BEAM. So a node that comes back and goes, for years, costs
one atom and not one each time.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, final

import epmd

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_FREE = 1000
"""How many names are remembered that nobody has."""

_LAST_CREATION = 2**32 - 1
_FIRST_CREATION = 4


@final
class GivenNames:
    """Those in use, and those that are free again.

    Args:
        is_taken: Tells whether a node is known under a name.
    """

    def __init__(self, is_taken: Callable[[str], bool]) -> None:
        self._is_taken = is_taken
        self._used: dict[str, int] = {}
        self._free: dict[str, int] = {}

    def give(self, host: str) -> tuple[str, int]:
        """Return a name at *host* that nobody has, and its creation."""
        name, creation = self._reused(host) or (_invented(host), _new_creation())
        self._used[name] = creation
        return name, creation

    def release(self, name: str) -> None:
        """Take back a name whose connection has ended; nothing for any other name."""
        creation = self._used.pop(name, None)
        if creation is not None:
            self._keep(name, _next(creation))

    def withdraw(self, name: str) -> None:
        """Take back a name that came to no connection.

        A new one is forgotten: nodes without the cookie get no memory of ours.
        """
        creation = self._used.pop(name, None)
        if creation is not None and name in self._free:
            self._keep(name, _next(creation))

    def _reused(self, host: str) -> tuple[str, int] | None:
        end = f"@{host}"
        for name in reversed(self._free):
            in_use = name in self._used or self._is_taken(name)
            if name.endswith(end) and not in_use:
                return name, self._free[name]
        return None

    def _keep(self, name: str, creation: int) -> None:
        self._free.pop(name, None)
        self._free[name] = creation
        while len(self._free) > MAX_FREE:
            self._free.pop(next(iter(self._free)))


def _invented(host: str) -> str:
    return f"{secrets.token_hex(8).upper()}@{host}"


def _new_creation() -> int:
    return epmd.random_creation()


def _next(creation: int) -> int:
    return _FIRST_CREATION if creation >= _LAST_CREATION else creation + 1
