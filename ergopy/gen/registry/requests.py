"""What other nodes may ask a registry, as calls: GenRegistry's tuples, and more.

A peer chooses keys and arguments, but never what is started. The number of entries, the
size of a key and of a value, and how many requests wait for a start or an end have
limits, and a list that is long comes in pages. With those of a
supervisor (``which_children``, ``count_children``, ``terminate_child``) its tools show
what the registry has started.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import etf
from etf import Atom, Pid

from ...errors import (
    NameTaken,
    NoProcess,
    NotRegistered,
    RegistryClosed,
    RegistryFull,
    StartNotSupported,
)
from ...process.atoms import BADARG, ERROR, OK, UNDEFINED
from ..portable import portable
from .keys import mark_of
from .starting import ALREADY_STARTED, IGNORED, Asker, Outcome

if TYPE_CHECKING:
    from .registry import Registry

MAX_PAGE = 10_000
"""Entries that one answer has at most."""

MAX_WAITING = 10_000
"""Requests that may wait for a start or an end at a time; who asks may not any more."""

STOP_WITHIN = 4.0
"""Seconds before a stopped process is killed: a caller waits for five, usually."""

ALREADY_REGISTERED = Atom("already_registered")
KEY_TOO_LARGE = Atom("key_too_large")
NOT_FOUND = Atom("not_found")
REGISTRY_FULL = Atom("registry_full")
START_NOT_SUPPORTED = Atom("start_not_supported")
TOO_MANY_ENTRIES = Atom("too_many_entries")
TOO_MANY_REQUESTS = Atom("too_many_requests")
UNKNOWN_REQUEST = Atom("unknown_request")
VALUE_TOO_LARGE = Atom("value_too_large")

_NOT_FOUND = (ERROR, NOT_FOUND)


async def answer(registry: Registry, request: Any, from_: Any) -> Any:
    """Return the reply to *request*; None if it is given later."""
    if isinstance(request, tuple) and len(request) > 1:
        return _about_key(registry, request, from_)
    match request:
        case "count":
            return len(registry)
        case "to_list":
            return _all(registry)
        case "which_children":
            return [_row(child) for child in registry.children()]
        case "count_children":
            return _counts(registry)
    return _unknown(request)


def _about_key(registry: Registry, request: tuple[Any, ...], from_: Any) -> Any:
    key = request[1]
    if not _fits(registry, key):
        return (ERROR, (KEY_TOO_LARGE, registry.max_key_size))
    match request:
        case ("lookup", _):
            return _lookup(registry, key)
        case ("lookup_or_start" | "start" as verb, _, list(args)):
            return _start(registry, key, args, from_, must_be_new=verb == "start")
        case ("stop", _):
            return _stop(registry, key, {}, from_)
        case ("stop", _, list(options)):
            return _stop(registry, key, options, from_)
        case ("terminate_child", Pid() as pid):
            return _terminate_child(registry, pid, from_)
        case ("remove", _):
            removed = registry.remove(key)
            return _NOT_FOUND if removed is None else (OK, removed)
        case ("register", _, value):
            return _register(registry, key, value, from_)
        case ("unregister", _) if _is_from(from_):
            registry.unregister(key, from_[0])
            return OK
        case ("entries", _):
            return _limited(registry.entries(key))
        case ("keys", Pid() as pid):
            return _limited(registry.keys(pid))
        case ("to_list", int(after), int(limit)) if limit > 0:
            items, following = registry.page(after, min(limit, MAX_PAGE))
            return items, UNDEFINED if following is None else following
    return _unknown(request)


def _fits(registry: Registry, term: Any) -> bool:
    """Tell whether a key, or a value, is as large, and nested as deep, as may be."""
    try:
        return len(etf.encode(term)) <= registry.max_key_size
    except etf.EncodeError:
        return False


def _unknown(request: Any) -> Any:
    return (ERROR, (UNKNOWN_REQUEST, portable(request)))


def _all(registry: Registry) -> Any:
    """Return all items, but do not even make the list if it is a long one."""
    rows = registry if len(registry) > MAX_PAGE else registry.items()
    return _limited(rows)


def _limited(rows: Any) -> Any:
    """Return a list as it can be sent; a long one is an error."""
    if len(rows) > MAX_PAGE:
        return (ERROR, (TOO_MANY_ENTRIES, MAX_PAGE))
    return portable(rows)


def _crowded(registry: Registry) -> bool:
    return registry.waiting_requests >= MAX_WAITING


def _too_many_requests() -> Any:
    return (ERROR, (TOO_MANY_REQUESTS, MAX_WAITING))


def _is_from(from_: Any) -> bool:
    return isinstance(from_, tuple) and len(from_) == 2 and isinstance(from_[0], Pid)


def _lookup(registry: Registry, key: Any) -> Any:
    found = registry.lookup(key)
    if found is None:
        return _NOT_FOUND
    return _limited(found) if isinstance(found, list) else (OK, found)


def _register(registry: Registry, key: Any, value: Any, from_: Any) -> Any:
    if not _is_from(from_):
        return (ERROR, BADARG)
    if not _fits(registry, value):
        return (ERROR, (VALUE_TOO_LARGE, registry.max_key_size))
    try:
        registry.register(key, value, from_[0])
    except NameTaken as taken:
        return (ERROR, (ALREADY_REGISTERED, taken.owner))
    except NoProcess:
        return _NOT_FOUND
    except RegistryFull as full:
        return (ERROR, (REGISTRY_FULL, full.limit))
    return (OK, registry.pid)


def _start(
    registry: Registry, key: Any, args: list[Any], from_: Any, *, must_be_new: bool
) -> Any:
    def reply(outcome: Outcome) -> Any:
        return _shown(outcome, must_be_new=must_be_new)

    mark = mark_of(key)
    found = registry.lookup(key)
    if isinstance(found, Pid):
        return reply(Outcome(found, fresh=False))
    if _crowded(registry):
        return _too_many_requests()
    try:
        starting = registry._join(key, mark, tuple(args))
    except StartNotSupported:
        return (ERROR, START_NOT_SUPPORTED)
    except RegistryFull as full:
        return (ERROR, (REGISTRY_FULL, full.limit))

    def answered(outcome: Outcome) -> None:
        registry.waiting_requests -= 1
        registry.process.reply_nowait(from_, reply(outcome))

    registry.waiting_requests += 1
    starting.waiting.append(Asker(answered))
    return None


def _shown(outcome: Outcome, *, must_be_new: bool) -> Any:
    """Return what a start came to as GenRegistry would say it."""
    if outcome.pid is None:
        ignored = outcome.reason is IGNORED
        return IGNORED if ignored else (ERROR, portable(outcome.reason))
    if must_be_new and not outcome.fresh:
        return (ERROR, (ALREADY_STARTED, outcome.pid))
    return (OK, outcome.pid)


def _stop(registry: Registry, key: Any, options: Any, from_: Any) -> Any:
    told = _stop_options(options)
    if told is None:
        return (ERROR, BADARG)
    if _crowded(registry):
        return _too_many_requests()
    registry.waiting_requests += 1
    registry.process.start_soon(_stop_and_tell, registry, key, told, from_)
    return None


async def _stop_and_tell(
    registry: Registry, key: Any, options: dict[str, Any], from_: Any
) -> None:
    reply: Any = OK
    try:
        await registry.stop(key, **options)
    except NotRegistered:
        reply = _NOT_FOUND
    except RegistryClosed:
        return
    except TimeoutError:
        reply = (ERROR, Atom("timeout"))
    except TypeError:
        reply = (ERROR, BADARG)
    finally:
        registry.waiting_requests -= 1
    await registry.process.reply(from_, reply)


def _stop_options(options: Any) -> dict[str, Any] | None:
    """Return the options of ``{stop, Key, Options}`` as arguments; None if bad."""
    told: dict[str, Any] = {"timeout": STOP_WITHIN}
    for option in options:
        match option:
            case ("reason", reason):
                told["reason"] = reason
            case ("timeout", "infinity"):
                told["timeout"] = math.inf
            case ("timeout", int(milliseconds)) if milliseconds >= 0:
                told["timeout"] = milliseconds / 1000
            case ("wait" | "kill" as name, bool(value)):
                told[str(name)] = value
            case _:
                return None
    return told


def _terminate_child(registry: Registry, pid: Pid, from_: Any) -> Any:
    keys = registry.keys(pid)
    if not keys:
        return _NOT_FOUND
    return _stop(registry, keys[0], {}, from_)


def _row(child: Any) -> Any:
    spec = child.spec
    modules = spec.modules if isinstance(spec.modules, Atom) else list(spec.modules)
    return (UNDEFINED, child.pid, spec.type, modules)


def _counts(registry: Registry) -> list[tuple[Atom, int]]:
    children = registry.children()
    supervisors = sum(child.spec.is_supervisor for child in children)
    return [
        (Atom("specs"), int(registry.can_start)),
        (Atom("active"), len(children)),
        (Atom("supervisors"), supervisors),
        (Atom("workers"), len(children) - supervisors),
    ]
