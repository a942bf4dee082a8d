"""What users may implement: small protocols that the layers meet in."""

from __future__ import annotations

from typing import Protocol


class Resolver(Protocol):
    """Finds the address of a node by its name."""

    async def resolve(self, node: str) -> tuple[str, int] | None:
        """Return ``(host, port)`` of a node name, or None if there is no such node.

        Raises:
            OSError: Nobody could be asked.
        """
