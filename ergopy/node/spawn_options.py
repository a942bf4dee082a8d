"""The options of a spawn request (protocol 4.6): which there are, and what they mean.

A BEAM refuses a request as a whole, with ``badopt``, for one option that it does not
know or whose value cannot be. What is about its memory and scheduling is checked in
the same way here, and has no effect. ``{reply, ...}`` and ``{reply_tag, ...}`` never
travel: they are the asking node's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from etf import Atom

from ..process.flags import is_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LINK = Atom("link")
MONITOR = Atom("monitor")
NAME = Atom("name")

BADOPT = Atom("badopt")

_SMALLEST_HEAP = 233
"""Words of memory that a process of a BEAM has at least, unless told otherwise."""


class SpawnOptions(NamedTuple):
    """What a request wants, besides the process."""

    link: bool = False
    monitor: bool = False
    name: Atom | None = None
    """A name for the new process: only nodes of this kind know that option."""


def read(options: Any) -> SpawnOptions | None:
    """Return what *options* say, or None for ``badopt``."""
    if not isinstance(options, list):
        return None
    link = monitor = False
    name: Atom | None = None
    for option in options:
        what = option
        if isinstance(option, tuple):
            if len(option) != 2 or not isinstance(option[0], Atom):
                return None
            what, value = option
            check = _VALUES.get(what)
            if check is None or not check(value):
                return None
            if what == NAME:
                name = value
        elif not isinstance(option, Atom) or option not in (LINK, MONITOR):
            return None
        link = link or what == LINK
        monitor = monitor or what == MONITOR
    return SpawnOptions(link, monitor, name)


def write(
    link: bool, monitor: bool, name: str | None, others: Iterable[Any]
) -> list[Any]:
    """Return the options of a request, in the order in which a BEAM has them.

    Raises:
        ValueError: One of *others* says more about the link, the monitor or the name
            than can be done here.
    """
    rest: list[Any] = []
    for option in map(_term, others):
        what = option[0] if type(option) is tuple and option else option
        if option is not what and what in (LINK, MONITOR, NAME):
            raise ValueError(f"not an option but an argument: {what}=")
        link = link or option == LINK
        monitor = monitor or option == MONITOR
        if option not in (LINK, MONITOR):
            rest.append(option)
    if name is not None:
        rest.append((NAME, Atom(name)))
    return [MONITOR] * monitor + [LINK] * link + rest


def _term(value: Any) -> Any:
    """Take plain ``str`` for atoms: no option has text in it."""
    if type(value) is str:
        return Atom(value)
    if type(value) in (tuple, list):
        return type(value)(map(_term, value))
    if type(value) is dict:
        return {_term(key): _term(item) for key, item in value.items()}
    return value


def _is_bool(value: Any) -> bool:
    return value.__class__ is bool


def _one_of(*names: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Atom) and value in names


def _largest_heap(value: Any) -> bool:
    if not isinstance(value, dict):
        # Zero is no limit. None that there is may be below the smallest heap.
        return is_size(value) and (value == 0 or value >= _SMALLEST_HEAP)
    flags = ("kill", "error_logger", "include_shared_binaries")
    return _largest_heap(value.get(Atom("size"), -1)) and all(
        _is_bool(value.get(Atom(flag), False)) for flag in flags
    )


def _monitor_option(value: Any) -> bool:
    match value:
        case (Atom("tag"), _) | Atom("priority"):
            return True
        case (Atom("alias"), mode):
            return _ALIAS(mode)
    return False


def _all(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(check, value))


_ALIAS = _one_of("explicit_unalias", "demonitor", "reply_demonitor")

_VALUES: dict[str, Callable[[Any], bool]] = {
    "async_dist": _is_bool,
    "fullsweep_after": is_size,
    "link": _all(_one_of("priority")),
    "max_heap_size": _largest_heap,
    "message_queue_data": _one_of("off_heap", "on_heap"),
    "min_bin_vheap_size": is_size,
    "min_heap_size": is_size,
    "monitor": _all(_monitor_option),
    "name": lambda value: isinstance(value, Atom) and value != "undefined",
    "priority": _one_of("low", "normal", "high", "max"),
    "scheduler": is_size,
}
