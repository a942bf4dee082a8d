"""``global`` with a Python node that takes part, against one BEAM."""

from __future__ import annotations

import pytest
import trio

from ergopy import Atom, CallExit, Node, NoProcess

from .servers import Desk


async def joined(node, *beams):
    """Connect, and wait until all names are in sync."""
    for beam in beams:
        await node.connect(beam.name)
    await node.globals.sync()
    for beam in beams:
        assert await beam.run("global:sync()") == "ok"


async def test_each_side_knows_the_other_one(beam, node):
    await joined(node, beam)
    assert beam.name in node.globals.known()
    known = await beam.run("gen_server:call(global_name_server, get_known)")
    assert node.name in known


async def test_names_from_before_are_exchanged(beam, node):
    pid = await node.start(Desk)
    await node.globals.register(Atom("python_before"), pid)
    theirs = await beam.run("""
        Pid = spawn(fun() -> receive stop -> ok end end),
        yes = global:register_name(beam_before, Pid),
        Pid
    """)
    await joined(node, beam)
    assert await beam.run("global:whereis_name(python_before)") == pid
    assert node.globals.whereis(Atom("beam_before")) == theirs
    await node.send(("global", Atom("beam_before")), Atom("stop"))


async def test_a_beam_calls_a_name_registered_here_and_back(beam, node):
    await joined(node, beam)
    pid = await node.start(Desk)
    await node.globals.register((Atom("desk"), 1), pid)
    answer = await beam.run("gen_server:call({global, {desk, 1}}, {add, 2})")
    assert answer == 2
    assert await node.call(("global", (Atom("desk"), 1)), (Atom("add"), 3)) == 5


async def test_python_calls_a_name_that_a_beam_registered(beam, node):
    await joined(node, beam)
    pid = await beam.run("""
        {ok, Pid} = ergopy_peer_server:start(global_server),
        yes = global:register_name(global_server, Pid),
        Pid
    """)
    assert node.globals.whereis(Atom("global_server")) == pid
    assert Atom("global_server") in node.globals.names()
    await node.exit(pid, "kill")
    with pytest.raises((NoProcess, CallExit)):
        await node.call(("global", Atom("global_server")), Atom("anything"))


async def test_a_name_goes_with_its_process_on_all_nodes(beam, node):
    await joined(node, beam)
    pid = await node.start(Desk)
    await node.globals.register(Atom("mortal"), pid)
    assert await beam.run("global:whereis_name(mortal)") == pid
    await node.exit(pid, "kill")
    assert node.globals.whereis(Atom("mortal")) is None
    assert await node.ping(beam.name)
    gone = "ergopy_peer:until(fun() -> global:whereis_name(mortal) =:= undefined end)"
    await beam.run(gone)


async def test_a_beam_names_and_unnames_a_python_process(beam, node):
    await joined(node, beam)
    pid = await node.start(Desk)
    assert await beam.run("global:register_name(given, Pid)", Pid=pid) == "yes"
    assert node.globals.whereis(Atom("given")) == pid
    assert await beam.run("global:register_name(given, self())") == "no"
    await beam.run("global:unregister_name(given)")
    assert node.globals.whereis(Atom("given")) is None


async def test_locks_keep_both_sides_apart(beam, node):
    await joined(node, beam)
    ours = (Atom("resource"), node.pid)
    assert await node.globals.set_lock(ours)
    take = "global:set_lock({resource, self()}, [node() | nodes()], 0)"
    assert await beam.run(take) is False
    await node.globals.del_lock(ours)
    assert await beam.run(take) is True
    # Its holder was the process that ran the expression, which has ended.
    assert await node.globals.set_lock(ours, retries=5)
    await node.globals.del_lock(ours)


async def test_trans_of_both_sides(beam, node):
    await joined(node, beam)
    assert await node.globals.trans((Atom("t"), node.pid), lambda: 7) == 7
    assert await beam.run("global:trans({t, self()}, fun() -> 8 end)") == 8


async def test_a_process_starts_under_a_global_name(beam, node):
    await joined(node, beam)
    pid = await node.start(Desk, name=("global", Atom("started")))
    assert await beam.run("global:whereis_name(started)") == pid
    await node.stop(("global", Atom("started")))
    assert node.globals.whereis(Atom("started")) is None


async def test_a_node_that_is_gone_takes_its_names_along(new_beam, node):
    beam = new_beam()
    await joined(node, beam)
    await beam.run("""
        Pid = spawn(fun() -> receive stop -> ok end end),
        yes = global:register_name(mayfly, Pid)
    """)
    assert node.globals.whereis(Atom("mayfly")) is not None
    beam.kill9()
    with trio.fail_after(10):
        while node.globals.whereis(Atom("mayfly")) is not None:  # noqa: ASYNC110
            await trio.sleep(0.01)
    assert beam.name not in node.globals.known()


