"""What the messages of events on a lone runtime are made of."""

from __future__ import annotations

from typing import Any

from ergopy import Atom

HERE = Atom("py@test")
UNREGISTERED = Atom("unregistered")


def key(name: str) -> Any:
    return (Atom(name), HERE)
