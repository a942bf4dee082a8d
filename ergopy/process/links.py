"""Links of a process: when one of the two ends, the other gets an exit signal.

The state of a link is a number in ``links``, by the pid of the partner; the table of
protocol 4.3 says how it changes. Between two processes of this node only active links
exist. A link is *indexed* at the way to the other node as well, so that the loss of
that node touches its links and no others.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .atoms import NOPROC
from .late import Late
from .monitors import Monitors

if TYPE_CHECKING:
    from etf import Pid

LINKED = 0
"""State of an active link. That of an unlink under way is its id, above zero."""

LINKED_PRIORITY = -1
"""State of an active link whose exit signal is to be a priority message."""


def is_active(state: int | None) -> bool:
    """Tell whether a state is that of an active link."""
    return state is not None and state <= LINKED


class Links(Monitors):
    """A process as one that depends on others."""

    __slots__ = ("_link_tags", "_links")

    _links: dict[Pid, int] | None
    _link_tags: dict[Pid, Any] | None
    """The tags of those links that have one."""

    @property
    def links(self) -> dict[Pid, int]:
        """The processes linked to this one, and the state of each link."""
        if self._links is None:
            self._links = {}
        return self._links

    def link_nowait(self, to: Pid, *, priority: bool = False, tag: Any = None) -> None:
        """Link without waiting for a connection; see ``Process.link``."""
        if to == self.pid:
            return
        self.check_not_over()
        self.tag_link(to, tag)
        ours = LINKED_PRIORITY if priority else LINKED
        state = self.links.get(to)
        if is_active(state):
            self.links[to] = ours
            return
        me: Any = self
        remote = self.runtime.remote(to)
        if remote is not None:
            self.links[to] = ours
            try:
                remote.link(me, to)
            except BaseException:
                self.forget_link(to)
                raise
            return
        other = self.runtime.find(to)
        if other is None:
            me.exit_from(
                to, NOPROC, link=True, priority=priority, tag=self.untag_link(to)
            )
            return
        self.links[to] = ours
        if other.alive:
            other.links[self.pid] = LINKED
        else:
            late = Late(partial(self.break_link, to))
            other.watchers[late] = late

    def unlink(self, to: Pid) -> None:
        """End the link; when this returns no exit signal of it will arrive any more."""
        if not is_active(self.links.get(to)):
            return
        self.untag_link(to)
        me: Any = self
        remote = self.runtime.remote(to)
        if remote is not None:
            self.links[to] = remote.unlink(me, to)
            return
        del self.links[to]
        other = self.runtime.find(to)
        if other is not None:
            other.forget_link(self.pid)

    def break_link(self, to: Pid, reason: Any) -> None:
        """Take the end of a partner over there, or of the way to it."""
        tag = self.untag_link(to)
        state = self.links.pop(to, None)
        if is_active(state):
            me: Any = self
            priority = state == LINKED_PRIORITY
            me.exit_from(to, reason, link=True, priority=priority, tag=tag)

    def forget_link(self, to: Pid) -> None:
        """Drop a link that both sides know to be none any more; nobody is told."""
        if self._links:
            self._links.pop(to, None)
            self.untag_link(to)

    def tag_link(self, to: Pid, tag: Any) -> None:
        """Let the exit message of a link have *tag*; None is no tag."""
        if tag is None:
            self.untag_link(to)
        elif self._link_tags is None:
            self._link_tags = {to: tag}
        else:
            self._link_tags[to] = tag

    def untag_link(self, to: Pid) -> Any:
        """Take the tag of a link away; return it, or None."""
        tags = self._link_tags
        return None if tags is None else tags.pop(to, None)
