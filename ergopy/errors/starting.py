"""Errors of starting processes and of supervising them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import ErgopyError
from .text import shown

if TYPE_CHECKING:
    from etf import Pid


class StartError(ErgopyError):
    """A process did not come up; ``reason`` is the exit reason of its ``init``."""

    def __init__(self, what: object, reason: Any) -> None:
        self.reason = reason
        super().__init__(f"{_called(what)} did not start: {shown(reason)}")


class AlreadyStarted(StartError):
    """The name belongs to a live process; ``pid`` is that process."""

    def __init__(self, name: object, pid: Pid) -> None:
        self.pid = pid
        self.name = name
        super().__init__(
            f"name {shown(name)} is taken by {pid!r}; it", ("already_started", pid)
        )


class StartNotSupported(StartError):
    """A registry without ``start=`` was asked to start a process; nothing happened."""

    def __init__(self, what: object) -> None:
        what = f"key {shown(what)} of a registry without start="
        super().__init__(what, "start_not_supported")


class Ignored(StartError):
    """``init`` returned ``IGNORE``: the process ended, and nothing went wrong."""

    def __init__(self, what: object) -> None:
        super().__init__(what, "ignore")


class SpecError(ErgopyError, ValueError):
    """A specification of a child or a supervisor that cannot work.

    ``reason`` is the term that ``supervisor`` of OTP has for it, such as
    ``{invalid_restart_type, often}`` or ``missing_id``.
    """

    def __init__(self, reason: Any) -> None:
        super().__init__(f"a bad specification: {shown(reason)}")
        self.reason = reason


class ChildError(ErgopyError):
    """A supervisor refused what it was asked to do with a child.

    ``dest`` is the supervisor, ``id`` the child, and ``reason`` what it answered:
    ``not_found``, ``running``, ``restarting``, ``already_present``,
    ``simple_one_for_one``, ``max_children``, or what is wrong with a specification.
    """

    def __init__(self, dest: object, id: Any, reason: Any) -> None:
        super().__init__(
            f"supervisor {shown(dest)}, child {shown(id)}: {shown(reason)}"
        )
        self.dest = dest
        self.id = id
        self.reason = reason


def _called(what: object) -> str:
    return what if isinstance(what, str) else shown(what)
