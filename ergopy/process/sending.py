"""Sending as one process: messages, casts, replies and delayed messages."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import trio

from etf import Pid, Reference

from ..errors import NotRegistered
from .atoms import GEN_CAST, TIMEOUT
from .calls import reply_alias
from .signals import Signals

if TYPE_CHECKING:
    from .signals import RemoteNode
    from .timers import Timer

logger = logging.getLogger("ergopy.process")


class Sender(Signals):
    """What can be held on to, and sends."""

    __slots__ = ()

    async def send(self, dest: Any, message: Any) -> None:
        """Send *message*, connecting if need be; ``Dest ! Message``.

        *dest* is a pid, an alias, a local name, ``(name, node)``, or a list of these.
        It waits while more than the high-water mark of bytes is queued for that node;
        the BEAM suspends senders likewise. A node that cannot be reached, a dead pid
        and an unknown remote name swallow the message, as they do on the BEAM.
        It is a checkpoint if it has to wait, and once in some thousand times.

        Raises:
            NotRegistered: A local name that nobody has (``badarg`` there). Of several
                destinations the other ones have got the message.
            etf.EncodeError: The message is no Erlang term. Nothing was sent.
        """
        self.budget = budget = self.budget - 1
        if budget <= 0:
            await self.let_others_run()
        if _is_many(dest):
            remotes, missing = self._send_local(dest, message)
            for remote, targets in remotes.items():
                if await self._admit(remote):
                    remote.send_many(self.pid, targets, message)
            if missing is not None:
                raise missing
            return
        way = self._way(dest)
        if way is not None and not await self._admit(way):
            return
        self._send(dest, message)

    async def _admit(self, remote: RemoteNode) -> bool:
        """Wait until a signal may go to *remote*; return False if it cannot.

        A process waits only while too much is queued: a node that is not connected is
        dialled meanwhile, and must not hold up a server. The node itself waits for
        the connection as well, so that a script that sends and ends has sent.
        """
        if remote.is_ready() or (self is not self.runtime.root and remote.has_room()):
            return True
        return await remote.ready()

    def send_nowait(self, dest: Any, message: Any) -> None:
        """Send without ever waiting; ``erlang:send(Dest, Message, [nosuspend])``.

        To a node that is not connected it starts a connection and queues the message.

        Raises:
            trio.WouldBlock: The queue for that node is above its high-water mark.
                Of several destinations the other ones have got the message.
            NotRegistered: A local name that nobody has.
            etf.EncodeError: The message is no Erlang term. Nothing was sent.
        """
        if dest.__class__ is Pid and dest.node != self.runtime.name:
            remote = self.runtime.remote_node(dest.node)
            if not remote.has_room():
                raise trio.WouldBlock
            remote.send(self.pid, dest, message)
        elif _is_many(dest):
            remotes, missing = self._send_local(dest, message)
            full = [remote for remote in remotes if not remote.has_room()]
            for remote, targets in remotes.items():
                if remote not in full:
                    remote.send_many(self.pid, targets, message)
            if full:
                raise trio.WouldBlock
            if missing is not None:
                raise missing
        else:
            way = self._way(dest)
            if way is not None and not way.has_room():
                raise trio.WouldBlock
            self._send(dest, message)

    def _way(self, dest: Any) -> RemoteNode | None:
        if dest.__class__ is Pid or dest.__class__ is Reference:
            return self.runtime.remote(dest)
        return self.runtime.locate(dest)[0]

    def _send_local(
        self, dests: Iterable[Any], message: Any
    ) -> tuple[dict[RemoteNode, list[Any]], NotRegistered | None]:
        """Send to those of *dests* that are here; return the others by node."""
        remotes: dict[RemoteNode, list[Any]] = {}
        missing = None
        for dest in dests:
            way = self._way(dest)
            if way is not None:
                target = dest if dest.__class__ is Reference else None
                targets = remotes.setdefault(way, [])
                targets.append(target or self.runtime.locate(dest)[1])
                continue
            try:
                self._send(dest, message)
            except NotRegistered as error:
                missing = error
        return remotes, missing

    def _send(self, dest: Any, message: Any) -> None:
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
                process.deliver(message)
            elif dest.__class__ is not Pid and not isinstance(dest, tuple):
                raise NotRegistered(dest)
        elif target.__class__ is Pid:
            remote.send(self.pid, target, message)
        else:
            remote.send_name(self.pid, target, message)  # type: ignore[arg-type]

    async def cast(self, dest: Any, request: Any) -> None:
        """Send a request that wants no answer; ``gen_server:cast``.

        Like :meth:`send`, but a name that nobody has is no error.
        """
        with suppress(NotRegistered):
            await self.send(dest, (GEN_CAST, request))

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
            self._send(dest, message)
            return None
        remote = runtime.remote_node(dest.node)
        if kind is Reference:
            remote.send_alias(self.pid, dest, message)
        else:
            remote.send(self.pid, dest, message)
        return None if remote.has_room() else remote

    async def reply(self, from_: Any, value: Any) -> None:
        """Answer a call; any process may, once. Waits as :meth:`send` does."""
        full = self.reply_nowait(from_, value)
        if full is not None:
            await full.ready()

    def send_after(self, seconds: float, dest: Any, message: Any) -> Timer:
        """Send *message* in *seconds*; ``erlang:send_after/3``, in seconds.

        The timer's ``cancel()`` and ``read()`` return the seconds left, or None. If
        the destination is gone by then the message is dropped. A name is looked up
        only then. The end of the sender does not stop the timer.

        Raises:
            ValueError: The time is negative.
            LocalProtocolError: *dest* is nothing that can be a destination.
        """
        if not seconds >= 0:
            raise ValueError(f"a time is a number of seconds, not {seconds!r}")
        for one in dest if _is_many(dest) else (dest,):
            self._way(one)
        return self.runtime.timers.start(seconds, lambda: self._late(dest, message))

    def start_timer(self, seconds: float, dest: Any, message: Any) -> Timer:
        """Send ``{timeout, TimerRef, Message}`` in *seconds*; ``erlang:start_timer/3``.

        Otherwise like :meth:`send_after`. The reference, in the timer's ``ref``, tells
        a timeout of this timer from one of a timer that was cancelled too late.
        """
        ref = self.runtime.new_reference()
        timer = self.send_after(seconds, dest, (TIMEOUT, ref, message))
        timer.ref = ref
        return timer

    def _late(self, dest: Any, message: Any) -> None:
        try:
            self.send_nowait(dest, message)
        except (NotRegistered, trio.WouldBlock):
            return
        except Exception:
            # There is no caller any more that could be told.
            logger.exception("a delayed message to %r was lost", dest)


def _is_many(dest: Any) -> bool:
    """Tell a list of destinations from one; ``(name, node)`` is one."""
    if dest.__class__ is Pid or isinstance(dest, str) or dest.__class__ is Reference:
        return False
    if isinstance(dest, tuple):
        return not (dest and isinstance(dest[0], str))
    return isinstance(dest, Iterable)
