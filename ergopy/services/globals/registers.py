"""``node.globals``: the names that all nodes of a cluster know; ``global`` of OTP."""

from __future__ import annotations

import inspect
import logging
import math
from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid
from etf import encode as check_term

from ...errors import (
    LocalProtocolError,
    LockNotTaken,
    NamesNotKept,
    NameTaken,
)
from ...gen.caller import acting
from ...process.context import self as running
from ...process.global_names import name_of
from . import runs
from .elsewhere import Elsewhere
from .given import lock_id, pid_of
from .place import Place
from .steps import Ask, delete, set_lock, while_locked
from .words import REGISTER, SERVER, UNREGISTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...process.process import Process
    from .machine import Machine
    from .steps import Steps

logger = logging.getLogger("ergopy.globals")


@final
class Globals:
    """The names and locks of the cluster, as one node has them: ``node.globals``.

    On a node that takes part, which a visible one does, every name is known here: to
    look one up is a step in a table. To register one locks the names of all nodes for a
    moment, so it takes a call to each of them, twice. A name belongs to its process
    until that ends, on whatever node it is, or its node is lost.

    On a hidden node, or with ``global_="observe"``, no names are kept. The verbs that
    wait ask a connected node that takes part; the others raise ``NamesNotKept``.

    A name is any term. As for a local name, a ``str`` is an atom; ``bytes`` are a
    binary, and a ``str`` inside of another term is one as well.

    ``caller=`` says for whom a lock is taken: a process, a behaviour or a node. By
    default that is the process that runs the code, and outside of one the node.
    """

    def __init__(self, node: Any) -> None:
        self._node = node
        self._elsewhere = Elsewhere(node)
        self.place = Place(node)
        """For the name server; not for programs."""
        self._methods = self.place.methods

    def __repr__(self) -> str:
        kept = "no names" if self._machine is None else f"{len(self._machine.names)}"
        return f"<Globals of {self._node.name}: {kept}>"

    @property
    def own(self) -> Atom:
        """The name of the node."""
        return self.place.own

    @property
    def takes_part(self) -> bool:
        """Whether the names are kept here."""
        return bool(self._node.takes_part)

    def known(self) -> list[Atom]:
        """Return the nodes that belong to the cluster; ``global:get_known``."""
        return self.place.known()

    def is_locked(self) -> bool:
        """Tell whether names and nodes are locked for somebody, now and here."""
        return self.place.is_locked()

    @property
    def _machine(self) -> Machine | None:
        return self.place.machine

    # Names.

    def whereis(self, name: Any) -> Pid | None:
        """Return who has the name, or None; ``global:whereis_name/1``.

        A look into a table. It never is a process of this node that is known to end.

        Raises:
            NamesNotKept: On a node that does not take part: use :meth:`lookup`.
        """
        machine = self._machine
        if machine is None:
            self._check_kept()
            return None
        entry = machine.names.find(name_of(name))
        if entry is None:
            return None
        pid = entry.pid
        runtime = self._node.runtime
        if pid.node == runtime.name:
            process = runtime.find(pid)
            return pid if process is not None and process.alive else None
        return pid

    whereis_name = whereis
    """The same, for ``Via("global", name)``."""

    def names(self) -> list[Any]:
        """Return all names; ``global:registered_names/0``.

        Raises:
            NamesNotKept: On a node that does not take part.
        """
        if self._machine is None:
            self._check_kept()
            return []
        return [entry.name for entry in self._machine.names]

    async def lookup(self, name: Any) -> Pid | None:
        """Return who has the name, or None, asking another node if need be.

        Where names are kept it is :meth:`whereis`, and no checkpoint.

        Raises:
            NamesNotKept: They are not kept here, and no node that keeps them answers.
        """
        if self.takes_part:
            return self.whereis(name)
        return await self._elsewhere.whereis(name_of(name))

    async def register(
        self,
        name: Any,
        pid: Any,
        resolve: str | Callable[[Any, Pid, Pid], Any] | Any = "random_exit",
    ) -> None:
        """Give a process a name on all nodes; ``global:register_name/2,3``.

        The process may be of any node. When this returns, every node of the cluster
        knows the name. Cancelled, it may be registered or not.

        Args:
            name: Any term. ``{global, Name}`` of Erlang is ``("global", name)`` here.
            pid: The process, or its pid.
            resolve: Who keeps the name when two clusters meet that both have it.
                ``"random_exit"`` keeps one and kills the other, ``"random_notify"``
                sends the other ``{global_name_conflict, Name}``, and ``"none"`` takes
                the name from both and sends each ``{global_name_conflict, Name,
                OtherPid}``. A function ``f(name, one, other)`` of this program returns
                one of the two pids, or None for neither; it may be ``async``, and
                *pid* is of this node then. An :class:`etf.Export` or :class:`etf.Fun`
                of a BEAM serves for processes of nodes that have it.

        Raises:
            NameTaken: Another process has the name (``no`` there). Or this one has
                another name already, and the variable ``global_multi_name_action`` of
                the application ``kernel`` is not ``allow``: then *owner* is itself.
            RegistryFull: There are too many names.
            NamesNotKept: No node that keeps them answers.
            NoProcess: The name server is just being started again.
            etf.EncodeError: The name is no Erlang term.
        """
        name, pid = name_of(name), pid_of(pid)
        check_term(name)
        method = self._methods.term(resolve, pid, self.own)
        try:
            if not self.takes_part:
                await self._elsewhere.register(name, pid, method)
                return
            await self._registered(name, pid, method)
        except BaseException:
            self._methods.drop(method)
            raise
        self._methods.drop_with(self._node.runtime.find(pid), method)

    async def _registered(self, name: Any, pid: Pid, method: Any) -> None:
        def work(nodes: tuple[Atom, ...]) -> Steps:
            owner = self.whereis(name) or self._if_named(pid)
            if owner is None:
                yield Ask(nodes, (REGISTER, name, pid, method))
            return owner

        self._check_room(name)
        owner = await self._with_names_locked(work)
        if owner is not None:
            raise NameTaken(name, owner)

    async def re_register(
        self, name: Any, pid: Any, resolve: Any = "random_exit"
    ) -> None:
        """Give the name to another process, whoever has it; ``re_register_name``.

        It raises what :meth:`register` does, but never NameTaken.
        """
        name, pid = name_of(name), pid_of(pid)
        check_term(name)
        method = self._methods.term(resolve, pid, self.own)

        def work(nodes: tuple[Atom, ...]) -> Steps:
            yield Ask(nodes, (REGISTER, name, pid, method))

        try:
            if not self.takes_part:
                await self._elsewhere.re_register(name, pid, method)
                return
            self._check_room(name)
            await self._with_names_locked(work)
        except BaseException:
            self._methods.drop(method)
            raise
        self._methods.drop_with(self._node.runtime.find(pid), method)

    async def unregister(self, name: Any) -> None:
        """Take a name away, if somebody has it; ``global:unregister_name/1``.

        Raises:
            NamesNotKept, NoProcess: As for :meth:`register`.
        """
        name = name_of(name)
        if not self.takes_part:
            await self._elsewhere.unregister(name)
            return

        def work(nodes: tuple[Atom, ...]) -> Steps:
            yield Ask(nodes, (UNREGISTER, name))

        if self.whereis(name) is not None:
            await self._with_names_locked(work)

    async def claim(self, process: Process, name: Any) -> None:
        """Register a process that begins, under its own start."""
        await self.register(name, process.pid)

    # Locks.

    async def set_lock(
        self,
        id: tuple[Any, Any],
        nodes: Iterable[str] | None = None,
        retries: float = math.inf,
        *,
        caller: Any = None,
    ) -> bool:
        """Take a lock on several nodes; ``global:set_lock/1,2,3``.

        *id* is ``(resource, requester)``, two terms. Whoever asks for the same resource
        in the name of another requester does not get it. A lock that is held is granted
        again to the same requester, also to another process; it is free when all of
        those have given it back with :meth:`del_lock`, or ended.

        Args:
            id: What is locked, and in whose name.
            nodes: By default this one and all visible ones that are connected.
            retries: How often it is tried again, after a pause of up to 8 seconds.
            caller: Who holds the lock; see the class.

        Returns False when it is not to be had. Cancelled, it is given back.

        Raises:
            NamesNotKept: On a node that takes no part, if no other node was asked.
            ValueError: *id* is no pair.
        """
        process = self._holder(caller)
        lock = lock_id(id)
        names = self._lock_nodes(nodes)
        try:
            taken = await runs.drive(
                process, self.place, set_lock(self.place, lock, names, retries)
            )
        except BaseException:
            runs.give_back(process, lock, names)
            raise
        return bool(taken)

    async def del_lock(
        self,
        id: tuple[Any, Any],
        nodes: Iterable[str] | None = None,
        *,
        caller: Any = None,
    ) -> None:
        """Give a lock back; ``global:del_lock/1,2``. *nodes* as for :meth:`set_lock`.

        No error if it is not held.
        """
        process = self._holder(caller)
        lock = lock_id(id)
        names = self._lock_nodes(nodes)
        try:
            await runs.drive(process, self.place, delete(lock, names))
        except BaseException:
            runs.give_back(process, lock, names)
            raise

    async def trans(
        self,
        id: tuple[Any, Any],
        function: Callable[[], Any],
        nodes: Iterable[str] | None = None,
        retries: float = math.inf,
        *,
        caller: Any = None,
    ) -> Any:
        """Call *function*, async or not, while a lock is held; ``global:trans``.

        Raises:
            LockNotTaken: The lock was not to be had (``aborted`` there).
            NamesNotKept, ValueError: As for :meth:`set_lock`.
        """
        names = self._lock_nodes(nodes)
        if not await self.set_lock(id, names, retries, caller=caller):
            raise LockNotTaken(id)
        try:
            value = function()
            return await value if inspect.isawaitable(value) else value
        finally:
            # It need not be waited for: who asks next asks after this.
            runs.give_back(self._holder(caller), lock_id(id), names)

    async def sync(self, nodes: Iterable[str] | None = None) -> None:
        """Wait until names are in sync with other nodes; ``global:sync/0,1``.

        *nodes* are by default all visible ones that are connected. One that is lost, or
        cannot be connected to, is not waited for.

        Raises:
            NamesNotKept: On a node that does not take part.
            NoProcess: The name server is just being started again.
        """
        if not self.takes_part:
            raise NamesNotKept(self.own)
        wanted = [Atom(n) for n in (self._node.nodes() if nodes is None else nodes)]
        request = (Atom("sync"), wanted)
        await self._node.runtime.root.call(SERVER, request, None)

    async def _with_names_locked(
        self, work: Callable[[tuple[Atom, ...]], Steps]
    ) -> Any:
        return await runs.do(
            self.place.registrar, lambda pid: while_locked(self.place, pid, work)
        )

    def _lock_nodes(self, nodes: Iterable[str] | None) -> list[Atom]:
        if nodes is not None:
            return [Atom(node) for node in dict.fromkeys(nodes)]
        if self.takes_part:
            return [self.own, *self._node.nodes()]
        # To a hidden node all connections are hidden ones.
        names: list[Atom] = self._node.nodes("connected")
        if not names:
            raise NamesNotKept(self.own)
        return names

    def _holder(self, caller: Any) -> Process:
        if caller is None:
            try:
                return running()
            except LocalProtocolError:
                return acting(self._node)
        return acting(caller)

    def _check_kept(self) -> None:
        if not self.takes_part:
            raise NamesNotKept(self.own)

    def _if_named(self, pid: Pid) -> Pid | None:
        """Return *pid* if it has a name, and may have one only."""
        machine = self._machine
        names = [] if machine is None else machine.names.of(pid)
        env = self._node.applications.get_all_env("kernel")
        if not names or env.get("global_multi_name_action") == "allow":
            return None
        logger.error("global: %s has a name already: %r", pid, names)
        return pid

    def _check_room(self, name: Any) -> None:
        machine = self._machine
        if machine is not None:
            machine.names.check_room(name)

    # For Via("global", name), whose verbs do not wait.

    def register_name(self, name: Any, pid: Pid | None = None, /) -> bool:
        """Refuse: it takes calls to other nodes; ``name=("global", name)`` waits."""
        raise LocalProtocolError(f"no global name is had in one step: {name!r}")

    unregister_name = register_name
