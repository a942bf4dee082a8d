"""Aliases: references that can be sent to instead of a pid, until they are ended.

A message (or an exit signal) to an alias that is not there any more is dropped, so
that an answer that comes too late disturbs nobody. An alias that was made with
*priority* takes priority messages, which wait before the ordinary ones; to any other
alias they are ordinary messages, as on OTP 28.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from ..errors import LocalProtocolError
from .mailbox import Mailbox

if TYPE_CHECKING:
    from etf import Pid, Reference

    from .runtime import Runtime
    from .signals import Receiver, Signals


@final
class Alias:
    """An alias of a process, and what ends it besides ``unalias``."""

    __slots__ = ("bound", "once", "owner", "priority", "ref")

    def __init__(
        self, owner: Signals, ref: Reference, *, once: bool, bound: bool, priority: bool
    ) -> None:
        self.owner = owner
        self.ref = ref
        self.once = once
        """The first message ends it, and its monitor."""
        self.bound = bound
        """The end of its monitor ends it."""
        self.priority = priority

    def deliver(self, message: Any) -> None:
        if self.once:
            self._use_up()
        self.owner.deliver(message)

    def deliver_priority(self, message: Any) -> None:
        if not self.priority:
            self.deliver(message)
            return
        if self.once:
            self._use_up()
        self.owner.deliver_priority(message)

    def _use_up(self) -> None:
        self.owner.unalias(self.ref)
        if self.bound:
            self.owner.demonitor(self.ref, flush=False)


class Aliases(Mailbox):
    """A mailbox with a pid and aliases."""

    __slots__ = ("_aliases", "pid", "runtime")

    runtime: Runtime
    pid: Pid
    _aliases: set[Reference] | None

    def alias(self, *, once: bool = False, priority: bool = False) -> Reference:
        """Make a reference that can be sent to instead of the pid; ``erlang:alias/1``.

        It works until :meth:`unalias`, with *once* until the first message
        (``reply``). With *priority* it takes priority messages: see ``send``.
        """
        self.check_not_over()
        ref = self.new_ref()
        self.add_alias(ref, once=once, priority=priority)
        return ref

    def unalias(self, alias: Reference) -> bool:
        """End an alias of this process; return whether it was one. ``unalias/1``.

        What is sent to it later is dropped. The alias of a monitor ends alone: the
        monitor stays.
        """
        if self._aliases is None or alias not in self._aliases:
            return False
        self._aliases.discard(alias)
        del self.runtime.aliases[alias.words]
        return True

    def add_alias(
        self,
        ref: Reference,
        *,
        once: bool = False,
        bound: bool = False,
        priority: bool = False,
    ) -> None:
        """Make *ref* an alias; see :class:`Alias`."""
        owner: Any = self
        alias = Alias(owner, ref, once=once, bound=bound, priority=priority)
        self.lead_to(ref, alias)

    def lead_to(self, ref: Reference, receiver: Receiver) -> None:
        """Let *ref* lead to *receiver* until ``unalias``, or the end of the process."""
        if self._aliases is None:
            self._aliases = set()
        self._aliases.add(ref)
        self.runtime.aliases[ref.words] = receiver

    def end_bound_alias(self, ref: Reference) -> None:
        """End the alias of a monitor with the monitor, unless it is to stay."""
        if self._aliases is not None and ref in self._aliases:
            alias: Any = self.runtime.aliases[ref.words]
            if alias.bound:
                self.unalias(ref)

    def end_aliases(self) -> None:
        """End them all; part of the end of the process."""
        for ref in self._aliases or ():
            del self.runtime.aliases[ref.words]
        self._aliases = None

    def new_ref(self) -> Reference:
        """Make a reference; ``make_ref/0``.

        A receive by it passes over what is in the mailbox now: see ``receive``.
        """
        runtime = self.runtime
        if self.tail:
            self.mark(runtime.references)
        return runtime.new_reference()

    def number_of(self, ref: Reference) -> int:
        return self.runtime.number_of(ref)

    def check_not_over(self) -> None:
        """Raise LocalProtocolError if the process has left the tables for good."""
        # What a dead process holds would never be cleaned up.
        if self.runtime.processes.get(self.pid.id) is not self:
            raise LocalProtocolError(f"process {self.pid} has ended")
