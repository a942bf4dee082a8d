"""What the processes of one node share: tables, references, timers, the flush list.

The runtime knows no sockets. Other nodes are :class:`~.signals.RemoteNode` objects
that ``remote_node`` hands out; a runtime without one is a lone node.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any, Protocol

import trio

from etf import Atom, DecodeOptions, EncodeOptions, Pid, Reference
from etf._types import new_pid, new_reference

from ..errors import LocalProtocolError, NameTaken, NotRegistered, SystemLimit
from ..errors.text import shown
from . import configured, global_names
from .atoms import UNDEFINED
from .limits import LimitedProcess, MailboxLimit
from .node_monitors import NodeMonitors
from .process import Process
from .runner import Life
from .timers import Timers
from .via import Via

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ..abc import NameRegister
    from .configured import Copier, CopyPolicy, ProcessConfig
    from .global_names import GlobalNames
    from .message_timers import MessageTimer
    from .signals import Receiver, RemoteNode
    from .tracing import Tracer

logger = logging.getLogger("ergopy.process")

_MAX_ID = (1 << 28) - 1

MAX_THREADS = 40
"""Threads that the processes of one node use at a time for ``run_sync``."""


_ENCODE, _DECODE = EncodeOptions(), DecodeOptions()

MAX_PROCESSES = 262_144
"""Processes that a node may have at a time, as a BEAM does by default."""


class Flushable(Protocol):
    """Something that holds frames until the current step is over."""

    def flush(self) -> None:
        """Hand them to the kernel, as far as it takes them. Never waits."""


class Runtime:
    """The process table of a node, and all that hangs on it."""

    def __init__(
        self,
        name: str,
        creation: int,
        remote_node: Callable[[str], RemoteNode] | None = None,
        owner: object = None,
        *,
        config: ProcessConfig | None = None,
        max_processes: int = MAX_PROCESSES,
        copiers: Mapping[CopyPolicy, Copier] | None = None,
    ) -> None:
        self.owner = owner
        """The node, for ``process.node``."""
        self.name = Atom(name)
        self.creation = creation
        self.processes: dict[int, Process] = {}
        self.names: dict[str, Process] = {}
        self.registers: dict[int, NameRegister] = {}
        """What processes of the node keep names for others, by the ids of these."""
        self.globals: GlobalNames | None = None
        """What keeps the names of the cluster."""
        self.aliases: dict[tuple[int, ...], Receiver] = {}
        self.encode_options = _ENCODE
        """How terms leave the node, and are kept."""
        self.decode_options = _DECODE
        """What they become when they arrive, or are read again."""
        self.timers = Timers()
        self.message_timers: dict[tuple[int, ...], MessageTimer] = {}
        self.nursery: trio.Nursery | None = None
        self.closing = False
        """Set when the node ends: no process can be started any more."""
        self.services: frozenset[int] = frozenset()
        """Ids of the processes of the node itself, which end last."""
        self.release_of: Callable[[str], Awaitable[int | None]] = _unknown
        """Finds out the OTP release of a node; None if it is not to be had."""
        self.node_watchers: list[Callable[[str, bool], object]] = []
        self.node_monitors = NodeMonitors(self.timers, self.remote_node)
        self.current: object = None
        """The process (or connection) whose step runs now; it will flush after it."""
        self.dirty: list[Flushable] = []
        self.starting = False
        """Set when a process begins: its first step is a turn away, and will flush."""
        self._remote_node = remote_node
        self.tracer: Tracer | None = None
        """Whom the instruments of this node belong to, while there are any."""
        self._next_id = 0
        self._serial = 0
        self.references = 0
        """How many references were made."""
        self._salt = secrets.randbits(32)
        self.spawned = 0
        self.limiter = trio.CapacityLimiter(MAX_THREADS)
        self.max_processes = max_processes
        self.copiers = configured.copiers() if copiers is None else copiers
        self.root: Process = configured.make_root(self, config)
        """Who sends when the node itself does."""
        self.processes[self.root.pid.id] = self.root

    def spawn(
        self,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        *,
        name: str | Via | None = None,
        parent: Process | None = None,
        label: str | None = None,
        mailbox: MailboxLimit | None = None,
        config: ProcessConfig | None = None,
    ) -> Process:
        """Put a process into the table and start its task; the body runs later.

        Raises:
            NameTaken: The name is in use; nothing was started.
            NotPermitted: Whoever starts it may not do so.
            SystemLimit: There are too many processes.
            LocalProtocolError: The node is not running.
        """
        process = self.create(
            function,
            name=name,
            parent=parent,
            label=label,
            mailbox=mailbox,
            config=config,
        )
        self.begin(process, function, args)
        return process

    def create(
        self,
        function: Callable[..., Awaitable[Any]],
        *,
        name: str | Via | None = None,
        parent: Process | None = None,
        label: str | None = None,
        mailbox: MailboxLimit | None = None,
        config: ProcessConfig | None = None,
    ) -> Process:
        """Put a process into the table, to be linked and the like before it runs."""
        if self.nursery is None or self.closing:
            raise LocalProtocolError(f"node {self.name} is not running")
        if global_names.as_global(name) is not None:
            raise LocalProtocolError(
                f"{name!r} is for start(), which waits until the cluster knows it"
            )
        if isinstance(name, Via):
            name.check_free(self)
        elif name is not None:
            name = self.check_free(name)
        parent = parent or self.root
        parent.check_not_over()
        called = label or name or str(getattr(function, "__qualname__", function))
        label = repr(called) if isinstance(called, Via) else called
        if len(self.processes) >= self.max_processes:
            raise SystemLimit(self.name, self.max_processes)
        starter = self._starter(parent)
        if config is not None or starter.config is not None:
            named = name is not None
            process: Process = configured.make(
                self, label, parent.pid, starter, config, mailbox, named
            )
        elif mailbox is None:
            process = Process(self, label, parent.pid)
        else:
            process = LimitedProcess(self, label, parent.pid, mailbox)
        process.group_leader = parent.group_leader
        process.environment = parent.environment
        process.supervisor = parent.supervisor
        self.processes[process.pid.id] = process
        self.spawned += 1
        if isinstance(name, Via):
            self._name_elsewhere(process, name)
        elif name is not None:
            self._name(process, name)
        if isinstance(process, configured.Configured):
            configured.begin(process)
        if self.tracer is not None:
            self.tracer.started(process)
        return process

    def _starter(self, parent: Process) -> Process:
        """Say whose rights count: that of a process when its node acts for it."""
        running = self.current
        if parent is self.root and isinstance(running, Process):
            return running
        return parent

    def begin(
        self,
        process: Process,
        function: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
    ) -> None:
        """Start the task of a process that :meth:`create` made."""
        assert self.nursery is not None
        self.starting = True
        self.nursery.start_soon(Life, process, function, args, name=process.label)

    def new_pid(self) -> Pid:
        """Return a pid that no living process has, and none had for a long time."""
        while True:
            self._next_id += 1
            if self._next_id > _MAX_ID:
                self._next_id = 1
                self._serial = (self._serial + 1) & 0xFFFFFFFF
            if self._next_id not in self.processes:
                return new_pid(self.name, self._next_id, self._serial, self.creation)

    def new_reference(self) -> Reference:
        """Return a reference; they repeat after 2**50 (and differ between starts)."""
        self.references = n = self.references + 1
        words = (n & 0x3FFFF, (n >> 18) & 0xFFFFFFFF, self._salt)
        return new_reference(self.name, self.creation, words)

    def number_of(self, ref: Reference) -> int:
        """Return how many references were made before and with *ref*; 0: not ours."""
        words = ref.words
        if ref.node != self.name or len(words) != 3 or words[2] != self._salt:
            return 0
        return words[0] | words[1] << 18

    def find(self, target: Pid | str) -> Process | None:
        """Return the living local process with that pid or name, or None."""
        if target.__class__ is Pid:
            process = self.processes.get(target.id)
            if process is None or not (process.pid is target or process.pid == target):
                return None
            return process
        return self.names.get(target)  # type: ignore[arg-type]

    def is_local(self, node: str) -> bool:
        """Tell whether *node* is this one."""
        return node == self.name

    def remote(self, target: Pid | Reference) -> RemoteNode | None:
        """Return the way to the node of a pid or reference; None if it is ours.

        An old incarnation of this node is ours as well: nobody is there any more.

        Raises:
            LocalProtocolError: *target* is neither.
        """
        try:
            node = target.node
        except AttributeError:
            raise LocalProtocolError(
                f"not a pid or an alias: {target!r} (whereis gives the pid of a name)"
            ) from None
        return None if node == self.name else self.remote_node(node)

    def remote_node(self, node: str) -> RemoteNode:
        """Return the way to *node*, connected or not."""
        if self._remote_node is None:
            raise LocalProtocolError(f"{self.name} is not distributed")
        return self._remote_node(node)

    def exchange_ways(
        self, remote_node: Callable[[str], RemoteNode] | None
    ) -> Callable[[str], RemoteNode] | None:
        """Find other nodes by another function; return the one that did so before."""
        former, self._remote_node = self._remote_node, remote_node
        return former

    def locate(self, dest: Any) -> tuple[RemoteNode | None, Pid | str, Any]:
        """Say where *dest* lives: the way there, whom to name there, how to report it.

        Raises:
            LocalProtocolError: *dest* is nothing that can be a destination.
        """
        if dest.__class__ is Pid:
            return self.remote(dest), dest, dest
        if isinstance(dest, str):
            return None, dest, (Atom(dest), self.name)
        if isinstance(dest, tuple) and len(dest) == 2:
            name, node = dest
            if isinstance(name, str) and isinstance(node, str) and "@" in node:
                way = None if node == self.name else self.remote_node(node)
                return way, name, (Atom(name), Atom(node))
            if name == "global":
                return global_names.locate(self, dest)
            if isinstance(name, str) and isinstance(node, str):
                raise LocalProtocolError(
                    f"{dest!r}: a node is named with its host, as in 'a@127.0.0.1'"
                )
        if dest.__class__ is Via:
            pid = dest.whereis(self)
            if pid is None:
                return None, UNDEFINED, dest.__etf__()
            return self.remote(pid), pid, pid
        raise LocalProtocolError(f"not a pid, name or (name, node): {shown(dest)}")

    def register(self, name: str, pid: Pid) -> None:
        """Give *pid* a name, as ``erlang:register/2``, but several are allowed.

        Raises:
            NameTaken: Another process has the name.
            NotRegistered: *pid* is no living process of this node.
            ValueError: The name is ``undefined``, or no possible atom.
        """
        process = self.find(pid)
        if process is None:
            raise NotRegistered(repr(pid))
        atom = self.check_free(name)
        self._name(process, atom)
        if self.tracer is not None:
            self.tracer.tell("name_registered", process, atom)

    def check_free(self, name: str) -> Atom:
        """Return the name as an atom, or raise as :meth:`register` does."""
        atom = Atom(name)
        if atom == "undefined":
            raise ValueError("the name 'undefined' means that there is none")
        owner = self.names.get(atom)
        if owner is not None:
            raise NameTaken(name, owner.pid)
        return atom

    def _name(self, process: Process, name: str) -> None:
        self.names[name] = process
        process.names += (name,)

    def _name_elsewhere(self, process: Process, name: Via) -> None:
        try:
            name.claim_for(process)
        except BaseException:
            del self.processes[process.pid.id]
            raise

    def unregister(self, name: str) -> None:
        """Take a name away from its process, which lives on.

        Raises:
            NotRegistered: Nobody has it.
        """
        process = self.names.pop(name, None)
        if process is None:
            raise NotRegistered(name)
        process.names = tuple(n for n in process.names if n != name)
        if self.tracer is not None:
            self.tracer.tell("name_unregistered", process, name)

    def whereis(self, name: str) -> Pid | None:
        """Return the pid behind a local name, or None.

        It is never one that has ended; one that is cleaning up still has its name.
        """
        process = self.names.get(name)
        return None if process is None else process.pid

    def node_changed(
        self, name: Atom, *, up: bool, hidden: bool = False, reason: Any = None
    ) -> None:
        """Tell the watchers of nodes that a connection came up or was lost."""
        if up:
            self.node_monitors.up(name, hidden=hidden)
        else:
            self.node_monitors.down(name, hidden=hidden, reason=reason)
        for watcher in list(self.node_watchers):
            try:
                watcher(name, up)
            except Exception:
                logger.exception("a watcher of nodes failed on %s", name)

    def flush(self) -> None:
        """Hand what was written in this step to the kernel. Never waits."""
        dirty = self.dirty
        while dirty:
            dirty.pop().flush()


async def _unknown(_: str) -> None:
    """Know no release of any node."""
