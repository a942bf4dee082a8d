"""TLS with OTP 25 and Elixir, both ways; the wheel with OTP 28 comes without ``ssl``.

The certificates and the options of the BEAM are those that ``ergopy certs`` makes, so
these tests say as well that a BEAM takes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Atom

from .servers import Desk as Server
from .servers import inside, until
from .tls_nodes import certificates, options, start_tls

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.certificates import Desk

    from .beam import Beam

    StartTls = Callable[..., Beam]

__all__ = ["certificates", "options", "start_tls"]

VERSIONS = {
    "otp25-1.2": ("otp25", ["1.2"]),
    "otp25-1.3": ("otp25", ["1.3"]),
    "elixir": ("elixir", ["1.3", "1.2"]),
}
MEBI = 1 << 20


@pytest.fixture(scope="module", params=VERSIONS)
def beam(request: pytest.FixtureRequest, start_tls: StartTls) -> Beam:
    kind, versions = VERSIONS[request.param]
    return start_tls(kind, versions=versions)


async def test_a_python_node_dials_calls_and_is_called_back(
    beam: Beam, options: dict[str, Any]
) -> None:
    async with ergopy.Node(**options) as node:
        assert await node.ping(beam.name)
        assert node.nodes() == [beam.name]
        assert await node.rpc(beam.name, "erlang", "node", []) == beam.name
        await node.start(Server, name="desk")
        assert await beam.run("gen_server:call({desk, N}, {add, 3})", N=node.name) == 3


async def test_a_beam_dials_and_calls(beam: Beam, options: dict[str, Any]) -> None:
    async with ergopy.Node(**options) as node:
        await node.start(Server, name="desk")
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pong"
        assert await beam.run("lists:member(N, nodes())", N=node.name) is True
        assert await beam.run("gen_server:call({desk, N}, {add, 3})", N=node.name) == 3
        # It may not have seen the end of the test before this one yet.
        await beam.run("ergopy_peer:until(fun() -> nodes() =:= [N] end)", N=node.name)
        assert await node.rpc(beam.name, "erlang", "nodes", []) == [node.name]


async def test_a_hidden_node_is_hidden(beam: Beam, options: dict[str, Any]) -> None:
    async with ergopy.Node(**options, hidden=True) as node:
        assert await node.ping(beam.name)  # which says that the BEAM knows us by now
        assert await beam.run("lists:member(N, nodes(hidden))", N=node.name) is True
        assert await beam.run("lists:member(N, nodes())", N=node.name) is False


async def test_links_and_monitors_work_and_the_end_of_a_node_is_noticed(
    beam: Beam, options: dict[str, Any]
) -> None:
    async with ergopy.Node(**options) as node:

        async def scenario(proc: Any) -> Any:
            proc.trap_exit = True
            pid = await proc.rpc(
                beam.name, "erlang", "spawn", [Atom("timer"), Atom("sleep"), [60_000]]
            )
            await proc.link(pid)
            ref = await proc.monitor(pid)
            await proc.exit(pid, Atom("enough"))
            messages = [await proc.receive(timeout=10) for _ in "ab"]
            down = next(m for m in messages if isinstance(m, ergopy.Down))
            ended = next(m for m in messages if isinstance(m, ergopy.ExitMessage))
            assert down.ref == ref
            return down.reason, ended.reason

        assert await inside(node, scenario) == ("enough", "enough")
    await until(lambda: node.name not in beam.eval("nodes()"))


@pytest.mark.parametrize("size", [16 * MEBI, 100 * MEBI], ids=["16 MiB", "100 MiB"])
async def test_large_messages_both_ways(
    beam: Beam, options: dict[str, Any], size: int
) -> None:
    async with ergopy.Node(**options) as node:
        await node.start(Server, name="desk")
        echoed = await beam.run(
            """Data = rand:bytes(Size),
               Data =:= gen_server:call({desk, N}, {echo, Data}, 60000)""",
            60,
            N=node.name,
            Size=size,
        )
        assert echoed is True


async def test_many_messages_both_ways_at_once(
    beam: Beam, options: dict[str, Any]
) -> None:
    async with ergopy.Node(**options) as node:
        await node.start(Server, name="desk")
        asked = """
            Self = self(),
            Ask = fun(I) ->
                Data = binary:copy(<<I:32>>, 5000),
                [{ok, Data} = {ok, gen_server:call({desk, N}, {echo, Data}, 30000)}
                 || _ <- lists:seq(1, 50)],
                Self ! done
            end,
            [spawn_link(fun() -> Ask(I) end) || I <- lists:seq(1, 20)],
            [receive done -> ok end || _ <- lists:seq(1, 20)],
            ok
        """
        assert await beam.run(asked, 60, N=node.name) == "ok"


async def test_ticks_keep_a_silent_connection_alive(
    start_tls: StartTls, options: dict[str, Any]
) -> None:
    beam = start_tls(args=("-kernel", "net_ticktime", "4"))
    async with ergopy.Node(**options, net_ticktime=4) as node:
        await node.connect(beam.name)
        (before,) = [peer.transport for peer in node.connections.peers.values()]
        await trio.sleep(9)
        assert node.nodes() == [beam.name]
        (after,) = [peer.transport for peer in node.connections.peers.values()]
        assert after is before


async def test_a_frozen_beam_is_given_up(
    start_tls: StartTls, options: dict[str, Any]
) -> None:
    beam = start_tls()
    async with ergopy.Node(**options, net_ticktime=1) as node:
        await node.connect(beam.name)
        beam.pause()
        await until(lambda: not node.nodes())
        beam.resume()


async def test_rsa_certificates_are_taken(
    start_tls: StartTls, node_options: dict[str, Any], certificates: Desk
) -> None:
    beam = start_tls(key="rsa", versions=["1.2"])
    name = node_options["name"]
    certificates.files(name, kind="rsa")
    tls = ergopy.Tls.from_folder(certificates.folder / name)
    async with ergopy.Node(**node_options, tls=tls) as node:
        assert await node.ping(beam.name)
        # The socket may be closed before the connection is over for all of the BEAM.
        cut = """
            monitor_node(N, true),
            true = erlang:disconnect_node(N),
            receive {nodedown, N} -> ok end
        """
        await beam.run(cut, N=node.name)
        await until(lambda: not node.nodes())
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pong"


async def test_changed_files_are_used_by_the_next_connection_and_no_other_is_lost(
    beam: Beam, options: dict[str, Any], certificates: Desk
) -> None:
    async with ergopy.Node(**options) as node:
        await node.start(Server, name="desk")
        add = "gen_server:call({desk, N}, {add, 1})"
        assert await beam.run(add, N=node.name) == 1
        certificates.bad(node.name, "unknown_authority")
        assert await beam.run(add, N=node.name) == 2
        node.disconnect(beam.name)
        # Before that it would send the ping over the connection that has ended.
        gone = "ergopy_peer:until(fun() -> not lists:member(N, nodes()) end)"
        await beam.run(gone, N=node.name)
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pang"
        certificates.files(node.name)
        assert await beam.run(add, N=node.name) == 3


async def test_the_wheel_with_otp_28_has_no_ssl(new_beam: Any) -> None:
    beam = new_beam("otp28")
    assert await beam.run("code:which(ssl)") == "non_existing"
