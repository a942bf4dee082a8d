"""Names that two have, because each has given them while they were apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ergopy import Atom

from .cluster import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cluster import Cluster

METHODS = ("random_exit", "random_notify", "none", "smaller")
CONFLICT = Atom("global_name_conflict")


async def give_twice(
    cluster: Cluster, pairs: Iterable[tuple[int, int]]
) -> dict[Any, list[Any]]:
    """Have both of each pair give a name, one for every method; return the two pids."""
    given = {}
    for one, other in pairs:
        for method in METHODS:
            name = (Atom(method), one, other)
            given[name] = [await cluster[number].do("holder") for number in name[1:]]
            for number, pid in zip(name[1:], given[name], strict=True):
                answer = await cluster[number].do("register", name, pid, name[0])
                assert answer == "yes"
    return given


async def settled(
    cluster: Cluster, given: dict[Any, list[Any]], found: list[Any]
) -> list[Any]:
    """See what each method has done, now that these names are *found*; return those.

    Names that were not given twice are left out.
    """
    owners = dict(found)
    left = []
    for name, pids in given.items():
        winner = owners.get(name)
        await _had_its_effects(cluster, name, pids, winner)
        if winner is not None:
            left.append((name, winner))
    return left


async def _had_its_effects(
    cluster: Cluster, name: Any, pids: list[Any], winner: Any
) -> None:
    """Wait until who has lost the name is dead, or told, and nobody else."""
    method, *numbers = name
    expected = _effects(name, pids, winner)
    seen: Any = None
    with trio.move_on_after(SECONDS):
        while seen != expected:
            seen = []
            for number, pid in zip(numbers, pids, strict=True):
                alive = await cluster[number].do("is_alive", pid)
                heard = alive and await cluster[number].do("ask", pid, Atom("heard"))
                seen.append(heard)
            await trio.sleep(0.02)
    assert seen == expected, (method, pids, winner)


def _effects(name: Any, pids: list[Any], winner: Any) -> list[Any]:
    """What each has been told; False of who is dead."""
    method = name[0]
    assert (winner is None) == (method == "none")
    match method:
        case "random_exit":
            return [[] if pid == winner else False for pid in pids]
        case "random_notify":
            return [[] if pid == winner else [(CONFLICT, name)] for pid in pids]
        case "smaller":
            assert winner == min(pids, key=lambda pid: pid.node)
            return [[], []]
        case _:
            return [[(CONFLICT, name, pid)] for pid in reversed(pids)]
