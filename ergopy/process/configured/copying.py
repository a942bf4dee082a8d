"""What a local send hands over: the object itself, or a copy of it.

On a BEAM a message is a copy. Here sender and receiver share one object, which is as
good as long as nobody changes a message. A process with a policy copies what it sends
to processes of its own node: ``"deep"`` in Python's way, ``"etf"`` by the external term
format, so that the receiver has just what a process on another node would have
(``bytes`` for ``str``, a plain tuple for a named one), and what is no term is refused.

What cannot be changed is handed over as it is. So is what stands for code: functions,
classes, and objects whose class says so with ``handed_over = True``, such as the
specification of a child. Answers and casts are messages too. Not copied are the
arguments of a process that is started, exit reasons, and what comes from other nodes,
which is new anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .by_etf import ByEtf
from .deep import deep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from etf import DecodeOptions, EncodeOptions

CopyPolicy = Literal["none", "deep", "etf"]

Copier: TypeAlias = "Callable[[Any], Any] | None"

STRICTNESS: tuple[CopyPolicy, ...] = ("none", "deep", "etf")
"""The policies, each one stricter than those before it."""


def copiers(
    decode: DecodeOptions | None = None, encode: EncodeOptions | None = None
) -> Mapping[CopyPolicy, Copier]:
    """Return what makes the copies for each policy, on a node with these options."""
    return {"none": None, "deep": deep, "etf": ByEtf(decode, encode)}
