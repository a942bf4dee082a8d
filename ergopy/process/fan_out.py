"""One message to several destinations: looked up first, encoded once, then sent.

The encoding serves all connections alike, so a message to a thousand processes on ten
nodes is encoded once. What is wrong with a destination or with the message is found
before anything is sent; that a process here refuses it is told after the others have
got it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Reference

from ..errors import MailboxFull, NoProcess, NotRegistered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .sending import Sender
    from .signals import RemoteNode


@final
class FanOut:
    """The destinations of one message, by the node they are on."""

    __slots__ = ("_here", "_message", "_payload", "_sender", "remotes")

    def __init__(self, sender: Sender, dests: Iterable[Any], message: Any) -> None:
        self._sender = sender
        self._message = message
        self._here: list[Any] = []
        self.remotes: dict[RemoteNode, list[Any]] = {}
        for dest in dests:
            try:
                way = sender.way_to(dest)
            except NoProcess:
                # Of a via name; told when the others have got it.
                way = None
            if way is None:
                self._here.append(dest)
            elif dest.__class__ is Reference:
                self.remotes.setdefault(way, []).append(dest)
            else:
                target = sender.runtime.locate(dest)[1]
                self.remotes.setdefault(way, []).append(target)
        self._payload = b""
        for remote in self.remotes:
            self._payload = remote.encode(message)
            break

    def deliver(self) -> NotRegistered | NoProcess | MailboxFull | None:
        """Send to those of this node; return what is to be raised in the end."""
        problem: NotRegistered | NoProcess | MailboxFull | None = None
        for dest in self._here:
            try:
                self._sender.send_one(dest, self._message)
            except (NotRegistered, NoProcess, MailboxFull) as error:
                problem = error
        return problem

    def emit(self, remote: RemoteNode) -> None:
        """Send to those of another node."""
        remote.send_many(self._sender.pid, self.remotes[remote], self._payload)
