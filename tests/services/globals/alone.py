"""One machine alone, and the nodes that it hears of."""

from __future__ import annotations

import random
from typing import Any

from ergopy.services.globals.machine import Machine
from etf import Atom, Pid

A, B, C, Z = (Atom(f"{letter}@x") for letter in "abcz")
GLOBAL = Atom("global")
CAST = Atom("$gen_cast")


def machine(*known: Atom, **settings: Any) -> Machine:
    it = Machine(A, 1, Pid(A, 1, 0, 1), random.Random(1), **settings)
    it.cluster.add([(node, 8) for node in known])
    it.actions()
    return it
