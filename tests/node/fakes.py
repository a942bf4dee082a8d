"""A peer without a socket: what the node layer sends to it, as operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from ergopy.dist.flags import OFFERED_VISIBLE, WITH_HEADER, Flag
from ergopy.dist.link import LinkDecoder, encoder_for
from ergopy.node.dispatch import Dispatcher
from ergopy.node.peer import Peer
from etf import Atom, Pid, Reference
from tests.runtimes import sleeper

if TYPE_CHECKING:
    from ergopy.errors import RemoteProtocolError
    from ergopy.process.runtime import Runtime

PEER = Atom("peer@test")
CREATION = 3
THEIRS = Pid(PEER, 50, 0, CREATION)
OTHERS = Pid(PEER, 51, 0, CREATION)
THIRD = Pid(Atom("third@test"), 50, 0, CREATION)
EMPTY = Atom("")


def their_ref(number: int) -> Reference:
    return Reference(PEER, CREATION, (number, 2, 3))


class Wire:
    """Stands in for a transport; what is written to it is decoded again."""

    def __init__(self, *, header: bool = True) -> None:
        self.decoder = LinkDecoder(header=header)
        self.sent: list[tuple[Any, ...]] = []
        self.closed: str | None = None
        self.cause: Any = Atom("connection_closed")
        self.error: RemoteProtocolError | None = None
        self.queued = 0
        self.high_water = 100
        self.unfinished: set[Any] = set()

    def write(self, frame: bytes, sender: Any = None) -> None:
        if self.closed is not None:
            return
        operations = self.decoder.receive_data(frame)
        assert self.decoder.error is None
        for control, message in operations:
            payload = () if message is None else (message,)
            self.sent.append((*control, *payload))

    def flush(self) -> None: ...

    def post(self, frame: bytes, sender: Any) -> None:
        self.write(frame, sender)

    def has_room(self, sender: Any = None) -> bool:
        return self.queued < self.high_water and sender not in self.unfinished

    async def room(self, sender: Any = None) -> None:
        while not self.has_room(sender) and self.closed is None:
            await trio.lowlevel.checkpoint()

    def close(self, reason: str, cause: Any = None) -> None:
        if self.closed is None:
            self.closed = reason
            self.cause = cause

    def fail(self, error: RemoteProtocolError) -> None:
        self.error = self.error or error
        self.close(str(error))


class Dialler:
    """Dials on request; the test says how it ends, with ``peer.up`` or ``lost``."""

    def __init__(self) -> None:
        self.dialled = 0
        self.ended = trio.Event()

    async def dial(self, peer: Peer) -> bool:
        self.dialled += 1
        await self.ended.wait()
        return peer.transport is not None

    def dial_soon(self, peer: Peer) -> None:
        self.dialled += 1


class Resolver:
    """Answers, or raises, what it was made with; a list one by one."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked = 0

    async def resolve(self, node: str) -> Any:
        self.asked += 1
        await trio.lowlevel.checkpoint()
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, list):
            return self.answer.pop(0)
        if self.answer == "never":
            await trio.sleep_forever()
        return self.answer


class FakePeer:
    """A real :class:`Peer` on a :class:`Wire`."""

    def __init__(self, runtime: Runtime, name: Atom = PEER) -> None:
        self.dialler = Dialler()
        self.peer = Peer(name, runtime, self.dialler, high_water=10_000)
        runtime._remote_node = lambda _: self.peer
        self.wire = Wire()

    def connect(self, flags: Flag = OFFERED_VISIBLE, creation: int = CREATION) -> Wire:
        wire: Any = Wire(header=bool(flags & WITH_HEADER))
        self.wire = wire
        self.peer.up(wire, encoder_for(flags), creation, flags)
        return self.wire

    def sent(self) -> list[tuple[Any, ...]]:
        """Return what was sent since the last time, and forget it."""
        sent, self.wire.sent = self.wire.sent, []
        return sent

    def assert_nothing_is_kept(self) -> None:
        peer = self.peer
        for table in (peer.monitors, peer.watches, peer.spawns, peer.links):
            assert not table
        assert not peer.waiting
        assert peer._queued == 0


class Scene:
    """A connected peer, a process of ours called bob, and an alias of it."""

    def __init__(self, fake: FakePeer, runtime: Runtime) -> None:
        self.fake = fake
        self.runtime = runtime
        self.spawns: list[Any] = []
        self.dispatcher = Dispatcher(
            fake.peer, runtime, lambda _, control, args: self.spawns.append(control)
        )
        self.bob = sleeper(runtime, name="bob")
        self.bob.trap_exit = True
        self.alias = self.bob.alias()

    @property
    def pid(self) -> Pid:
        return self.bob.pid

    def old(self, pid: Pid) -> Pid:
        """The pid of another start of the same node."""
        return Pid(pid.node, pid.id, pid.serial, pid.creation + 1)

    def arrive(self, control: tuple[Any, ...], message: Any = None) -> None:
        self.dispatcher.deliver([(control, message)])

    @property
    def closed(self) -> str | None:
        return self.fake.wire.closed

    def link(self, state: int | None) -> None:
        if state is not None:
            self.fake.peer.add_link(self.bob, THEIRS)
            self.bob.links[THEIRS] = state
