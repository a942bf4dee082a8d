"""The process of a PubSub: all workers of the adapter in one."""

from __future__ import annotations

import logging
from typing import Any, final

from etf import Atom

from ...errors import Exit, NoProcess
from ...gen.caller import acting
from ...gen.server import GenServer
from ...process.atoms import BADARG, ERROR
from ...process.reasons import shown
from . import phoenix
from .topics import CHANNEL, SCOPE, Topics, module_name

logger = logging.getLogger("ergopy.pubsub")

MAX_POOL = 1024


@final
class PubSub(GenServer):
    """A node of a Phoenix PubSub: topics that all nodes of the cluster share.

    ::

        await node.start(PubSub, "MyApp.PubSub")
        topics = PubSub.of("MyApp.PubSub", caller=node)
        await topics.broadcast("room:1", {"text": "hello"})

    In a supervisor it is ``ChildSpec(PubSub, "MyApp.PubSub")``. The name is that of
    ``{Phoenix.PubSub, name: MyApp.PubSub}`` on the Elixir nodes. Presence and trackers
    go on between these; they are ignored here.

    Args:
        pool_size: The ``pool_size`` of the Elixir nodes. Where they have more this node
            has as many: here all workers are one process.
        broadcast_pool_size: To how many workers of a node this one sends, by default to
            as many. What a process sends to a node always goes to the same worker.

    Raises:
        ValueError: The sizes make no sense.
        StartError: The PubSub runs on this node already, or its name is none.
    """

    def __init__(
        self, *, pool_size: int = 1, broadcast_pool_size: int | None = None
    ) -> None:
        if not 1 <= pool_size <= MAX_POOL:
            raise ValueError(f"pool_size= is from 1 to {MAX_POOL}, not {pool_size!r}")
        sending = pool_size if broadcast_pool_size is None else broadcast_pool_size
        if not 1 <= sending <= pool_size:
            raise ValueError(
                f"broadcast_pool_size= is from 1 to pool_size, not {sending!r}"
            )
        self._pool_size = pool_size
        self._sending = sending

    @staticmethod
    def of(name: str, *, caller: Any = None) -> Topics:
        """Return the topics of a PubSub of this node.

        Inside of a process it needs no *caller*, which is a process, a behaviour or a
        node.

        Raises:
            NoProcess: It was never started on this node.
        """
        node = acting(caller).runtime.owner
        found = _all(node).get(module_name(name))
        if found is None:
            raise NoProcess(module_name(name))
        return found

    async def init(self, name: str) -> None:
        try:
            module = module_name(name)
        except ValueError as error:
            raise Exit((Atom("badarg"), str(error))) from None
        known = _all(self.node)
        topics = known.get(module) or Topics(self.node, module)
        workers = [_worker(topics.adapter, n) for n in range(1, self._pool_size + 1)]
        for name in workers:
            taken = self.whereis(name)
            if taken is not None:
                raise Exit((Atom("already_started"), taken))
        known[module] = self._topics = topics
        self._workers: list[Atom] = []
        self._warned = False
        self._have(workers)
        topics.serve(workers[: self._sending])
        self._ref, groups = self.node.pg(SCOPE).monitor_scope(caller=self)
        for group, _ in groups:
            self._follow(group)

    def _have(self, workers: list[Atom]) -> None:
        for name in workers:
            self.register(name)
            self.node.pg(SCOPE).join(name, self.pid)
            self._workers.append(name)

    def _follow(self, group: Any) -> None:
        """Have the workers that another node has more than we."""
        adapter = self._topics.adapter
        if isinstance(group, Atom) and group.startswith(f"{adapter}_"):
            number = group[len(adapter) + 1 :]
            if number.isdecimal() and len(self._workers) < int(number) <= MAX_POOL:
                have = len(self._workers)
                more = [_worker(adapter, n) for n in range(have + 1, int(number) + 1)]
                self._have([name for name in more if self.whereis(name) is None])

    async def handle_info(self, message: Any) -> None:
        match message:
            case (Atom("forward_to_local"), topic, message, dispatcher):
                if dispatcher is not SCOPE and dispatcher is not CHANNEL:
                    self._warn(dispatcher)
                self._topics.forward(topic, phoenix.read(message))
            case (ref, Atom("join"), group, _) if ref == self._ref:
                self._follow(group)

    async def handle_call(self, request: Any, from_: Any) -> Any:
        """Refuse it; a worker of Phoenix would end."""
        return (ERROR, BADARG)

    async def handle_cast(self, request: Any) -> None:
        """Ignore it."""

    def _warn(self, dispatcher: Any) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s: the dispatcher %s is not known here; subscribers get its messages"
                " as they are; others are not logged",
                self._topics.name,
                shown(dispatcher),
            )


def _worker(adapter: Atom, number: int) -> Atom:
    """Return the name of a worker, and of its group."""
    # The first one has no number, as when there was no pool.
    return adapter if number == 1 else Atom(f"{adapter}_{number}")


def _all(node: Any) -> dict[Atom, Topics]:
    """Return the topics of all PubSubs that a node has had."""
    kept: dict[Atom, Topics] = node.pg.kept
    return kept
