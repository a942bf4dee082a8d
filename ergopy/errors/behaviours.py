"""Errors of registries, events, tasks, state machines and event managers."""

from __future__ import annotations

from typing import Any

from .base import ErgopyError
from .text import shown


class EventError(ErgopyError):
    """Something about an event cannot be; ``event`` is its name."""

    def __init__(self, event: object, problem: str) -> None:
        super().__init__(f"event {shown(event)}: {problem}")
        self.event = event


class EventTaken(EventError):
    """There is an event of that name; ``owner`` is the pid of who has it."""

    def __init__(self, event: object, owner: object) -> None:
        self.owner = owner
        super().__init__(event, f"{owner!r} has registered it")


class EventUnknown(EventError):
    """There is no such event, or it has ended."""

    def __init__(self, event: object) -> None:
        super().__init__(event, "nobody has registered it")


class EventOwnerError(EventError):
    """Only the owner of an event publishes; ``owner`` is the pid of that."""

    def __init__(self, event: object, owner: object, pid: object) -> None:
        self.owner = owner
        super().__init__(event, f"it belongs to {owner!r}, not to {pid!r}")


class EventMismatch(EventError, TypeError):
    """The event does not accept ``value``; nobody has got it."""

    def __init__(self, event: object, value: object) -> None:
        self.value = value
        super().__init__(event, f"a {type(value).__qualname__} is not accepted")


class TaskError(ErgopyError):
    """The value of a task did not come; ``task`` is an :class:`ergopy.Task`."""

    def __init__(self, task: object, problem: str) -> None:
        super().__init__(f"{task!r} {problem}")
        self.task = task


class TaskExit(TaskError):
    """The task ended without a value; ``reason`` is its exit reason, a term.

    ``{nodedown, Node}`` if the node of the task was lost.
    """

    def __init__(self, task: object, reason: Any) -> None:
        self.reason = reason
        super().__init__(task, f"ended: {shown(reason)}")


class TaskTimeout(TaskError, TimeoutError):
    """No value in time: the task still runs."""

    def __init__(self, task: object, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(task, f"had no value within {seconds:g} s")


class RegistryFull(ErgopyError):
    """The registry has its ``limit`` of entries, or a key has more bytes than that.

    ``what`` tells of what: ``"entries"``, or what one of another node may be told:
    ``"key"`` and ``"value"`` in bytes, ``"requests"`` that wait for a start or an end.
    """

    def __init__(self, registry: object, what: str, limit: int) -> None:
        unit = f"bytes of a {what}" if what in ("key", "value") else what
        super().__init__(f"registry {registry}: no more than {limit} {unit}")
        self.registry = registry
        self.what = what
        self.limit = limit


class TooManyPostponed(ErgopyError):
    """A state machine has postponed ``limit`` events, and now one more; it ends."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} events are postponed already")
        self.limit = limit


class HandlerError(ErgopyError):
    """An event manager does not do what it was asked with a handler.

    ``reason`` is its answer: ``bad_module`` or ``module_not_found`` if there is no such
    handler, ``{'EXIT', Why}`` if it crashed, or what its ``init`` returned.
    """

    def __init__(self, handler: Any, reason: Any) -> None:
        super().__init__(f"event handler {shown(handler)}: {shown(reason)}")
        self.handler = handler
        self.reason = reason
