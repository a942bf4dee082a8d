"""Errors of the names and locks of a cluster."""

from __future__ import annotations

from .base import ErgopyError
from .text import shown


class NamesNotKept(ErgopyError):
    """Global names are not kept on this node, which is hidden or only observes.

    What waits asks another node instead, and raises this when none answers; ``why``
    says what the last one said, or that there is none.
    """

    def __init__(self, node: str, why: object = None) -> None:
        text = f"{node} keeps no global names: it is hidden, or has global_='observe'"
        super().__init__(text if why is None else f"{text}; {why}")
        self.node = node
        self.why = why


class LockNotTaken(ErgopyError):
    """Another requester has the lock with that ``id``; nothing was done."""

    def __init__(self, id: object) -> None:
        super().__init__(f"the lock {shown(id)} was not to be had")
        self.id = id
