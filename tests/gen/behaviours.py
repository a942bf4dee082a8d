"""One of each behaviour that comes with ergopy, for what must hold for all of them."""

from __future__ import annotations

from typing import Any

import trio

import ergopy
from ergopy import (
    Agent,
    ChildSpec,
    Consumer,
    ConsumerSupervisor,
    DynamicSupervisor,
    EventHandler,
    EventManager,
    Events,
    GenServer,
    IterableProducer,
    MemorySagaLog,
    PartitionSupervisor,
    Pool,
    Producer,
    ProducerConsumer,
    Registry,
    Saga,
    SagaTransaction,
    SagaWorker,
    StateMachine,
    Supervisor,
    Task,
    TaskSupervisor,
)
from ergopy.gen.state_machine import Keep, Next, Reply


class Server(GenServer):
    """A server as others write it."""

    async def init(self) -> None:
        self.seen: list[Any] = []

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return request

    async def handle_cast(self, request: Any) -> None:
        self.seen.append(request)


class Machine(StateMachine):
    """A machine with one state."""

    async def init(self) -> Any:
        return Next("idle")

    async def handle_event(self, kind: Any, content: Any, state: Any) -> Any:
        match kind:
            case ("call", from_):
                return Keep(Reply(from_, content))
        return None


class Follower(EventHandler):
    """A handler that does nothing."""

    async def handle_event(self, event: Any) -> None:
        """Let it pass."""


class Answering:
    """What a stage or saga does that is called and cast to."""

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return request

    async def handle_cast(self, request: Any) -> None:
        """Let it pass."""


class Source(Answering, Producer):
    """A producer that makes integers."""

    async def handle_demand(self, demand: int) -> list[int]:
        return list(range(demand))


class Through(Answering, ProducerConsumer):
    """A stage that passes on what it gets."""

    async def handle_events(self, events: list[Any], subscription: Any) -> list[Any]:
        return events


class Sink(Answering, Consumer):
    """A consumer that does nothing with its events."""

    async def handle_events(self, events: list[Any], subscription: Any) -> None:
        """Let them pass."""


class Part(Answering, Saga):
    """A saga that has the result at once."""

    async def init(self) -> None:
        self.log = MemorySagaLog()

    async def handle_tx_new(self, tx: SagaTransaction, value: Any) -> None:
        await self.send_result(tx, value)


class Job(Answering, SagaWorker):
    """A worker without a job."""


class Items(Answering, IterableProducer):
    """A producer that takes what it gives from a list."""


SPECS = {
    "GenServer": ChildSpec(Server),
    "StateMachine": ChildSpec(Machine),
    "EventManager": ChildSpec(EventManager, Follower),
    "Agent": ChildSpec(Agent, 1),
    "Events": ChildSpec(Events),
    "Registry": ChildSpec(Registry, start=Server),
    "Supervisor": ChildSpec(Supervisor, [Server]),
    "simple_one_for_one": ChildSpec(
        Supervisor, [Server], strategy="simple_one_for_one"
    ),
    "DynamicSupervisor": ChildSpec(DynamicSupervisor),
    "PartitionSupervisor": ChildSpec(PartitionSupervisor, Server, partitions=2),
    "TaskSupervisor": ChildSpec(TaskSupervisor),
    "Pool": ChildSpec(Pool, Server, size=2),
    "Producer": ChildSpec(Source),
    "IterableProducer": ChildSpec(Items, [1, 2, 3]),
    "ProducerConsumer": ChildSpec(Through),
    "Consumer": ChildSpec(Sink),
    "ConsumerSupervisor": ChildSpec(ConsumerSupervisor, Server),
    "Saga": ChildSpec(Part),
    "SagaWorker": ChildSpec(Job),
}
"""Each with the specification that a supervisor has of it by default."""

SUPERVISORS = [
    "Registry",
    "Supervisor",
    "simple_one_for_one",
    "DynamicSupervisor",
    "PartitionSupervisor",
    "TaskSupervisor",
    "Pool",
    "ConsumerSupervisor",
]
"""Those with children, and so of that type."""

ENDS_BY_ITSELF = ["IterableProducer"]
"""Those that are done some time, and so are ``transient`` by default."""

STATUS_OF = {"StateMachine": "state machine", "EventManager": "event handler"}
"""What get_status calls those that are no generic server, as in OTP."""


async def populate(node: ergopy.Node, kind: str, pid: ergopy.Pid) -> None:
    """Have it start a child, if it only does so on demand."""
    match kind:
        case "simple_one_for_one" | "ConsumerSupervisor":
            await ergopy.supervisor.start_child(pid, [], caller=node)
        case "DynamicSupervisor":
            await DynamicSupervisor.start_child(pid, Server, caller=node)
        case "TaskSupervisor":
            await Task.async_nolink(trio.sleep_forever, under=pid, caller=node)
        case "Registry":
            await Registry.of(pid, caller=node).lookup_or_start("key")


async def start(starter: Any, kind: str, **options: Any) -> ergopy.Pid:
    """Start one; *starter* is a node or a process."""
    spec = SPECS[kind]
    args = spec.args or ()
    pid = await starter.start(spec.start, *args, **{**spec.options, **options})
    assert isinstance(pid, ergopy.Pid)
    return pid
