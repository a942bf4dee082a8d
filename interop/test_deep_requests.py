"""A BEAM nests a request as deep as a message may be: nobody here ends of that."""

from __future__ import annotations

from typing import Any

import pytest

from ergopy import (
    Atom,
    DynamicSupervisor,
    GenServer,
    PartitionSupervisor,
    Registry,
    Supervisor,
)


class Echo(GenServer):
    async def handle_call(self, request: Any, from_: Any) -> Any:
        return {Atom("unknown"): [request]}


SERVERS: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "sup": (Supervisor, ([],), {}),
    "dynamic": (DynamicSupervisor, (), {}),
    "partitions": (PartitionSupervisor, (Echo,), {"partitions": 1}),
    "registry": (Registry, (), {"start": Echo}),
    "echo": (Echo, (), {}),
}
SERVICES = ["kernel_sup", "application_controller", "net_kernel", "rex"]


@pytest.mark.parametrize("name", [*SERVERS, *SERVICES])
async def test_who_is_asked_lives_on(beam, node, name: str) -> None:
    if name in SERVERS:
        behaviour, args, options = SERVERS[name]
        await node.start(behaviour, *args, name=name, **options)
    pid = node.whereis(name)
    source = """
        Deep = fun(Depth) ->
            lists:foldl(fun(_, T) -> {T} end, x, lists:seq(1, Depth))
        end,
        Requests = [Deep(999), {start_child, Deep(998)}, {lookup, Deep(998)},
                    {start_child, {Deep(997), Deep(997), x, Deep(997), Deep(997)}},
                    {call, Deep(998), Deep(998), Deep(998), Deep(998)}],
        [gen_server:call({Name, Py}, Request) || Request <- Requests],
        pong = net_adm:ping(Py),
        length(Requests)
    """
    assert await beam.run(source, Name=Atom(name), Py=node.name) == 5
    assert node.whereis(name) == pid
