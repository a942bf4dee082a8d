"""The sagas that run on a node, for those who want to look at all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from ...process.runtime import Runtime
    from .saga import Saga

_SAGAS: WeakKeyDictionary[Runtime, dict[int, Saga]] = WeakKeyDictionary()


def enter(saga: Saga) -> None:
    """Let a saga be seen, until its process ends."""
    process = saga.process
    here = _SAGAS.setdefault(process.runtime, {})
    here[process.pid.id] = saga
    leaving = _Leaving(here, process.pid.id)
    process.watchers[leaving] = leaving


def sagas(runtime: Runtime) -> list[Saga]:
    """Return the sagas that run on a node, in the order of their start."""
    return list(_SAGAS.get(runtime, {}).values())


def name_in_use(saga: Saga) -> str | None:
    """Return what a saga is registered as."""
    names = saga.process.names
    return str(names[0]) if names else None


@final
class _Leaving:
    __slots__ = ("_id", "_sagas")

    def __init__(self, sagas: dict[int, Saga], id: int) -> None:
        self._sagas = sagas
        self._id = id

    def fire(self, reason: Any) -> None:
        self._sagas.pop(self._id, None)
