"""In which order applications start: what one needs goes before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ApplicationNotLoaded, DependencyCycle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def start_order(wanted: Iterable[str], needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return *wanted* and all that they need, each once, what is needed first.

    Apart from that the order is the one in which they are named. To stop them is the
    same in reverse.

    Args:
        wanted: Names of applications.
        needs: What each known application depends on.

    Raises:
        ApplicationNotLoaded: One is not among *needs*; ``needed_by`` says whose.
        DependencyCycle: Some need each other; ``cycle`` has them in order.
    """
    order: dict[str, None] = {}
    for name in wanted:
        _visit(name, needs, order)
    return list(order)


def _visit(
    name: str, needs: Mapping[str, Sequence[str]], order: dict[str, None]
) -> None:
    # No recursion: how long a chain may be is not for Python's stack to say.
    path = {name: iter(_needs(name, None, needs))}
    while path:
        last = next(reversed(path))
        needed = next(path[last], None)
        if needed is None:
            del path[last]
            order[last] = None
        elif needed in path:
            names = list(path)
            raise DependencyCycle([*names[names.index(needed) :], needed])
        elif needed not in order:
            path[needed] = iter(_needs(needed, last, needs))


def _needs(
    name: str, needed_by: str | None, needs: Mapping[str, Sequence[str]]
) -> Sequence[str]:
    try:
        return needs[name]
    except KeyError:
        raise ApplicationNotLoaded(name, needed_by) from None
