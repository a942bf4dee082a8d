"""Who has subscribed to what on a node, and the sending to all nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final, overload

from etf import Atom, Pid

from ...errors import LocalProtocolError, NoProcess
from ...gen.caller import acting
from ...node.stream import LIMIT
from ...process.context import self as running
from .messages import TopicMessages
from .phoenix import Broadcast

if TYPE_CHECKING:
    from ...process.process import Process
    from ...process.runtime import Runtime

SCOPE = Atom("Elixir.Phoenix.PubSub")
"""The scope of pg, and the name of the plain dispatcher."""

CHANNEL = Atom("Elixir.Phoenix.Channel.Server")
"""The dispatcher of what is for channels."""

FORWARD = Atom("forward_to_local")


def module_name(name: str) -> Atom:
    """Return the atom of an Elixir module, named with or without ``Elixir.``.

    Raises:
        ValueError: It is no name.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"the name of a PubSub is text, not {name!r}")
    whole = not name[0].isupper() or name.startswith("Elixir.")
    return Atom(name if whole else f"Elixir.{name}")


@final
class Topics:
    """The topics of a :class:`ergopy.PubSub`, for any code on its node.

    ``PubSub.of(name)`` gives it. It is good for as long as the node is up:
    subscriptions stay when the PubSub is started again. A topic is text.
    """

    def __init__(self, node: Any, name: Atom) -> None:
        self._node = node
        self.runtime: Runtime = node.runtime
        self.name = name
        """The name of the PubSub, an Elixir module."""
        self.adapter = Atom(f"{name}.Adapter")
        """The name of its group in pg, and of the first worker."""
        self._pg = node.pg(SCOPE)
        self._groups = [self.adapter]
        self._subscribers: dict[bytes, list[Any]] = {}
        self._topics_of: dict[Process, set[bytes]] = {}

    def __repr__(self) -> str:
        return f"<Topics of {self.name} on {self.runtime.name}>"

    def serve(self, groups: list[Atom]) -> None:
        """Send to these groups from now on. For the process of the PubSub."""
        self._groups = groups

    def node_name(self) -> Atom:
        """Return the name of the node; ``Phoenix.PubSub.node_name/1``."""
        return self.runtime.name

    @overload
    def subscribe(self, topic: str | bytes, *, limit: int = ...) -> TopicMessages: ...

    @overload
    def subscribe(self, topic: str | bytes, to: Any) -> None: ...

    def subscribe(
        self, topic: str | bytes, to: Any = None, *, limit: int = LIMIT
    ) -> TopicMessages | None:
        """Subscribe to a topic; ``Phoenix.PubSub.subscribe/2``.

        ::

            async with topics.subscribe("room:1") as messages:
                async for message in messages:
                    ...

            topics.subscribe("room:1", self)  # in a behaviour: to its mailbox

        A process that subscribes twice gets each message twice, as there. It ends
        with the process, or with :meth:`unsubscribe`.

        Args:
            topic: Which.
            to: A process of this node, a behaviour or a pid: messages come to its
                mailbox. Without it, they come to the loop, from when the block is
                entered until it is left.
            limit: How many may wait for a slow loop; the oldest go.

        Raises:
            NoProcess: The process has ended.
            LocalProtocolError: A program has no mailbox: leave *to* out.
        """
        key = _key(topic)
        if to is None:
            return TopicMessages(self, key, limit)
        process = self._reader(to)
        if not process.alive:
            raise NoProcess(process.pid)
        topics = self._topics_of.get(process)
        if topics is None:
            topics = self._topics_of[process] = set()
            process.claim(self, _Gone(self, process))
        topics.add(key)
        self.add(key, process)
        return None

    def unsubscribe(self, topic: str | bytes, to: Any) -> None:
        """End all subscriptions of a process to a topic; ``unsubscribe/2``.

        What has come already stays in its mailbox.
        """
        key = _key(topic)
        process = self._reader(to)
        topics = self._topics_of.get(process)
        if topics is None or key not in topics:
            return
        self.remove(key, process)
        topics.discard(key)
        if not topics:
            del self._topics_of[process]
            process.unclaim(self)

    async def broadcast(
        self,
        topic: str | bytes,
        message: Any,
        *,
        dispatcher: str = SCOPE,
        caller: Any = None,
    ) -> None:
        """Send to the subscribers of all nodes; ``broadcast/4``.

        It is encoded once, and sent to each node once. It waits only as
        ``Process.send`` does: while too much is queued for a node.

        Args:
            topic: To whom.
            message: Any term. Subscribers of this node get the object itself.
            dispatcher: The module that hands it out over there.
            caller: Who sends, for the order of messages: by default the process that
                runs this, or the node.

        Raises:
            etf.EncodeError: It is no term. Nothing was sent.
        """
        await self._to_others(topic, message, dispatcher, caller)
        self._dispatch(_key(topic), message)

    async def broadcast_from(
        self,
        from_: Any,
        topic: str | bytes,
        message: Any,
        *,
        dispatcher: str = SCOPE,
        caller: Any = None,
    ) -> None:
        """Send to all but *from_*; ``broadcast_from/5``.

        *from_* is a process, a behaviour, a pid, or what :meth:`subscribe` gave.
        """
        await self._to_others(topic, message, dispatcher, caller)
        self._dispatch(_key(topic), message, from_)

    def local_broadcast(self, topic: str | bytes, message: Any) -> None:
        """Send to the subscribers of this node only; it never waits."""
        self._dispatch(_key(topic), message)

    def local_broadcast_from(
        self, from_: Any, topic: str | bytes, message: Any
    ) -> None:
        """Send to those of this node but *from_*; it never waits."""
        self._dispatch(_key(topic), message, from_)

    async def direct_broadcast(
        self,
        node: str,
        topic: str | bytes,
        message: Any,
        *,
        dispatcher: str = SCOPE,
        caller: Any = None,
    ) -> None:
        """Send to the subscribers of one node; ``direct_broadcast/5``.

        A node that is not there, or has no such PubSub, swallows it.
        """
        if node == self.runtime.name:
            self._dispatch(_key(topic), message)
            return
        process = self._sender(caller)
        there = [pid for pid in self._workers(process) if pid.node == node]
        forward = (FORWARD, _key(topic), message, module_name(dispatcher))
        await process.send(there or (self.adapter, node), forward)

    async def broadcast_channel(
        self,
        topic: str | bytes,
        event: str,
        payload: Any,
        *,
        from_: Any = None,
        caller: Any = None,
    ) -> None:
        """Push an event to the browsers that have joined a channel of this topic.

        ``MyAppWeb.Endpoint.broadcast(topic, event, payload)``: a LiveView or a process
        that has subscribed to the topic gets ``%Phoenix.Socket.Broadcast{}``, and one
        in Python a :class:`ergopy.phoenix.Broadcast`. *payload* is a map; plain
        strings are text there.
        """
        text = topic.decode() if isinstance(topic, bytes) else topic
        message = Broadcast(text, event, payload)
        await self.broadcast_from(
            from_, topic, message, dispatcher=CHANNEL, caller=caller
        )

    def add(self, topic: bytes, subscriber: Any) -> None:
        """Let *subscriber* have the messages of a topic, once more."""
        self._subscribers.setdefault(topic, []).append(subscriber)

    def remove(self, topic: bytes, subscriber: Any) -> None:
        """Let it have none."""
        left = [
            each for each in self._subscribers.get(topic, ()) if each is not subscriber
        ]
        if left:
            self._subscribers[topic] = left
        else:
            self._subscribers.pop(topic, None)

    def forward(self, topic: Any, message: Any) -> None:
        """Hand out what another node has sent."""
        if isinstance(topic, (bytes, str)) and not isinstance(topic, Atom):
            self._dispatch(_key(topic), message)

    def gone(self, process: Process) -> None:
        """Hear that a subscriber ends."""
        for topic in self._topics_of.pop(process, ()):
            self.remove(topic, process)

    def _dispatch(self, topic: bytes, message: Any, but: Any = None) -> None:
        subscribers = self._subscribers.get(topic)
        if not subscribers:
            return
        if but is not None and not isinstance(but, TopicMessages):
            but = self.runtime.find(_pid(but))
        for subscriber in list(subscribers):
            if subscriber is not but:
                subscriber.deliver(message)

    async def _to_others(
        self, topic: str | bytes, message: Any, dispatcher: str, caller: Any
    ) -> None:
        process = self._sender(caller)
        workers = self._workers(process)
        if workers:
            forward = (FORWARD, _key(topic), message, module_name(dispatcher))
            await process.send(workers, forward)

    def _workers(self, process: Process) -> list[Pid]:
        """Return one worker of each other node, the same for all that *process* sends.

        A node whose pool is smaller than ours has at least the first one.
        """
        groups = self._groups
        group = groups[process.pid.id % len(groups)]
        workers = self._others(group)
        if group is not self.adapter:
            nodes = {pid.node for pid in workers}
            first = self._others(self.adapter)
            workers.extend(pid for pid in first if pid.node not in nodes)
        return workers

    def _others(self, group: Atom) -> list[Pid]:
        own = self.runtime.name
        return [pid for pid in self._pg.members(group) if pid.node != own]

    def _sender(self, caller: Any) -> Process:
        if caller is not None:
            return acting(caller)
        try:
            process = running()
        except LocalProtocolError:
            return self.runtime.root
        return process if process.runtime is self.runtime else self.runtime.root

    def _reader(self, to: Any) -> Process:
        pid = _pid(to)
        process = self.runtime.find(pid)
        if process is None:
            raise NoProcess(pid)
        if process is self.runtime.root:
            raise LocalProtocolError(
                "a node reads no mail: async with topics.subscribe(topic)"
            )
        return process


@final
class _Gone:
    """Hears that a subscriber ends."""

    __slots__ = ("_process", "_topics")

    def __init__(self, topics: Topics, process: Process) -> None:
        self._topics = topics
        self._process = process

    def fire(self, reason: Any) -> None:
        self._topics.gone(self._process)


def _key(topic: str | bytes) -> bytes:
    if isinstance(topic, str) and not isinstance(topic, Atom):
        return topic.encode()
    if isinstance(topic, bytes):
        return topic
    raise TypeError(f"a topic is text, not {topic!r}")


def _pid(it: Any) -> Pid:
    if isinstance(it, Pid):
        return it
    pid = getattr(it, "pid", None)
    if not isinstance(pid, Pid):
        raise TypeError(f"a subscriber is a process, a behaviour or a pid, not {it!r}")
    return pid
