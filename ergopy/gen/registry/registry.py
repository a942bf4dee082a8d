"""Registry: processes under keys of any kind, found without a message.

It is four things in one: Elixir's ``Registry`` (unique and duplicate keys, values,
listeners, match specifications, via names), Discord's ``GenRegistry`` and hydra's
registry (start the process of a key if it is not there), and a small register of
leases. What changes or reads the table runs in the code that asks, in one step, because
a node has one thread: there is no moment in which a process that is known to end is
found, and none in which two are under one key. The process of the registry starts and
ends what it has started, and answers to other nodes; see ``server``.
"""

from __future__ import annotations

import contextvars
import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ...errors import NoProcess
from ..caller import acting
from ..supervisor.reading import as_spec
from ..supervisor.spec import ChildSpec
from .answers import Answers
from .keys import mark_of
from .leases import Leases
from .listeners import Listeners
from .names import atom_of
from .server import RegistryServer
from .stops import Stops
from .waiting import check_timeout

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractAsyncContextManager

    from etf import Pid

    from ...process.init_ack import Acknowledge
    from ...process.process import Process

MAX_ENTRIES = 1_000_000
MAX_KEY_SIZE = 65_536


class Registry(Stops):
    """A registry of processes by key; start it with ``start``, as a behaviour.

    ::

        await node.start(ergopy.Registry, name="users", start=User)
        users = ergopy.Registry.of("users", caller=node)
        pid = await users.lookup_or_start("bob", "bob@example.org")
        assert users.lookup("bob") == pid

    Its name is the name of its process, and there is no other one. Under a supervisor
    that is also its id, and its type is ``supervisor``.

    Args:
        start: What to start for a key that nobody has: a behaviour or an ``async def``
            as for ``node.spawn``, or an :class:`ergopy.ChildSpec`; or override
            :meth:`start_process`. Without it nothing is started. Only the program says
            this: a peer chooses keys and arguments.
        keys: ``"unique"``, or ``"duplicate"`` for any number of entries per key.
        shutdown: How the started processes end with the registry: ``"brutal_kill"``,
            ``"infinity"``, or seconds that all of them have together; by default what
            the specification of *start* says, which is 5 seconds for a class. All of
            them are told at once.
        listeners: Who is to hear of each registration; see :meth:`subscribe`.
        partitions: Taken as Elixir takes it, and without effect: one thread needs none.
        meta: The first metadata, a dict; see :meth:`put_meta`.
        max_entries: How many entries there can be, starts under way included.
        max_key_size: Bytes that a key of a peer may have, encoded, and a value, too.
        start_timeout: Seconds that a start may take; past it what is there is killed.
        abandoned: What becomes of a start for which nobody waits any more: ``"keep"``
            or ``"abort"``.
    """

    child_defaults: ClassVar[dict[str, Any]] = {"type": "supervisor"}

    def __init__(
        self,
        *,
        start: Any = None,
        keys: str = "unique",
        shutdown: float | str | None = None,
        listeners: Iterable[Any] = (),
        partitions: int = 1,
        meta: dict[Any, Any] | None = None,
        max_entries: int = MAX_ENTRIES,
        max_key_size: int = MAX_KEY_SIZE,
        start_timeout: float = math.inf,
        abandoned: str = "keep",
    ) -> None:
        if keys not in ("unique", "duplicate"):
            raise ValueError(f"keys= is 'unique' or 'duplicate', not {keys!r}")
        if abandoned not in ("keep", "abort"):
            raise ValueError(f"abandoned= is 'keep' or 'abort', not {abandoned!r}")
        if start is not None and keys != "unique":
            raise ValueError("only with unique keys there is one process to start")
        if partitions < 1 or max_entries < 1 or not start_timeout > 0:
            raise ValueError("partitions, max_entries and start_timeout are above 0")
        super().__init__(unique=keys == "unique", max_entries=max_entries)
        self.partitions = partitions
        self.max_key_size = max_key_size
        self.forced = 0
        """How many processes had to be killed when the registry ended."""
        self.waiting_requests = 0
        """How many requests to its process wait for a start or an end."""
        self._spec = None if start is None else as_spec(start)
        reported = self._spec or ChildSpec(type(self).start_process)
        if shutdown is not None:
            reported = reported.replace(shutdown=shutdown)
        self._child_spec = reported.replace(restart="temporary")
        self._first_listeners = tuple(listeners)
        self._meta = {mark_of(key): value for key, value in (meta or {}).items()}
        self._start_timeout = start_timeout
        self._abort = abandoned == "abort"
        self._answers = Answers()
        self.name: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} {self.name or hex(id(self))}>"

    @classmethod
    def of(cls, name: str | Pid, caller: Any = None) -> Self:
        """Return the running registry of this node with that name or pid.

        It is valid until that registry ends; another incarnation under the same name
        is another object. *caller* says which node: a process, a behaviour or a node;
        by default it is that of the process that runs this.

        Raises:
            NoProcess: There is none.
        """
        runtime = acting(caller).runtime
        process = runtime.find(name)
        found = None if process is None else runtime.registers.get(process.pid.id)
        if not isinstance(found, cls):
            raise NoProcess(name)
        return found

    @property
    def pid(self) -> Pid:
        """The pid of the registry's process."""
        return self.process.pid

    async def enter(
        self, process: Process, args: tuple[Any, ...], ack: Acknowledge | None = None
    ) -> None:
        """Be the body of *process*; what starts behaviours calls this."""
        self.process = process
        self.name = str(process.names[0]) if process.names else None
        self._context = contextvars.copy_context()
        called = atom_of(self.name)
        self._listeners = Listeners(process, called, self._first_listeners)
        self._leases = Leases(self.dest, self._find, process.timers)
        await RegistryServer(self).enter(process, args, ack)

    def _begin(self) -> None:
        """Begin to be found; its process calls it."""
        self._open_table()
        self.process.runtime.registers[self.process.pid.id] = self
        self.process.claim(self, self)

    def _end(self) -> None:
        """Be found no more, and forget everybody; its process calls it."""
        if self.process.runtime.registers.pop(self.process.pid.id, None) is None:
            return
        self.process.unclaim(self)
        self._close_table()
        self._cancel_starts()
        self._leases.close()

    def fire(self, reason: Any) -> None:
        """Take the end of the registry's process."""
        self._end()

    @property
    def shutdown(self) -> Any:
        """Seconds, or a word, for the end of what it has started."""
        return self._child_spec.shutdown

    def subscribe(self, dest: Any, *, replay: bool = True) -> None:
        """Let *dest* hear of each registration from now on.

        It gets ``{register, Registry, Key, Pid, Value}`` and ``{unregister, Registry,
        Key, Pid}``; with *replay* first those for what is there. If its mailbox is full
        and refuses, it is told how many it has missed, ``{lagged, Registry, N}``, as
        soon as it takes messages again. *dest* is a pid or a name. A process of this
        node is forgotten when it has ended, anybody with :meth:`unsubscribe`.
        """
        self._listeners.add(dest, self._table if replay else ())

    def unsubscribe(self, dest: Any) -> None:
        """Tell *dest* nothing more."""
        self._listeners.discard(dest)

    def lease(
        self, key: Any, timeout: float | None = None
    ) -> AbstractAsyncContextManager[Pid]:
        """Have what is under *key* for oneself: ``async with reg.lease(key) as pid``.

        It waits until one is registered and nobody else has the lease; who asks first
        has it first. The lease ends with the block, also when the process ends before:
        that is for the holder to notice, who may monitor it.

        Raises:
            CallTimeout: It was not to be had in *timeout* seconds.
            RegistryClosed: The registry has ended meanwhile.
        """
        self._need_unique("lease")
        check_timeout(timeout)
        return self._leases.lease(key, mark_of(key), timeout)

    def put_meta(self, key: Any, value: Any) -> None:
        """Keep *value* as metadata of the registry; ``put_meta/3``."""
        self._meta[mark_of(key)] = value

    def meta(self, key: Any, default: Any = None) -> Any:
        """Return the metadata under *key*; ``meta/2``."""
        return self._meta.get(mark_of(key), default)

    def delete_meta(self, key: Any) -> None:
        """Forget the metadata under *key*, if there is any; ``delete_meta/2``."""
        self._meta.pop(mark_of(key), None)

    def children(self) -> list[Any]:
        """Return what it has started and not let go, as a supervisor's children."""
        found = [owner.child for owner in self._owners.values()]
        return [child for child in found if child is not None]

    def _find(self, mark: Any) -> Pid | None:
        for entry in self._table.at(mark):
            pid: Pid = entry.pid
            return pid
        return None
