"""How a word goes on: asked of the node whose prompt it is.

A shell may have set a function for it (``expand_fun``); else IEx and ``edlin_expand``
have theirs. Each takes the line up to the cursor, backwards, and answers
``{yes | no, Characters, Matches}``, with matches of many shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from etf import Atom

from ...errors import RpcError
from ..io.chars import codes, text
from .attach import ELIXIR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etf import Pid

    from ...process.process import Process

PATIENCE = 2.0
"""Seconds that the node has to answer in."""
MAX_MATCHES = 1000
"""More are not shown."""
_MAX_NESTING = 8


class Completion(NamedTuple):
    """What can be added, and what there is to choose from."""

    added: str
    matches: list[str]


NOTHING = Completion("", [])


async def ask(
    process: Process, shell: Pid, language: str, function: Any, before: str
) -> Completion:
    """Complete what stands before the cursor; `NOTHING` if nobody knows how."""
    backwards = codes(before[::-1])
    for module, name, args in _ways(shell, language, function, backwards):
        try:
            answer = await process.rpc(shell.node, module, name, args, PATIENCE)
        except RpcError:
            continue
        if (completion := read(answer)) is not None:
            return completion
    return NOTHING


def _ways(
    shell: Pid, language: str, function: Any, backwards: list[int]
) -> Iterator[tuple[str, str, list[Any]]]:
    if language == ELIXIR:
        yield "Elixir.IEx.Autocomplete", "expand", [backwards, shell]
        yield "Elixir.IEx.Autocomplete", "expand", [backwards]
    if function:
        yield "erlang", "apply", [function, [backwards]]
        yield "erlang", "apply", [function, [backwards, []]]
    if language != ELIXIR:
        yield "edlin_expand", "expand", [backwards, []]
        yield "edlin_expand", "expand", [backwards]


def read(answer: Any) -> Completion | None:
    """Read what an expand function returned; None if it is nothing of the kind."""
    match answer:
        case (Atom("yes" | "no"), added, list(matches)):
            more = text(added)
            if more is not None:
                return Completion(more, list(_names(matches, _MAX_NESTING)))
    return None


def _names(matches: list[Any], nesting: int) -> Iterator[str]:
    for match in matches[:MAX_MATCHES]:
        match match:
            case dict() if nesting:
                elements = match.get(Atom("elems"))
                if isinstance(elements, list):
                    yield from _names(elements, nesting - 1)
            case tuple() if match:
                yield from _names([match[0]], 0)
            case Atom():
                yield str(match)
            case _:
                if characters := text(match):
                    yield characters
