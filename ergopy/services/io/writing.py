"""``~w`` and ``~W``: a term on one line, to any depth. Nesting costs no recursion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from etf import Atom, BitBinary, ImproperList

from .words import atom, known, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

Step = tuple[str] | tuple[str, Any, int]
"""Text, and what follows it: a term, and how deep to go into that."""

MAX_NESTING = 100_000
"""Levels of a term, which may contain itself."""


def write(term: Any, depth: int = -1, *, unicode: bool = True) -> str:
    """Write a term as ``io_lib:write/2`` does; a negative *depth* has no end.

    Raises:
        ValueError: It is nested too deep.
    """
    return "".join(pieces(term, depth, unicode=unicode))


def pieces(term: Any, depth: int = -1, *, unicode: bool = True) -> Iterator[str]:
    """Write a term in small pieces."""
    stack: list[Iterator[Step]] = [iter((("", term, depth),))]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            continue
        yield step[0]
        if len(step) == 1:
            continue
        written = _written(step[1], step[2], unicode)
        if isinstance(written, str):
            yield written
        elif len(stack) > MAX_NESTING:
            raise ValueError("nested too deep")
        else:
            stack.append(written)


def _written(term: Any, depth: int, unicode: bool) -> str | Iterator[Step]:
    if depth == 0:
        return "..."
    term = known(term)
    if isinstance(term, Atom):
        return atom(term, unicode=unicode)
    if isinstance(term, str):
        return term
    if isinstance(term, bytes | BitBinary):
        return f"<<{numbers(term, depth)}>>"
    if isinstance(term, list):
        if depth < 0 and (written := _whole_numbers(term)) is not None:
            return written
        return _sequence("[", term, None, "]", "|...]", depth) if term else "[]"
    if isinstance(term, ImproperList):
        return _sequence("[", term.items, term, "]", "|...]", depth)
    if isinstance(term, tuple):
        return _sequence("{", term, None, "}", ",...}", depth) if term else "{}"
    return _map(term, depth)


def _whole_numbers(items: list[Any]) -> str | None:
    """Write a list of nothing but integers, such as a string, at once."""
    if len(items) < 8 or any(item.__class__ is not int for item in items):
        return None
    try:
        return f"[{','.join(map(str, items))}]"
    except ValueError:
        # One is longer than Python writes in decimals.
        return None


def _sequence(
    left: str,
    items: Any,
    improper: ImproperList | None,
    right: str,
    cut: str,
    depth: int,
) -> Iterator[Step]:
    if depth == 1:
        yield (f"{left}...{right}",)
        return
    depth -= 1
    yield left, items[0], depth
    for item in items[1:]:
        if depth == 1:
            yield (cut,)
            return
        depth -= 1
        yield ",", item, depth
    if improper is not None:
        if depth == 1:
            yield (cut,)
            return
        yield "|", improper.tail, depth - 1
    yield (right,)


def _map(pairs: Any, depth: int) -> Iterator[Step]:
    if depth == 1 or not pairs:
        yield ("#{}",)
        return
    inner = more = depth - 1
    text = "#{"
    for key, value in pairs.items():
        if text == ",":
            if more == 1:
                break
            more -= 1
        yield text, key, inner
        yield " => ", value, inner
        text = ","
    # As in OTP 25 this stands behind the last one as well.
    yield (",...}" if more == 1 else "}",)
