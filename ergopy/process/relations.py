"""What one process is to others, as verbs: links, monitors, exits, group leader.

The ones that may have to reach another node wait for a connection or for room as
``send`` does. Those of ``signals`` and its parts, which these use, never wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from etf import Atom, Pid, Reference

from ..errors import LocalProtocolError, NamesNotKept
from . import global_names, reasons
from .atoms import DOWN, UNDEFINED
from .message_timers import DelayedSender
from .node_monitors import NodeFilter

if TYPE_CHECKING:
    from .monitors import AliasMode


class Relations(DelayedSender):
    """What sends, and has to do with other processes and nodes."""

    __slots__ = ("group_leader",)

    group_leader: Pid
    """Who does input and output for this process; ``group_leader/0``."""

    async def monitor(
        self,
        target: Pid | str | tuple[str, str],
        *,
        alias: bool | AliasMode = False,
        tag: Any = DOWN,
        priority: bool = False,
    ) -> Reference:
        """Watch a process: one ``Down`` arrives when it ends; ``erlang:monitor/2,3``.

        Nobody there: a ``Down`` with ``noproc``; no connection to be had, or lost
        later: ``noconnection``. A monitor on the process itself is none.

        Args:
            target: A pid, a local name, or ``(name, node)``. A name is looked up once.
            alias: Make the reference an alias as well. ``"explicit_unalias"``: until
                ``unalias``; ``"demonitor"``: until the monitor ends; True or
                ``"reply_demonitor"``: until the monitor ends, which it does with the
                first message to the alias.
            tag: Stands in the ``Down`` instead of ``'DOWN'``; ``{tag, Tag}``.
            priority: The ``Down`` goes before ordinary messages.
        """
        try:
            remote = self.runtime.locate(target)[0]
        except NamesNotKept:
            pid = await global_names.ask(self.runtime, target)
            # Without a name that is kept here, nobody has this one either.
            target = UNDEFINED if pid is None else pid
            remote = self.runtime.locate(target)[0]
        if remote is not None:
            await self.admit(remote)
        return self.monitor_nowait(target, alias=alias, tag=tag, priority=priority)

    async def link(self, to: Pid, *, priority: bool = False, tag: Any = None) -> None:
        """Link the two processes: when one fails, so does the other; ``link/1,2``.

        If nobody is there an exit signal ``noproc`` comes back, ``noconnection`` if
        the node cannot be reached. With *priority* the exit message, for a process
        that traps exits, goes before ordinary messages. It has *tag* as its ``tag``,
        which stays on this side: the message is ``{'EXIT', Pid, Reason}`` in any case.
        Of both the last call decides.
        """
        remote = self.runtime.remote(to)
        if remote is not None:
            await self.admit(remote)
        self.link_nowait(to, priority=priority, tag=tag)

    async def exit(
        self, to: Pid | Reference, reason: Any, *, priority: bool = False
    ) -> None:
        """Send an exit signal; ``exit/2,3``. ``"kill"`` cannot be trapped.

        *to* is a pid, or an alias: then it is for the owner of that, if the alias is
        still there. A node older than OTP 28 knows no such signal, and gets none. With
        *priority* it goes before ordinary messages, if it is for an alias that was
        made for that. A process that ends itself with it does not get past it.
        """
        reason = reasons.as_reason(reason)
        remote = self.runtime.remote(to)
        if remote is not None:
            if await self.admit(remote):
                remote.exit_signal(self.pid, to, reason, priority=priority)
            return
        self._exit_here(to, reason, priority)
        if not self.alive:
            await trio.lowlevel.checkpoint()

    def exit_nowait(self, to: Pid, reason: Any) -> None:
        """Send an exit signal, whatever is queued for its node. Never waits.

        For who has to get rid of a process: a slow connection is no reason not to.
        """
        remote = self.runtime.remote(to)
        if remote is None:
            self._exit_here(to, reason, priority=False)
        else:
            remote.exit_signal(self.pid, to, reason)

    def _exit_here(self, to: Pid | Reference, reason: Any, priority: bool) -> None:
        runtime = self.runtime
        if isinstance(to, Pid):
            process = runtime.find(to)
            if process is not None:
                process.exit_from(self.pid, reason, link=False)
        elif to.creation == runtime.creation:
            alias = runtime.aliases.get(to.words)
            if alias is not None:
                urgent = priority and alias.priority
                alias.owner.exit_from(self.pid, reason, link=False, priority=urgent)

    def set_group_leader(self, leader: Pid, of: Pid | None = None) -> None:
        """Make *leader* the group leader of this process; ``group_leader/2``.

        With *of* it is that of another one, here or on another node. Processes inherit
        it from who starts them. It never waits.

        Raises:
            LocalProtocolError: *leader* or *of* is a process of this node that is over.
        """
        runtime = self.runtime
        for pid in (leader, self.pid if of is None else of):
            if pid.node == runtime.name and runtime.find(pid) is None:
                raise LocalProtocolError(f"process {pid} has ended")
        remote = None if of is None else runtime.remote(of)
        if remote is not None:
            remote.group_leader(leader, of)  # type: ignore[arg-type]
        else:
            process = self if of is None else runtime.find(of)
            process.group_leader = leader  # type: ignore[union-attr]

    def monitor_node(
        self, node: str, flag: bool = True, *, allow_passive_connect: bool = False
    ) -> None:
        """Watch a node, visible or hidden; ``erlang:monitor_node/2,3``.

        One ``{nodedown, Node}`` (``NodeDownMessage``) arrives when the connection is
        lost, or cannot be made; then the watching is over. It counts: after two calls
        there are two messages, or one if one was taken back with *flag* False. It
        connects if need be, and never waits. Of the node itself nothing is told.

        With *allow_passive_connect* a node that cannot be connected to has a few
        seconds to connect itself.
        """
        runtime = self.runtime
        name = Atom(node)
        if name == runtime.name:
            return
        self.check_not_over()
        if not flag:
            runtime.node_monitors.unwatch(self, name)
            return
        runtime.node_monitors.watch(self, name, passive=allow_passive_connect)

    def monitor_nodes(
        self,
        flag: bool = True,
        *,
        node_type: str | None = None,
        nodedown_reason: bool = False,
    ) -> None:
        """Hear of all nodes that connect or are lost; ``net_kernel:monitor_nodes``.

        The messages are ``{nodeup, Node}`` and ``{nodedown, Node}``, of visible nodes.
        With an option they have a list of properties as a third element. It counts:
        called twice each message comes twice. *flag* False ends all subscriptions
        with the same options.

        Args:
            flag: Begin, or end.
            node_type: ``"visible"``, ``"hidden"`` or ``"all"``; the messages have it.
            nodedown_reason: ``nodedown`` says why: ``connection_closed``,
                ``disconnect``, ``net_tick_timeout``, ``net_kernel_terminated``,
                ``wait_pending`` (the node made a new connection), or ``{killed, Text}``
                if the peer broke the protocol (on a BEAM only ``killed``).

        Raises:
            ValueError: There is no such *node_type*.
        """
        nodes = NodeFilter(node_type, nodedown_reason)
        nodes.check()
        self.check_not_over()
        monitors = self.runtime.node_monitors
        if flag:
            monitors.subscribe(self, nodes)
        else:
            monitors.unsubscribe(self, nodes)
