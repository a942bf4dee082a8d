"""TLS with OTP 25 and Elixir, both ways; the wheel with OTP 28 comes without ``ssl``.

The certificates and the options of the BEAM are those that ``ergopy certs`` makes, so
these tests say as well that a BEAM takes them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import trio

import ergopy
from ergopy import Atom, CertificateError, TlsError
from ergopy.certs import flags, write_options
from tests.certificates import KINDS, Desk

from .beam import unique_name
from .servers import Desk as Server
from .servers import inside, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .beam import Beam

    StartTls = Callable[..., Beam]

VERSIONS = {
    "otp25-1.2": ("otp25", ["1.2"]),
    "otp25-1.3": ("otp25", ["1.3"]),
    "elixir": ("elixir", ["1.3", "1.2"]),
}
MEBI = 1 << 20


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="module")
def start_tls(
    start_beam: Callable[..., Beam], certificates: Desk
) -> Iterator[StartTls]:
    """``start_tls(kind, ...)``: a BEAM whose distribution is over TLS."""
    started: list[Beam] = []

    def start(
        kind: str = "otp25",
        *,
        versions: list[str] = ["1.3", "1.2"],  # noqa: B006
        more: str = "",
        without: str = "",
        bad: str = "",
        key: str = "ec",
        args: tuple[str, ...] = (),
    ) -> Beam:
        name = unique_name(kind)
        if bad:
            certificates.bad(name, bad)
        else:
            certificates.files(name, kind=key)
        path = write_options(certificates.folder / name)
        text = path.read_text()
        chosen = ", ".join(f"'tlsv{version}'" for version in versions)
        text = text.replace("'tlsv1.3', 'tlsv1.2'", chosen)
        if without:
            text = re.sub(rf"\{{{without}, [^}}]*\}},\s*", "", text)
        if more:
            text = text.replace("{verify,", f"{more}, {{verify,")
        path.write_text(text)
        words = (*flags(certificates.folder / name).split(), *args)
        started.append(start_beam(kind, name=name, args=words))
        return started[-1]

    yield start
    for beam in started:
        beam.stop()


@pytest.fixture(scope="module", params=VERSIONS)
def beam(request: pytest.FixtureRequest, start_tls: StartTls) -> Beam:
    kind, versions = VERSIONS[request.param]
    return start_tls(kind, versions=versions)


@pytest.fixture(scope="module")
def any_beam(start_tls: StartTls) -> Beam:
    """One BEAM for what does not depend on versions."""
    return start_tls()


@pytest.fixture
def options(node_options: dict[str, Any], certificates: Desk) -> dict[str, Any]:
    return node_options | {"tls": certificates.good(node_options["name"])}


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
        assert await node.rpc(beam.name, "erlang", "nodes", []) == [node.name]


async def test_a_hidden_node_is_hidden(beam: Beam, options: dict[str, Any]) -> None:
    async with ergopy.Node(**options, hidden=True) as node:
        await node.connect(beam.name)
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


@pytest.mark.parametrize("kind", NEW_KEYS)
@pytest.mark.parametrize("dialler", ["python", "beam"])
async def test_new_keys_in_the_middle_of_a_connection(
    start_tls: StartTls, options: dict[str, Any], kind: str, dialler: str
) -> None:
    version, more = NEW_KEYS[kind]
    beam = start_tls(versions=[version], more=more)
    async with ergopy.Node(**options) as node:
        await node.start(Server, name="desk")
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
        assert await beam.run(ask, N=node.name) == [True]
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
    version, more = NEW_KEYS[kind]
    beam = start_tls(versions=[version], more=more)
    async with ergopy.Node(**options) as node:
        await node.start(Server, name="desk")
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
            return await proc.receive(timeout=10)

        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def read() -> None:
                assert await beam.run(ECHO, 60, N=node.name) == [True]
                done.set()

            assert await inside(node, write) == sent
        assert node.nodes() == [beam.name]


async def test_rsa_certificates_are_taken(
    start_tls: StartTls, node_options: dict[str, Any], certificates: Desk
) -> None:
    beam = start_tls(key="rsa", versions=["1.2"])
    name = node_options["name"]
    certificates.files(name, kind="rsa")
    tls = ergopy.Tls.from_folder(certificates.folder / name)
    async with ergopy.Node(**node_options, tls=tls) as node:
        assert await node.ping(beam.name)
        assert await beam.run("erlang:disconnect_node(N)", N=node.name) is True
        await until(lambda: not node.nodes())
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pong"


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_beam_with_a_bad_certificate_is_refused_by_the_dialler(
    start_tls: StartTls, options: dict[str, Any], kind: str
) -> None:
    beam = start_tls(bad=kind)
    async with ergopy.Node(**options) as node:
        with pytest.raises(CertificateError) as caught:
            await node.connect(beam.name)
        assert (caught.value.reason, caught.value.ours) == (kind, False)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_beam_with_a_bad_certificate_is_refused_when_it_dials(
    start_tls: StartTls,
    options: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    beam = start_tls(bad=kind)
    async with ergopy.Node(**options) as node:
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pang"
        assert node.nodes() == []
        error = await refusal(caplog)
    assert isinstance(error, CertificateError)
    assert (error.reason, error.ours) == (kind, False)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_beam_refuses_our_bad_certificate(
    any_beam: Beam,
    node_options: dict[str, Any],
    certificates: Desk,
    kind: str,
    version: str,
) -> None:
    name = node_options["name"]
    tls = certificates.bad(name, kind, versions=[version])
    async with ergopy.Node(**node_options, tls=tls) as node:
        if kind == "wrong_name":
            # Without an allow list OTP does not compare the names of who dials.
            await node.connect(any_beam.name)
            return
        with pytest.raises(CertificateError) as caught:
            await node.connect(any_beam.name)
        assert caught.value.ours
        told = {"not_yet_valid": "expired", "self_signed": "bad"}
        assert caught.value.reason == told.get(kind, kind)


async def test_a_beam_without_a_certificate_is_refused(
    start_tls: StartTls, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    beam = start_tls(without="certfile")
    async with ergopy.Node(**options) as node:
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pang"
        assert (await refusal(caplog)).reason == "missing"
        with pytest.raises(TlsError) as caught:
            await node.connect(beam.name)
        assert caught.value.reason in ("cipher", "alert", "closed")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_a_beam_without_a_certificate_gets_in_where_none_is_required(
    start_tls: StartTls, node_options: dict[str, Any], certificates: Desk, version: str
) -> None:
    beam = start_tls(without="certfile", versions=[version])
    tls = certificates.good(node_options["name"], require_client_certificate=False)
    async with ergopy.Node(**node_options, tls=tls) as node:
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pong"


async def test_an_allow_list_of_a_beam_minds_the_hosts_of_our_certificate(
    start_tls: StartTls, node_options: dict[str, Any], certificates: Desk
) -> None:
    beam, name = start_tls(), node_options["name"]
    assert await beam.run("net_kernel:allow([N])", N=Atom(name)) == "ok"
    async with ergopy.Node(**node_options, tls=certificates.good(name)) as node:
        assert await node.ping(beam.name)
    tls = certificates.bad(name, "wrong_name")
    async with ergopy.Node(**node_options, tls=tls) as node:
        with pytest.raises(ergopy.HandshakeError):
            await node.connect(beam.name)


async def test_a_beam_that_dials_under_a_name_of_another_host_is_refused(
    start_tls: StartTls, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    beam = start_tls(bad="wrong_name")
    allowing = options | {"allow": [beam.name]}
    async with ergopy.Node(**allowing) as node:
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pang"
        assert (await refusal(caplog)).reason == "wrong_name"
    tls = ergopy.Tls.from_folder(
        options["tls"]._server.certificate.parent, check_names=False
    )
    async with ergopy.Node(**options | {"tls": tls}) as node:
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pong"


async def test_a_beam_without_tls_is_refused_at_once_when_it_dials(
    new_beam: Any, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    beam = new_beam()
    async with ergopy.Node(**options) as node:
        with trio.fail_after(3):
            assert await beam.run("net_adm:ping(N)", N=node.name) == "pang"
        assert (await refusal(caplog)).reason == "plain"


async def test_a_beam_without_tls_is_silent_when_it_is_dialled(
    new_beam: Any, options: dict[str, Any]
) -> None:
    beam = new_beam()
    async with ergopy.Node(**options, setup_time=1) as node:
        with pytest.raises(ergopy.HandshakeTimeout):
            await node.connect(beam.name)


async def test_a_node_without_tls_finds_out_at_once_that_a_beam_has_it(
    any_beam: Beam, node_options: dict[str, Any]
) -> None:
    async with ergopy.Node(**node_options) as node:
        with pytest.raises(ergopy.NotDistribution, match="TLS"), trio.fail_after(3):
            await node.connect(any_beam.name)


async def test_a_node_without_tls_refuses_a_beam_that_has_it(
    any_beam: Beam, node_options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with ergopy.Node(**node_options) as node:
        with trio.fail_after(3):
            assert await any_beam.run("net_adm:ping(N)", N=node.name) == "pang"
        refused = await refusal(caplog)
        assert isinstance(refused, ergopy.NotDistribution)
        assert "TLS" in refused.problem


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
        assert await beam.run("net_adm:ping(N)", N=node.name) == "pang"
        certificates.files(node.name)
        assert await beam.run(add, N=node.name) == 3


async def test_the_wheel_with_otp_28_has_no_ssl(new_beam: Any) -> None:
    beam = new_beam("otp28")
    assert await beam.run("code:which(ssl)") == "non_existing"


async def refusal(caplog: pytest.LogCaptureFixture) -> Any:
    """The error that was logged, once, about who dialled; it may come a bit later."""

    def refused() -> list[Any]:
        records = [r for r in caplog.records if "refused a connection" in r.message]
        return [r.args[1] for r in records if isinstance(r.args, tuple)]

    await until(refused)
    (error,) = refused()
    return error
