"""New keys in the middle of a TLS connection, asked for by either side."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Atom

from .servers import Desk as Server
from .servers import inside
from .tls_nodes import certificates, options, start_tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .beam import Beam

    StartTls = Callable[..., Beam]

__all__ = ["certificates", "options", "start_tls"]

NEW_KEYS = {
    "renegotiation": ("1.2", "{renegotiate_at, 50}"),
    "key update": ("1.3", "{key_update_at, 100000}"),
}
COUNTERS = {
    ("renegotiation", "python"): ("ssl_handshake", "hello_request"),
    ("renegotiation", "beam"): ("tls_handshake", "client_hello"),
    ("key update", "python"): ("tls_handshake_1_3", "key_update"),
    ("key update", "beam"): ("tls_handshake_1_3", "key_update"),
}
"""What a BEAM calls when it wants new keys."""
COUNT = """
    {module, M} = code:ensure_loaded(M),
    MFAs = [{M, F, A} || {G, A} <- M:module_info(functions), G =:= F],
    [erlang:trace_pattern(MFA, true, [call_count]) || MFA <- MFAs]
"""
COUNTED = """
    lists:sum([Count || {G, A} <- M:module_info(functions), G =:= F,
               {call_count, Count} <- [erlang:trace_info({M, F, A}, call_count)]])
"""


@asynccontextmanager
async def rekeyed(
    start_tls: StartTls, options: dict[str, Any], kind: str
) -> AsyncIterator[tuple[Beam, ergopy.Node]]:
    """A BEAM that often wants new keys, and a node with a desk."""
    version, more = NEW_KEYS[kind]
    beam = start_tls(versions=[version], more=more)
    async with ergopy.Node(**options) as node:
        await node.start(Server, name="desk")
        yield beam, node


@pytest.mark.parametrize("kind", NEW_KEYS)
@pytest.mark.parametrize("dialler", ["python", "beam"])
async def test_new_keys_in_the_middle_of_a_connection(
    start_tls: StartTls, options: dict[str, Any], kind: str, dialler: str
) -> None:
    async with rekeyed(start_tls, options, kind) as (beam, node):
        if dialler == "python":
            await node.connect(beam.name)
        else:
            assert await beam.run("net_adm:ping(N)", N=node.name) == "pong"
        module, function = map(Atom, COUNTERS[kind, dialler])
        await beam.run(COUNT, M=module, F=function)
        ask = """
            Data = rand:bytes(3000),
            lists:usort([Data =:= gen_server:call({desk, N}, {echo, Data})
                         || _ <- lists:seq(1, 300)])
        """
        assert await beam.run(ask, 60, N=node.name) == [True]
        assert await beam.run(COUNTED, M=module, F=function) > 2
        assert node.nodes() == [beam.name]


SINK = """
    Sink = fun Sink(N) ->
        receive {data, _} -> Sink(N + 1); {count, From} -> From ! N end
    end,
    register(sink, spawn(fun() -> Sink(0) end))
"""
ECHO = """
    Host = self(),
    Ask = fun() ->
        Data = rand:bytes(5000),
        Host ! lists:usort([Data =:= gen_server:call({desk, N}, {echo, Data}, 30000)
                            || _ <- lists:seq(1, 60)])
    end,
    [spawn_link(Ask) || _ <- lists:seq(1, 5)],
    lists:usort(lists:append([receive R -> R end || _ <- lists:seq(1, 5)]))
"""


@pytest.mark.parametrize("kind", NEW_KEYS)
@pytest.mark.parametrize("dialler", ["python", "beam"])
async def test_new_keys_while_both_sides_write_as_much_as_they_can(
    start_tls: StartTls, options: dict[str, Any], kind: str, dialler: str
) -> None:
    async with rekeyed(start_tls, options, kind) as (beam, node):
        if dialler == "python":
            await node.connect(beam.name)
        await beam.run(SINK)
        sent = 0
        done = trio.Event()

        async def write(proc: Any) -> int:
            nonlocal sent
            while not done.is_set():
                for _ in range(20):
                    await proc.send(("sink", beam.name), (Atom("data"), bytes(5000)))
                sent += 20
                await trio.sleep(0.001)
            await proc.send(("sink", beam.name), (Atom("count"), proc.pid))
            return await proc.receive(timeout=30)

        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def read() -> None:
                assert await beam.run(ECHO, 60, N=node.name) == [True]
                done.set()

            assert await inside(node, write, timeout=90) == sent
        assert node.nodes() == [beam.name]
