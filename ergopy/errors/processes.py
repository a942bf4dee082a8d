"""Errors of processes, their names and their limits, and two ways to end one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from .base import ErgopyError
from .text import shown

if TYPE_CHECKING:
    from etf import Pid


class NameTaken(ErgopyError):
    """That name belongs to somebody; unregister it, or take another."""

    def __init__(self, name: object, owner: object) -> None:
        name_shown = shown(str(name) if isinstance(name, str) else name)
        super().__init__(f"the name {name_shown} is taken by {owner}")
        self.name = name
        self.owner = owner


class NotRegistered(ErgopyError):
    """Nobody has that name."""

    def __init__(self, name: object) -> None:
        super().__init__(f"nobody is registered as {shown(name)}")
        self.name = name


class NotPermitted(ErgopyError):
    """The configuration of process ``pid`` does not allow it ``what``.

    ``what`` is the name of the right in ``ProcessConfig``. Nothing was done.
    """

    def __init__(self, pid: Pid, what: str) -> None:
        super().__init__(f"process {pid!r} has no right to that: {what}")
        self.pid = pid
        self.what = what


class SystemLimit(ErgopyError):
    """There are ``limit`` processes, and no more may be; ``system_limit``.

    ``who`` has the limit: a node, by its name, or a process, by its pid, that may have
    started only so many.
    """

    def __init__(self, who: Pid | str, limit: int) -> None:
        super().__init__(f"{who}: no more than {limit} processes (system_limit)")
        self.who = who
        self.limit = limit


class MailboxFull(ErgopyError):
    """The receiver, of this node, has its ``limit`` of messages; it did not get this.

    Only a process with ``MailboxLimit(n, "raise")`` refuses like that.
    """

    def __init__(self, pid: Pid, limit: int) -> None:
        super().__init__(f"the mailbox of {pid!r} is full: {limit} messages wait")
        self.pid = pid
        self.limit = limit


class ReceiveTimeout(ErgopyError, TimeoutError, trio.TooSlowError):
    """No message (that matches) arrived in time; the mailbox is as it was."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"no message within {seconds:g} s")


class Exit(ErgopyError):
    """Raise it inside a process to end that process with *reason*, any term."""

    def __init__(self, reason: Any = "normal") -> None:
        super().__init__(reason)
        self.reason = reason


class NeededChildExited(Exit):
    """A needed child of a scope has ended; ``pid`` and ``why`` say which, and why.

    Who does not catch it ends with ``{needed_child_exited, Pid, Why}``.
    """

    def __init__(self, word: str, pid: Pid, why: Any) -> None:
        super().__init__((word, pid, why))
        self.pid = pid
        self.why = why


class Throw(ErgopyError):
    """Raise it in an exported function to let the remote caller see ``throw(Term)``."""

    def __init__(self, term: Any) -> None:
        super().__init__(term)
        self.term = term
