"""Which nodes may connect: ``net_kernel:allow/1``."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Iterable


@final
class AllowList:
    """Everybody who has the cookie, until the first names are added.

    An entry is a node name, a host alone (``"db.example.org"``: all nodes there), or a
    name alone with the ``@`` (``"shop@"``: those of any host). A node that asks for
    a name is allowed by its host. It holds for both directions.
    """

    def __init__(self, entries: Iterable[str] | None = None) -> None:
        self._entries: set[str] | None = None
        if entries is not None:
            self.add(entries)

    def __repr__(self) -> str:
        return f"<AllowList {'of all' if self._entries is None else self.entries}>"

    @property
    def entries(self) -> list[str] | None:
        """What is allowed; None is everybody."""
        return None if self._entries is None else sorted(self._entries)

    def add(self, entries: Iterable[str]) -> None:
        """Allow more. The first call ends that all are allowed, even with no entry.

        Raises:
            TypeError: *entries* is one text, or one of them is none.
            ValueError: One cannot be the name of anything.
        """
        if isinstance(entries, str):
            raise TypeError("allow= is a collection of node names, not one name")
        entries = set(entries)
        for entry in entries:
            if not isinstance(entry, str):
                raise TypeError(f"allow=: a node name is a str, not {entry!r}")
            if entry.count("@") > 1 or entry.startswith("@") or not entry:
                raise ValueError(f"allow=: {entry!r} is no node name, host, or 'name@'")
        self._entries = (self._entries or set()) | entries

    def permits(self, node: str) -> bool:
        """Tell whether *node* is allowed; of a node without a name it is the host."""
        if self._entries is None or node in self._entries:
            return True
        local, at, host = node.partition("@")
        return bool(at) and not self._entries.isdisjoint({local + at, host})
