"""``global_name_server``: the process that the machine is driven by.

It feeds messages, ends of processes and changes of the cluster to the machine, and
carries out what that wants. With it live the locker and the registrar: it is linked to
them, and none of the three goes on without the others.
"""

from __future__ import annotations

import logging
from functools import partial
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, final

import trio

from etf import Atom, EncodeError

from ...errors import ConnectError, NodeNameError
from ...gen.returns import IGNORE, NOREPLY, Stop
from ...gen.server import GenServer
from ...process.atoms import GEN_CAST
from ...process.messages import Down, ExitMessage, NodeDownMessage, NodeUpMessage
from ...process.node_monitors import NodeFilter
from ...process.reasons import shown
from . import actions as do
from .conflicts import RESOLVE_IT, compare, resolve
from .locker import Locker
from .machine import Machine
from .runs import drive, registrar
from .steps import counts_us_in
from .words import IN_SYNC, MAX_DIALS, MAX_KNOWN

if TYPE_CHECKING:
    from etf import Pid, Reference

    from ...process.process import Process
    from .actions import Action
    from .names import Names
    from .place import Place
    from .words import NamedPid

logger = logging.getLogger("ergopy.globals")

COME_BACK = 1.0
"""Seconds after which a name server that was started again connects again."""


@final
class NameServer(GenServer):
    """The name server of a node that takes part."""

    machine: Machine

    async def init(self) -> Any:
        node = self.process.node
        if not getattr(node, "takes_part", False):
            return IGNORE
        process = self.process
        process.trap_exit = True
        self._place: Place = node.globals.place
        self._monitors: dict[int, Reference] = {}
        self._keys: dict[Reference, int] = {}
        self._checked: set[Atom] = set()
        self._greeted: set[Atom] = set()
        self._sought: set[Atom] = set()
        self._dials = trio.CapacityLimiter(MAX_DIALS)
        self._warned = False
        self._scopes: dict[tuple[Atom, int], trio.CancelScope] = {}
        self._locker: Process = await self._helper(_locker)
        self._registrar: Process = await self._helper(registrar)
        setting = partial(_setting, node)
        self.machine = Machine(
            node.name,
            node.creation,
            self._locker.pid,
            Random(SystemRandom().getrandbits(64)),
            connect_all=setting("connect_all"),
            prevent=setting("prevent_overlapping_partitions"),
        )
        self._place.attach(self.machine, self._registrar)
        connected = node.nodes("visible")
        monitors = process.runtime.node_monitors
        monitors.subscribe(_Ears(process, self._place), NodeFilter())
        if connected:
            # A server has been here before, and what it knew is lost: only who
            # connects anew tells it all.
            for peer in connected:
                node.disconnect(peer)
            self.start_soon(self._come_back, connected)
        return None

    async def _come_back(self, nodes: list[Atom]) -> None:
        # Not before all have told each other that they have lost us.
        await trio.sleep(COME_BACK)
        for node in nodes:
            await self._connect(node)

    async def _helper(self, function: Any) -> Process:
        pid = await self.process.spawn(function, self._place, link=True)
        found = self.process.runtime.find(pid)
        assert found is not None
        return found

    async def terminate(self, reason: Any) -> None:
        self._place.detach(self.machine)

    def format_state(self) -> Any:
        """Show what an operator wants to know."""
        machine = self.machine
        return {
            Atom("known"): dict(machine.cluster.known),
            Atom("pending"): list(machine.cluster.pending),
            Atom("synced"): list(machine.cluster.synced),
            Atom("names"): len(machine.names),
            Atom("locks"): [
                (lock.resource, lock.requester, list(lock.holders))
                for lock in machine.locks
            ],
        }

    async def handle_call(self, request: Any, from_: Any) -> Any:
        if self.machine.call(request, from_):
            self._carry_out()
        else:
            self._refuse("call", request)
        return NOREPLY

    async def handle_cast(self, request: Any) -> None:
        if self.machine.cast(request):
            self._carry_out()
        else:
            self._refuse("message", request)

    async def handle_info(self, message: Any) -> Any:
        machine = self.machine
        match message:
            case Down(ref=ref):
                key = self._keys.pop(ref, None)
                if key is not None:
                    del self._monitors[key]
                    machine.down(key)
            case NodeUpMessage(node):
                machine.node_up(node)
            case NodeDownMessage(node):
                machine.closing = self.process.runtime.closing
                self._place.loss_is_known(node)
                machine.node_down(node)
            case ExitMessage(pid, reason):
                if pid in (self._locker.pid, self._registrar.pid):
                    return Stop((Atom("helper_died"), reason))
            case _Fed(call, args):
                call(*args)
            case (Atom("prepare_shutdown"), from_, ref):
                machine.closing = True
                self.process.reply_nowait((from_, ref), Atom("ok"))
            case _ if not machine.info(message, trio.current_time()):
                self._refuse("message", message)
        self._carry_out()
        return None

    def _refuse(self, what: str, message: Any) -> None:
        # A peer may send any number of them.
        if not self._warned:
            self._warned = True
            text = "global: a %s that is none: %s; later ones are not logged"
            logger.warning(text, what, shown(message))

    def _carry_out(self) -> None:
        """Do what the machine wants done. It never waits."""
        for action in self.machine.actions():
            try:
                self._do(action)
            except (EncodeError, NodeNameError) as error:
                logger.error("global: %s came to nothing: %s", shown(action), error)

    def _do(self, action: Action) -> None:
        match action:
            case do.Send():
                self._place.post(action)
            case do.Reply(from_, value):
                self.process.reply_nowait(from_, value)
            case do.Tell(message):
                self._locker.deliver(message)
            case do.Watch(key, pid):
                ref = self.process.monitor_nowait(pid)
                self._monitors[key], self._keys[ref] = ref, key
            case do.Forget(key):
                known = self._monitors.pop(key, None)
                if known is not None:
                    del self._keys[known]
                    self.process.demonitor(known)
            case do.Resolve(node, tag, names):
                scope = self._scopes[node, tag] = trio.CancelScope()
                self.start_soon(self._resolve, scope, node, tag, names)
            case do.StopResolving(node, tag):
                known_scope = self._scopes.pop((node, tag), None)
                if known_scope is not None:
                    known_scope.cancel()
            case do.Disconnect(node):
                self.node.disconnect(node)
            case do.Rejoin(node):
                self.node.disconnect(node)
                self.start_soon(self._come_back, [node])
            case do.Check(node):
                if node in self.node.nodes("connected"):
                    self._start_once(self._checked, self._check, node)
            case do.Greet(node):
                self._start_once(self._greeted, self._greet, node)
            case do.Seek(node):
                if not self._start_once(self._sought, self._seek, node):
                    self._feed(self.machine.not_found, node)
            case do.Later(seconds, message):
                again = _Fed(self.machine.again, (message,))
                self.process.send_after(seconds, self.process.pid, again)
            case do.Log(level, text, args):
                logger.log(level, text, *args)

    def _start_once(self, under_way: set[Atom], task: Any, node: Atom) -> bool:
        """Do that with a node; return False if it is done with too many already."""
        if node not in under_way:
            if len(under_way) >= MAX_KNOWN:
                return False
            under_way.add(node)
            self.start_soon(task, node)
        return True

    def _feed(self, call: Any, *args: Any) -> None:
        """Let the process itself give something to the machine, in its turn."""
        self.process.deliver(_Fed(call, args))

    async def _resolve(
        self, scope: trio.CancelScope, node: Atom, tag: int, theirs: list[NamedPid]
    ) -> None:
        names: Names = self.machine.names
        with scope:
            ops, resolved = await compare(
                names, self.machine.own < node, theirs, self._ask_owner
            )
            self._scopes.pop((node, tag), None)
            self._feed(self.machine.exchanged, node, tag, ops, resolved)

    async def _ask_owner(self, ours: NamedPid, other: Pid) -> Any:
        name, pid, method = ours
        args = (method, name, other, pid)
        if pid.node == self.machine.own:
            return await resolve(self.process, self._place.methods, args)
        return await self.process.rpc(pid.node, *RESOLVE_IT, list(args), None)

    async def _check(self, node: Atom) -> None:
        steps = counts_us_in(self._place, node, self.machine.is_outside)
        if await drive(self.process, self._place, steps):
            self._feed(self.machine.out_of_step, node)
        self._checked.discard(node)

    async def _greet(self, node: Atom) -> None:
        if await self._connect(node):
            in_sync = (GEN_CAST, (IN_SYNC, self.machine.own, True))
            self._place.post(do.Send(node, in_sync))
        else:
            self._feed(self.machine.unreachable, node)
        self._greeted.discard(node)

    async def _seek(self, node: Atom) -> None:
        if not await self._connect(node):
            self._feed(self.machine.not_found, node)
        self._sought.discard(node)

    async def _connect(self, node: Atom) -> bool:
        async with self._dials:
            try:
                await self.node.connect(node)
            except (ConnectError, NodeNameError):
                return False
        return True


