"""What a peer nests as deep as it may: nobody who answers ends of that."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

import etf
from ergopy import (
    Atom,
    CallTimeout,
    DynamicSupervisor,
    GenServer,
    LinkLimits,
    PartitionSupervisor,
    Registry,
    Supervisor,
)
from ergopy.dist.coding import ROOM
from ergopy.testing import MemoryNetwork, node_pair

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import trio

    from ergopy import Node

A = Atom
DEEPEST = etf.Limits().max_depth


class Worker(GenServer):
    """Answers with the request, as many do that do not know it."""

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return (A("error"), (A("unknown"), [request]))


SERVICES = ["net_kernel", "rex", "kernel_sup", "application_controller"]

SERVERS: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "sup": (Supervisor, ([],), {}),
    "dynamic": (DynamicSupervisor, (), {}),
    "partitions": (PartitionSupervisor, (Worker,), {"partitions": 1}),
    "registry": (Registry, (), {"start": Worker}),
    "worker": (Worker, (), {}),
}

REQUESTS: dict[str, Callable[[Any], Any]] = {
    "bare": lambda term: term,
    "start_child": lambda term: (A("start_child"), term),
    "start_five": lambda term: (A("start_child"), (term,) * 5),
    "start_map": lambda term: (
        *(A("start_child"), {A("id"): term, A("start"): (A("m"), A("f"), [])}),
    ),
    "terminate_child": lambda term: (A("terminate_child"), term),
    "whereis_name": lambda term: (A("whereis_name"), term),
    "resize": lambda term: (A("resize"), term),
    "lookup": lambda term: (A("lookup"), term),
    "start": lambda term: (A("start"), 1, [term]),
    "stop": lambda term: (A("stop"), term),
    "register": lambda term: (A("register"), term, term),
    "rex": lambda term: (A("call"), term, term, term, term),
}


def nested(depth: int) -> Any:
    term: Any = 1
    for _ in range(depth):
        term = [term]
    return term


def depth_of(term: Any) -> int:
    depth = 0
    while isinstance(term, list):
        (term,) = term
        depth += 1
    return depth


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes, of which the second takes what is nested deeper than it may ask."""
    network = MemoryNetwork()
    deeper = LinkLimits(terms=etf.Limits(max_depth=DEEPEST + ROOM))
    async with network.node("a") as a, network.node("b", limits=deeper) as b:
        yield a, b


def deepest(make: Callable[[Any], Any], wrap: Callable[[Any], Any]) -> Iterator[Any]:
    """Return requests that just fit through the wire, or nearly."""
    for depth in range(DEEPEST, DEEPEST - 10, -1):
        try:
            etf.encode(wrap(make(nested(depth))))
        except etf.EncodeError:
            continue
        yield make(nested(depth))


@pytest.mark.parametrize("name", [*SERVERS, *SERVICES])
async def test_who_is_asked_lives_on(name: str, autojump_clock: trio.abc.Clock) -> None:
    async with pair() as (a, b):
        if name in SERVERS:
            behaviour, args, options = SERVERS[name]
            await a.start(behaviour, *args, name=name, **options)
        await b.connect(a.name)
        pid = a.whereis(name)
        call = (A("$gen_call"), (b.pid, [A("alias"), 1]))
        for make in REQUESTS.values():
            for request in deepest(make, lambda request: (*call, request)):
                with suppress(CallTimeout):
                    await b.call((name, a.name), request, 1)
                assert a.whereis(name) == pid


async def test_output_lives_on(autojump_clock: trio.abc.Clock) -> None:
    forms: list[Callable[[Any], Any]] = [
        lambda term: term,
        lambda term: (A("put_chars"), term),
        lambda term: (A("put_chars"), A("unicode"), term),
        lambda term: (A("put_chars"), A("unicode"), A("io_lib"), term, [term]),
    ]
    async with pair() as (a, b):
        await b.connect(a.name)
        user = a.whereis("user")

        def request(form: Any) -> Any:
            return (A("io_request"), b.pid, 1, form)

        for make in forms:
            for form in deepest(make, request):
                await b.send(("user", a.name), request(form))
        assert await b.ping(a.name)
        assert a.whereis("user") == user


async def test_a_program_that_takes_more_sends_more(
    autojump_clock: trio.abc.Clock,
) -> None:
    limits = LinkLimits(terms=etf.Limits(max_depth=3000))
    async with node_pair(limits=limits) as (a, b):
        await a.start(Worker, name="worker")
        await b.connect(a.name)
        error, (unknown, [back]) = await b.call(("worker", a.name), nested(2900))
        assert (error, unknown) == (A("error"), A("unknown"))
        assert depth_of(back) == 2900
        with pytest.raises(etf.EncodeError):
            await b.send(("worker", a.name), nested(3000 + ROOM + 2))
