"""What users may implement: small protocols that the layers meet in."""

from __future__ import annotations

from typing import Protocol, TypeAlias

Address: TypeAlias = "tuple[str, int]"
"""A host, as a name or a number, and a port."""


class Resolver(Protocol):
    """Finds the address of a node by its name."""

    async def resolve(self, node: str) -> Address | None:
        """Return ``(host, port)`` of a node name, or None if there is no such node.

        A host name may have several addresses, of both families; they are tried until
        one answers. Cancelled when the connection takes longer than ``setup_time``.

        Raises:
            OSError: Nobody could be asked.
        """
