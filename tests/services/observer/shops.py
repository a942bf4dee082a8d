"""A small program to be looked at."""

from __future__ import annotations

from typing import Any

import ergopy
from ergopy import Atom, ChildSpec, GenServer


class Till(GenServer):
    """Counts, and crashes on request."""

    async def init(self) -> None:
        self.total = 0

    async def handle_call(self, request: Any, from_: Any) -> Any:
        if request == "crash":
            raise RuntimeError("wanted")
        self.total += 1
        return self.total


class Shelf(GenServer):
    """Does nothing."""


class Shop(ergopy.Application):
    name = "shop"
    version = "1.2"
    description = "A small shop"
    children = (
        ChildSpec(Till, name="till"),
        ChildSpec(Shelf, id=Atom("shelf")),
        ChildSpec(Shelf, id=Atom("other")),
    )