@pytest.mark.parametrize("options", [{"hidden": True}, {"global_": "observe"}])
async def test_a_node_that_takes_no_part_asks(beam, node_options, options):
    async with Node(**node_options, **options) as node:
        await node.connect(beam.name)
        pid = await node.start(Desk)
        await node.globals.register(Atom("outsider"), pid)
        assert await beam.run("global:whereis_name(outsider)") == pid
        assert await node.globals.lookup(Atom("outsider")) == pid
        assert await node.call(("global", Atom("outsider")), (Atom("add"), 4)) == 4
        await node.globals.unregister(Atom("outsider"))
        assert await node.globals.lookup(Atom("outsider")) is None


@pytest.mark.parametrize("first", ["python", "beam"])
@pytest.mark.parametrize("resolve", ["random_exit", "none"])
async def test_a_conflict_when_two_clusters_meet(
    new_beam, node_options, resolve, first
):
    # The one with the lesser name settles it.
    name = {"python": "aa", "beam": "zz"}[first] + node_options["name"]
    beam = new_beam()
    async with Node(**{**node_options, "name": name}) as node:
        assert (node.name < beam.name) is (first == "python")
        ours = await node.start(Desk)
        await node.globals.register(Atom("clash"), ours, resolve)
        method = {"random_exit": "random_exit_name", "none": "notify_all_name"}[resolve]
        theirs = await beam.run(f"""
            Pid = spawn(fun() -> receive {{global_name_conflict, _, _}} -> ok end,
                                 timer:sleep(60000) end),
            yes = global:register_name(clash, Pid, fun global:{method}/3),
            Pid
        """)
        await joined(node, beam)
        found = await beam.run("global:whereis_name(clash)")
        assert node.globals.whereis(Atom("clash")) == (
            None if found == "undefined" else found
        )
        alive = await beam.run("is_process_alive(Pid)", Pid=theirs)
        if resolve == "none":
            assert (found, alive) == ("undefined", True)
            assert node.is_process_alive(ours)
        else:
            assert found == (ours if first == "python" else theirs)
            assert alive is (first == "beam")
            assert node.is_process_alive(ours) is (first == "python")


@pytest.mark.parametrize("first", ["python", "beam"])
async def test_a_function_of_python_settles_a_conflict(new_beam, node_options, first):
    name = {"python": "aa", "beam": "zz"}[first] + node_options["name"]
    beam = new_beam()

    async def mine(name, one, other):
        return next(pid for pid in (one, other) if pid.node == node.name)

    async with Node(**{**node_options, "name": name}) as node:
        ours = await node.start(Desk)
        await node.globals.register(Atom("clash"), ours, mine)
        await beam.run("""
            yes = global:register_name(clash, spawn(timer, sleep, [60000]),
                                       fun global:random_notify_name/3)
        """)
        await joined(node, beam)
        found = await beam.run("global:whereis_name(clash)")
        assert found == node.globals.whereis(Atom("clash"))
        # The method of the side that settles it is the one that counts.
        assert (found == ours) is (first == "python")


async def test_a_cluster_of_three_agrees(start_beam, node):
    beams = [start_beam("otp25"), start_beam("otp28")]
    try:
        await joined(node, beams[0])
        assert await beams[1].run("net_adm:ping(N)", N=beams[0].name) == "pong"
        await joined(node, *beams)
        pid = await node.start(Desk)
        await node.globals.register(Atom("of_three"), pid)
        for beam in beams:
            assert await beam.run("global:whereis_name(of_three)") == pid
            known = await beam.run("gen_server:call(global_name_server, get_known)")
            assert len(known) == 2
            assert node.name in known
    finally:
        for beam in beams:
            beam.stop()


async def test_a_supervisor_of_a_beam_starts_a_python_child_under_a_global_name(
    beam, node
):
    await joined(node, beam)
    node.provide_spawn("desk_server", Desk)
    pid = await beam.run(
        """
        Args = [gen_server, self(), self(), {global, child}, desk_server, [], []],
        Pid = proc_lib:spawn_link(Py, gen, init_it, Args),
        receive {ack, Pid, {ok, Pid}} -> unlink(Pid), Pid after 5000 -> timeout end
        """,
        Py=node.name,
    )
    assert await beam.run("global:whereis_name(child)") == pid
    assert node.globals.whereis(Atom("child")) == pid
