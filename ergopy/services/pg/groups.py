"""``node.pg``: the process groups of the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from etf import Atom, Pid

from ...errors import LocalProtocolError
from ...gen.caller import acting
from ...node.stream import LIMIT
from ...process.message_queue import carries
from .changes import GroupChanges
from .scope import Scope
from .table import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etf import Reference

    from ...process.process import Process
    from .changes import Listener

PG = Atom("pg")


@final
class ProcessGroups:
    """Groups of processes that every node of the cluster knows; ``pg`` of OTP.

    ``node.pg`` is the scope ``pg``, which every node has, and ``node.pg("name")``
    another one. Only nodes that have the same scope tell each other who is in its
    groups, also over hidden connections. Nothing waits here, and nobody is asked: each
    node knows all, a moment later than the node where it happens.

    A group is any term; a plain ``str`` is taken for an atom. It is there as long as
    it has members. A process can be in it several times. It leaves when it ends, at
    once on this node; the members of another node leave when that is lost.

    Different from OTP: a scope whose process has been killed still has the members of
    this node, and what watches its groups; there they are gone.
    """

    def __init__(self, node: Any, scope: Atom = PG) -> None:
        self._node = node
        self.runtime = node.runtime
        self._all: dict[Atom, ProcessGroups] = {scope: self}
        self._scope = Scope(node, scope)
        self.kept: dict[Any, Any] = {}
        """What services that are made of groups keep for as long as the node is up."""

    def __repr__(self) -> str:
        return f"<ProcessGroups {self._scope.name} of {self.runtime.name}>"

    @property
    def scope(self) -> Atom:
        """The name of the scope."""
        return self._scope.name

    def __call__(self, scope: str) -> ProcessGroups:
        """Return another scope of this node, and start it if it is not there.

        It is there as long as the node; its process has the name of the scope.

        Raises:
            NameTaken: Another process has that name.
        """
        found = self._find(Atom(scope))
        inner = found._scope
        wanted = inner.process is None and not inner.supervised
        # While the node ends no process can be started, and who leaves needs none.
        if wanted and not self.runtime.closing:
            inner.begin()
        return found

    @property
    def listeners(self) -> list[Listener]:
        """Who is told of each change of this scope, for services made of groups."""
        return self._scope.listeners

    @staticmethod
    def key_of(group: Any) -> Any:
        """Return what tells groups apart, as listeners are told it."""
        return key_of(_term(group))

    def existing(self, scope: Any) -> ProcessGroups | None:
        """Return a scope of this node if it was started."""
        return self._all.get(scope) if isinstance(scope, Atom) else None

    def _find(self, name: Atom) -> ProcessGroups:
        found = self._all.get(name)
        if found is None:
            found = ProcessGroups(self._node, name)
            found._all = self._all
            self._all[name] = found
        return found

    def attach(self, name: Atom, process: Process) -> Scope:
        """Let *process* be that of a scope. For that process."""
        scope = self._find(name)._scope
        if scope.process is not process:
            scope.supervised = True
            scope.attach(process)
        return scope

    def join(self, group: Any, pids: Pid | Iterable[Pid]) -> None:
        """Let one or more processes of this node join a group; ``pg:join/3``.

        One that has ended is passed over.

        Raises:
            ValueError: One is of another node: let that join there. Nothing was done.
            etf.EncodeError: *group* is no term.
        """
        self._scope.join(_term(group), self._local(pids))

    def leave(self, group: Any, pids: Pid | Iterable[Pid]) -> bool:
        """Let them leave it, each once; ``pg:leave/3``.

        Returns whether any was in it; OTP says ``not_joined`` if none was.

        Raises:
            ValueError, etf.EncodeError: As for :meth:`join`.
        """
        return self._scope.leave(_term(group), self._local(pids))

    def members(self, group: Any) -> list[Pid]:
        """Return who is in a group, on all nodes; ``pg:get_members/2``.

        In no special order, and each as often as it has joined.
        """
        found = self._scope.table.find(_term(group))
        return [] if found is None else list(found.members())

    def local_members(self, group: Any) -> list[Pid]:
        """Return those of this node; ``pg:get_local_members/2``."""
        found = self._scope.table.find(_term(group))
        return [] if found is None else found.local_members()

    def groups(self) -> list[Any]:
        """Return the groups that have members; ``pg:which_groups/1``."""
        return [group.term for group in self._scope.table]

    def local_groups(self) -> list[Any]:
        """Return those with members of this node; ``pg:which_local_groups/1``."""
        return [group.term for group in self._scope.table if group.local]

    def monitor(self, group: Any, *, caller: Any = None) -> tuple[Reference, list[Pid]]:
        """Be sent the changes of a group from now on; ``pg:monitor/2``.

        The messages are ``(ref, Atom("join"), group, pids)`` and the same with
        ``leave``. It ends with :meth:`demonitor`, or with the process.

        Args:
            group: The group; it need not be there.
            caller: Who is to be sent them, a process or a behaviour; by default the
                process that runs this.

        Returns:
            The reference, and the members now.

        Raises:
            LocalProtocolError: A program has no mailbox: see :meth:`changes`.
        """
        process = self._reader(caller)
        group = _term(group)
        return self._scope.watch(process, (group,)), self.members(group)

    def monitor_scope(
        self, *, caller: Any = None
    ) -> tuple[Reference, list[tuple[Any, list[Pid]]]]:
        """Be sent the changes of all groups of the scope; ``pg:monitor_scope/1``.

        As :meth:`monitor`; it returns the reference, and pairs of group and members.
        """
        ref = self._scope.watch(self._reader(caller))
        return ref, [(each.term, list(each.members())) for each in self._scope.table]

    def demonitor(self, ref: Reference) -> bool:
        """End a :meth:`monitor`; return whether it was one.

        What was sent already is taken out of the mailbox; ``pg:demonitor/2``.
        """
        process = self._scope.unwatch(ref)
        if process is None:
            return False
        number = process.number_of(ref)
        while process.remove(carries(ref), number):
            pass
        return True

    def changes(self, group: Any = None, *, limit: int = LIMIT) -> GroupChanges:
        """Hear of the changes of a group outside of a process, or of all groups.

        ::

            async with node.pg.changes("workers") as changes:
                async for change in changes:
                    print(change.kind, change.pids)

        They are :class:`ergopy.GroupChange`, from when the block is entered. It never
        makes the node wait: if more than *limit* are not fetched, the oldest are
        dropped and counted in ``changes.dropped``. The loop ends when the node does.
        """
        key = None if group is None else self.key_of(group)
        return GroupChanges(self._scope, key, limit)

    def _reader(self, caller: Any) -> Process:
        process = acting(caller)
        if process is self.runtime.root:
            raise LocalProtocolError("a node reads no mail; see node.pg.changes")
        return process

    def _local(self, pids: Any) -> list[Pid]:
        members: list[Pid] = [pids] if isinstance(pids, Pid) else list(pids)
        for pid in members:
            if not isinstance(pid, Pid) or pid.node != self.runtime.name:
                raise ValueError(f"no process of this node: {pid!r}")
        return members


def _term(group: Any) -> Any:
    return Atom(group) if type(group) is str else group