@final
class _Ears:
    """Hears of nodes, for the name server.

    From the moment of a loss on nothing is sent to that node until the name server
    knows of it: what it would say belongs to a connection that is no more, and there
    may be another one already.
    """

    def __init__(self, process: Process, place: Place) -> None:
        self._process = process
        self._place = place

    def deliver(self, message: Any) -> None:
        if not self._process.alive:
            self._process.runtime.node_monitors.unsubscribe(self, NodeFilter())
            return
        if isinstance(message, NodeDownMessage):
            self._place.lost(message.node)
        self._process.deliver(message)


@final
class _Fed(tuple[Any, Any]):
    """For the server from a task of its own: a function of the machine, arguments."""

    __slots__ = ()
    __match_args__ = ("call", "args")

    def __new__(cls, call: Any, args: tuple[Any, ...]) -> _Fed:
        return tuple.__new__(cls, (call, args))

    @property
    def call(self) -> Any:
        return self[0]

    @property
    def args(self) -> Any:
        return self[1]


async def _locker(process: Process, place: Place) -> None:
    """Be the locker."""
    process.trap_exit = False
    locker = Locker(place, process.pid)
    await drive(process, place, locker.run())


def _setting(node: Any, name: str) -> bool:
    """Return a variable of the application ``kernel`` that is true unless set."""
    applications = getattr(node, "applications", None)
    if applications is None:
        return True
    return bool(applications.get_env("kernel", name, True))
