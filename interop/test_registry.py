"""A registry of Python processes, seen from a BEAM, and with processes of a BEAM."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

import ergopy
from ergopy import Atom, ChildSpec, GenServer, Registry, RemoteRegistry

from .beam import BeamError
from .servers import inside, until


class User(GenServer):
    """Has a name, and takes as long to come up as it is told."""

    async def init(self, name: Any = None, seconds: float = 0) -> None:
        if isinstance(name, Atom) and name == "crash":
            raise ValueError("wanted")
        self.trap_exit = True
        await trio.sleep(seconds)
        self.name = name

    async def handle_call(self, request: Any, from_: Any) -> Any:
        return self.name


@pytest.fixture
async def users(node):
    await node.start(Registry, name="users", start=User)
    return Registry.of("users", node)


async def test_gen_registrys_requests_have_its_answers(beam, node, users):
    source = """
        Users = {users, Py},
        not_there = case gen_server:call(Users, {lookup, 42}) of
            {error, not_found} -> not_there end,
        {ok, Pid} = gen_server:call(Users, {lookup_or_start, 42, [bob]}),
        {ok, Pid} = gen_server:call(Users, {lookup_or_start, 42, [other]}),
        {ok, Pid} = gen_server:call(Users, {lookup, 42}),
        {error, not_found} = gen_server:call(Users, {lookup, 42.0}),
        {error, {already_started, Pid}} = gen_server:call(Users, {start, 42, []}),
        {ok, Two} = gen_server:call(Users, {start, <<"two">>, [two]}),
        bob = gen_server:call(Pid, name),
        2 = gen_server:call(Users, count),
        [{42, Pid}, {<<"two">>, Two}] = gen_server:call(Users, to_list),
        {[{42, Pid}], Next} = gen_server:call(Users, {to_list, 0, 1}),
        {[{<<"two">>, Two}], undefined} = gen_server:call(Users, {to_list, Next, 1}),
        Ref = monitor(process, Pid),
        ok = gen_server:call(Users, {stop, 42}),
        shutdown = receive {'DOWN', Ref, process, Pid, Why} -> Why after 0 -> late end,
        {error, not_found} = gen_server:call(Users, {stop, 42}),
        {ok, Two} = gen_server:call(Users, {remove, <<"two">>}),
        {error, not_found} = gen_server:call(Users, {remove, <<"two">>}),
        two = gen_server:call(Two, name),
        {error, {python, _, <<"wanted">>, _}} =
            gen_server:call(Users, {start, 1, [crash]}),
        0 = gen_server:call(Users, count),
        ok
    """
    assert await beam.run(source, Py=node.name) == "ok"


async def test_supervisor_shows_what_it_has_started(beam, node, users):
    started = [await users.start(key) for key in range(3)]
    source = """
        Users = {users, Py},
        {supervisor:which_children(Users), supervisor:count_children(Users)}
    """
    rows, counts = await beam.run(source, Py=node.name)
    module = Atom(f"{User.__module__}.User")
    assert rows == [("undefined", pid, "worker", [module]) for pid in started]
    assert counts == [
        *(("specs", 1), ("active", 3), ("supervisors", 0), ("workers", 3)),
    ]
    end = "supervisor:terminate_child({users, Py}, Pid)"
    assert await beam.run(end, Py=node.name, Pid=started[0]) == "ok"
    again = await beam.run(end, Py=node.name, Pid=started[0])
    assert again == ("error", "not_found")


async def test_racing_peers_get_one_process(beam, node, users):
    source = """
        Self = self(),
        Ask = fun() ->
            Self ! {got, gen_server:call({users, Py}, {start, key, [bob, 0.1]})} end,
        [spawn(Ask) || _ <- lists:seq(1, 100)],
        Answers = [receive {got, A} -> A end || _ <- lists:seq(1, 100)],
        [Pid] = [P || {ok, P} <- Answers],
        99 = length([x || {error, {already_started, P}} <- Answers, P =:= Pid]),
        Pid
    """
    assert await beam.run(source, Py=node.name) == users.lookup(Atom("key"))


@pytest.fixture
async def gate(node):
    """What the slow of the registry ``gated`` wait for; a call to another opens it."""
    gate = trio.Event()

    class Gated(User):
        async def init(self, name: Any) -> None:
            if name == "slow":
                await gate.wait()
            await super().init(name)

        async def handle_call(self, request: Any, from_: Any) -> Any:
            gate.set()
            return self.name

    await node.start(Registry, name="gated", start=Gated)
    return gate


async def test_a_slow_init_holds_up_no_other_key(beam, node, gate):
    source = """
        Slow = gen_server:send_request({gated, Py}, {start, slow, [slow]}),
        {ok, Fast} = gen_server:call({gated, Py}, {start, fast, [bob]}),
        timeout = gen_server:wait_response(Slow, 0),
        bob = gen_server:call(Fast, name),
        {reply, {ok, _}} = gen_server:receive_response(Slow, 5000),
        ok
    """
    assert await beam.run(source, Py=node.name) == "ok"


async def test_a_caller_that_gives_up_leaves_the_start_going(beam, node, gate):
    source = "gen_server:call({gated, Py}, {start, key, [slow]}, 50)"
    with pytest.raises(BeamError) as caught:
        await beam.run(source, Py=node.name)
    assert caught.value.reason[0] == "timeout"
    gate.set()
    await until(lambda: Registry.of("gated", node).lookup(Atom("key")))


async def test_nonsense_is_answered_and_harms_nobody(beam, node, users):
    source = """
        [{error, {unknown_request, R}} = gen_server:call({users, Py}, R)
         || R <- [nonsense, {start, 1}, {to_list, a, b}, #{}, "text", {lookup}]],
        {error, {key_too_large, 65536}} =
            gen_server:call({users, Py}, {lookup, binary:copy(<<0>>, 70000)}),
        {users, Py} ! hello,
        gen_server:call({users, Py}, count)
    """
    assert await beam.run(source, Py=node.name) == 0


async def test_sys_looks_at_it(beam, node, users):
    await users.start(1)
    source = """
        S = sys:get_state({users, Py}),
        {status, _, {module, M}, _} = sys:get_status({users, Py}),
        {maps:get(entries, S), maps:get(children, S), M}
    """
    entries, children, _ = await beam.run(source, Py=node.name)
    assert (entries, children) == (1, 1)


async def test_a_process_of_the_beam_registers_itself_and_goes(beam, node, users):
    source = """
        Self = self(),
        Pid = spawn(fun() ->
            Self ! {self(), gen_server:call({users, Py}, {register, key, v})},
            receive end_it -> ok end
        end),
        receive {Pid, {ok, _}} -> Pid end
    """
    pid = await beam.run(source, Py=node.name)
    assert users.lookup(Atom("key")) == pid
    assert users.entries(Atom("key")) == [(pid, "v")]
    await node.send(users.via(Atom("key")), Atom("end_it"))
    await until(lambda: users.lookup(Atom("key")) is None)
    assert not users._owners


async def test_via_leads_to_a_process_of_the_beam(beam, node, server, users):
    name, peer = server
    pid = await node.rpc(peer, "erlang", "whereis", [name])
    users.register("there", pid=pid)
    via = users.via("there")
    assert await node.call(via, (Atom("echo"), 1)) == 1

    async def watches(proc: Any) -> Any:
        await proc.monitor(via)
        await proc.exit(pid, "kill")
        return await proc.receive()

    down = await inside(node, watches)
    assert (down.pid, down.reason) == (pid, "killed")
    # The registry has a monitor of its own.
    await until(lambda: users.lookup("there") is None)


async def test_the_loss_of_a_node_takes_its_processes_out(new_beam, node, users):
    beam = new_beam()
    pid = await beam.run("spawn(fun() -> receive x -> ok end end)")
    users.register("there", pid=pid)
    here = await users.start("here")
    await until(lambda: beam.name in node.nodes())
    beam.kill9()
    await until(lambda: users.lookup("there") is None)
    assert users.items() == [("here", here)]
    with pytest.raises(ergopy.NoProcess):
        await node.call(users.via("there"), 1)


async def test_a_call_by_via_says_which_node_was_lost(new_beam, node, users):
    beam = new_beam()
    pid = await beam.run("spawn(fun() -> receive never -> ok end end)")
    users.register("there", pid=pid)
    await until(lambda: beam.name in node.nodes())
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def calls() -> None:
            with pytest.raises(ergopy.NodeDown) as caught:
                await node.call(users.via("there"), Atom("hello"))
            assert caught.value.peer == beam.name

        await trio.testing.wait_all_tasks_blocked(0.05)
        beam.kill9()


class OverThere(Registry):
    """Starts its processes on another node."""

    async def start_process(self, key: Any, *args: Any) -> Any:
        forever = [Atom("infinity")]
        return await self.process.remote_spawn(key, "timer", "sleep", forever)


@pytest.mark.parametrize("how", ["override", "specification"])
async def test_a_registry_starts_processes_on_a_beam(beam, node, how):
    if how == "override":
        await node.start(OverThere, name="there")
    else:
        spec = ChildSpec(("timer", "sleep"), Atom("infinity"), node=beam.name)
        await node.start(Registry, name="there", start=spec)
    registry = Registry.of("there", node)
    pid, fresh = await registry.ensure(beam.name)
    assert (pid.node, fresh) == (beam.name, True)
    assert await registry.lookup_or_start(beam.name) == pid
    assert await registry.stop(beam.name) == "shutdown"
    second = await registry.lookup_or_start(beam.name)
    await node.exit(second, "kill")
    await until(lambda: registry.lookup(beam.name) is None)
    third = await registry.lookup_or_start(beam.name)
    await node.stop("there", "shutdown")
    assert await beam.run("is_process_alive(P)", P=third) is False


async def test_a_beam_that_is_lost_during_a_start_fails_that_start(new_beam, node):
    beam = new_beam()
    await node.start(OverThere, name="there")
    registry = Registry.of("there", node)
    beam.kill9()
    with pytest.raises(ergopy.StartError):
        await registry.start(beam.name)
    assert len(registry) == 0


async def test_python_uses_a_registry_of_another_python_node(node, node_options):
    from ergopy import Node

    from .beam import unique_name

    async with Node(**{**node_options, "name": unique_name("py")}) as other:
        await other.start(Registry, name="users", start=User)
        there = Registry.of("users", other)
        users = RemoteRegistry(("users", other.name), node)
        assert await users.lookup("bob") is None
        pid = await users.lookup_or_start("bob", b"bob")
        assert there.lookup("bob") == pid == await users.lookup("bob")
        assert await node.call(pid, 1) == b"bob"
        with pytest.raises(ergopy.AlreadyStarted) as caught:
            await users.start("bob")
        assert caught.value.pid == pid
        with pytest.raises(ergopy.StartError):
            await users.start("other", Atom("crash"))
        for key in range(5):
            await users.start(key)
        assert await users.count() == 6
        found = [item async for item in users.items(page=2)]
        assert [key for key, _ in found] == [b"bob", 0, 1, 2, 3, 4]
        await users.stop("bob", reason="bye", timeout=2)
        with pytest.raises(ergopy.NotRegistered):
            await users.stop("bob")
        assert await users.remove(0) == found[1][1]
        assert await users.remove(0) is None
        assert await users.keys(found[2][1]) == [1]

        async def registers(proc: Any) -> None:
            mine = RemoteRegistry(("users", other.name))
            await mine.register("me", 1)
            assert await mine.entries("me") == [(proc.pid, 1)]
            with pytest.raises(ergopy.NameTaken):
                await mine.register("me", 2)
            await mine.unregister("me")
            assert await mine.lookup("me") is None

        await inside(node, registers)
        await other.start(Registry, name="plain", max_entries=1, max_key_size=10)
        plain = RemoteRegistry(("plain", other.name), node)
        with pytest.raises(ergopy.StartNotSupported):
            await plain.lookup_or_start(1)
        with pytest.raises(ergopy.RegistryFull) as full:
            await plain.lookup(b"x" * 20)
        assert (full.value.what, full.value.limit) == ("key", 10)
        with pytest.raises(ergopy.NoProcess):
            await RemoteRegistry(("none", other.name), node).lookup(1)
