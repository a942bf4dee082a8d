"""Sending as one process: messages, casts and replies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import trio

from etf import Pid, Reference

from ..errors import MailboxFull, NamesNotKept, NoProcess, NotRegistered
from . import global_names
from .atoms import GEN_CAST
from .calls import reply_alias
from .fan_out import FanOut
from .signals import Signals

if TYPE_CHECKING:
    from .signals import RemoteNode


class Sender(Signals):
    """What can be held on to, and sends."""

    __slots__ = ()

    async def send(self, dest: Any, message: Any, *, priority: bool = False) -> None:
        """Send *message*, connecting if need be; ``Dest ! Message``.

        *dest* is a pid, an alias, a local name, ``(name, node)``, ``("global", name)``,
        or a list of these.
        It waits while more than the high-water mark of bytes is queued for that node;
        the BEAM suspends senders likewise. A node that cannot be reached, a dead pid
        and an unknown remote name swallow the message, as they do on the BEAM.
        It is a checkpoint if it has to wait, and once in some thousand times.

        With *priority* it goes before the ordinary messages to an alias that was made
        with ``alias(priority=True)``; to all others it is an ordinary message.
        ``erlang:send(Dest, Message, [priority])`` of OTP 28; to older nodes it is an
        ordinary message.

        Raises:
            NotRegistered: A local or global name that nobody has (``badarg`` there). Of
                several destinations the other ones have got the message.
            MailboxFull: A process of this node refuses it; likewise.
            etf.EncodeError: The message is no Erlang term. Nothing was sent.
        """
        self.budget = budget = self.budget - 1
        if budget <= 0:
            await self.let_others_run()
        if priority:
            await self._send_priority(list(dest) if is_many(dest) else [dest], message)
            return
        if dest.__class__ is Pid and dest.node is self.runtime.name:
            # All there is to do for most messages within a node.
            process = self.runtime.find(dest)
            if process is not None:
                process.offer(message)
            return
        try:
            if is_many(dest):
                await self._send_many(dest, message)
                return
            way = self.way_to(dest)
        except NamesNotKept:
            await self._send_asking(dest, message)
            return
        if way is not None and not await self.admit(way):
            return
        self.send_one(dest, message)

    async def _send_many(self, dests: Iterable[Any], message: Any) -> None:
        fan_out = FanOut(self, dests, message)
        problem = fan_out.deliver()
        for remote in fan_out.remotes:
            if await self.admit(remote):
                fan_out.emit(remote)
        if problem is not None:
            raise problem

    async def _send_asking(self, dest: Any, message: Any) -> None:
        """Send where another node has to be asked for global names."""
        dests = list(dest) if is_many(dest) else [dest]
        dests, problem = await global_names.ask_for_each(self.runtime, dests)
        await self._send_many(dests, message)
        if problem is not None:
            raise problem

    async def _send_priority(self, dests: list[Any], message: Any) -> None:
        ways = [self.way_to(dest) for dest in dests]
        # What is no term has to be found before anybody has got it.
        for remote in filter(None, ways):
            remote.encode(message)
            break
        problem: NotRegistered | MailboxFull | None = None
        for dest, way in zip(dests, ways, strict=True):
            try:
                await self._send_one_priority(dest, way, message)
            except (NotRegistered, MailboxFull) as error:
                problem = error
        if problem is not None:
            raise problem

    async def _send_one_priority(
        self, dest: Any, way: RemoteNode | None, message: Any
    ) -> None:
        runtime = self.runtime
        is_alias = dest.__class__ is Reference
        if way is not None:
            if await self.admit(way):
                target = dest if is_alias else runtime.locate(dest)[1]
                way.send_priority(self.pid, target, message)
        elif not is_alias:
            self.send_one(dest, message)
        elif dest.creation == runtime.creation:
            alias = runtime.aliases.get(dest.words)
            if alias is not None:
                alias.deliver_priority(message)

    async def admit(self, remote: RemoteNode) -> bool:
        """Wait until a signal may go to *remote*; return False if it cannot.

        A process waits only while too much is queued: a node that is not connected is
        dialled meanwhile, and must not hold up a server. The node itself waits for
        the connection as well, so that a script that sends and ends has sent.
        """
        pid = self.pid
        if remote.is_ready(pid) or (
            self is not self.runtime.root and remote.has_room(pid)
        ):
            return True
        return await remote.ready(pid)

    def send_nowait(self, dest: Any, message: Any) -> None:
        """Send without ever waiting; ``erlang:send(Dest, Message, [nosuspend])``.

        To a node that is not connected it starts a connection and queues the message.

        Raises:
            trio.WouldBlock: The queue for that node is above its high-water mark, or
                the last large message of this process to it has not left yet.
                Of several destinations the other ones have got the message.
            NotRegistered: A local name that nobody has.
            etf.EncodeError: The message is no Erlang term. Nothing was sent.
        """
        if dest.__class__ is Pid and dest.node != self.runtime.name:
            remote = self.runtime.remote_node(dest.node)
            if not remote.has_room(self.pid):
                raise trio.WouldBlock
            remote.send(self.pid, dest, message)
        elif is_many(dest):
            fan_out = FanOut(self, dest, message)
            problem = fan_out.deliver()
            full = [
                remote for remote in fan_out.remotes if not remote.has_room(self.pid)
            ]
            for remote in fan_out.remotes:
                if remote not in full:
                    fan_out.emit(remote)
            if full:
                raise trio.WouldBlock
            if problem is not None:
                raise problem
        else:
            way = self.way_to(dest)
            if way is not None and not way.has_room(self.pid):
                raise trio.WouldBlock
            self.send_one(dest, message)

    def way_to(self, dest: Any) -> RemoteNode | None:
        """Return the way to *dest*; None if it is here, or raise if it is none."""
        if dest.__class__ is Pid or dest.__class__ is Reference:
            return self.runtime.remote(dest)
        return self.runtime.locate(dest)[0]

    def send_one(self, dest: Any, message: Any) -> None:
        """Send to one destination, whatever is queued there."""
        runtime = self.runtime
        if dest.__class__ is Reference:
            if dest.node != runtime.name:
                runtime.remote_node(dest.node).send_alias(self.pid, dest, message)
            elif dest.creation == runtime.creation:
                receiver = runtime.aliases.get(dest.words)
                if receiver is not None:
                    receiver.deliver(message)
            return
        remote, target, _ = runtime.locate(dest)
        if remote is None:
            process = runtime.find(target)
            if process is not None:
                process.offer(message)
            elif dest.__class__ is not Pid and (
                not isinstance(dest, tuple) or global_names.is_global(dest)
            ):
                raise NotRegistered(dest)
        elif target.__class__ is Pid:
            remote.send(self.pid, target, message)
        else:
            remote.send_name(self.pid, target, message)  # type: ignore[arg-type]

    async def cast(self, dest: Any, request: Any) -> None:
        """Send a request that wants no answer; ``gen_server:cast``.

        Like :meth:`send`, but a name that nobody has is no error.
        """
        try:  # noqa: SIM105 - suppress() takes longer than the message
            await self.send(dest, (GEN_CAST, request))
        except (NotRegistered, NoProcess):
            pass

    def reply_nowait(self, from_: Any, value: Any) -> RemoteNode | None:
        """Answer a call; *from_* is what ``handle_call`` was given.

        Returns None, or the node it went to if no more should be sent there before
        the node's ``ready()`` has returned.
        """
        try:
            to, tag = from_
        except (TypeError, ValueError):
            # As gen:reply/2 does: who asks in nobody's name gets no answer.
            return None
        dest: Any = reply_alias(tag) or to
        message = (tag, value)
        kind = dest.__class__
        if kind is not Reference and kind is not Pid:
            return None
        runtime = self.runtime
        if dest.node == runtime.name:
            try:
                self.send_one(dest, message)
            except MailboxFull:
                # That the asker takes no more is no error of who answers.
                return None
            return None
        remote = runtime.remote_node(dest.node)
        if kind is Reference:
            remote.send_alias(self.pid, dest, message)
        else:
            remote.send(self.pid, dest, message)
        return None if remote.has_room(self.pid) else remote

    async def reply(self, from_: Any, value: Any) -> None:
        """Answer a call; any process may, once. Waits as :meth:`send` does."""
        full = self.reply_nowait(from_, value)
        if full is not None:
            await full.ready(self.pid)


def is_many(dest: Any) -> bool:
    """Tell a list of destinations from one; ``(name, node)`` is one."""
    if dest.__class__ is Pid or isinstance(dest, str) or dest.__class__ is Reference:
        return False
    if isinstance(dest, tuple):
        return not (dest and isinstance(dest[0], str))
    return isinstance(dest, Iterable)
